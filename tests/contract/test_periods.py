"""What is told of whole periods: SQL and the in-memory twin say the same."""

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from probes.result import MANUAL, Fault, Outcome, ProbeResult
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.readings import Spend, Spread, Stretch, StretchQuestion, Timing
from storage.records import Settled
from storage.results import PostgresStore
from support.results import STARTED_NS, a_result
from support.rooms import Room, make_room

SECOND = 1_000_000_000
EVERY = 30 * SECOND
HOUR = 3600 * SECOND


@pytest.fixture(params=["memory", "postgres", pytest.param("system", marks=pytest.mark.heavy)])
def room(request: pytest.FixtureRequest) -> Room:
    return make_room(request)


def at(slot: int, outcome: Outcome = Outcome.OK, **changes: Any) -> ProbeResult:
    scheduled_ns = STARTED_NS + slot * EVERY
    return a_result(
        **{"scheduled_ns": scheduled_ns, "started_ns": scheduled_ns, "outcome": outcome} | changes
    )


def settled(result: ProbeResult, fault: Fault) -> Settled:
    return Settled(slot=result.key, fault=fault, settled_ns=STARTED_NS)


def asked(**changes: Any) -> StretchQuestion:
    known: dict[str, object] = {"target": "openai", "probe": "chat", "vantage": "fra-1"}
    window: dict[str, Any] = {
        "since_ns": STARTED_NS,
        "until_ns": STARTED_NS + HOUR,
        "hole_ns": EVERY * 3 // 2,
    }
    return StretchQuestion(**known | window | changes)  # type: ignore[arg-type]  # changes of any field


def stretch(first: int, last: int, outcome: Outcome = Outcome.OK, **changes: Any) -> Stretch:
    known: dict[str, object] = {"slots": last - first + 1, "fault": None, "error_code": None}
    return Stretch(
        first_ns=STARTED_NS + first * EVERY,
        last_ns=STARTED_NS + last * EVERY,
        outcome=outcome,
        **known | changes,  # type: ignore[arg-type]  # as above
    )


def test_slots_that_are_alike_make_a_stretch(room: Room) -> None:
    """Outcome, fault and code; confirmations, manual attempts and other places are in none."""
    bad = [at(slot, Outcome.OVERLOADED, error_code="busy") for slot in (3, 4)]
    other = at(5, Outcome.OVERLOADED, error_code="busier")
    unsettled = at(6, Outcome.DNS, error_code=None)
    room.store.store(
        [*map(at, range(3)), *bad, other, unsettled, at(7), at(3, attempt=1), at(3, attempt=MANUAL)],
        [*(settled(one, Fault.NOT_OURS) for one in bad), settled(other, Fault.UNDETERMINED)],
    )
    room.store.store([at(1, vantage="nyc-1"), at(2, target="azure"), at(2, probe="models")], ())
    told = room.history.stretches([asked(), asked(target="azure"), asked(target="nobody")])
    assert told[0] == [
        stretch(0, 2),
        stretch(3, 4, Outcome.OVERLOADED, fault=Fault.NOT_OURS, error_code="busy"),
        stretch(5, 5, Outcome.OVERLOADED, fault=Fault.UNDETERMINED, error_code="busier"),
        stretch(6, 6, Outcome.DNS),
        stretch(7, 7),
    ]
    assert told[1:] == [[stretch(2, 2)], []]


def test_a_stretch_ends_at_a_hole_and_at_the_edges_of_its_question(room: Room) -> None:
    """What was not seen joins nothing, and [since, until) is meant."""
    room.store.store([at(slot) for slot in (0, 1, 3, 4, 5)], ())
    until_ns = STARTED_NS + 5 * EVERY
    (narrow,) = room.history.stretches([asked(until_ns=until_ns)])
    assert narrow == [stretch(0, 1), stretch(3, 4)]
    (wide,) = room.history.stretches([asked(hole_ns=2 * EVERY, until_ns=until_ns)])
    assert wide == [stretch(0, 4, slots=4)]


def test_percentiles_are_of_trusted_samples_and_doubts_are_counted(room: Room) -> None:
    """An answer's total only where there was an answer; one sample may be doubted for two reasons."""
    room.store.store(
        [
            *(at(slot, ttft_s=float(slot), total_s=slot + 1.0) for slot in range(1, 5)),
            at(5, Outcome.STALLED, ttft_s=5.0, total_s=99.0),
            at(6, ttft_s=60.0, quality_reasons=("loop_lag", "coalesced")),
            at(7, ttft_s=60.0, quality_reasons=("loop_lag",)),
            at(1, attempt=1, ttft_s=60.0),
            at(1, probe="models", kind="models", ttft_s=None, total_s=0.25),
            at(1, vantage="nyc-1"),
            at(200),
        ],
        (),
    )
    assert room.history.timings("fra-1", STARTED_NS, STARTED_NS + HOUR) == [
        Timing(
            target="openai",
            probe="chat",
            kind="chat",
            slots=7,
            untrusted=2,
            doubts={"coalesced": 1, "loop_lag": 2},
            ttft=Spread(samples=5, p50_s=3.0, p95_s=4.8, p99_s=4.96),
            total=Spread(samples=4, p50_s=3.5, p95_s=4.85, p99_s=4.97),
        ),
        Timing(
            target="openai",
            probe="models",
            kind="models",
            slots=1,
            untrusted=0,
            doubts={},
            ttft=None,
            total=Spread(samples=1, p50_s=0.25, p95_s=0.25, p99_s=0.25),
        ),
    ]


