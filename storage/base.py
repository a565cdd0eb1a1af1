"""The protocols of the room: a journal to append to and follow, and a store that answers named questions."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol

from probes.result import ProbeResult
from storage.alert_readings import (
    AckRow,
    AlertRow,
    ChangeRow,
    Claim,
    Delivery,
    Last,
    NoticeRow,
    Occurrence,
    Told,
)
from storage.readings import (
    Attempt,
    CorrectionRow,
    Ending,
    MaintenanceRow,
    PlanRow,
    RevisionRow,
    SliCounts,
    SliQuestion,
    SlotRow,
    Spend,
    StandingRow,
    Stored,
    Stretch,
    StretchQuestion,
    Timing,
    Withdrawal,
)
from storage.records import Drilled, Kind, Plan, Settled


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

    def drilled(self, steps: Sequence[Drilled]) -> None:
        """Keep what a drill asked and how it was settled, apart from all results."""
        ...

    def revise(
        self, vantage: str, wanted: Sequence[RevisionRow], at_ns: int, *, services: bool = False
    ) -> None:
        """Have these revisions of objectives hold from an instant on, and no others; what holds already goes on.

        Those of services' own objectives are a set of their own (`services`): either leaves the other alone.
        """
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

    def attempts(self, target: str, since_ns: int, until_ns: int) -> list[SlotRow]:
        """Return all attempts at a target with scheduled_at in [since, until), oldest first, without their detail."""
        ...

    def timeline(self, vantage: str, target: str, since_ns: int, until_ns: int) -> list[Attempt]:
        """Return all attempts at a target whose slots lie in [since, until), oldest first, with all that is kept of them."""
        ...

    def drills(self, vantage: str, target: str, since_ns: int, until_ns: int) -> list[Attempt]:
        """Return what drills asked of a target in [since, until), as `timeline` has it; attempts are the drill's own."""
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

    def maintenances(self, since_ns: int, until_ns: int) -> list[MaintenanceRow]:
        """Return the maintenance that holds at some instant of [since, until), the oldest first; of every vantage."""
        ...

    def corrections(self, since_ns: int, until_ns: int) -> list[CorrectionRow]:
        """Return the corrections about some instant of [since, until), in the order in which they were made."""
        ...


class Amendments(Protocol):
    """Keeps what people and plans say that events count as; rows that are there are never changed."""

    def maintain(self, rows: Sequence[MaintenanceRow]) -> int:
        """Keep these and return how many are new; what is there by key and target is left as it is."""
        ...

    def end(self, ending: Ending) -> bool:
        """Keep the end of a maintenance; False where it is over, or not known."""
        ...

    def correct(self, row: CorrectionRow) -> list[CorrectionRow]:
        """Keep a correction; return those of the same events that it overlaps, and then it is not kept."""
        ...

    def withdraw(self, withdrawal: Withdrawal) -> bool:
        """Take a correction back; False where there is none that holds."""
        ...

    def names(self, dictionary: Literal["targets", "probes", "vantages"]) -> list[str]:
        """Return the names that history knows."""
        ...


class Rollups(Protocol):
    """Counts closed hours, so that questions about a month need not read its rows; answers are the same with and without."""

    def advance(self, questions: Iterable[SliQuestion], now_ns: int) -> bool:
        """Count some more of what the questions are about; return whether there is more to count."""
        ...

    def recount(self, since_ns: int, until_ns: int) -> None:
        """Count all hours that touch [since, until) anew, of everything that is counted."""
        ...


NOBODY: Final[Mapping[str, Collection[str]]] = MappingProxyType({})


