"""`nephoscope slo export` and `slo import`: objectives and services to OpenSLO v1, and back to a configuration's words."""

import argparse
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

from ruamel.yaml import YAML

from agent.config import yaml
from agent.config.files import content
from agent.config.model import Config
from agent.config.read import read
from agent.errors import ConfigError
from agent.slo.pools import Slo
from agent.slo.service import Service
from agent.telling.ruling import specs as rule_specs
from exporters import durations, openslo, openslo_reading
from exporters.signals import ObjectiveSpec, RuleSpec, ServiceSpec

LEFT_OUT: Final = 1
"""The exit code where an SLO could not be carried over."""

Entry = dict[str, Any]


# -- out


def export(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the objectives and services as OpenSLO; 1 where one of them has no words there."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    fitting = []
    notes = [
        f"{slo.key.id} is left out: OpenSLO has no words for what pools several targets"
        for slo in config.slos()
        if slo.key.pool
    ]
    for spec in specs(config):
        try:
            openslo.documents([spec])
        except ValueError as reason:
            notes.append(f"{spec.id} is left out: {reason}")
        else:
            fitting.append(spec)
    out.write(openslo.render(openslo.documents(fitting)))
    _tell(notes, err)
    return LEFT_OUT if notes else 0


def specs(config: Config) -> list[ObjectiveSpec]:
    """Return every SLO of one target, then every service, with the alerts that the rules for Prometheus have of it."""
    rules = {rule.slo.id: rule for rule in rule_specs(config)}
    return [
        *(_slo(slo, rules) for slo in config.slos() if not slo.key.pool),
        *(_service(config, service, rules) for service in config.services),
    ]


def _slo(slo: Slo, rules: dict[str, RuleSpec]) -> ObjectiveSpec:
    objective, key, rule = slo.objective, slo.key, rules.get(slo.key.id)
    calendar, slices = objective.calendar, objective.slices
    return ObjectiveSpec(
        id=key.id,
        objective=objective.name,
        sli=objective.sli,
        ratio=objective.ratio,
        window_s=objective.window_s,
        target=key.target,
        probe=key.probe,
        series=(key.id,),
        under_s=objective.threshold_s,
        at_least_per_s=objective.at_least_per_s,
        throttled=None if objective.throttled is None else objective.throttled.value,
        calendar=None if calendar is None else calendar.unit,
        timezone="UTC" if calendar is None else calendar.zone,
        slice_s=None if slices is None else slices.length_s,
        slice_ratio=None if slices is None else slices.ratio,
        alerts=() if rule is None else rule.alerts,
        labels={} if rule is None else rule.labels,
    )


def _service(config: Config, service: Service, rules: dict[str, RuleSpec]) -> ObjectiveSpec:
    watched = {
        slo.parts[0].pair: slo.key.id
        for slo in reversed(config.slos())
        if slo.objective.sli == "availability" and not slo.key.pool
    }
    title = f"{service.name}-service"
    return ObjectiveSpec(
        id=title,
        objective="service",
        sli="availability",
        ratio=service.ratio,
        window_s=service.window_s,
        service=ServiceSpec(
            name=service.name,
            members=tuple(dict.fromkeys(member.target for member in service.members)),
            at_least=service.at_least,
            of=service.of,
            team=service.team,
        ),
        series=tuple(watched[member.pair] for member in service.members if member.pair in watched),
        alerts=rules[title].alerts if title in rules else (),
    )


# -- in


def import_(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print what OpenSLO documents come to as `objectives:` and `services:`; 1 where an SLO is left out."""
    text = sys.stdin.read() if args.file == "-" else _content(Path(args.file))
    carried = openslo_reading.read(list(_documents(text, args.file)))
    if not carried.specs and not carried.notes:
        raise ConfigError(f"{args.file}: holds no OpenSLO documents; name a file that does")
    tree, more = written(carried.specs)
    if tree:
        out.write(_rendered(tree))
    _tell([*carried.notes, *more], err)
    return LEFT_OUT if carried.left_out or more or not tree else 0


def _content(file: Path) -> str:
    if not file.exists():
        raise ConfigError(
            f"{file}: there is no such file; name one of OpenSLO documents, or - for standard input"
        )
    return content(file)


def _documents(text: str, file: str) -> Iterator[Any]:
    """Yield the documents of a stream of YAML; ConfigError where one of them is no YAML."""
    begun = 0
    for part in re.split(r"^---(?=\s|$)", text, flags=re.MULTILINE):
        found = yaml.parse(part)
        if found.faults:
            raise ConfigError(*(f"{file}:{begun + line}: {fault}" for line, fault in found.faults))
        begun += part.count("\n")
        if isinstance(found.data, list):
            yield from found.data
        elif found.data is not None:
            yield found.data


def written(carried: Iterable[ObjectiveSpec]) -> tuple[dict[str, list[Entry]], list[str]]:
    """Return the sections of a configuration, and a sentence for each objective that its words do not hold.

    SLOs of one name become one objective again, where they differ in nothing but whom and what they ask.
    """
    groups: dict[str, list[ObjectiveSpec]] = {}
    services: dict[str, Entry] = {}
    notes = []
    for spec in carried:
        if spec.service is None:
            groups.setdefault(spec.objective, []).append(spec)
        elif spec.calendar is not None or spec.slice_s is not None:
            notes.append(
                f"service {spec.service.name} is left out: its objective is of occurrences in a rolling window"
            )
        else:
            services[spec.service.name] = _service_entry(spec, spec.service)
    objectives = []
    for name, group in groups.items():
        alike = [spec for spec in group if _shared(spec) == _shared(group[0])]
        objectives.append(_objective_entry(name, alike))
        notes += [
            f"SLO {_titled(spec)} is left out: it differs from others of its name; give it a name of its own"
            for spec in group
            if spec not in alike
        ]
    sections = {"objectives": objectives, "services": list(services.values())}
    return {key: entries for key, entries in sections.items() if entries}, notes


def _titled(spec: ObjectiveSpec) -> str:
    return "-".join(part for part in (spec.target, spec.probe, spec.objective) if part is not None)


def _shared(spec: ObjectiveSpec) -> tuple[object, ...]:
    """Return what all SLOs of one objective have in common."""
    return (
        spec.sli,
        spec.ratio,
        _window(spec),
        _method(spec),
        spec.throttled,
        spec.target is None,
        spec.probe is None,
    )


def _objective_entry(name: str, group: list[ObjectiveSpec]) -> Entry:
    first = group[0]
    targets = list(dict.fromkeys(spec.target for spec in group if spec.target is not None))
    probes = list(dict.fromkeys(spec.probe for spec in group if spec.probe is not None))
    found: dict[str, Any] = {
        "name": name,
        "sli": first.sli,
        "percent": _percent(first.ratio),
        "window": _window(first),
        "under": _graded(
            {spec.target: openslo.seconds(spec.under_s) for spec in group if spec.under_s is not None}
        ),
        "at_least": _graded(
            {spec.target: spec.at_least_per_s for spec in group if spec.at_least_per_s is not None}
        ),
        "method": _method(first),
        "probes": probes or None,
        "targets": targets or None,
        "count": None if first.throttled is None else {"throttled": first.throttled},
    }
    return {key: value for key, value in found.items() if value is not None}


def _service_entry(spec: ObjectiveSpec, service: ServiceSpec) -> Entry:
    found: dict[str, Any] = {
        "name": service.name,
        "team": service.team,
        "members": list(service.members) or None,
        "healthy_when": {"at_least": service.at_least, "of": service.of},
        "objective": {"percent": _percent(spec.ratio), "window": _window(spec)},
    }
    return {key: value for key, value in found.items() if value is not None}


def _graded(figures: dict[str | None, Any]) -> Any:
    """Return one threshold where all have the same, else one for each target."""
    if len(set(figures.values())) <= 1:
        return next(iter(figures.values()), None)
    return {"target": figures}


def _window(spec: ObjectiveSpec) -> Any:
    if spec.calendar is None:
        return durations.write(spec.window_s)
    return {"calendar": spec.calendar, "timezone": spec.timezone}


def _method(spec: ObjectiveSpec) -> Any:
    """Return how events become a budget; by default each of them counts."""
    if spec.slice_s is None or spec.slice_ratio is None:
        return None
    return {"timeslices": durations.write(spec.slice_s), "percent": _percent(spec.slice_ratio)}


def _percent(ratio: float) -> float | int:
    """Return a ratio in percent, digit for digit.

    >>> _percent(0.999), _percent(0.99)
    (99.9, 99)
    """
    found = Decimal(repr(ratio)) * 100
    return int(found) if found == int(found) else float(found)


def _rendered(tree: dict[str, list[Entry]]) -> str:
    out = io.StringIO()
    writer = YAML()
    writer.width = 4096
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(tree, out)
    return out.getvalue()


def _tell(notes: Iterable[str], err: TextIO) -> None:
    for note in notes:
        print(f"note: {note}", file=err)
