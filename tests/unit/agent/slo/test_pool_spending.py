"""The budget of a pool and of slices: told once, by whom it burns, and not for outages that were told already."""

import dataclasses
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo.alerts import Finding
from agent.slo.burning import Window, Windows
from agent.slo.calendars import Calendar
from agent.slo.findings import Ways
from agent.slo.objective import Objective
from agent.slo.slices import Slices, total
from agent.slo.spending import spending
from agent.slo.spent import Counted, Spent, single
from agent.slo.standing import Standing
from agent.slo.windows import counted
from exporters.signals import SloKey
from probes.result import EventClass
from storage.readings import SliCounts

NS = 1_000_000_000
DAY_S = 86400.0
NOW_NS = round(30 * DAY_S) * NS
MINUTE_NS = 60 * NS
AVAILABLE = Objective(
    name="available", sli="availability", ratio=0.999, window_s=28 * DAY_S, pairs=(), per=()
)
STEADY = dataclasses.replace(AVAILABLE, name="steady", ratio=0.99, slices=Slices(300.0, 0.95), per=None)
OLD: Mapping[str, int] = dict.fromkeys("abcd", 0)


def windows(bad: Mapping[str, int], every_s: float = 30.0) -> Windows:
    """Return the windows of one probe; what is bad in one is bad in each longer one too."""
    found, worst = {}, 0
    for name, length_s in counted(AVAILABLE.window_s).items():
        worst = max(worst, bad.get(name, 0))
        due = round(length_s / every_s)
        found[name] = Window(counts=SliCounts(good=max(0, due - worst), bad=min(due, worst)), expected=due)
    return found


def pool(*bad: Mapping[str, int], objective: Objective = AVAILABLE) -> Spent:
    parts = [
        Counted(objective=objective, target=name, probe="chat", every_s=30.0, windows=windows(one))
        for name, one in zip("abcd", bad, strict=False)
    ]
    whole = {
        name: Window(
            counts=sum((part.windows[name].counts for part in parts), SliCounts()),
            expected=sum(part.windows[name].expected for part in parts),
        )
        for name in parts[0].windows
    }
    key = SloKey(objective=objective.name, pool="all")
    return Spent(key=key, parts=parts, windows=whole, every_s=30.0 / len(parts))


def found(
    *spent: Spent,
    standings: Mapping[tuple[str, str], Standing] | None = None,
    critical: str = "",
    born_ns: Mapping[str, int] = OLD,
) -> list[Finding]:
    return list(spending(spent, frozenset(critical), standings or {}, born_ns, NOW_NS, Ways()))


def well_since(minutes: float) -> Standing:
    since_ns = NOW_NS - round(minutes * MINUTE_NS)
    return Standing(state="good", since_ns=since_ns, judged_ns=NOW_NS, fell_ns=since_ns - 9 * MINUTE_NS)


_FELL_NS = NOW_NS - 4 * MINUTE_NS
DOWN = Standing(state="bad", since_ns=_FELL_NS, judged_ns=NOW_NS, fell_ns=_FELL_NS)


def test_a_pool_that_burns_is_one_ticket_that_names_who_fails() -> None:
    (burn,) = found(pool({"5m": 4, "1h": 9}, {"5m": 1}, {}))
    assert (burn.key, burn.severity, burn.subject) == ("budget-burn/all/available", "ticket", "all-available")
    assert burn.labels == {"pool": "all", "objective": "available"}
    assert burn.facts["failing"] == ["a", "b"]
    assert burn.facts["targets"] == ["a", "b", "c"]
    assert burn.facts["burn"] == "it goes 27.8 times as fast: 10 of 360 were bad in 1h (a 9, b 1)"
    assert burn.facts["parts"][0] == {"target": "a", "probe": "chat", "window": "1h", "bad": 9, "valid": 120}


def test_its_gate_is_that_of_all_its_slots() -> None:
    """One of four members fails four of its 120: enough for itself, and 4 of 480 are too few for the pool."""
    burning = {"5m": 2, "1h": 4}
    assert [one.name for one in found(pool(burning))] == ["BudgetBurn"]
    assert found(pool(burning, {}, {}, {})) == []


