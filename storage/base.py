"""The protocols of the room: a journal to append to and follow, and a store that answers named questions."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from probes.result import ProbeResult
from storage.readings import (
    AlertRow,
    Claim,
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
    Told,
)
from storage.records import Kind, Plan, Settled


class Record(NamedTuple):
    """One journal record: its place in the sequence (1, 2, ...), its kind and its JSON."""

    seq: int
    kind: Kind
    payload: bytes


class JournalWriter(Protocol):
    """The asker's only output."""

    def append(self, kind: Kind, payload: bytes, *, good: bool = False) -> int:
        """Append one record and return its sequence number.

        `good` marks what may be dropped first when the journal reaches its limits. Never raises for a full
        disk: the record is counted as dropped.
        """
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Records in order of sequence; `lost` counts those missing before or between them."""

    records: tuple[Record, ...]
    lost: int = 0


class JournalReader(Protocol):
    """Follows a journal from a position of its own."""

    @property
    def position(self) -> int:
        """Return the sequence number of the last record that was read."""
        ...

    def read(self, limit: int) -> Batch:
        """Return the next records, at once; empty when there are none yet."""
        ...


class Store(Protocol):
    """Remembers results, verdicts and plans; every call may be repeated without harm."""

    def store(self, results: Sequence[ProbeResult], verdicts: Sequence[Settled]) -> Stored: ...

    def plan(self, plan: Plan) -> None:
        """Close what the plan ends and open what it begins; a plan that holds already changes nothing."""
        ...

    def revise(self, vantage: str, wanted: Sequence[RevisionRow], at_ns: int) -> None:
        """Have these revisions of objectives hold from an instant on, and no others; what holds already goes on."""
        ...


class History(Protocol):
    """The named questions."""

    def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]: ...

    def slices(self, questions: Sequence[SliQuestion], slice_ns: int) -> list[list[SliCounts]]:
        """Return the events of each slice of [since, until), the oldest first, in the order of the questions.

        Slices begin at multiples of `slice_ns`, and so do all `since_ns` and `until_ns`.
        """
        ...

    def plans(self, vantage: str, since_ns: int, until_ns: int) -> list[PlanRow]:
        """Return the plan rows that touch [since, until)."""
        ...

    def revisions(self, vantage: str, since_ns: int, until_ns: int) -> list[RevisionRow]:
        """Return the revisions of objectives that hold at some instant of [since, until), oldest first for each."""
        ...

    def latest(self, vantage: str, limit_per_probe: int = 1) -> list[SlotRow]:
        """Return the newest scheduled attempts of each (target, probe), newest first."""
        ...

    def stretches(self, questions: Sequence[StretchQuestion]) -> list[list[Stretch]]:
        """Return the stretches of scheduled attempts in the order of the questions, each oldest first."""
        ...

    def timings(self, vantage: str, since_ns: int, until_ns: int) -> list[Timing]:
        """Return how quick each probe of each target was in [since, until), by target, probe and kind."""
        ...

    def spends(self, vantage: str, since_ns: int, until_ns: int) -> list[Spend]:
        """Return what each target was asked for and cost in [since, until), by target and price source."""
        ...


class Alerts(Protocol):
    """Remembers alerts; every call may be repeated without harm."""

    def save(self, rows: Sequence[AlertRow], notices: Sequence[NoticeRow] = ()) -> None:
        """Write these occurrences as they are now, and what receivers are to be told of them, all or none."""
        ...

    def alive(self, vantage: str) -> list[AlertRow]:
        """Return what has not ended, in the order of its begin."""
        ...

    def lately(self, vantage: str, since_ns: int, limit: int) -> list[AlertRow]:
        """Return what is alive or ended at an instant or after it, the newest first."""
        ...


class Outbox(Protocol):
    """What receivers are to be told: a row until it is told, and claimed by a lease, so that it is told again after a kill.

    Of one alert a receiver is told the newest notice alone, and never a newer one while an older one is under way.
    """

    def put(self, rows: Sequence[NoticeRow]) -> None:
        """Keep what is to be told, all or none; what is there already is left as it is."""
        ...

    def claim(
        self, vantage: str, receivers: Collection[str], now_ns: int, lease_ns: int, limit: int
    ) -> list[Claim]:
        """Claim until `lease_ns` what is due for these receivers, so many each at most: the urgent first, then the oldest."""
        ...

    def settle(self, told: Sequence[Told]) -> None:
        """Write what became of claims; one whose lease somebody else has now is left alone."""
        ...

    def expire(self, vantage: str, ended_ns: int, any_ns: int) -> dict[str, int]:
        """Drop what waits since before an instant, ends since before another; return how many by receiver."""
        ...

    def revive(self, vantage: str, receivers: Collection[str], since_ns: int, now_ns: int) -> None:
        """Have alerts that fire told again to receivers that refused them after an instant."""
        ...

    def forget(self, vantage: str, before_ns: int) -> None:
        """Delete what is over: all notices of alerts whose newest one is older, and not due any more."""
        ...


class StoreUnavailableError(Exception):
    """The database cannot be reached or does not take writes now; trying again later may help."""
