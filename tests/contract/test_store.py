import dataclasses
from typing import Any

import pytest

from probes.result import MANUAL, EventClass, Fault, Outcome, ProbeResult
from storage.readings import SliCounts, SliQuestion, Stored
from storage.records import Drilled, Plan, PlanEntry, Settled
from support.results import STARTED_NS, a_result
from support.rooms import Room, make_room
from support.told import START_NS, drill, drilled

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@pytest.fixture(params=["memory", "postgres", pytest.param("system", marks=pytest.mark.heavy)])
def room(request: pytest.FixtureRequest) -> Room:
    return make_room(request)


def at(number: int, **changes: Any) -> ProbeResult:
    """Return a result of the numbered slot, 30 s apart."""
    scheduled_ns = STARTED_NS + number * 30 * SECOND
    return a_result(**{"scheduled_ns": scheduled_ns, "started_ns": scheduled_ns + 1_234_567} | changes)


def settled(result: ProbeResult, fault: Fault) -> Settled:
    return Settled(slot=result.key, fault=fault, confirmations=2, confirmations_bad=2, settled_ns=STARTED_NS)


def asked(**changes: Any) -> SliQuestion:
    known: dict[str, Any] = {"target": "openai", "probe": "chat", "vantage": "fra-1", "sli": "availability"}
    return SliQuestion(**known | {"since_ns": STARTED_NS - HOUR, "until_ns": STARTED_NS + HOUR} | changes)


def plan(*entries: PlanEntry, at_ns: int = STARTED_NS, name: str = "aaaa", **changes: Any) -> Plan:
    known: dict[str, Any] = {
        "config_hash": name,
        "vantage": "fra-1",
        "valid_from_ns": at_ns,
        "reason": "start",
    }
    return Plan(**known | {"entries": entries, "grace_ns": 53 * SECOND} | changes)


CHAT = PlanEntry(target="openai", probe="chat", every_ns=30 * SECOND, phase_ns=7_000_000)
SLOW = dataclasses.replace(CHAT, every_ns=60 * SECOND)
MODELS = PlanEntry(target="openai", probe="models", every_ns=60 * SECOND, phase_ns=0)


def test_a_batch_told_twice_is_kept_once(room: Room) -> None:
    """Whoever reads the journal again does no harm, and hears how much was there already."""
    batch = [at(number) for number in range(5)]
    assert room.store.store(batch, ()) == Stored(new=5, duplicate=0)
    assert room.store.store([*batch, at(5)], ()) == Stored(new=1, duplicate=5)
    assert room.history.counts([asked()]) == [SliCounts(good=6)]


def test_the_first_row_of_a_slot_stays(room: Room) -> None:
    """Two agents asked in one slot: what came first counts, the other is a duplicate."""
    room.store.store([at(0)], ())
    assert room.store.store([at(0, outcome=Outcome.THROTTLED)], ()) == Stored(new=0, duplicate=1)
    assert room.history.counts([asked()]) == [SliCounts(good=1)]


def test_a_slot_told_twice_in_one_batch_counts_once(room: Room) -> None:
    """A replay may overlap what is new."""
    assert room.store.store([at(0), at(0)], ()) == Stored(new=1, duplicate=1)


def test_nothing_is_a_batch_too(room: Room) -> None:
    """The store takes what there is."""
    assert room.store.store((), ()) == Stored(new=0, duplicate=0)
    assert room.history.counts([]) == []


def test_a_failure_counts_once_it_is_settled(room: Room) -> None:
    """Before its verdict a bad row is as if it were not there, whichever comes first."""
    failure = at(0, outcome=Outcome.SERVER_ERROR, ttft_s=None)
    room.store.store([failure, at(1)], ())
    assert room.history.counts([asked()]) == [SliCounts(good=1)]
    room.store.store((), [settled(failure, Fault.UNDETERMINED)])
    assert room.history.counts([asked()]) == [SliCounts(good=1, bad=1)]


def test_the_first_verdict_stays(room: Room) -> None:
    """A verdict is a row like any other: immutable."""
    failure = at(0, outcome=Outcome.DNS)
    room.store.store([failure], [settled(failure, Fault.OURS)])
    room.store.store((), [settled(failure, Fault.NOT_OURS)])
    assert room.history.counts([asked()]) == [SliCounts(invalid=1)]


