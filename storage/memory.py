"""The in-memory twins: a journal, a store and its history that live as long as their process."""

import bisect
import dataclasses
import operator
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from probes.events import event_class
from probes.result import DRILL, SCHEDULED, Fault, ProbeResult, SlotKey
from storage import overrides, plans, recount, revisions, timeline
from storage.alert_readings import SILENT, AckRow, AlertRow, ChangeRow, NoticeRow
from storage.base import NOBODY, Batch, Outbox, Record, TakenError
from storage.counting import pair_of
from storage.memory_amendments import MemoryAmendments
from storage.memory_outbox import MemoryOutbox
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
    Stored,
    Stretch,
    StretchQuestion,
    Timing,
)
from storage.records import Drilled, Kind, Plan, Settled


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


_slot = operator.attrgetter("scheduled_ns")


class MemoryStore:
    """Store, History and Rollups over dictionaries."""

    def __init__(self) -> None:
        self.results: dict[tuple[SlotKey, int], ProbeResult] = {}
        self.verdicts: dict[SlotKey, Settled] = {}
        self._slots: dict[tuple[str, str, str], list[ProbeResult]] = {}
        self._plans: dict[tuple[str, str, str, int], PlanRow] = {}
        self.amendments = MemoryAmendments(self._names)
        self._drilled: dict[tuple[str, SlotKey, int], Attempt] = {}
        self._revisions: dict[tuple[str, str, str, str, int], RevisionRow] = {}

    def store(self, results: Sequence[ProbeResult], verdicts: Sequence[Settled]) -> Stored:
        before = len(self.results)
        for result in results:
            if (result.key, result.attempt) not in self.results:
                self.results[result.key, result.attempt] = result
                self._place(result)
        for verdict in verdicts:
            self.verdicts.setdefault(verdict.slot, verdict)
        new = len(self.results) - before
        return Stored(new, len(results) - new)

    def plan(self, plan: Plan) -> None:
        for row in plans.changes(self._plans.values(), plan):
            self._plans[row.vantage, row.target, row.probe, row.valid_from_ns] = row

    def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]:
        return [self._count(question) for question in questions]

    def advance(self, questions: Iterable[SliQuestion], now_ns: int) -> bool:  # noqa: ARG002 - rows are at hand
        return False

    def recount(self, since_ns: int, until_ns: int) -> None:
        """Nothing: every question is answered from rows."""

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

    def revise(
        self, vantage: str, wanted: Sequence[RevisionRow], at_ns: int, *, services: bool = False
    ) -> None:
        known = self._revisions.values()
        for row in revisions.changes(known, vantage, wanted, at_ns, services=services):
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

    def attempts(self, target: str, since_ns: int, until_ns: int) -> list[SlotRow]:
        found = [
            (result, attempt)
            for (slot, attempt), result in self.results.items()
            if slot.target == target and since_ns <= slot.scheduled_ns < until_ns
        ]
        found.sort(key=lambda one: (one[0].scheduled_ns, one[0].probe, one[0].vantage, one[1]))
        return [
            SlotRow(result=result, fault=self._fault(result) if attempt == SCHEDULED else None)
            for result, attempt in found
        ]

    def timeline(self, vantage: str, target: str, since_ns: int, until_ns: int) -> list[Attempt]:
        found = [
            result
            for (slot, _), result in self.results.items()
            if (slot.vantage, slot.target) == (vantage, target) and since_ns <= slot.scheduled_ns < until_ns
        ]
        ordered = sorted(found, key=lambda one: (one.scheduled_ns, one.probe, one.attempt))
        return timeline.joined(ordered, self.verdicts.values())

    def drilled(self, steps: Sequence[Drilled]) -> None:
        for step in steps:
            if step.result is not None:
                key = step.drill.id, step.result.key, step.result.attempt
                self._drilled.setdefault(key, Attempt(result=step.result))
            if step.settled is not None:
                key = step.drill.id, step.settled.slot, DRILL
                if (asked := self._drilled.get(key)) is not None:
                    self._drilled[key] = dataclasses.replace(asked, settled=step.settled)

    def drills(self, vantage: str, target: str, since_ns: int, until_ns: int) -> list[Attempt]:
        found = [
            attempt
            for (_, slot, _), attempt in self._drilled.items()
            if (slot.vantage, slot.target) == (vantage, target) and since_ns <= slot.scheduled_ns < until_ns
        ]
        return sorted(found, key=lambda one: (one.result.scheduled_ns, one.result.probe, -one.result.attempt))

    def stretches(self, questions: Sequence[StretchQuestion]) -> list[list[Stretch]]:
        return [
            recount.stretches(
                [(result, self._fault(result)) for result in self._asked(one)],
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

    def maintenances(self, since_ns: int, until_ns: int) -> list[MaintenanceRow]:
        return self.amendments.maintenances(since_ns, until_ns)

    def corrections(self, since_ns: int, until_ns: int) -> list[CorrectionRow]:
        return self.amendments.corrections(since_ns, until_ns)

    def _names(self, field: Literal["target", "probe", "vantage"]) -> set[str]:
        return {getattr(one, field) for one in (*self._plans.values(), *self.results.values())}

    def _scheduled(self, vantage: str) -> Iterable[ProbeResult]:
        return (
            result
            for (slot, attempt), result in self.results.items()
            if attempt == SCHEDULED and slot.vantage == vantage
        )

    def _place(self, result: ProbeResult) -> None:
        """Put a scheduled attempt among those of its pair, in the order of their slots."""
        if result.attempt == SCHEDULED:
            beside = self._slots.setdefault((result.target, result.probe, result.vantage), [])
            bisect.insort(beside, result, key=_slot)

    def _asked(self, one: SliQuestion | StretchQuestion) -> Sequence[ProbeResult]:
        """Return the scheduled attempts that a question is about."""
        beside = self._slots.get((one.target, one.probe, one.vantage), [])
        first, last = (bisect.bisect_left(beside, at, key=_slot) for at in (one.since_ns, one.until_ns))
        return beside[first:last]

    def _fault(self, result: ProbeResult) -> Fault | None:
        verdict = self.verdicts.get(result.key)
        return verdict.fault if verdict else None

    def _count(self, question: SliQuestion) -> SliCounts:
        sums: Counter[str] = Counter()
        pieces = overrides.pieces(
            pair_of(question),
            self.maintenances(question.since_ns, question.until_ns),
            self.corrections(question.since_ns, question.until_ns),
            question.since_ns,
            question.until_ns,
        )
        for result in self._asked(question):
            kind = event_class(
                result,
                self._fault(result),
                sli=question.sli,
                threshold_s=question.threshold_s,
                at_least_per_s=question.at_least_per_s,
                served_in=question.served_in,
                throttled=question.throttled,
            )
            if kind is None:
                continue
            said = overrides.at(pieces, result.scheduled_ns)
            now = kind if said is None else said.of(kind)
            sums[now.value] += 1
            sums["maintained"] += said is not None and said.maintained
            sums["corrected"] += said is not None and now is not said.told(kind)
        return SliCounts(**sums)


class MemoryAlerts:
    """Alerts over a dictionary."""

    def __init__(self, outbox: Outbox | None = None) -> None:
        self.rows: dict[tuple[str, str], AlertRow] = {}
        self._changes: dict[tuple[str, str, int], ChangeRow] = {}
        self._acks: dict[tuple[str, str, int], AckRow] = {}
        self._outbox = outbox or MemoryOutbox()

    def save(
        self,
        rows: Sequence[AlertRow],
        notices: Sequence[NoticeRow] = (),
        changes: Sequence[ChangeRow] = (),
        sole: Mapping[str, Collection[str]] = NOBODY,
    ) -> None:
        for row in self.rows.values():
            pages = row.severity == "page" and row.quiet_ns is None and row.ended_ns is None
            if pages and row.vantage in sole.get(row.key, ()):
                raise TakenError(row.key, row.vantage)
        self.rows |= {(row.vantage, row.id): row for row in rows}
        for change in changes:
            self._changes.setdefault((change.vantage, change.alert, change.seq), change)
        self._outbox.put(notices)

    def alive(self, vantage: str) -> list[AlertRow]:
        ours = (row for row in self.rows.values() if row.vantage == vantage)
        found = [row for row in ours if row.ended_ns is None or SILENT in row.facts]
        return sorted(found, key=lambda row: (row.fired_ns, row.id))

    def lately(self, vantage: str, since_ns: int, limit: int) -> list[AlertRow]:
        found = [
            row
            for row in self.rows.values()
            if row.vantage == vantage and (row.ended_ns is None or row.ended_ns >= since_ns)
        ]
        return sorted(found, key=lambda row: (-row.fired_ns, row.id))[:limit]

    def elsewhere(self, vantage: str) -> list[AlertRow]:
        found = [row for row in self.rows.values() if row.vantage != vantage and row.ended_ns is None]
        return sorted(found, key=lambda row: (row.fired_ns, row.vantage, row.id))

    def named(self, vantage: str, beginning: str, limit: int) -> list[AlertRow]:
        found = [row for row in self.rows.values() if row.vantage == vantage and row.id.startswith(beginning)]
        return sorted(found, key=lambda row: (-row.fired_ns, row.id))[:limit]

    def changes(self, vantage: str, alert: str) -> list[ChangeRow]:
        found = [one for one in self._changes.values() if (one.vantage, one.alert) == (vantage, alert)]
        return sorted(found, key=lambda one: one.seq)

    def acknowledge(self, ack: AckRow) -> None:
        self._acks.setdefault((ack.vantage, ack.alert, ack.made_ns), ack)

    def acknowledgements(self, vantage: str, alerts: Collection[str]) -> list[AckRow]:
        found = [ack for ack in self._acks.values() if ack.vantage == vantage and ack.alert in alerts]
        return sorted(found, key=lambda ack: (ack.made_ns, ack.alert))
