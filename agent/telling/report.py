"""The weekly report: history is asked, and a frozen report is assembled from its counts."""

import collections
from collections.abc import Mapping, Sequence

from agent.config.model import Config
from agent.slo import spans
from agent.slo.judge import throttled_class
from agent.slo.pools import Slo
from agent.slo.quiet import spans_of
from agent.telling import incidents, revisions, service_weeks, stretched, tally
from agent.telling.due import plans_by_pair
from agent.telling.revisions import Held
from agent.telling.seen import Pair
from agent.telling.service_weeks import service_week
from agent.telling.shares import SloAsked, slo_week
from agent.telling.tally import Asked, Quiet
from agent.telling.weeks import Week
from exporters.weeks import (
    CorrectionWeek,
    LatencyWeek,
    MaintenanceWeek,
    Percentiles,
    Revision,
    SloWeek,
    SpendWeek,
    WeeklyReport,
)
from probes.result import EventClass
from storage.base import History
from storage.readings import CorrectionRow, PlanRow, Spend, Spread, Timing

Plans = dict[Pair, list[PlanRow]]
Promised = tuple[Slo, tuple[Revision, ...]]


def report_of(config: Config, history: History, week: Week, now_ns: int, version: str) -> WeeklyReport | None:
    """Return the report of a week that has begun, or None where nothing was seen in it.

    It is told from the configuration's vantage, about its objectives and services; latencies, spend and gaps are those
    of all that was probed in the week, whether the configuration still names it or not.
    """
    until_ns = min(week.until_ns, now_ns)
    timings = history.timings(config.vantage, week.since_ns, until_ns)
    if not timings:
        return None
    known = revisions.held(history.revisions(config.vantage, week.since_ns, until_ns))
    promised = _promised(config, known, week.since_ns, until_ns)
    served = service_weeks.served(config, known, week.since_ns, until_ns)
    every = [*promised, *((one.slo, one.revisions) for one in served)]
    begins_ns = min((spans.period(slo.objective, until_ns)[0] for slo, _ in every), default=until_ns)
    since_ns = min(week.since_ns, begins_ns)
    plans = plans_by_pair(history.plans(config.vantage, since_ns, until_ns))
    quiet = spans_of(history.maintenances(since_ns, until_ns))
    told = _told(config, history, plans, week.since_ns, until_ns)
    seen = _seen(config, plans, told)
    due_ns = min(until_ns, now_ns - round(_longest_deadline_s(config) * 1e9))
    slos = _slos(config, history, every, plans, quiet, week, now_ns)
    members = service_weeks.members_seen(config, history, served, told)
    return WeeklyReport(
        week=week.name,
        since_ns=week.since_ns,
        until_ns=until_ns,
        closed=until_ns == week.until_ns,
        made_ns=now_ns,
        version=version,
        vantage=config.vantage,
        config_hash=config.hash,
        simulated=tuple(target.name for target in config.targets if target.simulated),
        slos=slos[: len(promised)],
        services=tuple(
            service_week(one, slo, members, week.since_ns, until_ns)
            for one, slo in zip(served, slos[len(promised) :], strict=True)
        ),
        incidents=tuple(incidents.incidents(seen)),
        gaps=tuple(incidents.gaps(seen, week.since_ns, due_ns)),
        latencies=tuple(map(_latency, timings)),
        spends=_spends(history.spends(config.vantage, week.since_ns, until_ns)),
        maintenances=_maintenances(history, week.since_ns, until_ns),
        corrections=tuple(map(_correction, history.corrections(week.since_ns, until_ns))),
    )


def _promised(config: Config, known: Held, since_ns: int, until_ns: int) -> list[Promised]:
    """Return the SLOs, each as it was at the end of [since, until), with what it was before."""
    return [
        (revisions.at(slo, until_ns, known), revisions.within(slo, since_ns, until_ns, known))
        for slo in config.slos()
    ]


def _slos(
    config: Config,
    history: History,
    promised: Sequence[Promised],
    plans: Plans,
    quiet: Quiet,
    week: Week,
    now_ns: int,
) -> tuple[SloWeek, ...]:
    asked = [
        SloAsked(slo=slo, revisions=held, plans=plans, week=week, now_ns=now_ns, quiet=quiet)
        for slo, held in promised
    ]
    counted = tally.counts(history, config.vantage, [Asked(slo=one.slo, spans=one.spans()) for one in asked])
    return tuple(slo_week(one, found.whole) for one, found in zip(asked, counted, strict=True))


