"""SQL counts exactly what the rule in Python counts."""

import dataclasses
import functools
import itertools
import math
from typing import Any, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from probes.events import Sli
from probes.result import DEADLINES, EventClass, Fault, Outcome, ProbeResult
from storage.amendments import PostgresAmendments
from storage.base import Amendments
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.readings import CorrectionRow, SliCounts, SliQuestion
from storage.records import Settled
from storage.results import PostgresStore
from support.results import STARTED_NS, a_result

SECOND = 1_000_000_000
THRESHOLDS_S = (0.001, 0.25, 1.5, 8.0)
SPEEDS = (0.1, 30.0, 100 / 3)
REGIONS = ("East US 2", "eastus2", "us", "global")
LATENCIES = ("ttft", "ttfo", "itl", "total")

# Durations crowd around the thresholds, nanosecond by nanosecond, where rounding would show.
durations = st.none() | st.builds(
    lambda threshold_s, off_ns: max(0, round(threshold_s * 1e9) + off_ns) / 1e9,
    st.sampled_from(THRESHOLDS_S),
    st.integers(-2000, 2000),
)

speeds = st.none() | st.builds(
    lambda speed, steps: functools.reduce(math.nextafter, [math.inf] * steps, speed * (1 - 2e-16)),
    st.sampled_from(SPEEDS),
    st.integers(0, 3),
)

backends = st.dictionaries(
    st.sampled_from(("region", "inference_geo", "deployment")), st.sampled_from(REGIONS), max_size=3
)


@st.composite
def slots(draw: st.DrawFn) -> list[tuple[ProbeResult, Settled | None]]:
    """Return attempts of up to forty slots, settled or not, of two targets and two probes."""
    found = []
    for number in range(draw(st.integers(1, 40))):
        result = a_result(
            scheduled_ns=STARTED_NS + number * SECOND,
            target=draw(st.sampled_from(("openai", "azure"))),
            probe=draw(st.sampled_from(("chat", "models"))),
            attempt=draw(st.sampled_from((0, 0, 0, 1))),
            outcome=draw(st.sampled_from(list(Outcome)) | st.sampled_from(sorted(DEADLINES))),
            **{f"{name}_s": draw(durations) for name in LATENCIES},
            tokens_per_s=draw(speeds),
            checked=draw(st.none() | st.booleans()),
            backend=draw(backends),
            quality_reasons=draw(st.sampled_from(((), (), ("loop_lag",), ("clock_step", "coalesced")))),
        )
        fault = draw(st.none() | st.sampled_from(list(Fault)))
        verdict = None if fault is None else Settled(slot=result.key, fault=fault, settled_ns=STARTED_NS)
        found.append((result, verdict))
    return found


edges = st.integers(0, 45).map(lambda number: STARTED_NS + number * SECOND)
questions = st.builds(
    lambda window, rule, **known: SliQuestion(
        vantage="fra-1", since_ns=min(window), until_ns=max(window), **rule, **known
    ),
    st.tuples(edges, edges),
    st.one_of(
        st.just({"sli": "availability"}),
        st.fixed_dictionaries(
            {"sli": st.sampled_from(LATENCIES), "threshold_s": st.sampled_from(THRESHOLDS_S)}
        ),
        st.just({"sli": "correctness"}),
        st.fixed_dictionaries(
            {
                "sli": st.just("residency"),
                "served_in": st.lists(st.sampled_from(REGIONS), min_size=1, max_size=2).map(tuple),
            }
        ),
        st.fixed_dictionaries(
            {"sli": st.just("throughput"), "at_least_per_s": st.sampled_from(SPEEDS)},
        ),
    ),
    target=st.sampled_from(("openai", "azure", "nobody")),
    probe=st.sampled_from(("chat", "models")),
    throttled=st.sampled_from((EventClass.EXCLUDED, EventClass.BAD)),
)


said = st.lists(
    st.tuples(
        edges,
        edges,
        st.sampled_from(("openai", "azure")),
        st.sampled_from((None, "chat", "models")),
        st.sampled_from(list(EventClass)),
    ),
    max_size=6,
)
"""Corrections: from, to, whose, of which probe, as what."""


