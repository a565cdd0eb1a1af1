"""How a probe of a target stands: an outage is confirmed, a blip is none, and silence is not health."""

import dataclasses

from agent.slo.standing import Slot, Standing
from probes.result import EventClass

S = 1_000_000_000


def after(*slots: Slot) -> Standing:
    standing = Standing()
    for slot in slots:
        standing = standing.after(slot)
    return standing


def slot(at_s: int, kind: EventClass, *, confirmed: bool = False, answered: bool = False) -> Slot:
    return Slot(scheduled_ns=at_s * S, kind=kind, confirmed=confirmed, answered=answered)


GOOD = slot(30, EventClass.GOOD)
BAD = slot(60, EventClass.BAD, confirmed=True)


def test_only_a_confirmed_failure_is_an_outage() -> None:
    assert after(GOOD, BAD).state == "bad"
    assert after(GOOD, slot(60, EventClass.BAD)).state == "good"
    assert after(slot(60, EventClass.BAD)).state == "unknown"


def test_an_outage_begins_with_its_first_confirmed_slot_and_lasts_over_what_nobody_could_confirm() -> None:
    standing = after(GOOD, BAD, slot(90, EventClass.BAD), slot(120, EventClass.BAD, confirmed=True))
    assert (standing.state, standing.since_ns) == ("bad", 60 * S)


def test_a_good_slot_or_an_answered_confirmation_ends_it() -> None:
    for end in (slot(90, EventClass.GOOD), slot(90, EventClass.BAD, answered=True)):
        standing = after(GOOD, BAD, end)
        assert (standing.state, standing.since_ns) == ("good", 90 * S)


def test_what_says_neither_is_counted_and_changes_nothing() -> None:
    standing = after(GOOD, BAD, slot(90, EventClass.INVALID), slot(120, EventClass.EXCLUDED))
    assert (standing.state, standing.mute, standing.judged_ns, standing.seen_ns) == (
        "bad",
        2,
        60 * S,
        120 * S,
    )
    assert after(GOOD, slot(60, EventClass.INVALID), slot(90, EventClass.GOOD)).mute == 0


def test_what_falls_into_a_maintenance_is_seen_and_counts_as_nothing() -> None:
    """Neither as a slot that says neither, nor as one that says anything."""
    worked_on = dataclasses.replace(slot(120, EventClass.EXCLUDED), maintained=True)
    standing = after(GOOD, BAD, slot(90, EventClass.INVALID), worked_on)
    assert (standing.state, standing.judged_ns, standing.mute) == ("bad", 60 * S, 0)
    assert (standing.seen_ns, standing.maintained_ns) == (120 * S, 120 * S)
    later = standing.after(slot(150, EventClass.INVALID)).after(slot(180, EventClass.GOOD))
    assert (later.state, later.since_ns, later.mute, later.maintained_ns) == ("good", 180 * S, 0, 120 * S)


def test_silence_of_five_minutes_or_three_intervals_is_not_known() -> None:
    standing = after(GOOD)
    assert not standing.stale(330 * S, every_s=30.0)
    assert standing.stale(331 * S, every_s=30.0)
    assert not standing.stale(630 * S, every_s=200.0)
    assert standing.stale(631 * S, every_s=200.0)
    assert Standing().stale(0, every_s=30.0)
