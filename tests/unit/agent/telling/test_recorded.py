"""What history says of a service's members, as a simulation replays it."""

import dataclasses
import uuid

import pytest

from agent.slo.failing import Silence
from agent.slo.service import Member, Service
from agent.telling.recorded import recorded
from probes.result import EventClass, Fault, Outcome, ProbeResult
from storage.memory import MemoryStore
from storage.readings import CorrectionRow, MaintenanceRow
from support.told import EVERY_NS, SECOND_NS, START_NS, configuration, result, settled

CONFIG = configuration()
SERVICE = Service(
    name="nano",
    members=(Member(target="openai", probe="chat", cloud="openai", region=None, every_s=30.0),),
    ratio=0.999,
    window_s=86400.0,
)


def confirmation(slot: int, attempt: int, outcome: Outcome) -> ProbeResult:
    return dataclasses.replace(
        result(slot, outcome), id=uuid.UUID(int=1000 * attempt + slot), attempt=attempt
    )


def history(*outcomes: Outcome, fault: Fault = Fault.NOT_OURS) -> MemoryStore:
    store = MemoryStore()
    results = [result(slot, outcome) for slot, outcome in enumerate(outcomes)]
    store.store(results, [settled(nth, fault) for nth, one in enumerate(results) if one.meaning.confirm])
    return store


def failed(store: MemoryStore) -> tuple[int, list[tuple[float, bool]]]:
    (seen,) = recorded(CONFIG, SERVICE, store, START_NS, START_NS + 100 * EVERY_NS)
    return seen.slots, list(seen.failed)


def test_a_slot_is_confirmed_where_all_its_confirmations_failed() -> None:
    """A burst of three of which one was answered is a blip."""
    store = history(Outcome.OK, Outcome.OVERLOADED, Outcome.OK, Outcome.OVERLOADED)
    store.store([confirmation(1, nth, Outcome.OVERLOADED) for nth in (1, 2, 3)], [])
    store.store([confirmation(3, 1, Outcome.OVERLOADED), confirmation(3, 2, Outcome.OK)], [])
    assert failed(store) == (4, [(30.0, True), (90.0, False)])


def test_a_slot_that_nobody_could_confirm_is_as_the_one_before_it() -> None:
    store = history(Outcome.OVERLOADED, Outcome.OVERLOADED)
    store.store([confirmation(0, 1, Outcome.OVERLOADED)], [])
    assert failed(store) == (2, [(0.0, True), (30.0, True)])
    assert failed(history(Outcome.OVERLOADED)) == (1, [(0.0, False)])


@pytest.mark.parametrize(("last", "confirmed"), [(Outcome.OVERLOADED, True), (Outcome.OK, False)])
def test_a_slot_that_failed_while_anothers_confirmations_ran_has_the_rest_of_them(
    *, last: Outcome, confirmed: bool
) -> None:
    """One burst at a time for a target: of another probe's three, the first was asked before this slot failed."""
    store = history(Outcome.OVERLOADED)
    burst = [
        dataclasses.replace(
            confirmation(0, attempt, outcome),
            probe="long",
            scheduled_ns=START_NS - 1 * SECOND_NS,
            started_ns=START_NS + round(since_s * SECOND_NS),
        )
        for attempt, outcome, since_s in ((1, Outcome.OK, 0.5), (2, Outcome.OVERLOADED, 5.0), (3, last, 10.0))
    ]
    store.store(burst, [])
    assert failed(store) == (1, [(0.0, confirmed)])


def test_what_is_ours_or_not_settled_or_not_to_be_counted_did_not_fail() -> None:
    assert failed(history(Outcome.OVERLOADED, Outcome.OK, fault=Fault.OURS)) == (1, [])
    store = MemoryStore()
    store.store([result(0, Outcome.OVERLOADED), result(1, Outcome.THROTTLED)], [])
    assert failed(store) == (0, [])


def test_another_vantage_and_another_probe_say_nothing() -> None:
    store = MemoryStore()
    store.store(
        [result(0, Outcome.OVERLOADED, vantage="there"), result(0, Outcome.OVERLOADED, probe="warm")], []
    )
    assert failed(store) == (0, [])


def silence(store: MemoryStore, slots: int = 100) -> Silence:
    (seen,) = recorded(CONFIG, SERVICE, store, START_NS, START_NS + slots * EVERY_NS)
    return seen.silence