def test_confirmations_and_manual_attempts_enter_no_sli(room: Room) -> None:
    """Only the attempt that the slot asked for counts."""
    by_hand = at(2, attempt=MANUAL)
    room.store.store([at(0), at(0, attempt=1), at(0, attempt=2), by_hand], ())
    assert room.history.counts([asked()]) == [SliCounts(good=1)]


def test_a_window_holds_its_beginning_and_not_its_end(room: Room) -> None:
    """[since, until), to the nanosecond."""
    room.store.store([at(0), at(1), at(2)], ())
    first, last = at(0).scheduled_ns, at(2).scheduled_ns
    windows = [(first, last), (first + 1, last + 1), (first, first), (last, last + 1)]
    counts = room.history.counts([asked(since_ns=since, until_ns=until) for since, until in windows])
    assert [count.good for count in counts] == [2, 2, 0, 1]


def test_many_questions_are_answered_in_their_order(room: Room) -> None:
    """Other thresholds, classes of throttling, probes, vantages and windows do not touch each other."""
    room.store.store(
        [
            at(0, ttft_s=0.5),
            at(1, ttft_s=1.5),
            at(2, outcome=Outcome.THROTTLED, ttft_s=None, total_s=None),
            at(0, probe="models", ttft_s=None),
            at(0, target="azure", outcome=Outcome.MISMATCH, total_s=3.0),
        ],
        (),
    )
    counts = room.history.counts(
        [
            asked(sli="ttft", threshold_s=0.5),
            asked(sli="ttft", threshold_s=1.5),
            asked(throttled=EventClass.BAD),
            asked(),
            asked(probe="models", sli="total", threshold_s=0.51),
            asked(target="azure", sli="total", threshold_s=2.0),
            asked(target="azure"),
            asked(vantage="nyc-1"),
            asked(target="nobody"),
            asked(sli="ttft", threshold_s=1.5, until_ns=at(1).scheduled_ns),
        ]
    )
    assert counts == [
        SliCounts(good=1, bad=1, excluded=1),
        SliCounts(good=2, excluded=1),
        SliCounts(good=2, bad=1),
        SliCounts(good=2, excluded=1),
        SliCounts(good=1),
        SliCounts(bad=1),
        SliCounts(good=1),
        SliCounts(),
        SliCounts(),
        SliCounts(good=1),
    ]


def test_a_latency_question_without_a_threshold_is_refused(room: Room) -> None:
    """There is nothing to compare with."""
    room.store.store([at(0)], ())
    with pytest.raises(ValueError, match="ttft SLI needs a threshold"):
        room.history.counts([asked(sli="ttft")])


def test_the_latest_come_newest_first_with_their_faults(room: Room) -> None:
    """What a page shows of each probe: whole, detail included; confirmations and other vantages are not in it."""
    failure = at(3, outcome=Outcome.OVERLOADED, error="busy", error_code="overloaded", chunks=())
    room.store.store(
        [at(1), at(2), failure, at(3, attempt=1), at(2, probe="models"), at(4, vantage="nyc-1")],
        [settled(failure, Fault.NOT_OURS)],
    )
    newest = room.history.latest("fra-1")
    assert [(row.result.key, row.fault) for row in newest] == [
        (failure.key, Fault.NOT_OURS),
        (at(2, probe="models").key, None),
    ]
    assert newest[0].result == failure
    two = room.history.latest("fra-1", limit_per_probe=2)
    assert [row.result.scheduled_ns for row in two] == [at(number).scheduled_ns for number in (3, 2, 2)]


def test_a_plan_is_open_until_another_changes_it(room: Room) -> None:
    """valid_to comes from a change of configuration alone."""
    room.store.plan(plan(CHAT, MODELS))
    later_ns = STARTED_NS + HOUR
    room.store.plan(plan(SLOW, MODELS, at_ns=later_ns, name="bbbb", reason="reload"))
    rows = room.history.plans("fra-1", 0, later_ns + 1)
    assert [(row.probe, row.every_ns, row.valid_from_ns, row.valid_to_ns) for row in rows] == [
        ("chat", 30 * SECOND, STARTED_NS, later_ns),
        ("chat", 60 * SECOND, later_ns, None),
        ("models", 60 * SECOND, STARTED_NS, None),
    ]
    assert [row.config_hash for row in rows] == ["aaaa", "bbbb", "aaaa"]
    assert [row.reason for row in rows] == ["start", "reload", "start"]