def test_one_member_alone_may_burn_a_pool_for_nobody_else_tells_of_it() -> None:
    (burn,) = found(pool({"5m": 10, "1h": 30}, {}))
    assert burn.facts["failing"] == ["a"]


def test_a_pool_of_critical_targets_alone_pages_by_those_that_are_not_new() -> None:
    one = pool({"5m": 4, "1h": 9}, {"5m": 1})
    assert [burn.severity for burn in found(one, critical="ab")] == ["page"]
    assert [burn.severity for burn in found(one, critical="a")] == ["ticket"]
    for new, severity in (("a", "ticket"), ("b", "page"), ("ab", "ticket")):
        born_ns = {**OLD, **dict.fromkeys(new, NOW_NS - MINUTE_NS)}
        assert [burn.severity for burn in found(one, critical="ab", born_ns=born_ns)] == [severity], new


def test_outages_of_members_that_are_over_do_not_burn_their_pool() -> None:
    one = pool({"30m": 12, "6h": 40}, {"30m": 1})
    for minutes, alerts in ((10, 0), (30.5, 0), (31.5, 1)):
        standings = {("a", "chat"): well_since(minutes)}
        assert len(found(one, standings=standings)) == alerts, minutes
    assert len(found(one, standings={("b", "chat"): well_since(10)})) == 1


def test_the_failures_of_what_is_not_known_any_more_are_those_of_its_outage() -> None:
    """It was told to be down until nothing was known for five minutes."""
    one = single(pool({"30m": 12, "6h": 40}).parts[0])
    for minutes, alerts in ((4, 1), (6, 0), (30.5, 0), (31.5, 1)):
        last_ns = NOW_NS - round(minutes * MINUTE_NS)
        since_ns = last_ns - MINUTE_NS
        standing = Standing(state="bad", since_ns=since_ns, judged_ns=last_ns, fell_ns=since_ns)
        assert len(found(one, standings={("a", "chat"): standing})) == alerts, minutes


def test_where_what_is_down_explains_the_burn_it_alone_is_named() -> None:
    standings = {("a", "chat"): DOWN}
    (burn,) = found(pool({"5m": 8, "1h": 8}, {"5m": 1}), standings=standings)
    assert burn.facts["failing"] == ["a"]
    (burn,) = found(pool({"5m": 8, "1h": 8}, {"5m": 8}), standings=standings)
    assert burn.facts["failing"] == ["a", "b"]


def test_a_pools_budget_that_is_gone_is_told_once() -> None:
    (gone,) = found(pool({"28d": 161}, {"28d": 1}))
    assert (gone.key, gone.name) == ("budget-exhausted/all/available", "BudgetExhausted")
    assert gone.facts["spent"] == "162 of 161,280 were bad in 28d (a 161, b 1)"
    assert gone.facts["targets"] == ["a", "b"]


@given(
    bad=st.dictionaries(
        st.sampled_from(["5m", "30m", "1h", "2h", "6h", "1d", "3d", "28d"]), st.integers(0, 90)
    ),
    standing=st.sampled_from([Standing(), DOWN, well_since(3), well_since(20), well_since(500)]),
    critical=st.sampled_from(["", "a"]),
)
def test_a_pool_of_one_is_found_as_that_one(
    bad: Mapping[str, int], standing: Standing, critical: str
) -> None:
    one = pool(bad)
    standings = {("a", "chat"): standing}
    pooled = found(one, standings=standings, critical=critical)
    alone = found(single(one.parts[0]), standings=standings, critical=critical)
    assert [_bare(each) for each in pooled] == [_bare(each) for each in alone]


def _bare(finding: Finding) -> tuple[object, ...]:
    facts = {
        name: finding.facts.get(name) for name in ("sli", "window", "factor", "exhaustion", "budget_left")
    }
    return finding.name, finding.severity, finding.since_ns, facts


# -- slices


def of_slices(bad: Mapping[str, int], objective: Objective = STEADY, probe_bad: int = 7) -> Spent:
    """Return an objective over slices of five minutes, each bad one by so many failures."""
    slices = windows(bad, 300.0)
    events = {
        name: Window(counts=SliCounts(good=10, bad=one.counts.bad * probe_bad), expected=one.expected)
        for name, one in slices.items()
    }
    part = Counted(objective=objective, target="a", probe="chat", every_s=30.0, windows=events)
    key = SloKey(objective=objective.name, target="a", probe="chat")
    return Spent(key=key, parts=[part], windows=slices, every_s=300.0)


