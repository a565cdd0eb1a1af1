import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo import slices, spans
from agent.slo.calendars import Calendar
from agent.slo.evaluate import evaluate
from agent.slo.objective import Objective
from agent.slo.slices import Slices
from exporters.signals import SloKey, SloStatus
from probes.result import EventClass
from storage.readings import SliCounts

DAY = 86400
FIVE = Slices(300.0, 0.95)
KEY = SloKey(objective="steady", target="openai", probe="chat")
NOW_NS = 1_800_000_123 * 1_000_000_000
STEADY = Objective(name="steady", sli="availability", ratio=0.99, window_s=28 * DAY, pairs=(), slices=FIVE)


def status(objective: Objective, **counts: SliCounts) -> SloStatus:
    """Return the state where all windows but those told of had no bad slice."""
    over = spans.counted(objective, NOW_NS)
    whole = {name: len(FIVE.within(*span)) for name, span in over.items()}
    seen = {name: SliCounts(good=slots) for name, slots in whole.items()} | {
        name.removeprefix("w"): one for name, one in counts.items()
    }
    return evaluate(objective, KEY, "v", FIVE.length_ns, seen, whole, NOW_NS)


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        (SliCounts(good=19, bad=1), EventClass.GOOD),
        (SliCounts(good=18, bad=1), EventClass.BAD),
        (SliCounts(bad=1, invalid=9), EventClass.BAD),
        (SliCounts(excluded=3), EventClass.EXCLUDED),
        (SliCounts(excluded=3, invalid=1), EventClass.INVALID),
        (SliCounts(), None),
    ],
)
def test_a_slice_is_judged_by_its_valid_events(events: SliCounts, kind: EventClass | None) -> None:
    assert FIVE.judge(events) is kind


def test_slices_are_totalled_by_class_and_the_unknown_are_in_none() -> None:
    kinds = [EventClass.GOOD, EventClass.BAD, None, EventClass.GOOD, EventClass.INVALID]
    assert slices.total(kinds) == SliCounts(good=2, bad=1, invalid=1)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(60, 10**4))
def test_slices_of_adjoining_spans_are_those_of_both(since_s: int, more_s: int, length_s: int) -> None:
    rule = Slices(float(length_s), 0.9)
    edges = [since * 1_000_000_000 for since in (since_s, since_s + more_s, since_s + 2 * more_s)]
    both = [*rule.within(edges[0], edges[1]), *rule.within(edges[1], edges[2])]
    assert both == list(rule.within(edges[0], edges[2]))


def test_windows_end_with_the_last_slice_that_is_over_and_hold_whole_ones() -> None:
    over = spans.counted(STEADY, NOW_NS)
    assert {until_ns for _, until_ns in over.values()} == {1_800_000_000 * 1_000_000_000}
    assert {name: len(FIVE.within(*span)) for name, span in over.items()} == {
        "5m": 1,
        "30m": 6,
        "1h": 12,
        "2h": 24,
        "6h": 72,
        "1d": 288,
        "3d": 864,
        "28d": 8064,
    }


def test_burn_windows_shorter_than_a_slice_are_left_out() -> None:
    hourly = Objective(
        name="o", sli="availability", ratio=0.99, window_s=28 * DAY, pairs=(), slices=Slices(3600.0, 0.9)
    )
    assert list(spans.counted(hourly, NOW_NS)) == ["1h", "2h", "6h", "1d", "3d", "28d"]


def test_the_budget_is_a_share_of_all_slices_of_the_window() -> None:
    """1 % of 8,064 slices are 80.64: eight bad ones cost a tenth, however many of the rest are unknown."""
    seen = status(STEADY, w28d=SliCounts(good=7000, bad=8))
    assert seen.budget_remaining == pytest.approx(1 - 8 / 80.64)
    assert seen.sli["28d"] == pytest.approx(7000 / 7008)
    assert seen.state == "good"
    assert seen.coverage == pytest.approx(7008 / 8064)


def test_burn_is_bad_slices_over_the_slices_of_the_window() -> None:
    seen = status(STEADY, w1h=SliCounts(good=8, bad=3, excluded=1))
    assert seen.burn["1h"] == pytest.approx(3 / 12 / 0.01)


def test_a_calendar_s_slices_are_those_of_the_whole_window() -> None:
    """January has 8,928 slices of five minutes, and 89.28 may be bad of them on its first day as on its last."""
    january = Objective(
        name="o",
        sli="availability",
        ratio=0.99,
        window_s=30 * DAY,
        pairs=(),
        slices=FIVE,
        calendar=Calendar("month"),
    )
    seen = status(january, month=SliCounts(good=4000, bad=9))
    assert seen.budget_remaining == pytest.approx(1 - 9 / 89.28)
