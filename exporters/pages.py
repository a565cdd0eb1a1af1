"""Frozen words for what the status page shows, and for the plan that it shows them of."""

import dataclasses
from collections.abc import Mapping

from exporters.signals import Notice, SloKey, State, TargetInfo

STATES: tuple[State, ...] = ("down", "degraded", "unknown", "good")
"""The worst first: what a target's probes show is the first of these that any of them shows."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchedProbe:
    """One probe of one target."""

    target: str
    probe: str
    every_s: float
    timeout_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WatchedObjective:
    """One objective; `threshold_s` belongs to the latency SLIs, `at_least_per_s` to throughput.

    `window` is as people read it: `28d`, or a calendar's. `slos` are the ids of what it is judged of: where a latency
    differs from target to target, several objectives have one name.
    """

    name: str
    sli: str
    ratio: float
    window: str
    threshold_s: float | None = None
    at_least_per_s: float | None = None
    slos: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """What there is to show."""

    config_hash: str
    vantage: str
    targets: tuple[TargetInfo, ...]
    probes: tuple[WatchedProbe, ...]
    objectives: tuple[WatchedObjective, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The last attempt of a target that was not good; `fault` is what settlement said."""

    at_ns: int
    probe: str
    outcome: str
    error: str | None
    fault: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Median:
    """The median time to the first token of a probe's last trusted samples."""

    probe: str
    seconds: float
    samples: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One SLO of a target over its window; `known` is false where too little of it was judged."""

    slo: SloKey
    objective: WatchedObjective
    sli: float | None
    budget: float | None
    coverage: float | None
    known: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Who gave the good answers since an instant, and who before, where that changed."""

    by: str
    since_ns: int
    before: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Upkept:
    """Maintenance that a target is in: until when, why, and who said so."""

    until_ns: int
    reason: str
    author: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """One target; `probe` is the one that shows the state, `why` says what makes it unknown.

    `tightest` is the SLO with the least budget left, `availability` the tightest of those on availability.
    """

    info: TargetInfo
    state: State
    probe: str | None
    since_ns: int | None
    why: str | None
    ttft: tuple[Median, ...]
    availability: Measured | None
    tightest: Measured | None
    last_ns: int | None
    failure: Failure | None
    served: Served | None
    upkept: Upkept | None = None

    def order(self) -> tuple[int, str]:
        return STATES.index(self.state), self.info.target


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveLine:
    """One objective over all its targets and probes; `worst` is the SLO with the least budget left."""

    objective: WatchedObjective
    good: int
    bad: int
    unknown: int
    worst: Measured | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is said of the page itself; None is "not known yet"."""

    now_ns: int
    version: str
    vantage: str | None
    config_hash: str | None
    simulated: int
    calibration: Mapping[str, Mapping[str, float]]
    database_up: bool | None
    database_since_ns: int | None
    evaluated_ns: int | None
    troubles: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    head: Head
    targets: tuple[TargetLine, ...]
    objectives: tuple[ObjectiveLine, ...]
    alerts: tuple[Notice, ...] = ()

    def tally(self) -> dict[State, int]:
        """Return how many targets are in each state, the worst state first."""
        return {state: sum(line.state == state for line in self.targets) for state in STATES}
