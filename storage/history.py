"""The named questions to Postgres, answered from counted hours and raw rows against the thresholds asked about."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, text

from probes.result import SCHEDULED, Fault
from storage import amendments, drilled, facts, periods, plans, revisions, rows, timeline
from storage.counting import Facts, Pair, Plan, Tally, pair_of, planned
from storage.dictionaries import Dictionaries
from storage.engine import edge
from storage.overrides import Piece, pieces
from storage.periods import PAIRS_AT_ONCE, Ids
from storage.readings import (
    Attempt,
    CorrectionRow,
    MaintenanceRow,
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
from storage.rolled import Rolled
from storage.sliced import Reader, Sliced, listed

Item = TypeVar("Item")
TARGETS_AT_ONCE = 20
"""Targets of which one statement takes percentiles: sorting a week at 15 s, 800,000 rows."""


class PostgresHistory:
    """Reads what `PostgresStore` keeps. For one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dictionaries = Dictionaries(engine)
        self._rolled = Rolled()

    def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]:
        """Answer in the order of the questions, exactly: from counted hours where there are any, the rest from rows.

        However many objectives and windows ask about a pair, its rows are read once: the database counts those
        that are alike in all that anybody asks about, and the rule classes each kind of row, not each row.
        """
        if not questions:
            return []
        with self._dictionaries.edge("Counting events"), self._engine.connect() as connection:
            # One snapshot: what a mark says of an hour, the hour's counts and the rows belong together.
            connection.execution_options(isolation_level="REPEATABLE READ")
            ids = known(self._dictionaries, list({pair_of(question) for question in questions}))
            counts = self._seen(connection, ids, questions)
            differences = _differences(connection, ids, questions)
        return [one + more for one, more in zip(counts, differences, strict=True)] if differences else counts

    def _seen(
        self, connection: Connection, ids: Mapping[Ids, Pair], questions: Sequence[SliQuestion]
    ) -> list[SliCounts]:
        """Return what rows say by themselves."""
        sums, rest = self._rolled.counts(connection, ids, questions)
        for parts in rest:
            answers = _from_rows(connection, ids, [part for _, part in parts], facts.facts)
            for (places, _), counts in zip(parts, answers, strict=True):
                by_class = counts.good, counts.bad, counts.excluded, counts.invalid
                for place in places:
                    sums[place] = [one + more for one, more in zip(sums[place], by_class, strict=True)]
        return [SliCounts(*figures) for figures in sums]

    def maintenances(self, since_ns: int, until_ns: int) -> list[MaintenanceRow]:
        with edge(self._engine, "Reading maintenance"), self._engine.connect() as connection:
            return amendments.maintenances(connection, since_ns, until_ns)

    def corrections(self, since_ns: int, until_ns: int) -> list[CorrectionRow]:
        with edge(self._engine, "Reading corrections"), self._engine.connect() as connection:
            return amendments.corrections(connection, since_ns, until_ns)

    def slices(self, questions: Sequence[SliQuestion], slice_ns: int) -> list[list[SliCounts]]:
        """Answer in the order of the questions, each by slices, which begin at multiples of their length."""
        if not questions:
            return []
        with self._dictionaries.edge("Counting slices"), self._engine.connect() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ")
            ids = known(self._dictionaries, list({pair_of(question) for question in questions}))
            sliced = Sliced(connection, ids, slice_ns)
            found = sliced.seen(self._rolled, questions, facts.facts)
            if said := _said(connection, questions):
                sliced.change(found, questions, said, functools.partial(facts.overridden, said=said))
        return [listed(one, question, slice_ns) for one, question in zip(found, questions, strict=True)]

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

    def timeline(self, vantage: str, target: str, since_ns: int, until_ns: int) -> list[Attempt]:
        seen = [one for one in self.attempts(target, since_ns, until_ns) if one.result.vantage == vantage]
        with edge(self._engine, "Reading a timeline"), self._engine.connect() as connection:
            return timeline.read(connection, seen, target, since_ns, until_ns)

    def drills(self, vantage: str, target: str, since_ns: int, until_ns: int) -> list[Attempt]:
        with edge(self._engine, "Reading drills"), self._engine.connect() as connection:
            return drilled.read(connection, vantage, target, since_ns, until_ns)

    def stretches(self, questions: Sequence[StretchQuestion]) -> list[list[Stretch]]:
        """Answer in the order of the questions; those over one period share statements."""
        periods_asked: dict[tuple[int, int], dict[Pair, int]] = {}
        for question in questions:
            asked = periods_asked.setdefault((question.since_ns, question.until_ns), {})
            asked[question.target, question.probe, question.vantage] = question.hole_ns
        told: dict[tuple[Pair, int, int], list[Stretch]] = {}
        with self._dictionaries.edge("Reading stretches"):
            for (since_ns, until_ns), asked in periods_asked.items():
                for chunk in batched(known(self._dictionaries, list(asked)).items(), PAIRS_AT_ONCE):
                    holes_ns = {ids: asked[pair] for ids, pair in chunk}
                    with self._engine.connect() as connection:
                        found = periods.stretches(connection, since_ns, until_ns, holes_ns)
                    told |= {(pair, since_ns, until_ns): found.get(ids, []) for ids, pair in chunk}
        return [
            told.get(((one.target, one.probe, one.vantage), one.since_ns, one.until_ns), [])
            for one in questions
        ]

    def timings(self, vantage: str, since_ns: int, until_ns: int) -> list[Timing]:
        with self._dictionaries.edge("Reading latencies"):
            found = self._by_targets(periods.timings, vantage, since_ns, until_ns)
        return sorted(found, key=lambda timing: (timing.target, timing.probe, timing.kind))

    def spends(self, vantage: str, since_ns: int, until_ns: int) -> list[Spend]:
        with self._dictionaries.edge("Reading spend"):
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