def test_a_slice_is_an_event_of_its_objectives_burn() -> None:
    """99 % of 8,064 slices: an hour's factor of 13.44 wants four of its twelve."""
    assert found(of_slices({"5m": 1, "1h": 3})) == []
    (burn,) = found(of_slices({"5m": 1, "1h": 4}))
    assert (burn.key, burn.severity) == ("budget-burn/a/chat/steady", "ticket")
    assert burn.facts["burn"] == "it goes 33.3 times as fast: 4 of 12 slices were bad in 1h"
    assert burn.facts["exhaustion"] == "95 % of the budget of 28d is left, for 19 h 9 min at this rate"


def test_slices_of_which_nothing_is_known_stay_in_the_denominator() -> None:
    """Of five bad slices beside seven invalid ones nobody may say that all were bad."""
    one = of_slices({"5m": 1, "1h": 5})
    unknown = Window(counts=SliCounts(bad=5, invalid=7), expected=12)
    (burn,) = found(dataclasses.replace(one, windows={**one.windows, "1h": unknown}))
    assert "5 of 12 slices" in burn.facts["burn"]


def test_the_slices_of_an_outage_that_is_over_are_no_ticket() -> None:
    """The last whole slice ends up to five minutes before now, and so does the short window."""
    for minutes, alerts in ((4, 0), (9.9, 0), (10.1, 1)):
        one = found(of_slices({"5m": 1, "1h": 6}), standings={("a", "chat"): well_since(minutes)})
        assert len(one) == alerts, minutes


@pytest.mark.parametrize(("bad", "alerts"), [(80, 0), (81, 1)])
def test_a_budget_of_slices_is_that_of_all_slices_of_the_period(bad: int, alerts: int) -> None:
    """80.64 of 8,064 may be bad, also of a period of which little is known yet."""
    one = of_slices({"28d": bad})
    young = dict(one.windows) | {"28d": Window(counts=SliCounts(good=20, bad=bad), expected=bad + 20)}
    gone = found(dataclasses.replace(one, windows=young))
    assert [each.name for each in gone] == ["BudgetExhausted"] * alerts
    assert all("slices were bad in 28d" in each.facts["spent"] for each in gone)


def test_a_calendars_slices_are_those_of_its_whole_window() -> None:
    """NOW_NS is midnight of 31 January 1970, whose 31 days have 8,928 slices: 89.28 may be bad."""
    monthly = dataclasses.replace(STEADY, window_s=30 * DAY_S, calendar=Calendar("month"))
    for bad, alerts in ((89, 0), (90, 1)):
        one = of_slices({"28d": bad}, monthly)
        gone = found(dataclasses.replace(one, windows={**one.windows, "month": one.windows["28d"]}))
        assert len(gone) == alerts, bad


KINDS = st.sampled_from([EventClass.GOOD, EventClass.GOOD, EventClass.GOOD, EventClass.BAD, None])


@given(newest=st.lists(KINDS, min_size=1, max_size=400), standing=st.sampled_from([Standing(), DOWN]))
def test_slices_of_one_slot_are_found_as_its_events(
    newest: Sequence[EventClass | None], standing: Standing
) -> None:
    """What is good, bad or missing; older slots were good."""
    plain = dataclasses.replace(STEADY, slices=None)
    found_in = {}
    for name, length_s in counted(STEADY.window_s).items():
        due = round(length_s / 300)
        kinds = [*newest[:due], *([EventClass.GOOD] * (due - len(newest)))]
        found_in[name] = Window(counts=total(kinds), expected=due)
    part = Counted(objective=plain, target="a", probe="chat", every_s=300.0, windows=found_in)
    events = single(part)
    sliced = dataclasses.replace(
        events,
        parts=[dataclasses.replace(part, objective=dataclasses.replace(STEADY, slices=Slices(300.0, 1.0)))],
    )
    standings = {("a", "chat"): standing}
    one, other = (found(spent, standings=standings) for spent in (events, sliced))
    burns = [
        [(each.key, each.severity, each.facts["window"]) for each in these if each.name == "BudgetBurn"]
        for these in (one, other)
    ]
    assert burns[0] == burns[1]
