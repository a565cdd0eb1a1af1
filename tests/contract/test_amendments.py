"""Maintenance and corrections: what is kept of them, and what they make of events, whoever keeps them."""

import dataclasses
from typing import Any

import pytest

from probes.result import EventClass, Fault, Outcome, ProbeResult
from storage.readings import CorrectionRow, Ending, MaintenanceRow, SliCounts, SliQuestion, Withdrawal
from storage.records import Settled
from support.results import STARTED_NS, a_result
from support.rooms import Room, make_room

SECOND = 1_000_000_000
EVERY = 30 * SECOND
GOOD, BAD, EXCLUDED, INVALID = EventClass.GOOD, EventClass.BAD, EventClass.EXCLUDED, EventClass.INVALID


@pytest.fixture(params=["memory", "postgres", pytest.param("system", marks=pytest.mark.heavy)])
def room(request: pytest.FixtureRequest) -> Room:
    return make_room(request)


def slot_ns(number: int) -> int:
    return STARTED_NS + number * EVERY


def at(number: int, outcome: Outcome = Outcome.OK, **changes: Any) -> ProbeResult:
    known: dict[str, Any] = {
        "scheduled_ns": slot_ns(number),
        "started_ns": slot_ns(number),
        "outcome": outcome,
    }
    return a_result(**known | changes)


def fill(room: Room, *results: ProbeResult) -> None:
    """Store results, those that are to be confirmed with a verdict."""
    verdicts = [
        Settled(slot=one.key, fault=Fault.NOT_OURS, settled_ns=STARTED_NS)
        for one in results
        if one.meaning.confirm
    ]
    room.store.store(results, verdicts)


def maintenance(first: int, last: int, **changes: Any) -> MaintenanceRow:
    known: dict[str, Any] = {
        "key": "m1",
        "target": "openai",
        "since_ns": slot_ns(first),
        "until_ns": slot_ns(last),
        "source": "command",
        "author": "ada",
        "reason": "upgrades",
        "made_ns": STARTED_NS,
    }
    return MaintenanceRow(**known | changes)


def correction(first: int, last: int, kind: EventClass = EXCLUDED, **changes: Any) -> CorrectionRow:
    known: dict[str, Any] = {
        "target": "openai",
        "since_ns": slot_ns(first),
        "until_ns": slot_ns(last),
        "kind": kind,
        "author": "ada",
        "reason": "the canary was wrong",
        "made_ns": STARTED_NS,
    }
    return CorrectionRow(**known | changes)


def counted(room: Room, **changes: Any) -> SliCounts:
    known: dict[str, Any] = {"target": "openai", "probe": "chat", "vantage": "fra-1", "sli": "availability"}
    window: dict[str, Any] = {"since_ns": slot_ns(-10), "until_ns": slot_ns(100)}
    (found,) = room.history.counts([SliQuestion(**known | window | changes)])
    return found


DOWN = Outcome.SERVER_ERROR


def test_what_falls_into_maintenance_is_excluded(room: Room) -> None:
    """[since, until), of that target alone; the rows themselves stay as they are."""
    fill(room, at(0), at(1, DOWN), at(2, DOWN), at(3, DOWN), at(1, DOWN, target="azure"))
    assert counted(room) == SliCounts(good=1, bad=3)
    assert room.amendments.maintain([maintenance(1, 3)]) == 1
    assert counted(room) == SliCounts(good=1, bad=1, excluded=2, maintained=2)
    assert counted(room, target="azure") == SliCounts(bad=1)


def test_windows_that_cut_a_maintenance_count_their_part_of_it(room: Room) -> None:
    fill(room, *(at(number) for number in range(6)))
    room.amendments.maintain([maintenance(1, 5)])
    assert counted(room, since_ns=slot_ns(3)) == SliCounts(good=1, excluded=2, maintained=2)
    assert counted(room, until_ns=slot_ns(3)) == SliCounts(good=1, excluded=2, maintained=2)
    assert counted(room, since_ns=slot_ns(2), until_ns=slot_ns(3)) == SliCounts(excluded=1, maintained=1)


def test_a_failure_in_maintenance_still_counts_once_it_is_settled(room: Room) -> None:
    """Before that SQL and counters know nothing of it."""
    failure = at(1, DOWN)
    room.store.store([failure], ())
    room.amendments.maintain([maintenance(0, 3)])
    assert counted(room) == SliCounts()
    room.store.store((), [Settled(slot=failure.key, fault=Fault.NOT_OURS, settled_ns=STARTED_NS)])
    assert counted(room) == SliCounts(excluded=1, maintained=1)


def test_maintenance_told_twice_is_kept_once(room: Room) -> None:
    """Every agent that knows the plan writes it; what the first one wrote stays."""
    rows = [maintenance(0, 3), maintenance(0, 3, target="azure")]
    assert room.amendments.maintain(rows) == 2
    assert room.amendments.maintain([*rows, maintenance(0, 9, author="bob")]) == 0
    assert room.history.maintenances(slot_ns(0), slot_ns(1)) == [rows[1], rows[0]]


def test_overlapping_maintenance_excludes_an_event_once(room: Room) -> None:
    fill(room, *(at(number) for number in range(6)))
    room.amendments.maintain([maintenance(0, 3), maintenance(2, 5, key="m2")])
    assert counted(room) == SliCounts(good=1, excluded=5, maintained=5)


