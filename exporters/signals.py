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
    every confirmation failed as well, `answered` where one of them was answered. `maintained` says that its target
    was in maintenance, as far as was known then.
    """

    result: ProbeResult
    fault: Fault
    confirmed: bool = False
    answered: bool = False
    maintained: bool = False
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
    `witnesses` says how the witnesses of each network stand: `up`, `down`, `doubted` or `no_vote`.
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
    witnesses: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SloKey:
    """One SLO: an objective for one probe of one target, or for a `pool` of them, which has a name of its own.

    >>> SloKey(objective="available", target="openai", probe="chat").id, SloKey(objective="available", pool="aws").id
    ('openai-chat-available', 'aws-available')
    """

    objective: str
    target: str = ""
    probe: str = ""
    pool: str | None = None

    @property
    def id(self) -> str:
        return (
            f"{self.service}-{self.objective}"
            if self.pool
            else f"{self.target}-{self.probe}-{self.objective}"
        )

    @property
    def service(self) -> str:
        """Return whom it is about: a target, or the pool's name."""
        return self.pool or self.target

    @property
    def whom(self) -> str:
        """Return the same as people read it, with the probe where there is one."""
        return self.pool or f"{self.target}, {self.probe}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SloStatus:
    """One SLO as the last evaluation saw it; ratios are 0-1, `None` is "cannot be told".

    `corrected` events of its window count otherwise than when they came.
    `period` is the name of the objective's own window in the maps: `28d`, or the unit of a calendar.
    """

    slo: SloKey
    vantage: str
    objective_ratio: float
    window_s: float
    state: Literal["good", "bad", "unknown"]
    period: str
    sli: Mapping[str, float | None]
    burn: Mapping[str, float | None]
    budget_remaining: float | None
    met_probability: float | None
    coverage: float | None
    evaluated_ns: int
    corrected: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BurnAlert:
    """One multiwindow condition: both windows burn faster than `factor` on at least so many failures.

    A pool wants agreement too: failures of `min_members` of its series in the short window, and in the long one
    `min_bad_beside` failures of those beside the worst.
    """

    severity: Literal["page", "ticket"]
    tier: Literal["fast", "slow"]
    long: str
    short: str
    factor: float
    min_bad_long: int
    min_bad_short: int
    pending: str
    min_members: int = 1
    min_bad_beside: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceImpact:
    """When a service is down: fewer than `at_least` of its units (each some pairs of target and probe) are well.

    Where only one target fails, it must have failed for `after_s` seconds. `of` says what a unit is.
    """

    units: tuple[tuple[tuple[str, str], ...], ...]
    at_least: int
    of: str
    after_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """One SLO as recording and alerting rules need it; windows are Prometheus durations (`5m`, `28d`).

    `series` names the SLOs whose counters are summed: its own alone, or those of a service's members. `targets` are
    those that it is about, for a service one for each of its series; what is new of them pages nobody. `windows` are
    those beside the period; `notes` say what was left out, and become comments. `guarded` alerts on burn fire only
    while the agent, which tells of it otherwise, has no database to judge by. An alert fires on for `hold_s` after
    its cause. With `slice_s` its slices of time are counted, and `every_s` is still the interval of its events.
    `rules_hash` names all specs that were made together, and `our_runbook` leads to what is done about us.
    """

    slo: SloKey
    series: tuple[str, ...]
    targets: tuple[str, ...] = ()
    objective_ratio: float
    period: str
    period_days: float
    windows: tuple[str, ...]
    alerts: tuple[BurnAlert, ...]
    every_s: float
    hold_s: float = 600.0
    rules_hash: str = ""
    sli: str = "availability"
    runbook: str | None = None
    our_runbook: str | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    guarded: bool = False
    impact: ServiceImpact | None = None
    slice_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Who has an alert in hands, why, and until when; None: until its end."""

    by: str
    reason: str
    at_ns: int
    until_ns: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a receiver is told of one alert: that it began, rose to a page, is in hands, goes on, or ended.

    `key` is the same for all that is told of one occurrence, so that receivers know what belongs together; `seq`
    numbers what is told of it. `summary` says what broke and since when, `detail` its impact, whose fault it is and
    on what evidence; both are one line. `quiet_ns` is since when nothing is found wrong, for as long as it is held.
    `drill` marks a drill or a trial of a receiver, `trial` the latter, `simulated` that its targets are no real
    endpoints.
    """

    key: str
    seq: int
    state: Literal["firing", "resolved"]
    name: str
    severity: Literal["page", "ticket"]
    subject: str
    summary: str
    detail: str
    since_ns: int
    fired_ns: int
    ended_ns: int | None = None
    fault: str | None = None
    evidence: tuple[str, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    runbook: str | None = None
    page: str | None = None
    drill: bool = False
    trial: bool = False
    simulated: bool = False
    acknowledged: Acknowledged | None = None
    quiet_ns: int | None = None


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

    `thresholds` are the objectives' seconds by SLI (`ttft`, `ttfo`, `itl`, `total`), and tokens a second for `throughput`: each
    becomes a bucket edge. `quotas` name what
    a target shares with others: its limits are shown under that name, else under its own. `pools` are the (target,
    probe)s of SLOs that pool several; `services` have gauges and no counters. `rules_hash` names the rules that the
    configuration makes. `sliced` are the SLOs of which slices of time are counted beside the events.
    """

    config_hash: str
    vantage: str
    targets: tuple[TargetInfo, ...]
    probes: tuple[tuple[str, str], ...]
    slos: tuple[tuple[SloKey, float], ...]
    thresholds: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    quotas: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pools: tuple[tuple[SloKey, tuple[tuple[str, str], ...]], ...] = ()
    services: tuple[SloKey, ...] = ()
    rules_hash: str = ""
    sliced: tuple[SloKey, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """Who serves a service, and how many of them must be well."""

    name: str
    members: tuple[str, ...]
    at_least: int = 1
    of: str = "cloud"
    team: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveSpec:
    """One objective as other tools may say it: of one probe of one target, of a service, or (all None) of whatever it fits.

    `id` names it, `series` the SLOs whose events it counts. The window is rolling, or with a `calendar` (week, month,
    quarter or year, of `timezone`) that one; with `slice_s` its slices are judged, each good with `slice_ratio` of it.
    """

    id: str
    objective: str
    sli: str
    ratio: float
    window_s: float
    target: str | None = None
    probe: str | None = None
    service: ServiceSpec | None = None
    series: tuple[str, ...] = ()
    under_s: float | None = None
    at_least_per_s: float | None = None
    throttled: str | None = None
    calendar: str | None = None
    timezone: str = "UTC"
    slice_s: float | None = None
    slice_ratio: float | None = None
    alerts: tuple[BurnAlert, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
