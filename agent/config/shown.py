"""The plan as flat texts that may be printed and compared: references as they are written, never a secret."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from agent.config.findings import BadValueError
from agent.config.model import Config, Receiver
from agent.config.references import pieces
from agent.config.secrets import BLOT
from agent.slo.maintenance import Maintenance
from exporters import durations
from probes.target import Network, Target

_SECRET: Final = re.compile(
    r"credentials\.(?!(?:aws|entra|google|oci|scope)$).*|headers\..*|(?:.*\.)?(?:url|proxy)|receivers\..*\.(?:urls\.\d+|smtp|routing_key|api_key|secret)"
)
"""Keys whose values are secrets, or may hold one."""

_PLAIN: Final = frozenset({"environment", "none"})
"""What `proxy` holds where it is no URL."""


class Shown(NamedTuple):
    """`value` is compared and `text` printed."""

    value: Any
    text: str


Row = Mapping[str, Shown]


def target(one: Target) -> Row:
    return dict(_flat("", {key: value for key, value in _fields(one) if key != "name"}))


def probes(config: Config) -> dict[str, Row]:
    """Return probe -> its keys; where targets are asked differently, the values of all of them."""
    return _together(plan.workload for plan in config.probes)


def objectives(config: Config) -> dict[str, Row]:
    """Return objective -> its keys without its pairs, likewise."""
    return _together(config.objectives)


def _together(named: Iterable[Any]) -> dict[str, Row]:
    rows: dict[str, dict[str, list[Shown]]] = {}
    for one in named:
        row = rows.setdefault(one.name, {})
        for key, value in _flat("", {key: value for key, value in _fields(one) if key != "pairs"}):
            if key != "name" and value not in row.setdefault(key, []):
                row[key].append(value)
    return {
        name: {
            key: values[0]
            if len(values) == 1
            else Shown(
                tuple(one.value for one in values), " or ".join(dict.fromkeys(one.text for one in values))
            )
            for key, values in row.items()
        }
        for name, row in rows.items()
    }


def services(config: Config) -> dict[str, Row]:
    """Return service -> its keys, its members by the names of their targets."""
    found: dict[str, Row] = {}
    for one in config.services:
        fields = {key: value for key, value in _fields(one) if key != "name"}
        members = ", ".join(dict.fromkeys(member.target for member in one.members))
        found[one.name] = dict(_flat("", fields | {"members": members}))
    return found


def settings(config: Config) -> Row:
    """Return all that is neither target, probe, objective nor service."""
    left = {"targets", "probes", "objectives", "networks", "receivers", "services", "lone", "maintenance"}
    rest = {key: value for key, value in _fields(config) if key not in left}
    networks = {one.name: _network(one) for one in config.networks}
    receivers = {one.name: _receiver(one) for one in config.receivers}
    works = {str(at): _maintenance(one) for at, one in enumerate(config.maintenance)}
    return dict(_flat("", rest | {"networks": networks, "receivers": receivers, "maintenance": works}))


def _maintenance(one: Maintenance) -> dict[str, Any]:
    start = one.start.isoformat(timespec="minutes")
    return dict(_fields(one)) | {"targets": ", ".join(one.targets), "start": start}


def _network(network: Network) -> dict[str, Any]:
    return dict(_fields(network.path)) | {"witnesses": [one.name for one in network.witnesses]}


def _receiver(one: Receiver) -> dict[str, Any]:
    """Return what is set of a receiver; its URLs each under a key of its own, for each may hold a secret."""
    given = {key: value for key, value in _fields(one) if key != "name" and value not in (None, ())}
    return given | ({"urls": {str(at): url for at, url in enumerate(one.urls)}} if one.urls else {})


def plain(row: Row) -> dict[str, str | None]:
    """Return what of a row may be printed, None where nothing is set."""
    return {key: None if one.value is None else one.text for key, one in row.items()}


def _fields(one: Any) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(one):
        yield field.name, getattr(one, field.name)


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Shown]]:
    for name, value in values.items():
        key = f"{prefix}{name}"
        if dataclasses.is_dataclass(value):
            yield from _flat(f"{key}.", dict(_fields(value)))
        elif isinstance(value, Mapping):
            yield from _flat(f"{key}.", value)
        else:
            yield key, Shown(value, _text(key, value))


def _text(key: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and _SECRET.fullmatch(key) and value not in _PLAIN and not _refers(value):
        return BLOT
    if isinstance(value, float):
        return durations.write(value) if key.endswith("_s") else f"{value:g}"
    if key == "per" and not value:
        return "all"
    return ", ".join(value) if _texts(value) else str(value)


def _texts(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(one, str) for one in value)


def _refers(text: str) -> bool:
    """Return whether a text is one reference and nothing else, without a default: only then it holds no secret itself."""
    try:
        found = pieces(text)
    except BadValueError:
        return False
    return len(found) == 1 and not isinstance(found[0], str) and not found[0].default