def amended(word: tuple[int, int, str, str | None, EventClass], vantage: str, *rooms: Amendments) -> None:
    """Keep a correction in each room, for this example's vantage alone; those that overlap are refused alike."""
    first, second, target, probe, kind = word
    row = CorrectionRow(
        target=target,
        probe=probe,
        vantage=vantage,
        since_ns=min(first, second),
        until_ns=max(first, second),
        kind=kind,
        author="ada",
        reason="a trial",
        made_ns=STARTED_NS,
    )
    kept = {len(room.correct(row)) for room in rooms}
    assert len(kept) == 1


vantages = (f"place-{number}" for number in itertools.count())


# One database serves all examples, each from a vantage of its own: emptying it takes longer than the rest.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=slots(), asked=st.lists(questions, min_size=1, max_size=12), words=said)
def test_sql_counts_what_the_rule_says(
    database: Engine,
    told: list[tuple[ProbeResult, Settled | None]],
    asked: list[SliQuestion],
    words: list[tuple[int, int, str, str | None, EventClass]],
) -> None:
    """For any outcomes, faults, latencies, qualities and corrections, and however many questions are asked at once."""
    vantage = next(vantages)
    memory = MemoryStore()
    postgres = PostgresStore(database, now_ns=lambda: STARTED_NS)
    results = [dataclasses.replace(result, vantage=vantage) for result, _ in told]
    verdicts = [
        dataclasses.replace(verdict, slot=dataclasses.replace(verdict.slot, vantage=vantage))
        for _, verdict in told
        if verdict
    ]
    assert memory.store(results, verdicts) == postgres.store(results, verdicts)
    for word in words:
        amended(word, vantage, memory.amendments, PostgresAmendments(database))
    here = [dataclasses.replace(question, vantage=vantage) for question in asked]
    history = PostgresHistory(database)
    assert history.counts(here) == memory.counts(here)
    for slice_ns in (3 * SECOND, 7 * SECOND):
        cut = [
            dataclasses.replace(
                one,
                since_ns=one.since_ns // slice_ns * slice_ns,
                until_ns=-(-one.until_ns // slice_ns) * slice_ns,
            )
            for one in here
        ]
        sliced = history.slices(cut, slice_ns)
        assert sliced == memory.slices(cut, slice_ns)
        assert [sum(slices, SliCounts()) for slices in sliced] == memory.counts(cut)


def test_the_whole_table_is_counted_alike(database: Engine) -> None:
    """Every outcome with every fault and every combination of figures, which no random search may miss."""
    results: list[ProbeResult] = []
    verdicts: list[Settled] = []
    figures: list[dict[str, Any]] = [
        {
            "ttft_s": ttft_s,
            "total_s": total_s,
            "ttfo_s": ttft_s,
            "itl_s": total_s,
            "quality_reasons": reasons,
            "tokens_per_s": speed,
            "checked": checked,
            "backend": {} if place is None else {"region": place},
        }
        # Not every combination of these three, for they are of different SLIs.
        for speed, checked, place in (
            (None, None, None),
            (30.0, True, "East US 2"),
            (math.nextafter(30.0, 0.0), False, "Central US"),
        )
        for ttft_s in (None, 1.5, 1.500000001)
        for total_s in (None, 1.5, 1.500000001)
        for reasons in ((), ("loop_lag",))
    ]
    for outcome in Outcome:
        for fault in (None, *Fault):
            for shown in figures:
                slot_ns = STARTED_NS + len(results) * SECOND
                results.append(a_result(scheduled_ns=slot_ns, outcome=outcome, **shown))
                if fault:
                    verdicts.append(Settled(slot=results[-1].key, fault=fault, settled_ns=slot_ns))
    memory = MemoryStore()
    postgres = PostgresStore(database, now_ns=lambda: STARTED_NS)
    assert memory.store(results, verdicts) == postgres.store(results, verdicts)
    asked = [
        SliQuestion(
            target="openai",
            probe="chat",
            vantage="fra-1",
            sli=sli,
            since_ns=STARTED_NS + first * SECOND,
            until_ns=STARTED_NS + (first + len(figures)) * SECOND,
            threshold_s=1.5,
            at_least_per_s=30.0,
            served_in=("eastus2",),
            throttled=throttled,
        )
        for first in range(0, len(results), len(figures))
        for sli in get_args(Sli)
        for throttled in (EventClass.EXCLUDED, EventClass.BAD)
    ]
    assert PostgresHistory(database).counts(asked) == memory.counts(asked)