class Alerts(Protocol):
    """Remembers alerts; every call may be repeated without harm."""

    def save(
        self,
        rows: Sequence[AlertRow],
        notices: Sequence[NoticeRow] = (),
        changes: Sequence[ChangeRow] = (),
        sole: Mapping[str, Collection[str]] = NOBODY,
    ) -> None:
        """Write these occurrences as they are now, what became of them and what receivers are to be told, all or none.

        `sole` names keys of which one vantage alone is to page, and for each the others that are there: raises
        TakenError, and writes nothing, where one of them finds it and pages for it already. Of two that ask at once one
        is refused.
        """
        ...

    def alive(self, vantage: str) -> list[AlertRow]:
        """Return what has not ended, or was ended by others while its vantage was silent, in the order of its begin."""
        ...

    def lately(self, vantage: str, since_ns: int, limit: int) -> list[AlertRow]:
        """Return what is alive or ended at an instant or after it, the newest first."""
        ...

    def elsewhere(self, vantage: str) -> list[AlertRow]:
        """Return what has not ended at every other vantage, in the order of its begin."""
        ...

    def named(self, vantage: str, beginning: str, limit: int) -> list[AlertRow]:
        """Return the occurrences whose id, which begins with their key, begins so, the newest first."""
        ...

    def changes(self, vantage: str, alert: str) -> list[ChangeRow]:
        """Return what became of an occurrence, in order."""
        ...

    def acknowledge(self, ack: AckRow) -> None: ...

    def acknowledgements(self, vantage: str, alerts: Collection[str]) -> list[AckRow]:
        """Return what was said of these occurrences, the oldest first."""
        ...


class Outbox(Protocol):
    """What receivers are to be told: a row until it is told, and claimed by a lease, so that it is told again after a kill.

    Of one alert a receiver is told the newest notice alone, and never a newer one while an older one is under way.
    Whoever was told of an alert is told what comes of it (`hearing.spread`).
    """

    def put(self, rows: Sequence[NoticeRow]) -> None:
        """Keep what is to be told, all or none; what is there already is left as it is, unless it was dropped."""
        ...

    def claim(
        self,
        vantage: str,
        receivers: Collection[str],
        now_ns: int,
        lease_ns: int,
        limit: int,
        *,
        ends: bool = False,
    ) -> list[Claim]:
        """Claim until `lease_ns` what is due for these receivers, so many each at most: the urgent first, then the oldest.

        `ends` claims ends alone.
        """
        ...

    def settle(self, told: Sequence[Told]) -> None:
        """Write what became of claims; one whose lease somebody else has now is left alone."""
        ...

    def expire(self, vantage: str, receivers: Collection[str], ended_ns: int, any_ns: int) -> dict[str, int]:
        """Drop what is not worth telling any more; return how many by receiver.

        That is an end that was made before `ended_ns`, or before `any_ns` where its receiver knows of the begin; and
        a firing that is due since before `any_ns` to a receiver that is none of these. What fires is told at last.
        """
        ...

    def revive(self, vantage: str, receivers: Collection[str], since_ns: int, now_ns: int) -> None:
        """Have what was made after an instant tried again now where these receivers refused it."""
        ...

    def deliveries(self, vantage: str | None, alert: str) -> list[Delivery]:
        """Return what became of all notices of an occurrence, by sequence and receiver; without a vantage, of every one."""
        ...

    def open(self, vantage: str) -> list[NoticeRow]:
        """Return the newest notice of each occurrence for each receiver that waits for its end, or will be told of it."""
        ...

    def untaken(self, pages: Collection[Occurrence]) -> dict[Occurrence, bool]:
        """Return which of these no receiver has taken as a page, and whether one is being told of it for the first time."""
        ...

    def last(self, vantage: str, alerts: Collection[str]) -> dict[str, Last]:
        """Return which notice of these occurrences is the newest that there is for anybody."""
        ...

    def forget(self, vantage: str, before_ns: int) -> None:
        """Delete what is over: all notices of alerts that ended before, and are not due to anybody any more."""
        ...


class Vantages(Protocol):
    """Where vantages that share a store tell each other how targets stand."""

    def tell(self, rows: Sequence[StandingRow]) -> None:
        """Say how targets stand now, in place of what was said of them before."""
        ...

    def heard(self, vantage: str) -> list[StandingRow]:
        """Return what every other vantage said last, by vantage and target; what is older than a day may be gone."""
        ...


class TakenError(Exception):
    """Another vantage pages for the trouble of this key already."""

    def __init__(self, key: str, vantage: str) -> None:
        super().__init__(f"{vantage} pages for {key} already")
        self.key = key
        self.vantage = vantage


class StoreUnavailableError(Exception):
    """The database cannot be reached or does not take writes now; trying again later may help."""
