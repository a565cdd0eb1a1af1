"""What a plan names, in the shape in which a page asks for it."""

from typing import Any

from exporters import conventions, labelling
from exporters.conventions import Family
from exporters.series import Labels
from exporters.signals import SeriesPlan, SloKey, TargetInfo
from probes.result import ProbeResult


class Planned:
    """The targets, probes, SLOs and bucket edges of a plan; without one, nothing."""

    def __init__(self, plan: SeriesPlan | None) -> None:
        self.vantage = plan.vantage if plan else None
        self.targets = frozenset(target.target for target in plan.targets) if plan else frozenset()
        self._quotas = dict(plan.quotas) if plan else {}
        self.quotas = frozenset(map(self.quota, self.targets))
        self.probes = frozenset(plan.probes) if plan else frozenset()
        self.slos = (
            frozenset(slo.id for slo in (*(slo for slo, _ in plan.slos), *plan.services))
            if plan
            else frozenset()
        )
        self._pooled = {
            (key.objective, *pair): key for key, pairs in (plan.pools if plan else ()) for pair in pairs
        }
        self.sliced = frozenset(slo.id for slo in plan.sliced) if plan else frozenset()
        self.services = frozenset(key.service for key in plan.services) if plan else frozenset()
        thresholds = plan.thresholds if plan else {}
        self.edges = {
            family.name: tuple(sorted({*conventions.EDGES[family.name], *thresholds.get(sli, ())}))
            for sli, family in conventions.THRESHOLD_OF.items()
        }

    def has(self, result: ProbeResult) -> bool:
        return (result.target, result.probe) in self.probes and result.vantage == self.vantage

    def slo(self, objective: str, target: str, probe: str) -> SloKey:
        """Return the SLO that a pair's events are counted for."""
        own = SloKey(objective=objective, target=target, probe=probe)
        return self._pooled.get((objective, target, probe), own)

    def quota(self, target: str) -> str:
        """Return the name under which a target's rate limits are shown."""
        return self._quotas.get(target, target)

    def wants(self, family: Family, labels: Labels) -> bool:
        named = dict(zip(family.labels, labels, strict=True))
        if "slo" in named:
            counted = self.sliced if family is conventions.SLO_SLICES else self.slos
            return named["slo"] in counted
        if "service" in named:
            return named["service"] in self.services
        if "probe" in named:
            return (named["target"], named["probe"]) in self.probes
        if "target" in named:
            return named["target"] in self.targets
        return "quota" not in named or named["quota"] in self.quotas


def info_labels(target: TargetInfo) -> dict[str, str]:
    """Return the labels of a target's `target_info`, without those that would be empty."""
    known = {
        "target": target.target,
        "provider": target.provider,
        "target_cloud": target.cloud,
        "target_region": target.region,
        "model": target.model,
        "team": target.team,
        "simulated": "true" if target.simulated else None,
    }
    return {name: value for name, value in known.items() if value} | labelling.user_labels(target.labels)


def revived(plain: dict[str, Any]) -> SeriesPlan:
    """Return the plan whose plain dictionary a snapshot holds."""
    return SeriesPlan(
        config_hash=plain["config_hash"],
        vantage=plain["vantage"],
        targets=tuple(TargetInfo(**target) for target in plain["targets"]),
        probes=tuple((target, probe) for target, probe in plain["probes"]),
        slos=tuple((SloKey(**slo), ratio) for slo, ratio in plain["slos"]),
        thresholds={sli: tuple(edges) for sli, edges in plain["thresholds"].items()},
        quotas=plain.get("quotas", {}),
        pools=tuple(
            (SloKey(**key), tuple((target, probe) for target, probe in pairs))
            for key, pairs in plain.get("pools", ())
        ),
        services=tuple(SloKey(**key) for key in plain.get("services", ())),
        rules_hash=plain.get("rules_hash", ""),
        sliced=tuple(SloKey(**key) for key in plain.get("sliced", ())),
    )