def test_the_speed_and_the_time_of_500_tokens_are_of_trusted_answers_that_have_one(room: Room) -> None:
    """At 50 tokens a second 500 take 10 s, behind the first of them."""
    room.store.store(
        [
            *(at(slot, ttft_s=0.5, tokens_per_s=speed) for slot, speed in enumerate((25.0, 50.0, 100.0), 1)),
            at(4, ttft_s=0.5, tokens_per_s=500.0, quality_reasons=("loop_lag",)),
            at(5, ttft_s=0.5, tokens_per_s=None),
            at(6, ttft_s=None, tokens_per_s=75.0),
        ],
        (),
    )
    (timing,) = room.history.timings("fra-1", STARTED_NS, STARTED_NS + HOUR)
    assert timing.tokens_per_s == 62.5
    assert timing.per_500 == Spread(samples=3, p50_s=10.5, p95_s=19.5, p99_s=20.3)


def test_every_attempt_is_spent_and_what_has_no_price_is_counted(room: Room) -> None:
    """An unknown price is not nothing."""
    priced: dict[str, Any] = {
        "price_source": "list 2026-11",
        "cost_usd": 0.5,
        "input_tokens": 10,
        "output_tokens": 5,
    }
    room.store.store(
        [
            at(1, **priced),
            at(1, attempt=1, **priced),
            at(2, price_source="list 2026-11", cost_usd=None, input_tokens=3, output_tokens=None),
            at(3, cost_usd=None, input_tokens=None, output_tokens=None),
            at(1, vantage="nyc-1"),
        ],
        (),
    )
    assert room.history.spends("fra-1", STARTED_NS, STARTED_NS + HOUR) == [
        Spend(
            target="openai",
            price_source=None,
            attempts=1,
            input_tokens=0,
            output_tokens=0,
            cost_usd=None,
            unpriced=0,
        ),
        Spend(
            target="openai",
            price_source="list 2026-11",
            attempts=3,
            input_tokens=23,
            output_tokens=10,
            cost_usd=1.0,
            unpriced=1,
        ),
    ]


def test_a_place_that_nobody_knows_has_nothing(room: Room) -> None:
    room.store.store([at(0)], ())
    assert room.history.timings("nowhere", 0, STARTED_NS + HOUR) == []
    assert room.history.spends("nowhere", 0, STARTED_NS + HOUR) == []
    assert room.history.stretches([asked(vantage="nowhere")]) == [[]]
    assert room.history.stretches([]) == []


vantages = (f"spot-{number}" for number in itertools.count())
slots = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from((Outcome.OK, Outcome.OK, Outcome.OVERLOADED, Outcome.DNS, Outcome.THROTTLED)),
        st.none() | st.sampled_from(list(Fault)),
        st.sampled_from((None, "busy")),
    ),
    unique_by=lambda slot: slot[0],
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=slots, hole=st.sampled_from((1, 2, 5)), since=st.integers(0, 30))
def test_sql_finds_the_stretches_that_the_twin_finds(
    database: Engine,
    told: list[tuple[int, Outcome, Fault | None, str | None]],
    hole: int,
    since: int,
) -> None:
    """For any order of outcomes, verdicts, codes and gaps."""
    vantage = next(vantages)
    results = [at(slot, outcome, error_code=code, vantage=vantage) for slot, outcome, _, code in told]
    verdicts = [
        settled(result, fault) for result, (_, _, fault, _) in zip(results, told, strict=True) if fault
    ]
    memory, postgres = MemoryStore(), PostgresStore(database, now_ns=lambda: STARTED_NS)
    assert memory.store(results, verdicts) == postgres.store(results, verdicts)
    question = asked(vantage=vantage, hole_ns=hole * EVERY, since_ns=STARTED_NS + since * EVERY)
    both = [question, dataclasses.replace(question, until_ns=STARTED_NS + 40 * EVERY)]
    assert PostgresHistory(database).stretches(both) == memory.stretches(both)


def test_attempts_of_a_target_come_in_order_with_the_verdict_on_the_scheduled_one(room: Room) -> None:
    """Confirmations stand behind their slot; other targets, and what was due outside the period, are in none."""
    failed = at(3, Outcome.OVERLOADED)
    confirmed = [
        at(3, Outcome.OVERLOADED, attempt=attempt, started_ns=STARTED_NS + HOUR) for attempt in (2, 1)
    ]
    others = [at(3, target="azure"), at(4), at(200)]
    room.store.store([at(5), *confirmed, failed, *others], [settled(failed, Fault.NOT_OURS)])
    found = room.history.attempts("openai", STARTED_NS, STARTED_NS + HOUR)
    assert [((row.result.scheduled_ns - STARTED_NS) // EVERY, row.result.attempt) for row in found] == [
        *((3, 0), (3, 1), (3, 2), (4, 0), (5, 0))
    ]
    assert [row.fault for row in found] == [Fault.NOT_OURS, None, None, None, None]
