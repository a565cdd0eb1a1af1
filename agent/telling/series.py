"""What a configuration brings forth on show: the plan as /metrics and the status page need it."""

import dataclasses
from collections.abc import Iterable, Iterator

from agent.config.model import Config
from agent.slo.objective import Objective
from agent.telling.labels import info_of
from agent.telling.ruling import rules_hash
from exporters.pages import PagePlan, WatchedObjective, WatchedProbe
from exporters.signals import SeriesPlan


def series_plan(config: Config) -> SeriesPlan:
    thresholds: dict[str, set[float]] = {}
    for objective in config.objectives:
        for figure in (objective.threshold_s, objective.at_least_per_s):
            if figure is not None:
                thresholds.setdefault(objective.sli, set()).add(figure)
    return SeriesPlan(
        config_hash=config.hash,
        rules_hash=rules_hash(config),
        vantage=config.vantage,
        targets=tuple(info_of(target) for target in config.targets),
        probes=tuple((target, probe.workload.name) for probe in config.probes for target in probe.targets),
        slos=tuple((slo.key, slo.objective.ratio) for slo in config.slos()),
        pools=tuple(
            (slo.key, tuple(part.pair for part in slo.parts)) for slo in config.slos() if slo.key.pool
        ),
        services=tuple(slo.key for slo in config.service_slos()),
        sliced=tuple(slo.key for slo in config.slos() if slo.objective.slices),
        thresholds={sli: tuple(sorted(edges)) for sli, edges in thresholds.items()},
        quotas={target.name: target.quota for target in config.targets if target.quota is not None},
    )


def page_plan(config: Config) -> PagePlan:
    return PagePlan(
        config_hash=config.hash,
        vantage=config.vantage,
        targets=tuple(info_of(target) for target in config.targets),
        probes=tuple(
            WatchedProbe(
                target=target,
                probe=probe.workload.name,
                every_s=probe.workload.every_s,
                timeout_s=probe.workload.timeout_s,
            )
            for probe in config.probes
            for target in probe.targets
        ),
        objectives=(
            *_objectives(config),
            *(
                dataclasses.replace(_watched(slo.objective, [slo.key.id]), name=f"service {slo.key.service}")
                for slo in config.service_slos()
            ),
        ),
    )


def _objectives(config: Config) -> Iterator[WatchedObjective]:
    """Yield the objectives; a pool of several thresholds is one, as it is judged."""
    shown: set[str] = set()
    for objective in config.objectives:
        if slos := [slo for slo in config.ids(objective) if slo not in shown]:
            shown.update(slos)
            yield _watched(objective, slos)


def _watched(objective: Objective, slos: Iterable[str]) -> WatchedObjective:
    return WatchedObjective(
        name=objective.name,
        sli=objective.sli,
        ratio=objective.ratio,
        window=objective.window,
        slos=tuple(slos),
        threshold_s=objective.threshold_s,
        at_least_per_s=objective.at_least_per_s,
    )