def test_maintenance_ends_early_by_a_row_of_its_own(room: Room) -> None:
    """From then on events count again; who ended it is known, and a second end changes nothing."""
    fill(room, *(at(number) for number in range(6)))
    room.amendments.maintain([maintenance(1, 6), maintenance(1, 6, target="azure")])
    ending = Ending(key="m1", ended_ns=slot_ns(3), author="bob", reason="done")
    assert room.amendments.end(ending)
    assert counted(room) == SliCounts(good=4, excluded=2, maintained=2)
    assert not room.amendments.end(dataclasses.replace(ending, ended_ns=slot_ns(2)))
    (azure, openai) = room.history.maintenances(slot_ns(0), slot_ns(9))
    assert (openai.ended_ns, openai.ended_by, openai.over_ns) == (slot_ns(3), "bob", slot_ns(3))
    assert azure.over_ns == slot_ns(3)
    assert room.history.maintenances(slot_ns(3), slot_ns(9)) == []


def test_what_is_over_or_unknown_is_not_ended(room: Room) -> None:
    room.amendments.maintain([maintenance(1, 6)])
    assert not room.amendments.end(Ending(key="m1", ended_ns=slot_ns(6), author="bob", reason="late"))
    assert not room.amendments.end(Ending(key="m9", ended_ns=slot_ns(3), author="bob", reason="what"))
    assert room.history.maintenances(slot_ns(5), slot_ns(6)) == [maintenance(1, 6)]


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        (EXCLUDED, SliCounts(excluded=4, corrected=3)),
        (INVALID, SliCounts(invalid=4, corrected=3)),
        (GOOD, SliCounts(good=2, excluded=1, invalid=1, corrected=1)),
        (BAD, SliCounts(bad=2, excluded=1, invalid=1, corrected=1)),
    ],
)
def test_a_correction_says_what_events_count_as(room: Room, kind: EventClass, counts: SliCounts) -> None:
    """To good or bad it turns what was judged; what was excluded or invalid was no judgement."""
    fill(room, at(0), at(1, DOWN), at(2, Outcome.THROTTLED), at(3, Outcome.CONFIG))
    assert counted(room) == SliCounts(good=1, bad=1, excluded=1, invalid=1)
    assert room.amendments.correct(correction(0, 4, kind)) == []
    assert counted(room) == counts


def test_a_correction_may_be_of_one_probe_or_one_vantage(room: Room) -> None:
    fill(
        room,
        at(0, DOWN),
        at(0, DOWN, probe="models"),
        at(0, DOWN, vantage="nyc-1"),
    )
    room.amendments.correct(correction(0, 1, probe="models"))
    room.amendments.correct(correction(0, 1, probe="chat", vantage="nyc-1"))
    assert counted(room) == SliCounts(bad=1)
    assert counted(room, probe="models") == SliCounts(excluded=1, corrected=1)
    assert counted(room, vantage="nyc-1") == SliCounts(excluded=1, corrected=1)


def test_a_correction_goes_over_maintenance(room: Room) -> None:
    """Somebody looked: in that maintenance the endpoint was to answer. Coverage still knows the maintenance."""
    fill(room, at(0, DOWN), at(1, DOWN))
    room.amendments.maintain([maintenance(0, 2)])
    room.amendments.correct(correction(1, 2, BAD))
    assert counted(room) == SliCounts(bad=1, excluded=1, maintained=2, corrected=1)


def test_corrections_that_overlap_are_refused_with_those_that_are_there(room: Room) -> None:
    """Edge to edge is no overlap, and neither are other probes or targets."""
    assert room.amendments.correct(correction(2, 4)) == []
    (kept,) = room.history.corrections(0, slot_ns(9))
    assert room.amendments.correct(correction(3, 5, GOOD)) == [kept]
    assert room.amendments.correct(correction(0, 9, GOOD, probe="chat")) == [kept]
    assert room.amendments.correct(correction(4, 5)) == []
    assert room.amendments.correct(correction(2, 4, target="azure")) == []
    assert len(room.history.corrections(0, slot_ns(9))) == 3


def test_a_withdrawn_correction_says_nothing_and_makes_room_for_another(room: Room) -> None:
    """It stays on record, with who took it back."""
    fill(room, at(0, DOWN))
    room.amendments.correct(correction(0, 1))
    (kept,) = room.history.corrections(0, slot_ns(1))
    word = Withdrawal(correction_id=kept.id, author="bob", reason="wrong target", made_ns=STARTED_NS)
    assert room.amendments.withdraw(word)
    assert counted(room) == SliCounts(bad=1)
    assert not room.amendments.withdraw(word)
    assert not room.amendments.withdraw(dataclasses.replace(word, correction_id=kept.id + 9))
    assert room.amendments.correct(correction(0, 1, INVALID)) == []
    assert [one.withdrawn_by for one in room.history.corrections(0, slot_ns(1))] == ["bob", None]
    assert counted(room) == SliCounts(invalid=1, corrected=1)


def test_the_names_that_history_knows(room: Room) -> None:
    """Those of targets that the plan does not name any more too."""
    fill(room, at(0), at(0, target="azure", probe="models", vantage="nyc-1"))
    assert room.amendments.names("targets") == ["azure", "openai"]
    assert room.amendments.names("probes") == ["chat", "models"]
    assert room.amendments.names("vantages") == ["fra-1", "nyc-1"]
