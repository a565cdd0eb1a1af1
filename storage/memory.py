"""The in-memory twins: a journal, a store and its history that live as long as their process."""

import dataclasses
from collections.abc import Iterable, Sequence

from probes.events import event_class
from probes.result import SCHEDULED, EventClass, Fault, ProbeResult, SlotKey
from storage import plans, recount, revisions
from storage.base import Batch, Outbox, Record
from storage.memory_outbox import MemoryOutbox
from storage.readings import (
    AlertRow,
    NoticeRow,
    PlanRow,
    RevisionRow,
    SliCounts,
    SliQuestion,
    SlotRow,
    Spend,
    Stored,
    Stretch,
    StretchQuestion,
    Timing,
)
from storage.records import Kind, Plan, Settled


class MemoryJournal:
    """Keeps records in a list; nothing is ever dropped."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, kind: Kind, payload: bytes, *, good: bool = False) -> int:  # noqa: ARG002 - nothing is dropped
        self.records.append(Record(len(self.records) + 1, kind, payload))
        return len(self.records)

    def reader(self, position: int = 0) -> "MemoryReader":
        """Return a reader that has read up to a sequence number."""
        return MemoryReader(self.records, position)


class MemoryReader:
    """Follows a MemoryJournal."""

    def __init__(self, records: Sequence[Record], position: int = 0) -> None:
        self._records = records
        self.position = position

    def read(self, limit: int) -> Batch:
        batch = Batch(tuple(self._records[self.position : self.position + limit]))
        self.position += len(batch.records)
        return batch


class MemoryStore:
    """Store and History over dictionaries."""

    def __init__(self) -> None:
        self.results: dict[tuple[SlotKey, int], ProbeResult] = {}
        self.verdicts: dict[SlotKey, Settled] = {}
        self._plans: dict[tuple[str, str, str, int], PlanRow] = {}
        self._revisions: dict[tuple[str, str, str, str, int], RevisionRow] = {}

    def store(self, results: Sequence[ProbeResult], verdicts: Sequence[Settled]) -> Stored:
        before = len(self.results)
        for result in results:
            self.results.setdefault((result.key, result.attempt), result)
        for verdict in verdicts:
            self.verdicts.setdefault(verdict.slot, verdict)
        new = len(self.results) - before
        return Stored(new, len(results) - new)

    def plan(self, plan: Plan) -> None:
        for row in plans.changes(self._plans.values(), plan):
            self._plans[row.vantage, row.target, row.probe, row.valid_from_ns] = row

    def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]:
        return [self._count(question) for question in questions]

    def slices(self, questions: Sequence[SliQuestion], slice_ns: int) -> list[list[SliCounts]]:
        return [
            [
                self._count(dataclasses.replace(one, since_ns=since_ns, until_ns=since_ns + slice_ns))
                for since_ns in range(one.since_ns, one.until_ns, slice_ns)
            ]
            for one in questions
        ]

    def plans(self, vantage: str, since_ns: int, until_ns: int) -> list[PlanRow]:
        ours = (row for row in self._plans.values() if row.vantage == vantage)
        return plans.touching(ours, since_ns, until_ns)

    def revise(self, vantage: str, wanted: Sequence[RevisionRow], at_ns: int) -> None:
        for row in revisions.changes(self._revisions.values(), vantage, wanted, at_ns):
            self._revisions[row.vantage, row.objective, row.target, row.probe, row.valid_from_ns] = row

    def revisions(self, vantage: str, since_ns: int, until_ns: int) -> list[RevisionRow]:
        ours = (row for row in self._revisions.values() if row.vantage == vantage)
        return revisions.touching(ours, since_ns, until_ns)

    def latest(self, vantage: str, limit_per_probe: int = 1) -> list[SlotRow]:
        newest = sorted(self._scheduled(vantage), key=lambda result: -result.scheduled_ns)
        found: list[SlotRow] = []
        seen: dict[tuple[str, str], int] = {}
        for result in newest:
            probe = (result.target, result.probe)
            seen[probe] = seen.get(probe, 0) + 1
            if seen[probe] <= limit_per_probe:
                found.append(SlotRow(result=result, fault=self._fault(result)))
        return found

    def stretches(self, questions: Sequence[StretchQuestion]) -> list[list[Stretch]]:
        return [
            recount.stretches(
                [
                    (result, self._fault(result))
                    for result in self._scheduled(one.vantage)
                    if (result.target, result.probe) == (one.target, one.probe)
                    and one.since_ns <= result.scheduled_ns < one.until_ns
                ],
                one.hole_ns,
            )
            for one in questions
        ]

    def timings(self, vantage: str, since_ns: int, until_ns: int) -> list[Timing]:
        return recount.timings(
            result for result in self._scheduled(vantage) if since_ns <= result.scheduled_ns < until_ns
        )

    def spends(self, vantage: str, since_ns: int, until_ns: int) -> list[Spend]:
        return recount.spends(
            result
            for (slot, _), result in self.results.items()
            if slot.vantage == vantage and since_ns <= slot.scheduled_ns < until_ns
        )

    def _scheduled(self, vantage: str) -> Iterable[ProbeResult]:
        return (
            result
            for (slot, attempt), result in self.results.items()
            if attempt == SCHEDULED and slot.vantage == vantage
        )

    def _fault(self, result: ProbeResult) -> Fault | None:
        verdict = self.verdicts.get(result.key)
        return verdict.fault if verdict else None

    def _count(self, question: SliQuestion) -> SliCounts:
        sums = dict.fromkeys(EventClass, 0)
        for result in self._scheduled(question.vantage):
            if (result.target, result.probe) != (question.target, question.probe):
                continue
            if not question.since_ns <= result.scheduled_ns < question.until_ns:
                continue
            kind = event_class(
                result,
                self._fault(result),
                sli=question.sli,
                threshold_s=question.threshold_s,
                at_least_per_s=question.at_least_per_s,
                throttled=question.throttled,
            )
            if kind is not None:
                sums[kind] += 1
        return SliCounts(**{kind.value: count for kind, count in sums.items()})


class MemoryAlerts:
    """Alerts over a dictionary."""

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.rows: dict[tuple[str, str], AlertRow] = {}
        self._outbox = outbox or MemoryOutbox()

    def save(self, rows: Sequence[AlertRow], notices: Sequence[NoticeRow] = ()) -> None:
        self.rows |= {(row.vantage, row.id): row for row in rows}
        self._outbox.put(notices)

    def alive(self, vantage: str) -> list[AlertRow]:
        found = [row for row in self.rows.values() if row.vantage == vantage and row.ended_ns is None]
        return sorted(found, key=lambda row: (row.fired_ns, row.id))

    def lately(self, vantage: str, since_ns: int, limit: int) -> list[AlertRow]:
        found = [
            row
            for row in self.rows.values()
            if row.vantage == vantage and (row.ended_ns is None or row.ended_ns >= since_ns)
        ]
        return sorted(found, key=lambda row: (-row.fired_ns, row.id))[:limit]
