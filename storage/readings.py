"""Frozen rows that storage takes and gives."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, Literal

from probes import events
from probes.result import EventClass, Fault, Outcome, ProbeResult
from storage.records import Settled

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


SERVICES: Final = "service/"
"""What the names of services' own objectives begin with among revisions; no other objective's name holds a slash."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    """What an objective promised of one probe of one target in [valid_from, valid_to); None means until changed.

    `digest` names the `rule`, which is the promise as plain JSON values.
    """

    vantage: str
    objective: str
    target: str
    probe: str
    digest: str
    rule: Mapping[str, Any]
    valid_from_ns: int
    valid_to_ns: int | None

    @property
    def of_service(self) -> bool:
        return self.objective.startswith(SERVICES)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SliQuestion:
    """Ask how many events of each class one probe of one target saw from one vantage in [since, until).

    `threshold_s` belongs to the latency SLIs, `at_least_per_s` to throughput, `served_in` (regions) to residency;
    `throttled` is the class that a throttled answer takes.
    """

    target: str
    probe: str
    vantage: str
    sli: Sli
    since_ns: int
    until_ns: int
    threshold_s: float | None = None
    at_least_per_s: float | None = None
    served_in: tuple[str, ...] = ()
    throttled: EventClass = EventClass.EXCLUDED


@dataclasses.dataclass(frozen=True, slots=True)
class SliCounts:
    """Settled slots by class. `observed` is their sum: an unsettled bad row is not in it.

    `maintained` of them fell into a maintenance, and `corrected` count otherwise than they did when they came.
    """

    good: int = 0
    bad: int = 0
    excluded: int = 0
    invalid: int = 0
    maintained: int = 0
    corrected: int = 0

    def __add__(self, more: "SliCounts") -> "SliCounts":
        return SliCounts(
            self.good + more.good,
            self.bad + more.bad,
            self.excluded + more.excluded,
            self.invalid + more.invalid,
            self.maintained + more.maintained,
            self.corrected + more.corrected,
        )

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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One stored attempt with its detail where that is kept; of a scheduled one that failed, its settlement."""

    result: ProbeResult
    settled: Settled | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StretchQuestion:
    """Ask what a probe of a target saw from one vantage in [since, until), slot after slot.

    A stretch ends where two slots lie further apart than `hole_ns`.
    """

    target: str
    probe: str
    vantage: str
    since_ns: int
    until_ns: int
    hole_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Slots in a row with one outcome, fault and error code; `first_ns` and `last_ns` are slots' instants.

    `fault` is None where nothing was to be settled, and where it is not settled yet.
    """

    first_ns: int
    last_ns: int
    slots: int
    outcome: Outcome
    fault: Fault | None
    error_code: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Percentiles of trusted samples, in seconds, between two samples in proportion."""

    samples: int
    p50_s: float
    p95_s: float
    p99_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How quick the scheduled attempts of a probe of a target were; None where no sample is trusted.

    `untrusted` of all `slots` are not in the spreads, for the reasons in `doubts` (one may have several).
    `total` holds answers alone. `tokens_per_s` is the median speed of long answers, and `per_500` the time that
    500 tokens take at each one's first token and speed.
    """

    target: str
    probe: str
    kind: str
    slots: int
    untrusted: int
    doubts: Mapping[str, int]
    ttft: Spread | None
    total: Spread | None
    tokens_per_s: float | None = None
    per_500: Spread | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What all attempts at a target came to, confirmations and manual ones too, by where the price is from.

    `unpriced` attempts spent tokens that have no price, so they are not in `cost_usd`, which is None where
    no attempt has one.
    """

    target: str
    price_source: str | None
    attempts: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unpriced: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRow:
    """Maintenance of a target in [since, until); `key` names it, the same for all its targets.

    `until_ns` is when it is over by its announcement, `ended_ns` when somebody ended it before.
    """

    key: str
    target: str
    since_ns: int
    until_ns: int
    source: Literal["config", "command"]
    author: str
    reason: str
    made_ns: int
    ended_ns: int | None = None
    ended_by: str | None = None

    @property
    def over_ns(self) -> int:
        """Return when it is over indeed."""
        return self.until_ns if self.ended_ns is None else min(self.until_ns, self.ended_ns)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The word of somebody that a maintenance is over from an instant on."""

    key: str
    ended_ns: int
    author: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRow:
    """A person's word on what the events of a target in [since, until) count as.

    None for `probe` and `vantage` is each of them. `id` is 0 for one that is not stored yet. `withdrawn_by` took it
    back, and then it says nothing.
    """

    target: str
    since_ns: int
    until_ns: int
    kind: EventClass
    author: str
    reason: str
    made_ns: int
    probe: str | None = None
    vantage: str | None = None
    id: int = 0
    withdrawn_by: str | None = None

    def about(self, target: str, probe: str | None, vantage: str | None) -> bool:
        """Return whether it may say something of these; None stands for any."""
        return (
            self.target == target
            and (self.probe is None or probe is None or self.probe == probe)
            and (self.vantage is None or vantage is None or self.vantage == vantage)
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """The word of somebody that a correction is taken back."""

    correction_id: int
    author: str
    reason: str
    made_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """How a target stands as one vantage sees it: `good`, `bad`, or `unknown` where it cannot tell.

    `asks` names what is asked of whom, for vantages that call the same thing otherwise. `age_s` is how long ago the
    vantage said so by the store's own clock; in what is said it means nothing.
    """

    vantage: str
    target: str
    asks: str
    state: str
    age_s: float = 0.0
