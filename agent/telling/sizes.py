"""How many series /metrics shows for a plan, counted on a page that is told all that a daemon would tell it."""

import dataclasses
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from agent.asking.buckets import Buckets
from agent.config.model import Budget, Config
from agent.slo import spans
from agent.telling.series import series_plan
from exporters import conventions
from exporters.metrics import Metrics
from exporters.signals import Judged, SelfReport, SloStatus
from probes import catalog
from probes.result import Fault, Outcome, ProbeResult
from probes.target import Target, Workload

_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_AT_NS: Final = int(_AT.timestamp()) * 1_000_000_000
_ID: Final = uuid.UUID(int=1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCount:
    """Series a scrape.

    `start` are there before the first answer. `most` is what there is once every target has answered, every phase
    and limit was seen and every objective evaluated; untrusted samples, drops and failed notifications add one
    series for each of their reasons when they happen.
    """

    start: int
    most: int


def series_count(config: Config) -> SeriesCount:
    """Return how many series the agent of a plan shows, its own included."""
    page = Metrics("")
    page.plan(series_plan(config))
    page.reloaded(_AT_NS, taken=True)
    start = page.size
    for result in _answers(config):
        page.take(result)
        page.settle(Judged(result=result, fault=Fault.NONE))
    page.show(tuple(_statuses(config)))
    page.services({service.name: (1, service.at_least) for service in config.services})
    page.warm({target.name: True for target in config.targets})
    _tell_of_ourselves(page, config)
    return SeriesCount(start=start, most=page.size)


def _answers(config: Config) -> Iterator[ProbeResult]:
    """Yield one answer of every (target, probe), with all that an answer can tell."""
    targets = {target.name: target for target in config.targets}
    for plan in config.probes:
        for name in plan.targets:
            yield _answer(config.vantage, targets[name], plan.workload)


def _answer(vantage: str, target: Target, workload: Workload) -> ProbeResult:
    spends, streams = workload.kind != "models", workload.streamed
    # An endpoint that stands for a variable unset here is most likely https.
    secure = not catalog.shown_url(target, workload.kind).startswith("http:")
    phases: dict[str, Any] = {f"{phase}_s": 0.001 for phase in conventions.PHASES if secure or phase != "tls"}
    return ProbeResult(
        id=_ID,
        probe=workload.name,
        kind=workload.kind,
        target=target.name,
        provider=target.provider,
        cloud=target.cloud,
        model=target.model,
        vantage=vantage,
        scheduled_ns=_AT_NS,
        started_ns=_AT_NS,
        outcome=Outcome.OK,
        ttft_s=0.001 if streams else None,
        ttfo_s=0.001 if streams else None,
        itl_s=0.001 if streams else None,
        total_s=0.001,
        tokens_per_s=1.0 if workload.kind == "throughput" else None,
        tls_expires_at=_AT if secure else None,
        ratelimit=dict.fromkeys(conventions.RATELIMIT, 1.0) if spends else {},
        input_tokens=1 if spends else None,
        output_tokens=1 if workload.generates else None,
        cost_usd=0.0 if spends and target.price is not None else None,
        backend={"region": "here"},
        **phases,
    )


def _statuses(config: Config) -> Iterator[SloStatus]:
    for slo in (*config.slos(), *config.service_slos()):
        lengths = dict.fromkeys(spans.counted(slo.objective, _AT_NS), 1.0)
        yield SloStatus(
            slo=slo.key,
            vantage=config.vantage,
            objective_ratio=slo.objective.ratio,
            window_s=slo.objective.window_s,
            state="good",
            period=slo.objective.period,
            sli=lengths,
            burn=lengths,
            budget_remaining=1.0,
            met_probability=1.0,
            coverage=1.0,
            evaluated_ns=_AT_NS,
        )


def _tell_of_ourselves(page: Metrics, config: Config) -> None:
    buckets = Buckets().all_counts()
    stats = {"p50": 0.0, "p99": 0.0}
    page.beat(
        SelfReport(
            at_ns=_AT_NS,
            boot="",
            lateness=buckets,
            lateness_sum_s=0.0,
            loop_lag=buckets,
            loop_lag_sum_s=0.0,
            journal_bytes=0,
            journal_oldest_ns=_AT_NS,
            calibration={"no": stats, "yes": stats},
            clock_offset_s=0.0,
            witnesses={
                network.name: {witness.name: "up" for witness in network.witnesses}
                for network in config.networks
            },
            **_budget(config.budget),
        )
    )
    page.database_up(up=True)
    page.default_partition_rows(0)
    page.duplicate(0)
    for task in ("evaluation", "upkeep", "maintenance"):
        page.task_succeeded(task, _AT_NS)
    if config.heartbeat is not None:
        page.notified("heartbeat", "sent")
    if config.engine == "agent":
        for receiver in config.receivers:
            page.notified(receiver.name, "sent")


def _budget(budget: Budget | None) -> dict[str, Any]:
    """Return what a beat tells of a budget: what is left of the day's caps, and the share spent of every cap."""
    if budget is None:
        return {}
    caps = {
        scope: {unit: 0.0 for unit, cap in dataclasses.asdict(allowance).items() if cap is not None}
        for scope, allowance in (("day", budget.day), ("target", budget.target), ("probe", budget.probe))
    }
    return {"budget_left": caps["day"], "budget_used": caps}