def test_the_same_plan_again_changes_nothing(room: Room) -> None:
    """A restart, a snapshot and a replay of the whole journal all tell plans that hold already."""
    told = [
        plan(CHAT, MODELS),
        plan(CHAT, MODELS, snapshot=True),
        plan(CHAT, MODELS, at_ns=STARTED_NS + HOUR),
        plan(SLOW, at_ns=STARTED_NS + 2 * HOUR, name="bbbb"),
    ]
    for one in told:
        room.store.plan(one)
    rows = room.history.plans("fra-1", 0, STARTED_NS + 9 * HOUR)
    assert len(rows) == 3
    for one in told:
        room.store.plan(one)
    assert room.history.plans("fra-1", 0, STARTED_NS + 9 * HOUR) == rows


def test_what_leaves_the_plan_is_closed_and_other_vantages_stay(room: Room) -> None:
    """An entry that the new plan does not name ends where that begins; another place has plans of its own."""
    room.store.plan(plan(CHAT, MODELS))
    room.store.plan(plan(CHAT, vantage="nyc-1"))
    room.store.plan(plan(MODELS, at_ns=STARTED_NS + HOUR, name="bbbb"))
    ends = {row.probe: row.valid_to_ns for row in room.history.plans("fra-1", 0, STARTED_NS + 9 * HOUR)}
    assert ends == {"chat": STARTED_NS + HOUR, "models": None}
    (other,) = room.history.plans("nyc-1", 0, STARTED_NS + 9 * HOUR)
    assert other.valid_to_ns is None


def test_only_plans_that_touch_the_window_are_told(room: Room) -> None:
    """[since, until): one that ends where the window begins is not in it."""
    room.store.plan(plan(CHAT))
    room.store.plan(plan(SLOW, at_ns=STARTED_NS + HOUR))
    second = STARTED_NS + HOUR
    assert [row.every_ns for row in room.history.plans("fra-1", second, second + 1)] == [SLOW.every_ns]
    assert [row.every_ns for row in room.history.plans("fra-1", STARTED_NS, second)] == [CHAT.every_ns]
    assert room.history.plans("fra-1", 0, STARTED_NS) == []


def test_a_timeline_holds_all_attempts_whole_with_the_settlement_of_their_slots(room: Room) -> None:
    """What is kept of failures alone is there too: what was said, and the vendor's id of the request."""
    failed = at(1, outcome=Outcome.SERVER_ERROR, http_status=500, error="boom", provider_request_id="req-1")
    confirmation = dataclasses.replace(
        at(1, outcome=Outcome.SERVER_ERROR, provider_request_id="req-2"), attempt=1
    )
    verdict = settled(failed, Fault.NOT_OURS)
    others = [at(0, target="azure"), at(0, vantage="elsewhere"), at(9)]
    room.store.store([at(0), failed, confirmation, *others], [verdict])
    found = room.history.timeline("fra-1", "openai", STARTED_NS, STARTED_NS + 60 * SECOND)
    assert [(one.result.attempt, one.result.outcome, one.result.provider_request_id) for one in found][
        1:
    ] == [
        (0, Outcome.SERVER_ERROR, "req-1"),
        (1, Outcome.SERVER_ERROR, "req-2"),
    ]
    assert [one.settled for one in found] == [None, verdict, None]
    assert found[1].result == failed


def test_a_drill_is_kept_apart_from_all_results(room: Room) -> None:
    """Whatever counts finds nothing of it; told twice it is kept once."""
    order = drill(target="openai")
    steps = [Drilled(drill=order), *drilled(order, 1), *drilled(order, 0)]
    for _ in range(2):
        room.store.drilled(steps)
    within = (START_NS, START_NS + 60 * SECOND)
    found = room.history.drills("here", "openai", *within)
    assert [(one.result.scheduled_ns - START_NS, one.result.attempt) for one in found] == [
        (0, -2),
        (0, -3),
        (30 * SECOND, -2),
        (30 * SECOND, -3),
    ]
    assert [one.settled is not None for one in found] == [True, False, True, False]
    assert found[0].settled == steps[-1].settled
    assert room.history.timeline("here", "openai", *within) == []
    assert room.history.latest("here", 9) == []
    assert room.history.spends("here", *within) == []
    assert room.history.drills("elsewhere", "openai", *within) == []
