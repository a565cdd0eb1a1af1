"""A parsed file to its sections: every entry judged on its own, every failing told as a sentence."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agent.config.durations import shown
from agent.config.expanding import LISTS, classes_of, seen
from agent.config.findings import Findings, Path
from agent.config.nearest import nearest
from agent.config.schema import Settings
from agent.config.schema_asked import NetworkSection, ProbeSection, TargetSection
from agent.config.schema_base import Section
from agent.config.schema_judged import MaintenanceSection, ObjectiveSection, ServiceSection
from agent.config.selecting import View
from exporters.receivers import KINDS
from probes.events import Sli

S = TypeVar("S", bound=Section)

_SMALLEST = 'targets: [{name: openai, provider: openai, model: gpt-5-nano, credentials: {api_key: "${OPENAI_API_KEY}"}}]'
_WANTED = {
    "name": "give each entry a name of its own",
    "provider": "say who serves it, as in provider: openai",
    "model": "say what answers, as in model: gpt-5-nano (id: says what the provider calls it, as a deployment)",
    "sli": f"say what is judged: {', '.join(get_args(Sli))}",
    "percent": "say how many of a hundred have to be good, as in percent: 99.9",
    "when": "say for which targets, as in when: {class: slow}",
    "kind": f"say what it is: {', '.join(KINDS)}",
    "to": "say who is told, as in to: [sre-mail]",
    "targets": "say whose it is: all, a name, a glob, a list of them, or a map of fields",
    "start": 'say when it first begins, as in start: "2026-11-29T02:00"',
    "timezone": "say in which zone `start` is meant, as in timezone: Europe/Berlin, or UTC; none is assumed",
    "for": "say how long it lasts, as in for: 2h",
    "reason": "say why, as in reason: upgrades; it is stored and reported",
}
_MAPS = {
    "credentials": '; write credentials: {api_key: "${NAME}"}',
    "labels": "; write labels: {env: prod}",
    "headers": "; write headers: {x-team: sre}",
    "count": "; write count: {throttled: bad}",
    "expect": "; write expect: {contains: pong}",
    "storage": "; write storage: {url: ...}",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Entry(Generic[S]):
    """One entry of a list and where it stands."""

    path: Path
    section: S


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """What could be read; `names` are those of every entry of a list, the failing ones too, and `views` its targets.

    `probes`, `objectives`, `services` and `maintenance` are None where the file leaves them to the defaults.
    """

    settings: Settings
    targets: list[Entry[TargetSection]]
    probes: list[Entry[ProbeSection]] | None
    objectives: list[Entry[ObjectiveSection]] | None
    names: Mapping[str, frozenset[str]]
    views: tuple[View, ...]
    networks: Mapping[str, Entry[NetworkSection] | None] = dataclasses.field(default_factory=dict)
    services: list[Entry[ServiceSection]] | None = None
    maintenance: list[Entry[MaintenanceSection]] | None = None


def sections(data: Any, findings: Findings) -> File:
    """Return the file's sections; what is wrong goes into the findings, and the rest is still there."""
    if data is not None and not isinstance(data, dict):
        findings.error(
            (), f"the file holds {shown(data)}, not a map of keys; the smallest that works: {_SMALLEST}"
        )
    tree: dict[str, Any] = data if isinstance(data, dict) else {}
    targets = _entries(TargetSection, tree, "targets", findings)
    if not targets and (not tree.get("targets")) and (data is None or isinstance(data, dict)):
        findings.error(("targets",), f"names nothing to probe; the smallest file that works: {_SMALLEST}")
    if tree.get("probes", True) in ([], None):
        findings.error(
            ("probes",), "is empty, so nothing would be asked; take the key out for the default probe"
        )
    return File(
        _settings(tree, findings),
        targets or [],
        _entries(ProbeSection, tree, "probes", findings),
        _entries(ObjectiveSection, tree, "objectives", findings),
        {key: frozenset(_names(tree.get(key))) for key in LISTS},
        tuple(_views(tree)),
        _named(NetworkSection, tree, "networks", findings),
        _entries(ServiceSection, tree, "services", findings),
        _entries(MaintenanceSection, tree, "maintenance", findings),
    )


def _names(entries: Any) -> Iterable[str]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield entry["name"]


def _views(tree: Mapping[str, Any]) -> Iterable[View]:
    """Yield what selectors see of the targets, of those that fail too, so that a failing one is told once."""
    entries, classes = tree.get("targets"), classes_of(tree.get("models"))
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield seen(entry, classes)


