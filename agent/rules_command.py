"""`nephoscope rules`: the Prometheus rules of a configuration, as a file or as objects, and promtool's unit tests of them."""

import argparse
import os
from collections.abc import Container, Iterator
from pathlib import Path
from typing import TextIO

from agent.config.model import Config
from agent.config.read import read
from agent.errors import ConfigError
from agent.slo import windows
from agent.slo.burning import AGREE, least_beside
from agent.slo.conditions import Condition, conditions
from agent.slo.findings import service_conditions
from agent.slo.lint import lint
from agent.slo.objective import Objective
from agent.slo.service import Service
from agent.telling.notices import filled
from agent.telling.series import info_of
from exporters import durations
from exporters.planned import info_labels
from exporters.rules import render
from exporters.rules_operator import Metadata, render_operator
from exporters.rules_tests import render_tests
from exporters.signals import BurnAlert, RuleSpec, ServiceImpact, ServiceKey, SloKey
from probes.target import Target, Workload


def rules(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the rules, or with `--tests` their unit tests; what is left out is told on stderr and in comments."""
    metadata = _metadata(args)
    found = specs(read(Path(args.config), os.environ, no_secrets=True).config)
    for note in dict.fromkeys(note for spec in found for note in spec.notes):
        print(f"note: {note}", file=err)
    if args.tests:
        out.write(render_tests(found))
    else:
        out.write(render(found) if metadata is None else render_operator(found, metadata))
    return 0


def _metadata(args: argparse.Namespace) -> Metadata | None:
    """Return what names the operator's objects; None for a rule file, which has no name and no labels."""
    given = {"name": args.name, "namespace": args.namespace, "labels": dict(args.label or ()) or None}
    given = {key: value for key, value in given.items() if value is not None}
    if args.format == "prometheus":
        if given:
            raise ConfigError(
                "--name, --namespace and --label are of objects for the operator; add --format operator, or take them out"
            )
        return None
    if args.tests:
        raise ConfigError(
            "--tests are of a rule file, which promtool reads, and not of the operator's objects; the groups are the "
            "same, so test them with --format prometheus"
        )
    try:
        return Metadata(**given)
    except ValueError as error:
        raise ConfigError(f"--format operator: {error}") from None


def specs(config: Config) -> list[RuleSpec]:
    """Return one spec for each objective, target and probe, then one for each service, as the configuration has them."""
    workloads = config.workloads()
    targets = {target.name: target for target in config.targets}
    config_hash = config.hash
    parts = frozenset(_parts(config))
    return [
        *(
            _spec(config, config_hash, objective, targets[target], workloads[target, probe], parts)
            for objective in config.objectives
            for target, probe in objective.pairs
        ),
        *(
            _service_spec(config, config_hash, service, series)
            for service in config.services
            if len(series := _watched(config, service)) >= AGREE
        ),
    ]


def _parts(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what others stand in for: its burning is a ticket, and the page is the service's."""
    critical = {target.name for target in config.targets if target.critical}
    for service in config.services:
        if len({member.target for member in service.members}) >= AGREE:
            yield from (member.pair for member in service.members if member.target not in critical)


def _spec(
    config: Config,
    config_hash: str,
    objective: Objective,
    target: Target,
    workload: Workload,
    parts: Container[tuple[str, str]],
) -> RuleSpec:
    key = SloKey(objective=objective.name, target=target.name, probe=workload.name)
    held, _ = conditions(objective.ratio, objective.window_s, workload.every_s)
    period = durations.write(objective.window_s)
    return RuleSpec(
        slo=key,
        series=(key.id,),
        objective_ratio=objective.ratio,
        period=period,
        period_days=objective.window_s / 86400,
        windows=tuple(window for window in windows.counted(objective.window_s) if window != period),
        alerts=tuple(
            _alert(condition, pages=(target.name, workload.name) not in parts) for condition in held
        ),
        every_s=workload.every_s,
        config_hash=config_hash,
        sli=objective.sli,
        runbook=config.runbook
        and filled(
            config.runbook, {"objective": objective.name, "target": target.name, "probe": workload.name}
        ),
        labels=_labels(target),
        notes=tuple(finding.message for finding in lint(objective, workload.every_s)),
        guarded=config.engine == "agent",
    )


def _watched(config: Config, service: Service) -> tuple[str, ...]:
    """Return the SLOs that count the events of a service's members: of each the first on its availability."""
    watchers = {
        pair: objective.name
        for objective in reversed(config.objectives)
        if objective.sli == "availability"
        for pair in objective.pairs
    }
    return tuple(
        SloKey(objective=watchers[member.pair], target=member.target, probe=member.probe).id
        for member in service.members
        if member.pair in watchers
    )


def _service_spec(config: Config, config_hash: str, service: Service, series: tuple[str, ...]) -> RuleSpec:
    """Return what the agent judges of a service's own objective (`agent.slo.findings.burn_findings`)."""
    period = durations.write(service.window_s)
    return RuleSpec(
        slo=ServiceKey(service=service.name),
        series=series,
        objective_ratio=service.ratio,
        period=period,
        period_days=service.window_s / 86400,
        windows=tuple(window for window in windows.counted(service.window_s) if window != period),
        alerts=tuple(_alert(condition, pooled=True) for condition in service_conditions(service)),
        every_s=service.every_s,
        config_hash=config_hash,
        runbook=config.runbook and filled(config.runbook, {"service": service.name}),
        labels={"team": service.team} if service.team else {},
        guarded=config.engine == "agent",
        impact=_impact(service, config.paging.after_s),
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
        long=durations.write(window.long_s),
        short=durations.write(window.short_s),
        factor=condition.factor,
        min_bad_long=condition.min_bad_long,
        min_bad_short=condition.min_bad_short,
        pending="0s",
        min_members=AGREE if pooled else 1,
        min_bad_beside=least_beside(condition) if pooled else 0,
    )


def _labels(target: Target) -> dict[str, str]:
    """Return what `target_info` carries, under the same names."""
    return {name: value for name, value in info_labels(info_of(target)).items() if name != "target"}
