"""Counters of slices say exactly what SQL says of the stored rows."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from agent.config.model import Config
from agent.slo.objective import Objective
from agent.slo.pools import Slo
from agent.slo.slices import Slices
from agent.telling import tally
from agent.telling.counting import MetricsFollower
from agent.telling.due import plans_by_pair
from agent.telling.standings import Standings
from agent.telling.storing import tell_all
from agent.telling.tally import Asked
from exporters import conventions
from exporters.board import Board
from exporters.metrics import Metrics
from probes.result import EventClass, Fault, Outcome
from storage.base import Batch, History, Store
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.records import Settled
from storage.results import PostgresStore
from support.told import EVERY_NS, SECOND_NS, START_NS, beat, configuration, plan, record, result

SLOTS = 40
BEGIN_S = 75.0
"""The first plan begins amid a slice."""

END_S = SLOTS * EVERY_NS / SECOND_NS + 600.0
GRACE_NS = 40 * SECOND_NS
TARGETS = ("openai", "azure")
PAIRS = tuple((target, "chat") for target in TARGETS)


def objectives() -> Iterator[Objective]:
    """Yield some that count slices: of a minute or five, strict or lenient, of each target or of both together."""
    plain, quick = configuration(*TARGETS).objectives
    kinds = itertools.product((plain, quick), ((60.0, 0.5), (300.0, 0.95)), (None, ()))
    for place, (objective, rule, per) in enumerate(kinds):
        throttled = EventClass.BAD if place % 3 == 0 else None
        yield dataclasses.replace(
            objective, name=f"kind-{place}", slices=Slices(*rule), per=per, throttled=throttled
        )


slots = st.lists(
    st.tuples(
        st.none() | st.sampled_from([*Outcome, *[Outcome.OK] * 8, *[Outcome.OVERLOADED] * 4]),
        st.none() | st.sampled_from(list(Fault)),
        st.sampled_from((0.3, 2.0, 5.0, None)),
        st.sampled_from(((), (), ("loop_lag",))),
    ),
    min_size=2 * SLOTS,
    max_size=2 * SLOTS,
)
"""Of each slot of both targets: how it ended (None: not asked), its fault (None: never settled), and how it was timed."""

vantages = (f"place-{number}" for number in itertools.count())


def journal(vantage: str, config: Config, told: Sequence[Any], away: tuple[int, int]) -> list[Any]:
    """Return what the asker says, in its order; it beats every 10 s but while it is away (from slot to slot)."""
    since_ns = START_NS + round(BEGIN_S * SECOND_NS)
    said: list[tuple[int, int, Any]] = []
    for place, (outcome, fault, ttft_s, quality) in enumerate(told):
        slot, target = place // 2, TARGETS[place % 2]
        one = result(
            slot,
            Outcome.OK if outcome is None else outcome,
            vantage=vantage,
            target=target,
            ttft_s=ttft_s,
            quality_reasons=quality,
        )
        if outcome is None or one.scheduled_ns < since_ns or away[0] <= slot < away[1]:
            continue
        said.append((one.scheduled_ns + SECOND_NS, 1, one))
        if fault is not None and one.meaning.confirm:
            settled_ns = one.scheduled_ns + 15 * SECOND_NS
            said.append((settled_ns, 2, Settled(slot=one.key, fault=fault, settled_ns=settled_ns)))
    for step in range(8, int(END_S / 10)):
        slot = int(step * 10 * SECOND_NS // EVERY_NS)
        if not away[0] <= slot < away[1]:
            boot = "a" if slot < away[0] else "b"
            said.append((START_NS + step * 10 * SECOND_NS, 3, beat(step * 10.0, boot, vantage=vantage)))
    first = plan(TARGETS, config_hash=config.hash, vantage=vantage, valid_from_ns=since_ns, grace_ns=GRACE_NS)
    return [first, *(message for _, _, message in sorted(said, key=lambda one: one[:2]))]


def counted(config: Config, messages: Sequence[Any], cuts: Sequence[int], file: Path) -> dict[Any, int]:
    """Return (SLO, result) -> slices on /metrics, of a teller that was started anew at some records."""
    file.unlink(missing_ok=True)
    metrics = Metrics("test")
    edges = [0, *sorted(cuts), len(messages)]
    for since, until in itertools.pairwise(edges):
        metrics = Metrics("test")
        follower = MetricsFollower(
            metrics,
            Board("test"),
            Standings(),
            file,
            configured={config.hash: config}.get,
            switch=lambda _: None,
            beaten=lambda _: None,
            mono_ns=lambda: 0,
        )
        follower.begin(config)
        follower.fold(Batch(tuple(record(seq, messages[seq - 1]) for seq in range(since + 1, until + 1))))
        follower.keep(until, last=True)
    rows = metrics._series.values[conventions.SLO_SLICES.name]
    return {(labels[0], labels[-1]): int(count) for labels, count in rows.items()}


def stored(config: Config, history: History) -> dict[Any, int]:
    """Return the same of the stored rows, over the time that is settled."""
    since_ns, until_ns = START_NS, START_NS + round((END_S - 10) * SECOND_NS) - GRACE_NS
    plans = plans_by_pair(history.plans(config.vantage, since_ns, until_ns))
    slos = config.slos()
    asked = [Asked(slo=slo, spans=((since_ns, _over_ns(slo, until_ns)),)) for slo in slos]
    found = {}
    for one, tallied in zip(asked, tally.counts(history, config.vantage, asked), strict=True):
        (counts,), (span,) = tallied.whole, one.spans
        due_ns = dict.fromkeys(PAIRS, span[1])
        due = tally.expected(one.slo, plans, span, due_ns, {}, counts)
        for kind, slices in (("good", counts.good), ("bad", counts.bad), ("unknown", due - counts.valid)):
            found[one.slo.key.id, kind] = slices
    return found


def _over_ns(slo: Slo, until_ns: int) -> int:
    assert slo.objective.slices is not None
    return until_ns - until_ns % slo.objective.slices.length_ns


# One database serves all examples, each from a vantage of its own: emptying it takes longer than the rest.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=slots,
    away=st.tuples(st.integers(4, SLOTS), st.integers(4, SLOTS)),
    cuts=st.lists(st.integers(0, 150), max_size=3),
)
def test_counters_of_slices_say_what_sql_says(
    database: Engine, tmp_path: Path, told: list[Any], away: tuple[int, int], cuts: list[int]
) -> None:
    """For any outcomes, faults and gaps, single and pooled, over kills of the asker and restarts of the teller."""
    config = configuration(*TARGETS, objectives=tuple(objectives()), vantage=next(vantages))
    messages = journal(config.vantage, config, told, away)
    memory = MemoryStore()
    rooms: tuple[Store, ...] = (PostgresStore(database, now_ns=lambda: START_NS), memory)
    for room in rooms:
        tell_all((record(seq, message) for seq, message in enumerate(messages, 1)), room)
    found = counted(config, messages, [min(cut, len(messages)) for cut in cuts], tmp_path / "snapshot")
    assert found == stored(config, PostgresHistory(database))
    assert found == stored(config, memory)
    assert sum(found.values()) > 0
