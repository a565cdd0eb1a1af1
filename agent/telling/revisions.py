"""Objectives as they were: what of one makes a revision, and which held when a week ended."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from agent.config.model import Config
from agent.slo.objective import Objective
from agent.slo.pools import Part, Slo
from exporters.weeks import Revision
from storage.readings import RevisionRow

_ADAPTER = TypeAdapter(Objective)
_WHOM = ("name", "pairs", "per")
"""What says whom an objective is about, and nothing of what it promises."""

Held = Mapping[tuple[str, str, str], Sequence[RevisionRow]]


def rows(config: Config) -> list[RevisionRow]:
    """Return the revision of each objective for each probe of each target."""
    return [
        RevisionRow(
            vantage=config.vantage,
            objective=objective.name,
            target=target,
            probe=probe,
            digest=digest,
            rule=rule,
            valid_from_ns=0,
            valid_to_ns=None,
        )
        for objective, rule, digest in ((one, *_rule(one)) for one in config.objectives)
        for target, probe in objective.pairs
    ]


def _rule(objective: Objective) -> tuple[Mapping[str, Any], str]:
    """Return what an objective promises, and its digest; what a release adds and nobody set changes neither."""
    plain = _ADAPTER.dump_python(objective, mode="json")
    rule = {key: value for key, value in plain.items() if key not in _WHOM and value is not None}
    return rule, hashlib.blake2b(json.dumps(rule, sort_keys=True).encode(), digest_size=4).hexdigest()


def held(found: Iterable[RevisionRow]) -> Held:
    """Return rows by objective, target and probe, in their order."""
    by_slo: dict[tuple[str, str, str], list[RevisionRow]] = {}
    for row in found:
        by_slo.setdefault((row.objective, row.target, row.probe), []).append(row)
    return by_slo


def at(slo: Slo, until_ns: int, known: Held) -> Slo:
    """Return an SLO as it was right before an instant; as it is now where nobody knows."""
    return dataclasses.replace(slo, parts=tuple(_part(part, until_ns, known) for part in slo.parts))


def _part(part: Part, until_ns: int, known: Held) -> Part:
    row = next((row for row in _of(part, known) if _holds(row, until_ns)), None)
    if row is None:
        return part
    return dataclasses.replace(part, objective=_objective(row, part.objective))


def _of(part: Part, known: Held) -> Sequence[RevisionRow]:
    return known.get((part.objective.name, *part.pair), ())


def _holds(row: RevisionRow, until_ns: int) -> bool:
    return row.valid_from_ns < until_ns and (row.valid_to_ns is None or row.valid_to_ns >= until_ns)


def _objective(row: RevisionRow, now: Objective) -> Objective:
    return _ADAPTER.validate_python({**row.rule, "name": now.name, "pairs": now.pairs})


def within(slo: Slo, since_ns: int, until_ns: int, known: Held) -> tuple[Revision, ...]:
    """Return the revisions that held in [since, until), the oldest first; none where nobody knows."""
    part = slo.parts[0]
    return tuple(
        _told(row, _objective(row, part.objective))
        for row in _of(part, known)
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
    )
