import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo import windows
from agent.slo.calendars import Calendar
from agent.slo.evaluate import evaluate
from agent.slo.objective import Objective
from exporters.signals import SloKey, SloStatus
from storage.readings import SliCounts

DAY = 86400
EVERY_NS = 30_000_000_000
SLOTS = {window: int(seconds // 30) for window, seconds in windows.counted(28 * DAY).items()}
KEY = SloKey(objective="available", target="openai", probe="chat")
CLEAN = {window: SliCounts(good=slots) for window, slots in SLOTS.items()}


def status(
    counts: dict[str, SliCounts], expected: dict[str, int] | None = None, ratio: float = 0.999
) -> SloStatus:
    objective = Objective(
        name="available", sli="availability", ratio=ratio, window_s=28 * DAY, pairs=(("openai", "chat"),)
    )
    return evaluate(objective, KEY, "fra-1", EVERY_NS, counts, expected or SLOTS, 7)


def test_a_clean_month_is_good_with_its_budget_whole() -> None:
    """Nothing burns, everything was seen."""
    seen = status(CLEAN)
    assert (seen.state, seen.coverage, seen.budget_remaining) == ("good", 1.0, 1.0)
    assert set(seen.burn.values()) == {0.0}
    assert set(seen.sli.values()) == {1.0}
    assert seen.met_probability == pytest.approx(1)
    assert seen.slo.id == "openai-chat-available"
    assert seen.evaluated_ns == 7


def test_a_gap_cannot_shrink_the_denominator() -> None:
    """After a gap of 20 of 120 slots, one failure is one of 120 and not one of 100."""
    seen = status(CLEAN | {"1h": SliCounts(good=99, bad=1)})
    assert seen.burn["1h"] == pytest.approx(1 / 120 / 0.001)
    assert seen.sli["1h"] == 0.99


def test_what_is_excluded_or_invalid_leaves_the_denominator() -> None:
    """60 throttled answers leave 60 events, of which 6 failed."""
    seen = status(CLEAN | {"1h": SliCounts(good=54, bad=6, excluded=50, invalid=10)})
    assert seen.burn["1h"] == pytest.approx(100)


def test_a_window_under_80_percent_coverage_is_unknown() -> None:
    """Neither fine nor broken: no burn to alert on, but what was seen is told."""
    seen = status(CLEAN | {"1h": SliCounts(good=94, bad=1)})
    assert seen.burn["1h"] is None
    assert seen.sli["1h"] == pytest.approx(94 / 95)
    assert seen.state == "good"


def test_a_window_in_which_hardly_anything_was_judged_is_unknown() -> None:
    """During an outage a TTFT objective has 3 good events and 131 invalid ones: covered, and not known."""
    slots = dict.fromkeys(SLOTS, 134)
    seen = status(dict.fromkeys(CLEAN, SliCounts(good=3, invalid=131)), slots)
    assert (seen.state, seen.coverage) == ("unknown", 1.0)
    assert set(seen.burn.values()) == {None}
    assert seen.sli["28d"] == 1.0


def test_what_is_excluded_was_judged() -> None:
    """Throttled answers leave a window known; 80 % judged are enough, a slot less is not."""
    known = status(CLEAN | {"1h": SliCounts(good=46, excluded=50, invalid=24)})
    assert known.burn["1h"] == 0.0
    assert status(CLEAN | {"1h": SliCounts(good=46, excluded=49, invalid=25)}).burn["1h"] is None


def test_a_period_under_80_percent_coverage_makes_the_state_unknown() -> None:
    """The budget and the coverage stand beside it."""
    seen = status(CLEAN | {"28d": SliCounts(good=60_000)})
    assert seen.state == "unknown"
    assert seen.coverage == pytest.approx(60_000 / 80_640)
    assert seen.budget_remaining == 1.0


def test_the_newest_slot_may_be_settling_still() -> None:
    """At one probe in two minutes the last failure of five minutes is not settled yet: known all the same."""
    objective = Objective(name="a", sli="availability", ratio=0.999, window_s=3600, pairs=())
    counts = dict.fromkeys(windows.counted(3600), SliCounts(bad=30)) | {"5m": SliCounts(bad=1)}
    expected = dict.fromkeys(counts, 30) | {"5m": 2}
    seen = evaluate(objective, KEY, "v", 4 * EVERY_NS, counts, expected, 0)
    assert seen.burn["5m"] == pytest.approx(0.5 / 0.001)


def test_nothing_due_and_nothing_seen_cannot_be_told() -> None:
    """None everywhere, never 0."""
    seen = status(dict.fromkeys(CLEAN, SliCounts()), dict.fromkeys(CLEAN, 0))
    assert (seen.state, seen.coverage, seen.budget_remaining, seen.met_probability) == (
        "unknown",
        None,
        None,
        None,
    )
    assert set(seen.burn.values()) == set(seen.sli.values()) == {None}


def test_only_excluded_events_give_no_verdict() -> None:
    """A month of throttled answers was covered, and says nothing of availability."""
    seen = status({window: SliCounts(excluded=slots) for window, slots in SLOTS.items()})
    assert (seen.state, seen.coverage) == ("unknown", 1.0)


@pytest.mark.parametrize("ratio", [0.9, 0.99, 0.995, 0.999, 0.9995])
def test_an_objective_met_exactly_is_met(ratio: float) -> None:
    """Whatever floats make of 1 - 0.9; one failure more breaks it."""
    bad = round(80_000 * (1 - ratio))
    exact = CLEAN | {"28d": SliCounts(good=80_000 - bad, bad=bad)}
    assert status(exact, ratio=ratio).state == "good"
    worse = CLEAN | {"28d": SliCounts(good=79_999 - bad, bad=bad + 1)}
    assert status(worse, ratio=ratio).state == "bad"


@given(st.integers(0, 80_640), st.floats(0.5, 0.9999))
def test_the_periods_burn_and_its_budget_are_two_sides(bad: int, ratio: float) -> None:
    """What remains is 1 - burn, as the rules for Prometheus have it."""
    seen = status(CLEAN | {"28d": SliCounts(good=80_640 - bad, bad=bad)}, ratio=ratio)
    assert seen.budget_remaining == pytest.approx(1 - (seen.burn["28d"] or 0))


def test_slots_that_may_settle_still_do_not_make_a_window_unknown() -> None:
    """With first_token at 60 s a failure settles within 75 s: three of ten slots of the 5 m may be missing."""
    objective = Objective(name="a", sli="availability", ratio=0.999, window_s=28 * DAY, pairs=(("t", "p"),))
    counts = CLEAN | {"5m": SliCounts(bad=7)}
    slow = evaluate(objective, KEY, "v", EVERY_NS, counts, SLOTS, 7, 60.0)
    quick = evaluate(objective, KEY, "v", EVERY_NS, counts, SLOTS, 7, 8.0)
    assert slow.burn["5m"] == pytest.approx(7 / 10 / 0.001)
    assert quick.burn["5m"] is None


MARCH = Objective(
    name="available",
    sli="availability",
    ratio=0.999,
    window_s=30 * DAY,
    pairs=(),
    calendar=Calendar("month", "Europe/Berlin"),
)
MARCH_NS = 1_772_319_600 * 1_000_000_000
"""1 March 2026 in Berlin, whose month holds 89,160 slots of 30 s."""


def monthly(counts: SliCounts, expected: int, now_ns: int) -> SloStatus:
    rolling = dict.fromkeys(windows.counted(3 * DAY), SliCounts())
    nothing = dict.fromkeys(rolling, 0)
    return evaluate(
        MARCH, KEY, "v", EVERY_NS, rolling | {"month": counts}, nothing | {"month": expected}, now_ns
    )


def test_a_calendar_s_budget_is_that_of_its_whole_window() -> None:
    """Nine failures in the first hour are a tenth of the 89 that March may have, whatever share of the hour they are."""
    seen = monthly(SliCounts(good=111, bad=9), 120, MARCH_NS + 3600 * 10**9)
    assert seen.period == "month"
    assert seen.sli["month"] == pytest.approx(111 / 120)
    assert seen.budget_remaining == pytest.approx(1 - 9 / 89.16)
    assert seen.burn["month"] == pytest.approx(9 / 89.16)
    assert seen.state == "good"


def test_a_calendar_s_objective_is_broken_once_its_budget_is_spent() -> None:
    day_ns = MARCH_NS + DAY * 10**9
    assert monthly(SliCounts(good=2791, bad=89), 2880, day_ns).state == "good"
    assert monthly(SliCounts(good=2790, bad=90), 2880, day_ns).state == "bad"


def test_what_does_not_count_takes_its_share_of_a_calendar_s_budget_away() -> None:
    """Half of the month was throttled: 44.58 failures are the budget of what is left."""
    seen = monthly(SliCounts(good=10, bad=1, excluded=44_580), 44_591, MARCH_NS + 20 * DAY * 10**9)
    assert seen.budget_remaining == pytest.approx(1 - 1 / 44.58)


def test_a_month_of_which_nothing_was_judged_is_unknown() -> None:
    seen = monthly(SliCounts(), 0, MARCH_NS + 10**9)
    assert (seen.state, seen.budget_remaining, seen.coverage) == ("unknown", None, None)
    assert monthly(SliCounts(good=30), 120, MARCH_NS + 3600 * 10**9).state == "unknown"
