"""Frozen rows that storage takes and gives."""

import dataclasses

from probes import events
from probes.result import EventClass, Fault, ProbeResult

Sli = events.Sli


@dataclasses.dataclass(frozen=True, slots=True)
class Stored:
    """What one batch came to: rows new to the store, those that it had already, and those that it cannot hold.

    A refused row is in the log with its id; asking again would be refused again.
    """

    new: int
    duplicate: int
    refused: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """Slots of one probe of one target that were due in [valid_from, valid_to); None means until changed."""

    config_hash: str
    vantage: str
    target: str
    probe: str
    every_ns: int
    phase_ns: int
    valid_from_ns: int
    valid_to_ns: int | None
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SliQuestion:
    """Ask how many events of each class one probe of one target saw from one vantage in [since, until).

    `threshold_s` belongs to the latency SLIs; `throttled` is the class that a throttled answer takes.
    """

    target: str
    probe: str
    vantage: str
    sli: Sli
    since_ns: int
    until_ns: int
    threshold_s: float | None = None
    throttled: EventClass = EventClass.EXCLUDED


@dataclasses.dataclass(frozen=True, slots=True)
class SliCounts:
    """Settled slots by class. `observed` is their sum: an unsettled bad row is not in it."""

    good: int = 0
    bad: int = 0
    excluded: int = 0
    invalid: int = 0

    @property
    def observed(self) -> int:
        return self.good + self.bad + self.excluded + self.invalid

    @property
    def valid(self) -> int:
        return self.good + self.bad


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SlotRow:
    """One stored attempt, as a reader of history sees it."""

    result: ProbeResult
    fault: Fault | None
