"""Frozen words for what a weekly report says."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from exporters.signals import SloKey


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One SLO over [since, until): settled slots by class, and what they say.

    `missing` slots were due and were not judged. `low` and `high` are Wilson's 95 % interval of `sli`, `budget`
    is the share left of what the objective allows this span, under 0 where more was spent. `state` is `unknown`
    where too little was judged; `likelihood` is the word for `met_probability`.
    """

    since_ns: int
    until_ns: int
    good: int
    bad: int
    excluded: int
    invalid: int
    missing: int
    expected: int
    sli: float | None
    low: float | None
    high: float | None
    budget: float | None
    met_probability: float | None
    coverage: float | None
    state: Literal["good", "bad", "unknown"]
    likelihood: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorstHour:
    """The clock hour in which a budget went fastest."""

    since_ns: int
    burn: float
    bad: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What an objective promised in [since, until); None means until changed. `digest` names it.

    That of a service promised so many units (`at_least` of `of`) that are well, too.
    """

    digest: str
    since_ns: int
    until_ns: int | None
    objective_ratio: float
    threshold_s: float | None
    at_least_per_s: float | None
    window: str
    at_least: int | None = None
    of: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SloWeek:
    """One SLO's week: the week itself, its days, its worst hour, and its own `window` up to the week's end.

    It is judged by the last of the `revisions`, which are those that held in the week; where there are none, by the
    objective of now.
    """

    slo: SloKey
    sli: str
    objective_ratio: float
    threshold_s: float | None
    at_least_per_s: float | None
    window_s: float
    window: str
    week: Share
    rolling: Share
    days: tuple[Share, ...]
    worst_hour: WorstHour | None
    revisions: tuple[Revision, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A time in which fewer units of a service were well than it needs; `failing` are the targets that failed in it.

    It ends at the slot by which enough were well again (`ended`), else where that could not be told any more. `began`
    is false where nobody knows that they were enough right before it in the week.
    """

    start_ns: int
    end_ns: int
    began: bool
    ended: bool
    failing: tuple[str, ...]

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceWeek:
    """A service's week: its own objective over all members' events, and when it was under its healthy minimum.

    It is well with `at_least` of its `units` (clouds, regions or targets: `of`); both it and its objective are those
    that held at the week's end. Of the rest of the week it was well, `unknown_s` apart, of which too little is known of
    its members, and `unjudged_s`, in which maintenance left fewer units than it needs. The longest shortfall is the first.
    """

    slo: SloWeek
    at_least: int
    of: Literal["target", "cloud", "region"]
    units: int
    members: tuple[str, ...]
    under_s: float
    unknown_s: float
    unjudged_s: float
    shortfalls: tuple[Shortfall, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Bad slots of a target in a row, overlapping ones of its probes in one.

    It ends at the first good slot after it (`ended`), else at its last bad one: nothing is known beyond. `began`
    is false where nothing was seen before it in the week. `slots` are the bad ones.
    """

    target: str
    probes: tuple[str, ...]
    start_ns: int
    end_ns: int
    began: bool
    ended: bool
    slots: int
    outcomes: Mapping[str, int]
    faults: Mapping[str, int]
    error_codes: Mapping[str, int]

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which due slots were not seen: from the last slot seen before it to the first one after it."""

    start_ns: int
    end_ns: int
    slots: int
    probes: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    samples: int
    p50_s: float
    p95_s: float
    p99_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LatencyWeek:
    """How quick a probe of a target was; `untrusted` of its `slots` are not in the percentiles, by reason.

    `tokens_per_s` is the median speed of long answers, `per_500` what 500 tokens of such take from the request on.
    """

    target: str
    probe: str
    kind: str
    slots: int
    untrusted: int
    reasons: Mapping[str, int]
    ttft: Percentiles | None
    total: Percentiles | None
    tokens_per_s: float | None = None
    per_500: Percentiles | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SpendWeek:
    """What all attempts at a target came to; `unpriced` ones spent tokens whose price is not known."""

    target: str
    attempts: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unpriced: int
    price_source: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWeek:
    """Maintenance of some targets, as it took place; `ended_by` is who ended it before its time."""

    key: str
    targets: tuple[str, ...]
    since_ns: int
    until_ns: int
    source: Literal["config", "command"]
    author: str
    reason: str
    ended_by: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionWeek:
    """A person's word on what events count as; None for `probe` and `vantage` is each of them.

    `withdrawn_by` took it back, and then it says nothing.
    """

    id: int
    target: str
    probe: str | None
    vantage: str | None
    since_ns: int
    until_ns: int
    kind: str
    author: str
    reason: str
    made_ns: int
    withdrawn_by: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyReport:
    """One ISO week from one vantage; `closed` is false while it lasts, and then `until_ns` is the present."""

    week: str
    since_ns: int
    until_ns: int
    closed: bool
    made_ns: int
    version: str
    vantage: str
    config_hash: str
    simulated: tuple[str, ...]
    slos: tuple[SloWeek, ...]
    services: tuple[ServiceWeek, ...]
    incidents: tuple[Incident, ...]
    gaps: tuple[Gap, ...]
    latencies: tuple[LatencyWeek, ...]
    spends: tuple[SpendWeek, ...]
    maintenances: tuple[MaintenanceWeek, ...] = ()
    corrections: tuple[CorrectionWeek, ...] = ()
