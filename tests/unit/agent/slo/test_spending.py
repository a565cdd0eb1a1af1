"""A part burns by a ticket, once, and a budget that is gone is told until it is there again."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo import spans
from agent.slo.alerts import Finding
from agent.slo.burning import Window
from agent.slo.calendars import Calendar
from agent.slo.covering import uncovered
from agent.slo.evaluate import evaluate
from agent.slo.findings import Ways
from agent.slo.objective import Objective
from agent.slo.slices import Slices
from agent.slo.spending import spending
from agent.slo.spent import Counted, single
from agent.slo.standing import Standing
from agent.slo.windows import counted
from exporters import durations
from storage.readings import SliCounts

NS = 1_000_000_000
DAY_S = 86400.0
NOW_NS = round(30 * DAY_S) * NS
AVAILABLE = Objective(name="available", sli="availability", ratio=0.999, window_s=28 * DAY_S, pairs=())


def part(bad: Mapping[str, int], *, target: str = "aws", ratio: float = 0.999, seen: float = 1.0) -> Counted:
    """Return an SLO at one probe in 30 s; what is bad in a window is bad in each longer one too."""
    windows, worst = {}, 0
    for name, length_s in counted(AVAILABLE.window_s).items():
        worst = max(worst, bad.get(name, 0))
        due = round(length_s / 30)
        windows[name] = Window(counts=SliCounts(good=round(due * seen) - worst, bad=worst), expected=due)
    objective = dataclasses.replace(AVAILABLE, ratio=ratio)
    return Counted(objective=objective, target=target, probe="chat", every_s=30.0, windows=windows)


def found(
    one: Counted, standing: Standing | None = None, *, critical: bool = False, born_ns: int = 0
) -> list[Finding]:
    return list(
        spending(
            [single(one)],
            frozenset({"aws"} if critical else ()),
            {("aws", "chat"): standing or Standing()},
            {"aws": born_ns},
            NOW_NS,
            Ways(),
        )
    )


def test_a_burn_is_one_ticket_by_its_strongest_window() -> None:
    (burn,) = found(part({"5m": 2, "1h": 5, "6h": 9}))
    assert (burn.name, burn.severity, burn.subject) == ("BudgetBurn", "ticket", "aws-chat-available")
    assert burn.facts["window"] == "1h/5m page"
    assert burn.facts["burn"] == "it goes 41.7 times as fast: 5 of 120 were bad in 1h"
    assert burn.facts["exhaustion"] == "88 % of the budget of 28d is left, for 14 h 19 min at this rate"


def test_failures_under_the_gate_are_nothing() -> None:
    assert found(part({"5m": 2, "1h": 3})) == []


def test_a_critical_target_pages_by_itself_once_it_is_not_new() -> None:
    one = part({"5m": 2, "1h": 5})
    assert [burn.severity for burn in found(one, critical=True)] == ["page"]
    assert [burn.severity for burn in found(one, critical=True, born_ns=NOW_NS - 60 * NS)] == ["ticket"]


def test_slow_windows_of_a_critical_target_stay_tickets() -> None:
    (burn,) = found(part({"2h": 2, "1d": 14}), critical=True)
    assert (burn.severity, burn.facts["window"]) == ("ticket", "1d/2h ticket")


def test_the_failures_of_an_outage_that_is_over_are_no_ticket_of_their_own() -> None:
    """It was told as such; what fails once the short window holds nothing of it is new."""
    one = part({"30m": 8, "6h": 12})
    for minutes, alerts in ((10, 0), (29, 0), (31, 1)):
        well = Standing(state="good", since_ns=NOW_NS - minutes * 60 * NS, judged_ns=NOW_NS, fell_ns=1)
        assert len(found(one, well)) == alerts, minutes


def test_a_target_that_was_never_down_has_no_outage_to_wait_for() -> None:
    since_ns = NOW_NS - 600 * NS
    well = Standing(state="good", since_ns=since_ns, judged_ns=NOW_NS)
    assert len(found(part({"30m": 8, "6h": 12}), well, born_ns=since_ns)) == 1


@pytest.mark.parametrize(("bad", "alerts"), [(80, 0), (81, 1)])
def test_a_budget_that_is_gone_is_a_ticket(bad: int, alerts: int) -> None:
    """28 days at 30 s are 80,640 slots, of which 80.64 may fail."""
    names = [one.name for one in found(part({"28d": bad}))]
    assert names == ["BudgetExhausted"] * alerts


def test_the_budget_of_a_young_objective_is_that_of_its_whole_period() -> None:
    young = part({"28d": 3})
    windows = dict(young.windows) | {"28d": Window(counts=SliCounts(good=7, bad=3), expected=10)}
    assert found(dataclasses.replace(young, windows=windows)) == []


def test_a_first_slot_that_fails_before_any_was_due_spends_no_period() -> None:
    """A slot is expected once it is late enough to be missed: results come sooner."""
    young = part({"28d": 1})
    windows = dict(young.windows) | {"28d": Window(counts=SliCounts(bad=1), expected=0)}
    assert found(dataclasses.replace(young, windows=windows)) == []


def test_of_a_period_that_was_seen_in_part_the_budget_is_the_parts() -> None:
    (gone,) = found(part({"28d": 41}, seen=0.5))
    assert gone.facts["spent"] == "41 of 40,320 were bad in 28d"
    assert gone.facts["budget_left"] == "-2 %"


def test_a_budget_that_is_spent_to_the_last_slot_is_gone() -> None:
    """Though 1 - 0.9 is not the double nearest to 0.1."""
    one = part({"28d": 8064}, ratio=0.9)
    assert "BudgetExhausted" in [each.name for each in found(one)]


# -- coverage


def hour(one: Counted, seen: int, due: int = 120) -> Counted:
    window = Window(counts=SliCounts(good=seen), expected=due)
    return dataclasses.replace(one, windows=dict(one.windows) | {durations.write(3600.0): window})


def test_an_hour_of_which_too_little_was_seen_is_a_ticket() -> None:
    whole, lacking = part({}, target="azure"), hour(part({}), 95)
    (ticket,) = uncovered([lacking, whole, lacking], "here", NOW_NS)
    assert (ticket.name, ticket.severity, ticket.key) == ("CoverageLost", "ticket", "coverage-lost/aws/chat")
    assert ticket.facts["evidence"] == ["95 of 120 due slots were seen in 1h (79 %)"]
    assert list(uncovered([hour(part({}), 96), whole], "here", NOW_NS)) == []


def test_a_period_of_which_too_little_was_seen_is_one_too() -> None:
    (ticket,) = uncovered([part({}, seen=0.7), hour(part({}, target="azure"), 120)], "here", NOW_NS)
    assert "in 1h (70 %)" in ticket.facts["evidence"][0]
    (ticket,) = uncovered([hour(part({}, seen=0.7), 120), part({}, target="azure")], "here", NOW_NS)
    assert "56,448 of 80,640 due slots were seen in 28d (70 %)" in ticket.facts["evidence"][0]


def test_what_most_probes_lack_is_one_ticket_about_us() -> None:
    lacking = [hour(part({}, target=name), 60) for name in ("aws", "azure")]
    (ticket,) = uncovered([*lacking, part({}, target="gcp")], "here", NOW_NS)
    assert (ticket.key, ticket.subject) == ("coverage-lost", "agent here")
    assert ticket.facts["evidence"][0] == "2 of 3 probes lack slots"
    assert ticket.facts["targets"] == ["aws", "azure"]


def test_slots_that_came_and_said_nothing_were_seen() -> None:
    window = Window(counts=SliCounts(good=1, invalid=119), expected=120)
    one = dataclasses.replace(part({}), windows=dict(part({}).windows) | {"1h": window})
    assert list(uncovered([one], "here", NOW_NS)) == []


def test_failures_that_are_settling_still_are_not_missing() -> None:
    """At one probe in 2 s, twelve of the newest slots may be."""
    window = Window(counts=SliCounts(good=18), expected=30)
    fast = dataclasses.replace(
        part({}), every_s=2.0, windows=dict(part({}).windows) | {"1h": window, "28d": window}
    )
    assert list(uncovered([fast], "here", NOW_NS)) == []
    slower = dataclasses.replace(fast, every_s=5.0)
    assert [one.name for one in uncovered([slower], "here", NOW_NS)] == ["CoverageLost"]


# -- one figure


def whole(objective: Objective, counts: SliCounts, expected: int, now_ns: int) -> Counted:
    """Return an SLO whose every window holds the same."""
    windows = {name: Window(counts=counts, expected=expected) for name in spans.counted(objective, now_ns)}
    return Counted(objective=objective, target="aws", probe="chat", every_s=30.0, windows=windows)


OBJECTIVES = st.builds(
    lambda ratio, kind: dataclasses.replace(AVAILABLE, ratio=ratio, **kind),
    st.sampled_from([0.9, 0.99, 0.999]),
    st.sampled_from(
        [{}, {"calendar": Calendar("month", "Europe/Berlin")}, {"slices": Slices(length_s=60.0, ratio=0.9)}]
    ),
)


@given(OBJECTIVES, st.integers(0, 90_000), st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 364))
def test_what_alerts_say_is_left_of_a_budget_is_what_the_page_and_the_report_say(
    objective: Objective, good: int, bad: int, missing: int, day: int
) -> None:
    now_ns = round((datetime(2026, 1, 1, tzinfo=UTC).timestamp() + day * DAY_S) * NS)
    counts = SliCounts(good=good, bad=bad)
    one = single(whole(objective, counts, good + bad + missing, now_ns))
    shown = evaluate(
        objective,
        one.key,
        "here",
        round(one.every_s * NS),
        {name: window.counts for name, window in one.windows.items()},
        {name: window.expected for name, window in one.windows.items()},
        now_ns,
    ).budget_remaining
    assert one.left(now_ns) == shown
    assert not one.is_gone(now_ns) or (shown is not None and shown <= 0)


def test_a_february_has_the_budget_of_its_own_days() -> None:
    """Of 80,640 slots 80 may fail; thirty days would allow 86."""
    february = dataclasses.replace(AVAILABLE, window_s=30 * DAY_S, calendar=Calendar("month"))
    now_ns = round(datetime(2026, 2, 28, 23, 59, tzinfo=UTC).timestamp()) * NS
    gone = [
        single(whole(february, SliCounts(good=80_638 - bad, bad=bad), 80_638, now_ns)).is_gone(now_ns)
        for bad in (80, 81)
    ]
    assert gone == [False, True]


def test_an_early_failure_of_a_young_objective_is_no_end_of_its_budget() -> None:
    """What was seen of it holds more than is allowed, as the page says; the month that it begins does not."""
    young = single(whole(AVAILABLE, SliCounts(good=2, bad=1), 3, NOW_NS))
    assert (young.left(NOW_NS) or 0) < 0
    assert not young.is_gone(NOW_NS)