def known(dictionaries: Dictionaries, pairs: Sequence[Pair]) -> dict[Ids, Pair]:
    """Return ids -> pair, for those that the store has ever heard of."""
    if not pairs:
        return {}
    columns = zip(("targets", "probes", "vantages"), zip(*pairs, strict=True), strict=True)
    targets, probes, vantages = (dictionaries.known(name, texts) for name, texts in columns)
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


def _from_rows(
    connection: Connection, pairs_of: Mapping[Ids, Pair], questions: Sequence[SliQuestion], read: Reader
) -> Iterator[SliCounts]:
    """Yield the counts in the order of the questions, from rows alone."""
    ids = {pair: found for found, pair in pairs_of.items()}
    tallies: dict[Pair, Tally] = {}
    for plan, pairs in planned(questions).items():
        for chunk in batched([pair for pair in pairs if pair in ids], PAIRS_AT_ONCE):
            tally = Tally(plan, read(connection, plan, {ids[pair]: pair for pair in chunk}))
            tallies |= dict.fromkeys(chunk, tally)
    for question in questions:
        told = tallies.get(pair_of(question))
        yield told.answer(question) if told else SliCounts()


def _differences(
    connection: Connection, ids: Mapping[Ids, Pair], questions: Sequence[SliQuestion]
) -> list[SliCounts]:
    """Return what maintenance and corrections change, from the rows of their time alone; empty where nothing."""
    said = _said(connection, questions)
    if not said:
        return []

    def read(connection: Connection, plan: Plan, pairs: Mapping[Ids, Pair]) -> Iterator[Facts]:
        return facts.overridden(connection, plan, pairs, said)

    told = [question for question in questions if pair_of(question) in said]
    answers = _from_rows(connection, ids, told, read)
    return [next(answers) if pair_of(question) in said else SliCounts() for question in questions]


def _said(connection: Connection, questions: Sequence[SliQuestion]) -> dict[Pair, list[Piece]]:
    """Return what maintenance and corrections say of the time that is asked about, of those of whom they say something."""
    since_ns = min(question.since_ns for question in questions)
    until_ns = max(question.until_ns for question in questions)
    works = amendments.maintenances(connection, since_ns, until_ns)
    words = amendments.corrections(connection, since_ns, until_ns)
    if not works and not words:
        return {}
    return {
        pair: found
        for pair in {pair_of(question) for question in questions}
        if (found := pieces(pair, works, words, since_ns, until_ns))
    }


_LATEST = f"""
    SELECT r.row, r.detail, v.fault FROM (
        SELECT recent.*, row_number() OVER (
            PARTITION BY target_id, probe_id ORDER BY scheduled_at DESC
        ) AS place
        FROM recent JOIN vantages ON vantages.id = vantage_id
        WHERE vantages.name = :vantage AND attempt = {SCHEDULED}
    ) r
    LEFT JOIN verdicts v ON {facts.SAME_SLOT}
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
    LEFT JOIN verdicts v ON {facts.SAME_SLOT}
    WHERE targets.name = :target AND r.scheduled_at >= :since AND r.scheduled_at < :until
    ORDER BY r.scheduled_at, probe, vantage, r.attempt
"""  # noqa: S608 - numbers and names of our own
