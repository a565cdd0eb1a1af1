"""The named questions to Postgres, answered from raw rows against the thresholds that are asked about."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, text

from probes.result import SCHEDULED, Fault, Outcome
from storage import periods, plans, revisions, rows
from storage.base import StoreUnavailableError
from storage.counting import Facts, Pair, Plan, Tally, pair_of, planned
from storage.dictionaries import Dictionaries
from storage.engine import edge
from storage.periods import Ids
from storage.readings import (
    PlanRow,
    RevisionRow,
    SliCounts,
    SliQuestion,
    SlotRow,
    Spend,
    Stretch,
    StretchQuestion,
    Timing,
)

Item = TypeVar("Item")
PAIRS_AT_ONCE = 20
"""Pairs that one statement counts: 3.2 million rows in 28 days at 15 s, seconds under the statement timeout."""

TARGETS_AT_ONCE = 20
"""Targets of which one statement takes percentiles: sorting a week at 15 s, 800,000 rows."""


class PostgresHistory:
    """Reads what `PostgresStore` keeps. For one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dictionaries = Dictionaries(engine)

    def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]:
        """Answer in the order of the questions.

        However many objectives and windows ask about a pair, its rows are read once: the database counts those
        that are alike in all that anybody asks about, and the rule classes each kind of row, not each row.
        """
        tallies = self._tallies(planned(questions))
        return [
            tallies[pair_of(question)].answer(question) if pair_of(question) in tallies else SliCounts()
            for question in questions
        ]

    def slices(self, questions: Sequence[SliQuestion], slice_ns: int) -> list[list[SliCounts]]:
        """Answer in the order of the questions; what a pair's rows are read for is counted by slice."""
        tallies = self._tallies(planned(questions, slice_ns))
        return [
            tallies[pair_of(question)].slices(question)
            if pair_of(question) in tallies
            else [SliCounts()] * ((question.until_ns - question.since_ns) // slice_ns)
            for question in questions
        ]

    def _tallies(self, asked: Mapping[Plan, Sequence[Pair]]) -> dict[Pair, Tally]:
        tallies: dict[Pair, Tally] = {}
        with self._edge("Counting events"):
            for plan, pairs in asked.items():
                known = self._known(pairs)
                for chunk in batched(known.items(), PAIRS_AT_ONCE):
                    with self._engine.connect() as connection:
                        tally = Tally(plan, _facts(connection, plan, dict(chunk)))
                    tallies |= {pair: tally for _, pair in chunk}
        return tallies

    def plans(self, vantage: str, since_ns: int, until_ns: int) -> list[PlanRow]:
        with edge(self._engine, "Reading plans"), self._engine.connect() as connection:
            return plans.read(connection, vantage, since_ns, until_ns)

    def revisions(self, vantage: str, since_ns: int, until_ns: int) -> list[RevisionRow]:
        with edge(self._engine, "Reading objectives"), self._engine.connect() as connection:
            return revisions.read(connection, vantage, since_ns, until_ns)

    def latest(self, vantage: str, limit_per_probe: int = 1) -> list[SlotRow]:
        """Return the newest scheduled attempts of each (target, probe) whole, newest first.

        They come from the ring: of a probe that others crowd out of it, the last 20 at most.
        """
        with edge(self._engine, "Reading the latest results"), self._engine.connect() as connection:
            found = connection.execute(text(_LATEST), {"vantage": vantage, "limit": limit_per_probe})
            return [
                SlotRow(result=rows.whole(row, detail), fault=Fault(fault) if fault else None)
                for row, detail, fault in found
            ]

    def attempts(self, target: str, since_ns: int, until_ns: int) -> list[SlotRow]:
        """Return all attempts at a target with scheduled_at in [since, until), oldest first, without their detail."""
        with edge(self._engine, "Reading results"), self._engine.connect() as connection:
            found = connection.execute(
                text(_ATTEMPTS),
                {"target": target, "since": rows.instant_up(since_ns), "until": rows.instant_up(until_ns)},
            )
            return [
                SlotRow(result=rows.restored(row), fault=Fault(row["fault"]) if row["fault"] else None)
                for row in found.mappings()
            ]

    def stretches(self, questions: Sequence[StretchQuestion]) -> list[list[Stretch]]:
        """Answer in the order of the questions; those over one period share statements."""
        periods_asked: dict[tuple[int, int], dict[Pair, int]] = {}
        for question in questions:
            asked = periods_asked.setdefault((question.since_ns, question.until_ns), {})
            asked[question.target, question.probe, question.vantage] = question.hole_ns
        told: dict[tuple[Pair, int, int], list[Stretch]] = {}
        with self._edge("Reading stretches"):
            for (since_ns, until_ns), asked in periods_asked.items():
                for chunk in batched(self._known(list(asked)).items(), PAIRS_AT_ONCE):
                    holes_ns = {ids: asked[pair] for ids, pair in chunk}
                    with self._engine.connect() as connection:
                        found = periods.stretches(connection, since_ns, until_ns, holes_ns)
                    told |= {(pair, since_ns, until_ns): found.get(ids, []) for ids, pair in chunk}
        return [
            told.get(((one.target, one.probe, one.vantage), one.since_ns, one.until_ns), [])
            for one in questions
        ]

    def timings(self, vantage: str, since_ns: int, until_ns: int) -> list[Timing]:
        with self._edge("Reading latencies"):
            found = self._by_targets(periods.timings, vantage, since_ns, until_ns)
        return sorted(found, key=lambda timing: (timing.target, timing.probe, timing.kind))

    def spends(self, vantage: str, since_ns: int, until_ns: int) -> list[Spend]:
        with self._edge("Reading spend"):
            found = self._by_targets(periods.spends, vantage, since_ns, until_ns)
        return sorted(found, key=lambda spend: (spend.target, spend.price_source or ""))

    def _by_targets(
        self,
        read: Callable[[Connection, Mapping[str, Any]], Iterable[Item]],
        vantage: str,
        since_ns: int,
        until_ns: int,
    ) -> list[Item]:
        """Read of all targets that there ever were, some at a time."""
        vantage_id = self._dictionaries.known("vantages", [vantage]).get(vantage)
        within = {
            "vantage": vantage_id,
            "since": rows.instant_up(since_ns),
            "until": rows.instant_up(until_ns),
        }
        found: list[Item] = []
        with self._engine.connect() as connection:
            ids = connection.execute(text("SELECT id FROM targets ORDER BY id")).scalars().all()
            for chunk in batched(ids if vantage_id is not None else (), TARGETS_AT_ONCE):
                found += read(connection, within | {"targets": list(chunk)})
        return found

    @contextlib.contextmanager
    def _edge(self, doing: str) -> Iterator[None]:
        try:
            with edge(self._engine, doing):
                yield
        except StoreUnavailableError:
            self._dictionaries.forget()
            raise

    def _known(self, pairs: Sequence[Pair]) -> dict[Ids, Pair]:
        """Return ids -> pair, for those that the store has ever heard of."""
        dictionaries = ("targets", "probes", "vantages")
        columns = zip(dictionaries, zip(*pairs, strict=True), strict=True)
        targets, probes, vantages = (self._dictionaries.known(name, texts) for name, texts in columns)
        return {
            (targets[target], probes[probe], vantages[vantage]): (target, probe, vantage)
            for target, probe, vantage in pairs
            if target in targets and probe in probes and vantage in vantages
        }


def batched(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Yield the items so many at a time (itertools has it from Python 3.12 on)."""
    rest = iter(items)
    while chunk := tuple(itertools.islice(rest, size)):
        yield chunk


def _facts(connection: Connection, plan: Plan, pairs: Mapping[Ids, Pair]) -> Iterator[Facts]:
    targets, probes, vantages = (list(set(column)) for column in zip(*pairs, strict=True))
    instants = [rows.instant_up(at) for at in plan.edges]
    found = connection.execute(
        text(_FACTS),
        {
            "edges": instants,
            "since": instants[0],
            "until": instants[-1],
            # A duration is over a threshold from the next microsecond on.
            "ttft": [threshold + 1 for threshold in plan.ttft_us],
            "total": [threshold + 1 for threshold in plan.total_us],
            "speeds": list(plan.per_s),
            "targets": targets,
            "probes": probes,
            "vantages": vantages,
        },
    )
    for target, probe, vantage, segment, outcome, fault, trusted, ttft, total, speed, count in found:
        pair = pairs.get((target, probe, vantage))  # the product of the three lists holds more than was asked
        if pair is not None:
            known = Fault(fault) if fault else None
            yield Facts(pair, segment, Outcome(outcome), known, trusted, ttft, total, speed, count)


def _counted(source: str, fault: str, among: str) -> str:
    return f"""
        SELECT r.target_id, r.probe_id, r.vantage_id,
            width_bucket(r.scheduled_at, CAST(:edges AS timestamptz[])), r.outcome, {fault} AS fault,
            r.quality_reasons IS NULL, width_bucket(r.ttft_us, CAST(:ttft AS int[])),
            width_bucket(r.total_us, CAST(:total AS int[])),
            width_bucket(r.tokens_per_s, CAST(:speeds AS double precision[])), count(*)
        FROM {source}
        WHERE r.scheduled_at >= :since AND r.scheduled_at < :until AND r.attempt = {SCHEDULED}
            AND r.target_id = ANY (CAST(:targets AS int[])) AND r.probe_id = ANY (CAST(:probes AS smallint[]))
            AND r.vantage_id = ANY (CAST(:vantages AS smallint[])) AND r.outcome {among}
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
    """  # noqa: S608 - numbers and names of our own


_SAME_SLOT = (
    "v.target_id = r.target_id AND v.scheduled_at = r.scheduled_at"
    " AND v.probe_id = r.probe_id AND v.vantage_id = r.vantage_id"
)

# One pass over the many that need no verdict, and a look-up from each verdict to the row it is about: what has
# none yet counts as nothing. Joining verdicts to all rows took four times as long (13 s for 3.2 million rows).
_FACTS = " UNION ALL ".join(
    (
        _counted("results r", "NULL", f"NOT IN ({periods.CONFIRM})"),
        _counted(
            f"verdicts v JOIN results r ON {_SAME_SLOT} AND v.scheduled_at >= :since AND v.scheduled_at < :until",
            "v.fault",
            f"IN ({periods.CONFIRM})",
        ),
    )
)

_LATEST = f"""
    SELECT r.row, r.detail, v.fault FROM (
        SELECT recent.*, row_number() OVER (
            PARTITION BY target_id, probe_id ORDER BY scheduled_at DESC
        ) AS place
        FROM recent JOIN vantages ON vantages.id = vantage_id
        WHERE vantages.name = :vantage AND attempt = {SCHEDULED}
    ) r
    LEFT JOIN verdicts v ON {_SAME_SLOT}
    WHERE place <= :limit
    ORDER BY r.scheduled_at DESC, r.target_id, r.probe_id
"""  # noqa: S608 - numbers and names of our own

_ATTEMPTS = f"""
    SELECT r.*, {", ".join(f"revisions.{name}" for name in rows.REVISION)}, targets.name AS target, probes.name AS probe, vantages.name AS vantage,
        models.name AS response_model, peers.name AS peer, error_codes.name AS error_code,
        backends.name AS backend, fingerprints.name AS fingerprint,
        CASE WHEN r.attempt = {SCHEDULED} THEN v.fault END AS fault
    FROM results r
    JOIN targets ON targets.id = r.target_id
    JOIN probes ON probes.id = r.probe_id
    JOIN vantages ON vantages.id = r.vantage_id
    JOIN revisions ON revisions.id = r.revision_id
    LEFT JOIN models ON models.id = r.response_model_id
    LEFT JOIN peers ON peers.id = r.peer_id
    LEFT JOIN error_codes ON error_codes.id = r.error_code_id
    LEFT JOIN backends ON backends.id = r.backend_id
    LEFT JOIN fingerprints ON fingerprints.id = r.fingerprint_id
    LEFT JOIN verdicts v ON {_SAME_SLOT}
    WHERE targets.name = :target AND r.scheduled_at >= :since AND r.scheduled_at < :until
    ORDER BY r.scheduled_at, probe, vantage, r.attempt
"""  # noqa: S608 - numbers and names of our own
