import asyncio
import dataclasses
from typing import Any

import pytest

from agent.slo.service import Member, Service
from agent.telling.follow import Stop, follow
from agent.telling.link import Link
from agent.telling.storing import StoreFollower, tell_all
from probes.result import Fault, Outcome
from storage.base import Record, StoreUnavailableError
from storage.memory import MemoryReader
from support.told import START_NS, FlakyStore, batch, beat, configuration, plan, record, result, settled

BAD = Outcome.SERVER_ERROR

JOURNAL: list[Any] = [
    plan(),
    beat(0),
    result(0),
    result(1, BAD),
    result(1, attempt=1),
    beat(32),
    settled(1, Fault.NOT_OURS),
    result(2, BAD),
    beat(62),
    result(3),
    beat(92, boot="b"),
    result(4, BAD),
    beat(125, boot="b"),
    plan(snapshot=True),
    beat(182, boot="b"),
    result(5),
]
RECORDS = [record(seq, message) for seq, message in enumerate(JOURNAL, 1)]


def follower(store: FlakyStore, seen: list[bool] | None = None) -> StoreFollower:
    ups = [] if seen is None else seen
    return StoreFollower(store, Link(ups.append), lambda _: None)


def follow_to_end(store: FlakyStore, records: list[Record], position: int, limit: int) -> int:
    """Follow as a process of its own, to the end of what is there; return the position it committed."""
    committed = [position]

    async def go() -> None:
        one = follower(store)
        one.limit = limit
        stop = Stop()
        stop.asked.set()
        await follow(
            one, MemoryReader(records, position), stop, commit=committed.append, jitter=lambda *_: 0.0
        )

    asyncio.run(go())
    return committed[-1]


def assert_whole(store: FlakyStore) -> None:
    asked = {(one.key, one.attempt): one for one in JOURNAL if hasattr(one, "outcome")}
    assert store.results == asked
    faults = {slot.scheduled_ns: verdict.fault for slot, verdict in store.verdicts.items()}
    assert faults == {
        result(1).scheduled_ns: Fault.NOT_OURS,
        result(2).scheduled_ns: Fault.UNDETERMINED,
        result(4).scheduled_ns: Fault.UNDETERMINED,
    }
    assert [(row.target, row.valid_from_ns, row.valid_to_ns) for row in store.plans("here", 0, 2**63)] == [
        ("openai", START_NS, None)
    ]


@pytest.mark.parametrize("limit", [1, 3, 200])
@pytest.mark.parametrize("cut", range(len(RECORDS) + 1))
def test_a_restart_at_any_point_leaves_every_row_and_verdict_once(cut: int, limit: int) -> None:
    store = FlakyStore()
    position = follow_to_end(store, RECORDS[:cut], 0, limit)
    assert position <= cut
    follow_to_end(store, RECORDS, position, limit)
    assert_whole(store)


def test_a_kill_before_the_position_was_committed_does_no_harm() -> None:
    store = FlakyStore()
    follow_to_end(store, RECORDS, 0, 5)
    follow_to_end(store, RECORDS, 0, 5)
    assert_whole(store)


def test_the_position_stays_before_the_oldest_failure_that_is_not_settled() -> None:
    one = follower(FlakyStore())
    one.fold(batch(result(0), result(1, BAD), result(2)))
    assert one.keep(3, last=False) == 1
    one.fold(batch(settled(1), after=3))
    assert one.keep(4, last=False) == 4


def test_what_the_database_does_not_take_now_is_given_to_it_again() -> None:
    store, seen = FlakyStore(), list[bool]()
    one = follower(store, seen)
    one.fold(batch(plan(), result(0)))
    store.away = 2
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            one.keep(2, last=False)
    assert one.keep(2, last=False) == 2
    assert list(store.results) == [(result(0).key, 0)]
    assert seen == [False, False, True]


def test_nothing_to_store_asks_nothing_of_the_database() -> None:
    store, seen = FlakyStore(), list[bool]()
    one = follower(store, seen)
    one.fold(batch(beat(0)))
    assert one.keep(1, last=False) == 1
    assert seen == []


def test_a_record_in_words_unknown_here_is_passed_over() -> None:
    store = FlakyStore()
    garbled = Record(1, RECORDS[2].kind, b'{"outcome": "from the future"}')
    tell_all([garbled, record(2, result(0))], store)
    assert list(store.results) == [(result(0).key, 0)]


def test_one_process_tells_all_it_has_at_once() -> None:
    store = FlakyStore()
    tell_all(RECORDS, store)
    assert_whole(store)
    tell_all([], store)


def test_the_objectives_of_a_plan_are_kept_with_it() -> None:
    """A plan whose objectives nobody knows any more changes none."""
    known = configuration()
    store = FlakyStore()
    follower = StoreFollower(
        store, Link(lambda _: None), lambda _: None, lambda config_hash: known if config_hash == "h" else None
    )
    follower.fold(batch(plan(), plan(config_hash="gone", valid_from_ns=START_NS + 1)))
    assert follower.keep(2, last=False) == 2
    assert [
        (row.objective, row.target, row.valid_from_ns, row.valid_to_ns)
        for row in store.revisions("here", 0, START_NS + 2)
    ] == [("available", "openai", START_NS, None), ("quick", "openai", START_NS, None)]


def test_what_services_promise_is_kept_once_the_database_takes_it_and_holds_from_when_it_was_told() -> None:
    """No plan's hash names it, so a plan that comes again leaves it as it is."""
    nano = Member(target="openai", probe="chat", cloud="openai", region=None, every_s=30.0)
    service = Service(name="nano", members=(nano,), ratio=0.99, window_s=86400.0)
    known = dataclasses.replace(configuration(), services=(service,))
    store = FlakyStore()
    follower = StoreFollower(store, Link(lambda _: None), lambda _: None, lambda _: known)
    follower.promise(known, START_NS + 5)
    store.away = 1
    with pytest.raises(StoreUnavailableError):
        follower.keep(0, last=False)
    follower.promise(
        dataclasses.replace(known, services=(dataclasses.replace(service, at_least=2),)), START_NS + 9
    )
    follower.fold(batch(plan(valid_from_ns=START_NS)))
    follower.keep(1, last=False)
    follower.fold(batch(plan(valid_from_ns=START_NS, snapshot=True)))
    follower.keep(2, last=False)
    kept = [row for row in store.revisions("here", 0, START_NS + 99) if row.of_service]
    assert [(row.objective, row.rule["at_least"], row.valid_from_ns, row.valid_to_ns) for row in kept] == [
        ("service/nano", 1, START_NS + 5, START_NS + 9),
        ("service/nano", 2, START_NS + 9, None),
    ]