def _settings(tree: dict[str, Any], findings: Findings) -> Settings:
    found = _validated(Settings, tree, (), findings)
    if found is not None:
        return found
    # The errors are told; what else stands in the file is judged with the failing sections at their defaults.
    unheard = Findings("", {})
    alone = {key: _validated(Settings, {key: value}, (), unheard) for key, value in tree.items()}
    return Settings.model_construct(
        **{
            key: getattr(section, key)
            for key, section in alone.items()
            if section and key in Settings.model_fields
        }
    )


def _entries(model: type[S], tree: Mapping[str, Any], key: str, findings: Findings) -> list[Entry[S]] | None:
    entries = tree.get(key)
    if entries is None:
        return None
    if not isinstance(entries, list):
        findings.error((key,), f"a list belongs here, not {shown(entries)}; begin each entry with a dash")
        return []
    found = (
        (path := (key, at), _validated(model, entry, path, findings)) for at, entry in enumerate(entries)
    )
    return [Entry(path, section) for path, section in found if section is not None]


def _named(
    model: type[S], tree: Mapping[str, Any], key: str, findings: Findings
) -> dict[str, Entry[S] | None]:
    """Return the entries of a map by name, None for one that is unusable, whose errors are told."""
    entries = tree.get(key)
    if entries is not None and not isinstance(entries, dict):
        findings.error(
            (key,), f"a map of names belongs here, not {shown(entries)}; write NAME: {{...}} for each"
        )
    named: dict[str, Entry[S] | None] = {}
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        path = (key, name)
        section = _validated(model, entry, path, findings)
        named[str(name)] = None if section is None else Entry(path, section)
    return named


def _validated(model: type[S], data: Any, path: Path, findings: Findings) -> S | None:
    """Return the section, without its unknown keys where nothing else is wrong; None where it is unusable."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _put_later(model, detail)]
    for detail in details:
        where = _where(detail)
        if _extra(detail) and (key := str(where[-1]).partition(":")[0]) != where[-1]:
            # What stands behind the colon is not quoted: it may be a secret.
            findings.error(
                (*path, *where[:-1], key), f"has no space after its colon; write {key}: and the value"
            )
            continue
        findings.error((*path, *where), _sentence(model, where, detail))
    unknown = {where[0] for detail in details if len(where := _where(detail)) == 1 and _extra(detail)}
    if len(unknown) < len(details):
        return None
    return model.model_validate({key: value for key, value in data.items() if key not in unknown})


def _where(detail: ErrorDetails) -> Path:
    """Return the path of a failing within its section; the marker of a failing key is not part of it."""
    return tuple(part for part in detail["loc"] if part != "[key]")


def _extra(detail: ErrorDetails) -> bool:
    return detail["type"] == "extra_forbidden"


def _put_later(model: type[Section], detail: ErrorDetails) -> bool:
    """Tell whether a key is missing where keys of a later version stand alone: "not yet" says enough there."""
    if detail["type"] != "missing" or not detail["input"]:
        return False
    return set(detail["input"]) <= _owner(model, _where(detail)[:-1]).later


def _sentence(model: type[Section], where: Path, detail: ErrorDetails) -> str:
    match detail["type"]:
        case "missing":
            return f"is missing; {_WANTED.get(str(where[-1]), 'write it')}"
        case "extra_forbidden":
            return _unknown(_owner(model, where[:-1]), str(where[-1]))
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            # A text is not quoted: newcomers write a key where credentials belong, and a URL for storage.
            given = "a text" if isinstance(detail["input"], str) else shown(detail["input"])
            return f"a map of keys belongs here, not {given}{_MAPS.get(str(where[-1]) if where else '', '')}"


def _unknown(owner: type[Section], key: str) -> str:
    if key in owner.later:
        return f"not yet: this version of nephoscope does not have `{key}`; take it out"
    if key in owner.elsewhere:
        return f"unknown key `{key}`, which {owner.elsewhere[key]}"
    close = nearest(key, owner.keys())
    return f"unknown key `{key}`{close or '; known here are ' + ', '.join(sorted(owner.keys()))}"


def _owner(model: type[Section], where: Path) -> type[Section]:
    """Return the section that a path within a model leads to; behind a list or map of sections stands one's place."""
    inside = False
    for part in where:
        if inside:
            inside = False
            continue
        annotation = next(
            field.annotation for name, field in model.model_fields.items() if part in {name, field.alias}
        )
        kinds = (annotation, *get_args(annotation))
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section))
        inside = get_origin(annotation) in {tuple, dict}
    return model