def test_what_was_not_seen_and_what_counts_neither_way_is_no_good_slot() -> None:
    """Slots 3 to 5 never came, nor any after the last; a throttled one is excluded, and one of ours invalid."""
    store = MemoryStore()
    outcomes = {0: Outcome.OK, 1: Outcome.THROTTLED, 2: Outcome.OK, 6: Outcome.AGENT_FAULT, 7: Outcome.OK}
    store.store([result(slot, outcome) for slot, outcome in outcomes.items()], [])
    assert silence(store, slots=20) == Silence(
        unseen=[(90.0, 180.0), (240.0, 600.0)],
        excluded=[(30.0, 60.0)],
        invalid=[(180.0, 210.0)],
        maintained=[],
    )


def test_a_whole_history_is_never_silent() -> None:
    assert silence(history(*[Outcome.OK] * 20), slots=20) == Silence(
        unseen=[], invalid=[], excluded=[], maintained=[]
    )


def test_a_failure_that_nobody_settled_was_not_seen() -> None:
    store = MemoryStore()
    store.store([result(0), result(1, Outcome.OVERLOADED), result(2)], [])
    assert silence(store, slots=3).unseen == [(30.0, 60.0)]


def test_an_outage_goes_on_where_it_fails_otherwise_and_nobody_asks_again() -> None:
    """Of an error of another kind no confirmation is kept: it is as the failure before it."""
    store = history(Outcome.OVERLOADED, Outcome.SERVER_ERROR, Outcome.OK, Outcome.SERVER_ERROR)
    store.store([confirmation(0, 1, Outcome.OVERLOADED)], [])
    assert failed(store) == (4, [(0.0, True), (30.0, True), (90.0, False)])


def maintained(first: int, last: int) -> MaintenanceRow:
    return MaintenanceRow(
        key="m1",
        target="openai",
        since_ns=START_NS + first * EVERY_NS,
        until_ns=START_NS + last * EVERY_NS,
        source="command",
        author="ada",
        reason="upgrades",
        made_ns=START_NS,
    )


def corrected(first: int, last: int, kind: EventClass) -> CorrectionRow:
    return CorrectionRow(
        target="openai",
        since_ns=START_NS + first * EVERY_NS,
        until_ns=START_NS + last * EVERY_NS,
        kind=kind,
        author="ada",
        reason="the canary was wrong",
        made_ns=START_NS,
    )


def test_what_failed_in_maintenance_did_not_fail_and_what_nobody_asked_then_is_not_missing() -> None:
    """Slots 1 to 3 fail, the first two of them in maintenance; of 5 to 7 nobody asked, the first two in another."""
    store = MemoryStore()
    outcomes = dict.fromkeys(range(12), Outcome.OK) | dict.fromkeys((1, 2, 3), Outcome.OVERLOADED)
    results = [result(slot, outcome) for slot, outcome in outcomes.items() if slot not in {5, 6, 7}]
    store.store(results, [settled(slot) for slot in (1, 2, 3)])
    store.amendments.maintain([maintained(1, 3), dataclasses.replace(maintained(4, 7), key="m2")])
    assert failed(store) == (6, [(90.0, False)])
    assert silence(store, slots=12) == Silence(
        unseen=[(210.0, 240.0)],
        invalid=[],
        excluded=[(30.0, 90.0), (120.0, 150.0), (150.0, 210.0)],
        maintained=[(30.0, 90.0), (120.0, 210.0)],
    )


@pytest.mark.parametrize(
    ("kind", "judged", "fails"),
    [
        (EventClass.GOOD, 4, []),
        (EventClass.BAD, 4, [(30.0, True), (60.0, True)]),
        (EventClass.EXCLUDED, 2, []),
        (EventClass.INVALID, 2, []),
    ],
)
def test_corrected_events_are_what_the_correction_says(
    kind: EventClass, judged: int, fails: list[tuple[float, bool]]
) -> None:
    """Of a good slot and a blip; what a person says failed needs no confirmation."""
    store = history(Outcome.OK, Outcome.OK, Outcome.OVERLOADED, Outcome.OK)
    store.store([confirmation(2, 1, Outcome.OK)], [])
    assert failed(store) == (4, [(60.0, False)])
    store.amendments.correct(corrected(1, 3, kind))
    assert failed(store) == (judged, fails)


def test_a_correction_goes_over_maintenance() -> None:
    store = history(Outcome.OK, Outcome.OVERLOADED, Outcome.OK)
    store.amendments.maintain([maintained(0, 3)])
    store.amendments.correct(corrected(1, 2, EventClass.BAD))
    assert failed(store) == (1, [(30.0, True)])
    assert silence(store, slots=3).maintained == [(0.0, 90.0)]
