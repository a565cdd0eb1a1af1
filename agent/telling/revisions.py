"""Objectives as they were, services' own among them: what of one makes a revision, and which held when a week ended."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from agent.config.model import Config
from agent.slo import pools
from agent.slo.objective import Objective
from agent.slo.pools import SERVICE, Part, Slo
from agent.slo.service import Service
from exporters.weeks import Revision
from storage.readings import SERVICES, RevisionRow

_ADAPTER = TypeAdapter(Objective)
_WHOM = ("name", "pairs", "per")
"""What says whom an objective is about, and nothing of what it promises."""

_HEALTH = ("at_least", "of")
"""What the revision of a service's own objective says besides: how many of what have to be well."""

Held = Mapping[tuple[str, str, str], Sequence[RevisionRow]]


def rows(config: Config) -> list[RevisionRow]:
    """Return the revision of each objective for each probe of each target."""
    return [
        _row(config, objective.name, pair, *_rule(objective))
        for objective in config.objectives
        for pair in objective.pairs
    ]


def of_services(config: Config) -> list[RevisionRow]:
    """Return the revision of each service's own objective for each of its members."""
    services = {service.name: service for service in config.services}
    return [
        _row(config, _name(slo), part.pair, *_rule(part.objective, _health(services[slo.key.service])))
        for slo in config.service_slos()
        for part in slo.parts
    ]


def _row(
    config: Config, name: str, pair: tuple[str, str], rule: Mapping[str, Any], digest: str
) -> RevisionRow:
    return RevisionRow(
        vantage=config.vantage,
        objective=name,
        target=pair[0],
        probe=pair[1],
        digest=digest,
        rule=rule,
        valid_from_ns=0,
        valid_to_ns=None,
    )


def _name(slo: Slo) -> str:
    """Return the name that revisions are kept under; that of a service is no name that an objective could have."""
    key = slo.key
    return f"{SERVICES}{key.service}" if key.objective == SERVICE else key.objective


def _health(service: Service) -> dict[str, Any]:
    return {name: getattr(service, name) for name in _HEALTH}


def _rule(
    objective: Objective, more: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Mapping[str, Any], str]:
    """Return what an objective promises, and its digest; what a release adds and nobody set changes neither."""
    plain = _ADAPTER.dump_python(objective, mode="json")
    rule = {key: value for key, value in plain.items() if key not in _WHOM and value is not None}
    rule |= more
    return rule, hashlib.blake2b(json.dumps(rule, sort_keys=True).encode(), digest_size=4).hexdigest()


def held(found: Iterable[RevisionRow]) -> Held:
    """Return rows by objective, target and probe, in their order."""
    by_slo: dict[tuple[str, str, str], list[RevisionRow]] = {}
    for row in found:
        by_slo.setdefault((row.objective, row.target, row.probe), []).append(row)
    return by_slo


def at(slo: Slo, until_ns: int, known: Held) -> Slo:
    """Return an SLO as it was right before an instant; as it is now where nobody knows."""
    return dataclasses.replace(slo, parts=tuple(_part(slo, part, until_ns, known) for part in slo.parts))


def served(service: Service, slo: Slo, until_ns: int, known: Held) -> tuple[Service, Slo]:
    """Return a service and its own SLO as they were right before an instant, of the members that it has now."""
    found = (_held(slo, part, until_ns, known) for part in slo.parts)
    if (row := next(filter(None, found), None)) is None:
        return service, slo
    objective, health = _objective(row, slo.objective), {name: row.rule[name] for name in _HEALTH}
    then = dataclasses.replace(service, ratio=objective.ratio, window_s=objective.window_s, **health)
    return then, pools.of_service(then, at(slo, until_ns, known).parts)


def _part(slo: Slo, part: Part, until_ns: int, known: Held) -> Part:
    row = _held(slo, part, until_ns, known)
    return part if row is None else dataclasses.replace(part, objective=_objective(row, part.objective))


def _held(slo: Slo, part: Part, until_ns: int, known: Held) -> RevisionRow | None:
    return next((row for row in _of(slo, part, known) if _holds(row, until_ns)), None)


def _of(slo: Slo, part: Part, known: Held) -> Sequence[RevisionRow]:
    return known.get((_name(slo), *part.pair), ())


def _holds(row: RevisionRow, until_ns: int) -> bool:
    return row.valid_from_ns < until_ns and (row.valid_to_ns is None or row.valid_to_ns >= until_ns)


def _objective(row: RevisionRow, now: Objective) -> Objective:
    rule = {key: value for key, value in row.rule.items() if key not in _HEALTH}
    return _ADAPTER.validate_python({**rule, "name": now.name, "pairs": now.pairs})


def within(slo: Slo, since_ns: int, until_ns: int, known: Held) -> tuple[Revision, ...]:
    """Return the revisions that held in [since, until), the oldest first; none where nobody knows."""
    part = next((part for part in slo.parts if _of(slo, part, known)), slo.parts[0])
    return tuple(
        _told(row, _objective(row, part.objective))
        for row in _of(slo, part, known)
        if row.valid_from_ns < until_ns and (row.valid_to_ns is None or row.valid_to_ns > since_ns)
    )


def _told(row: RevisionRow, objective: Objective) -> Revision:
    return Revision(
        digest=row.digest,
        since_ns=row.valid_from_ns,
        until_ns=row.valid_to_ns,
        objective_ratio=objective.ratio,
        threshold_s=objective.threshold_s,
        at_least_per_s=objective.at_least_per_s,
        window=objective.window,
        at_least=row.rule.get("at_least"),
        of=row.rule.get("of"),
    )