def _told(
    config: Config, history: History, plans: Plans, since_ns: int, until_ns: int
) -> dict[Pair, stretched.Told]:
    """Return what each probe saw that was asked in [since, until)."""
    # Half an interval more than the next slot: whatever is missing breaks a stretch.
    holes_ns = {
        pair: min(row.every_ns for row in rows) * 3 // 2
        for pair, rows in plans.items()
        if any(_touches(row, since_ns) for row in rows)
    }
    return stretched.told(history, config.vantage, holes_ns, since_ns, until_ns)


def _seen(config: Config, plans: Plans, told: Mapping[Pair, stretched.Told]) -> list[incidents.Seen]:
    throttled = _throttled(config)
    return [
        incidents.Seen(*pair, one.stretches, plans[pair], throttled[pair], one.said)
        for pair, one in told.items()
    ]


def _maintenances(history: History, since_ns: int, until_ns: int) -> tuple[MaintenanceWeek, ...]:
    """Return the maintenance of a time, of its targets together, the oldest first."""
    found: dict[tuple[str, int], MaintenanceWeek] = {}
    for row in history.maintenances(since_ns, until_ns):
        known = found.get((row.key, row.since_ns))
        found[row.key, row.since_ns] = MaintenanceWeek(
            key=row.key,
            targets=(*(known.targets if known else ()), row.target),
            since_ns=row.since_ns,
            until_ns=row.over_ns,
            source=row.source,
            author=row.author,
            reason=row.reason,
            ended_by=row.ended_by,
        )
    return tuple(found.values())


def _correction(row: CorrectionRow) -> CorrectionWeek:
    return CorrectionWeek(
        id=row.id,
        target=row.target,
        probe=row.probe,
        vantage=row.vantage,
        since_ns=row.since_ns,
        until_ns=row.until_ns,
        kind=row.kind.value,
        author=row.author,
        reason=row.reason,
        made_ns=row.made_ns,
        withdrawn_by=row.withdrawn_by,
    )


def _touches(row: PlanRow, since_ns: int) -> bool:
    return row.valid_to_ns is None or row.valid_to_ns > since_ns


def _throttled(config: Config) -> dict[Pair, EventClass]:
    """Return what a throttled answer is in an incident: bad where an availability objective says so."""
    known = {target.name: target for target in config.targets}
    found: dict[Pair, EventClass] = collections.defaultdict(lambda: EventClass.EXCLUDED)
    for objective in config.objectives:
        if objective.sli != "availability":
            continue
        for target, probe in objective.pairs:
            if throttled_class(objective, known[target]) is EventClass.BAD:
                found[target, probe] = EventClass.BAD
    return found


def _longest_deadline_s(config: Config) -> float:
    return max((probe.workload.timeout_s for probe in config.probes), default=0.0)


def _latency(timing: Timing) -> LatencyWeek:
    return LatencyWeek(
        target=timing.target,
        probe=timing.probe,
        kind=timing.kind,
        slots=timing.slots,
        untrusted=timing.untrusted,
        reasons=timing.doubts,
        ttft=_percentiles(timing.ttft),
        total=_percentiles(timing.total),
        tokens_per_s=timing.tokens_per_s,
        per_500=_percentiles(timing.per_500),
    )


def _percentiles(spread: Spread | None) -> Percentiles | None:
    if spread is None:
        return None
    return Percentiles(samples=spread.samples, p50_s=spread.p50_s, p95_s=spread.p95_s, p99_s=spread.p99_s)


def _spends(spends: Sequence[Spend]) -> tuple[SpendWeek, ...]:
    return tuple(
        SpendWeek(
            target=spend.target,
            attempts=spend.attempts,
            input_tokens=spend.input_tokens,
            output_tokens=spend.output_tokens,
            cost_usd=spend.cost_usd,
            unpriced=spend.unpriced,
            price_source=spend.price_source,
        )
        for spend in spends
    )
