"""Which series a configuration brings forth: the plan as the metrics page needs it."""

from agent.config.model import Config
from exporters.signals import SeriesPlan, SloKey, TargetInfo
from probes.target import Target


def series_plan(config: Config) -> SeriesPlan:
    thresholds: dict[str, set[float]] = {}
    for objective in config.objectives:
        if objective.threshold_s is not None:
            thresholds.setdefault(objective.sli, set()).add(objective.threshold_s)
    return SeriesPlan(
        config_hash=config.hash,
        vantage=config.vantage,
        targets=tuple(info_of(target) for target in config.targets),
        probes=tuple((target, probe.workload.name) for probe in config.probes for target in probe.targets),
        slos=tuple(
            (SloKey(objective=objective.name, target=target, probe=probe), objective.ratio)
            for objective in config.objectives
            for target, probe in objective.pairs
        ),
        thresholds={sli: tuple(sorted(edges)) for sli, edges in thresholds.items()},
        quotas={target.name: target.quota for target in config.targets if target.quota is not None},
    )


def info_of(target: Target) -> TargetInfo:
    """Return what stands on a target's `target_info`, and as labels on its rules."""
    return TargetInfo(
        target=target.name,
        provider=target.provider,
        cloud=target.cloud,
        region=target.region,
        model=target.model,
        team=target.team,
        simulated=target.simulated,
        labels=target.labels,
    )
