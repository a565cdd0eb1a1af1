"""What the Prometheus rules of a configuration are made of, and the hash that names it."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import TypeAdapter

from agent.config.model import Config
from agent.slo import windows
from agent.slo.burning import least_beside
from agent.slo.conditions import Condition, conditions
from agent.slo.findings import service_conditions
from agent.slo.impact import AGREE
from agent.slo.lint import lint, lint_service
from agent.slo.lint_slices import lint_slices
from agent.slo.objective import Objective
from agent.slo.pools import SERVICE, Slo
from agent.slo.service import Service
from agent.telling.labels import info_of
from agent.telling.notices import filled
from exporters import durations
from exporters.planned import info_labels
from exporters.signals import BurnAlert, RuleSpec, ServiceImpact, SloKey

_SPECS: Final = TypeAdapter(list[RuleSpec])


def specs(config: Config) -> list[RuleSpec]:
    """Return one spec for each SLO, then one for each service, as the configuration has them, under the hash of all."""
    found = list(_specs(config))
    named, ours = _hash(found), config.runbook and filled(config.runbook, {})
    return [dataclasses.replace(spec, rules_hash=named, our_runbook=ours) for spec in found]


def rules_hash(config: Config) -> str:
    """Return 16 hex digits that name everything which the rules are made from, and nothing else.

    Another setting, be it a service's or when to page, has another hash where it makes other rules. Where the agent
    stands and what it may spend make none, so rules that are made in one place fit everywhere.
    """
    return _hash(list(_specs(config)))


def _hash(found: Sequence[RuleSpec]) -> str:
    return hashlib.blake2b(_SPECS.dump_json([*found]), digest_size=8).hexdigest()


def _specs(config: Config) -> Iterator[RuleSpec]:
    parts = frozenset(_parts(config))
    for slo in config.slos():
        yield _spec(config, slo, pages=parts.isdisjoint(part.pair for part in slo.parts))
    for service in config.services:
        if len(series := _watched(config, service)) >= AGREE:
            yield _service_spec(config, service, series)


def _parts(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what others stand in for: its burning is a ticket, and the page is the service's."""
    critical = {target.name for target in config.targets if target.critical}
    for service in config.services:
        if len({member.target for member in service.members}) >= AGREE:
            yield from (member.pair for member in service.members if member.target not in critical)


def _spec(config: Config, slo: Slo, *, pages: bool) -> RuleSpec:
    objective, every_s = slo.objective, slo.event_every_ns / 1e9
    slice_s = objective.slices.length_s if objective.slices else None
    held, _ = conditions(objective.ratio, objective.window_s, slice_s or every_s)
    period = durations.write(objective.window_s)
    named = {"objective": objective.name, "target": slo.key.target, "probe": slo.key.probe}
    return RuleSpec(
        slo=slo.key,
        series=(slo.key.id,),
        targets=tuple(dict.fromkeys(part.target.name for part in slo.parts)),
        objective_ratio=objective.ratio,
        period=period,
        period_days=objective.window_s / 86400,
        windows=tuple(
            window
            for window, length_s in windows.counted(objective.window_s).items()
            if window != period and length_s >= (slice_s or 0.0)
        ),
        alerts=tuple(_alert(condition, pages=pages) for condition in held),
        every_s=every_s,
        hold_s=config.paging.hold_s,
        sli=objective.sli,
        runbook=config.runbook and filled(config.runbook, named),
        labels=_labels(slo),
        notes=(
            *(finding.message for finding in (lint_slices if slice_s else lint)(objective, every_s)),
            *([_rolling(objective)] if objective.calendar else []),
        ),
        guarded=config.engine == "agent",
        slice_s=slice_s,
    )


def _rolling(objective: Objective) -> str:
    return (
        f"objective {objective.name}: Prometheus knows no calendar, so its rules look back over "
        f"{durations.write(objective.window_s)}; the budget of the {objective.window} is on the agent's gauges"
    )


def _watched(config: Config, service: Service) -> dict[str, str]:
    """Return the SLOs that count the events of a service's members alone, and their targets.

    Of each member it is the first on its availability.
    """
    watchers = {
        slo.parts[0].pair: slo.key.id
        for slo in reversed(config.slos())
        if slo.objective.sli == "availability" and not slo.key.pool
    }
    return {watchers[member.pair]: member.target for member in service.members if member.pair in watchers}


def _service_spec(config: Config, service: Service, series: Mapping[str, str]) -> RuleSpec:
    """Return what the agent judges of a service's own objective (`agent.slo.findings.burn_findings`).

    `series` are the SLOs whose events it pools, and whose they are.
    """
    period = durations.write(service.window_s)
    return RuleSpec(
        slo=SloKey(objective=SERVICE, pool=service.name),
        series=tuple(series),
        targets=tuple(series.values()),
        objective_ratio=service.ratio,
        period=period,
        period_days=service.window_s / 86400,
        windows=tuple(window for window in windows.counted(service.window_s) if window != period),
        alerts=tuple(_alert(condition, pooled=True) for condition in service_conditions(service)),
        every_s=service.every_s,
        hold_s=config.paging.hold_s,
        runbook=config.runbook and filled(config.runbook, {"service": service.name}),
        labels={"team": service.team} if service.team else {},
        guarded=config.engine == "agent",
        impact=_impact(service, config.paging.after_s),
        notes=tuple(finding.message for finding in lint_service(service)),
    )


def _impact(service: Service, after_s: float) -> ServiceImpact:
    units: dict[str, list[tuple[str, str]]] = {}
    for member in service.members:
        units.setdefault(member.unit(service.of), []).append(member.pair)
    return ServiceImpact(
        units=tuple(map(tuple, units.values())), at_least=service.at_least, of=service.of, after_s=after_s
    )


def _alert(condition: Condition, *, pages: bool = True, pooled: bool = False) -> BurnAlert:
    window = condition.window
    return BurnAlert(
        severity=window.severity if pages else "ticket",
        tier="fast" if window.severity == "page" else "slow",
        long=window.long,
        short=window.short,
        factor=condition.factor,
        min_bad_long=condition.min_bad_long,
        min_bad_short=condition.min_bad_short,
        pending="0s",
        min_members=AGREE if pooled else 1,
        min_bad_beside=least_beside(condition) if pooled else 0,
    )


def _labels(slo: Slo) -> dict[str, str]:
    """Return what `target_info` carries, under the same names; of a pool what all its targets carry alike."""
    shared, *others = (info_labels(info_of(part.target)).items() for part in slo.parts)
    alike = [label for label in shared if all(label in theirs for theirs in others)]
    return {name: value for name, value in alike if name != "target"}
