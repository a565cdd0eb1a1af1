"""Frozen words for what can be said to outsiders."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from probes.result import EventClass, Fault, ProbeResult

State = Literal["good", "degraded", "down", "unknown"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A scheduled attempt whose meaning is final.

    `classes` says what it counts as for each objective (by name) that looks at it; `confirmed` is true where
    every confirmation failed as well.
    """

    result: ProbeResult
    fault: Fault
    confirmed: bool = False
    classes: Mapping[str, EventClass] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SelfReport:
    """What the asker saw of itself since its report before.

    `lateness` and `loop_lag` map bucket upper edges in seconds (as text, `+Inf` last) to counts that are not
    cumulative; sums are seconds; `dropped` counts lost records by reason since the asker started.
    `calibration` holds seconds by whether over TLS (`no`, `yes`) and statistic (`p50`, `p99`);
    `clock_offset_s` is how far the wall clock is off as far as the kernel knows.
    `budget_left` is what is left of the day's budget by unit (`usd`, `tokens`), `budget_used` the share that is
    spent of the caps for the `day`, a `target` and a `probe` (the fullest) by unit.
    """

    at_ns: int
    boot: str
    lateness: Mapping[str, int]
    lateness_sum_s: float
    loop_lag: Mapping[str, int]
    loop_lag_sum_s: float
    journal_bytes: int
    journal_oldest_ns: int | None
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    calibration: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    clock_offset_s: float | None = None
    budget_left: Mapping[str, float] = dataclasses.field(default_factory=dict)
    budget_used: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SloKey:
    """One SLO: an objective for one probe of one target."""

    objective: str
    target: str
    probe: str

    @property
    def id(self) -> str:
        return f"{self.target}-{self.probe}-{self.objective}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SloStatus:
    """One SLO as the last evaluation saw it; ratios are 0-1, `None` is "cannot be told"."""

    slo: SloKey
    vantage: str
    objective_ratio: float
    window_s: float
    state: Literal["good", "bad", "unknown"]
    sli: Mapping[str, float | None]
    burn: Mapping[str, float | None]
    budget_remaining: float | None
    met_probability: float | None
    coverage: float | None
    evaluated_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BurnAlert:
    """One multiwindow condition: both windows burn faster than `factor` on at least so many failures."""

    severity: Literal["page", "ticket"]
    long: str
    short: str
    factor: float
    min_bad_long: int
    min_bad_short: int
    pending: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """One SLO as recording and alerting rules need it; windows are Prometheus durations (`5m`, `28d`).

    `windows` are those beside the period; `notes` say what was left out, and become comments.
    """

    slo: SloKey
    objective_ratio: float
    period: str
    period_days: float
    windows: tuple[str, ...]
    alerts: tuple[BurnAlert, ...]
    every_s: float
    config_hash: str
    sli: str = "availability"
    runbook: str | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TargetInfo:
    """What stands on `target_info`."""

    target: str
    provider: str
    cloud: str
    region: str | None
    model: str
    team: str | None
    simulated: bool
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPlan:
    """Which series exist from the start: the counters that rules use stand at 0 before the first failure.

    `thresholds` are the objectives' seconds by SLI (`ttft`, `total`): each becomes a bucket edge. `quotas` name what
    a target shares with others: its limits are shown under that name, else under its own.
    """

    config_hash: str
    vantage: str
    targets: tuple[TargetInfo, ...]
    probes: tuple[tuple[str, str], ...]
    slos: tuple[tuple[SloKey, float], ...]
    thresholds: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    quotas: Mapping[str, str] = dataclasses.field(default_factory=dict)
