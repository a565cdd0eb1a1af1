import dataclasses
from typing import Any

from agent.telling.incidents import HOLE_NS, Seen, gaps, incidents
from exporters.weeks import Gap
from probes.result import EventClass, Fault, Outcome
from storage.readings import PlanRow, Stretch
from support.told import EVERY_NS, START_NS

OK, BAD = Outcome.OK, Outcome.OVERLOADED
PLAN = PlanRow(
    config_hash="h",
    vantage="here",
    target="openai",
    probe="chat",
    every_ns=EVERY_NS,
    phase_ns=START_NS % EVERY_NS,
    valid_from_ns=START_NS,
    valid_to_ns=None,
    reason="start",
)


def at(slot: int) -> int:
    return START_NS + slot * EVERY_NS


def stretch(first: int, last: int, outcome: Outcome = OK, **changes: Any) -> Stretch:
    known: dict[str, Any] = {
        "slots": last - first + 1,
        "fault": Fault.NOT_OURS if outcome is BAD else None,
        "error_code": None,
    }
    return Stretch(first_ns=at(first), last_ns=at(last), outcome=outcome, **known | changes)


def seen(*stretches: Stretch, **changes: Any) -> Seen:
    known: dict[str, Any] = {
        "target": "openai",
        "probe": "chat",
        "stretches": stretches,
        "plans": (PLAN,),
        "throttled": EventClass.EXCLUDED,
    }
    return Seen(**known | changes)


def told(*stretches: Stretch, **changes: Any) -> list[tuple[int, int, int]]:
    """Return each incident's first and last slot, and its bad slots."""
    return [
        ((one.start_ns - START_NS) // EVERY_NS, (one.end_ns - START_NS) // EVERY_NS, one.slots)
        for one in incidents([seen(*stretches, **changes)])
    ]


def test_an_incident_lasts_until_the_first_good_slot() -> None:
    (one,) = incidents([seen(stretch(0, 9), stretch(10, 12, BAD, error_code="busy"), stretch(13, 20))])
    assert (one.start_ns, one.end_ns, one.duration_s) == (at(10), at(13), 90.0)
    assert (one.began, one.ended, one.slots) == (True, True, 3)
    assert (one.outcomes, one.faults, one.error_codes) == ({"overloaded": 3}, {"not_ours": 3}, {"busy": 3})


def test_outcomes_and_codes_are_counted_the_most_common_first() -> None:
    (one,) = incidents(
        [
            seen(
                stretch(0, 0),
                stretch(1, 1, BAD, error_code="b"),
                stretch(2, 4, Outcome.DNS, fault=Fault.UNDETERMINED, error_code="a"),
                stretch(5, 5, BAD, error_code="b"),
            )
        ]
    )
    assert list(one.outcomes.items()) == [("dns", 3), ("overloaded", 2)]
    assert list(one.error_codes.items()) == [("a", 3), ("b", 2)]
    assert list(one.faults.items()) == [("undetermined", 3), ("not_ours", 2)]


def test_what_has_no_seen_beginning_or_end_says_so() -> None:
    """The week's edges cut it: nothing is known beyond."""
    (one,) = incidents([seen(stretch(0, 5, BAD))])
    assert (one.began, one.ended, one.end_ns) == (False, False, at(5))


def test_what_counts_neither_way_ends_no_incident_and_makes_none() -> None:
    """A throttled answer, our own fault, an unsettled failure."""
    between = (
        stretch(2, 2, Outcome.THROTTLED),
        stretch(3, 3, BAD, fault=Fault.OURS),
        stretch(4, 4, BAD, fault=None),
    )
    assert told(stretch(0, 0), stretch(1, 1, BAD), *between, stretch(5, 5, BAD), stretch(6, 6)) == [(1, 6, 2)]
    assert told(stretch(0, 0), *between, stretch(5, 9)) == []


def test_throttling_is_an_incident_where_an_objective_counts_it_as_bad() -> None:
    story = (stretch(0, 0), stretch(1, 3, Outcome.THROTTLED), stretch(4, 4))
    assert told(*story, throttled=EventClass.BAD) == [(1, 4, 3)]


def test_a_hole_ends_an_incident_only_where_it_is_long_and_slots_were_due() -> None:
    """Beyond it nobody knows; at one slot an hour the next slot is no hole."""
    long = HOLE_NS // EVERY_NS + 2
    assert told(stretch(0, 1, BAD), stretch(4, 5, BAD)) == [(0, 5, 4)]
    assert told(stretch(0, 1, BAD), stretch(1 + long, 2 + long, BAD)) == [(0, 1, 2), (1 + long, 2 + long, 2)]
    hourly = dataclasses.replace(PLAN, every_ns=120 * EVERY_NS, phase_ns=START_NS % (120 * EVERY_NS))
    assert told(stretch(0, 0, BAD), stretch(120, 120, BAD), plans=(hourly,)) == [(0, 120, 2)]


def test_probes_of_a_target_that_fail_together_fail_once() -> None:
    other = seen(stretch(0, 1), stretch(2, 7, BAD), stretch(8, 8), probe="models")
    later = seen(stretch(0, 1), stretch(2, 3, BAD), stretch(4, 8), target="azure")
    found = incidents([seen(stretch(0, 3), stretch(4, 5, BAD), stretch(6, 8)), other, later])
    assert [(one.target, one.probes, one.slots) for one in found] == [
        ("openai", ("chat", "models"), 8),
        ("azure", ("chat",), 2),
    ]
    assert (found[0].start_ns, found[0].end_ns) == (at(2), at(8))


def test_missing_slots_are_gaps_between_what_was_seen() -> None:
    found = gaps([seen(stretch(0, 3), stretch(6, 9), stretch(10, 12, BAD))], at(0), at(15))
    assert found == [
        Gap(start_ns=at(3) + 1, end_ns=at(6), slots=2, probes=(("openai", "chat"),)),
        Gap(start_ns=at(12) + 1, end_ns=at(15), slots=2, probes=(("openai", "chat"),)),
    ]


def test_before_a_plan_and_after_it_nothing_is_missing() -> None:
    plan = dataclasses.replace(PLAN, valid_from_ns=at(10), valid_to_ns=at(20))
    (gap,) = gaps([seen(plans=(plan,))], at(0), at(100))
    assert (gap.start_ns, gap.end_ns, gap.slots) == (at(10), at(20), 10)


def test_probes_that_were_silent_together_share_a_gap_and_others_do_not() -> None:
    both = [seen(stretch(0, 3), stretch(6, 9)), seen(stretch(0, 3), stretch(7, 9), probe="models")]
    gone = seen(stretch(0, 2), target="azure")
    found = gaps([*both, gone], at(0), at(10))
    assert [(one.probes, one.slots) for one in found] == [
        ((("azure", "chat"),), 7),
        ((("openai", "chat"), ("openai", "models")), 5),
    ]
