"""Selectors: `all`, a name or glob, a list of them, or a map of fields; which targets each selects, as pure logic."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from agent.config.durations import shown
from agent.config.findings import BadValueError
from agent.config.nearest import nearest
from agent.config.references import literal
from probes.target import Target

FIELDS: Final = (
    "name", "provider", "cloud", "region", "model", "class", "team", "network", "quota", "capacity", "critical",
)  # fmt: skip
LABEL: Final = "label."
KNOWN_SHOWN: Final = 10

View = Mapping[str, str]
"""What selectors see of a target: field or `label.NAME` -> text; what a target does not have is left out."""


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """Selects by name; `*` is `all`."""

    glob: str


@dataclasses.dataclass(frozen=True, slots=True)
class Either:
    """Selects what any part selects."""

    parts: tuple["Selector", ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Having:
    """Selects what has one of the globs in each field, `without` what that selects."""

    fields: tuple[tuple[str, tuple[str, ...]], ...]
    without: "Selector | None" = None


Selector = Named | Either | Having

EVERYTHING: Final = Named("*")


def parse(value: object) -> Selector:
    """Return the selector that a plain value of the file says; BadValueError carries the sentence.

    >>> parse("all"), parse({"class": ["fast", "slow"], "not": "azure-*"})  # doctest: +NORMALIZE_WHITESPACE
    (Named(glob='*'),
     Having(fields=(('class', ('fast', 'slow')),), without=Named(glob='azure-*')))
    """
    match value:
        case Named() | Either() | Having():
            return value
        case list() | dict() if not value:
            raise BadValueError(
                "is empty, so it selects nothing; write all, a name, a glob, a list of them, or a map of fields"
            )
        case list():
            return Either(tuple(parse(part) for part in value))
        case dict():
            without = parse(value["not"]) if "not" in value else None
            return Having(tuple(_field(*item) for item in value.items() if item[0] != "not"), without)
        case str() if value.strip():
            return EVERYTHING if value == "all" else Named(literal(value))
    raise BadValueError(
        f"{shown(value)} selects nothing; write all, a name, a glob, a list of them, or a map of fields"
    )


def words(text: str) -> Selector:
    """Return the selector of a command line: names and globs, or `field=value`s, with commas between them.

    >>> words("azure-*, openai")
    Either(parts=(Named(glob='azure-*'), Named(glob='openai')))
    >>> words("region=eastus2,model=nano,model=large")
    Having(fields=(('region', ('eastus2',)), ('model', ('nano', 'large'))), without=None)
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    names = [part for part in parts if "=" not in part]
    fields: dict[str, list[str]] = {}
    for part in parts:
        if "=" in part:
            field, _, glob = part.partition("=")
            fields.setdefault(field.strip(), []).append(glob.strip())
    if not fields:
        return parse(names)
    if names:
        raise BadValueError(
            f"mixes names ({', '.join(names)}) and fields; write name={names[0]} beside the fields"
        )
    return parse(fields)


def selects(selector: Selector, view: View) -> bool:
    match selector:
        case Named(glob):
            return fnmatchcase(view["name"], glob)
        case Either(parts):
            return any(selects(part, view) for part in parts)
        case Having(fields, without):
            return all(_has(view, field, globs) for field, globs in fields) and not (
                without is not None and selects(without, view)
            )


def faults(selector: Selector, views: Sequence[View], what: str = "target") -> Iterator[str]:
    """Yield a sentence for each part that selects none of the views, and one where only their sum does not."""
    found = list(_empty(selector, views, what))
    yield from found
    if not found and not any(selects(selector, view) for view in views):
        yield f"selects no {what}: each part does, but none has all of them; loosen it, or mend a part"


def view(
    *,
    labels: Mapping[str, str],
    critical: bool,
    fields: Mapping[str, str | None],
) -> View:
    """Return what selectors see of one target; fields that are None are left out."""
    known = {field: value for field, value in fields.items() if value is not None}
    named = {f"{LABEL}{name}": value for name, value in labels.items()}
    return known | named | {"critical": str(critical).lower()}


def of(target: Target) -> View:
    return view(
        labels=target.labels,
        critical=target.critical,
        fields={
            "name": target.name,
            "provider": target.provider,
            "cloud": target.cloud,
            "region": target.region,
            "model": target.model,
            "class": target.model_class,
            "team": target.team,
            "network": target.network,
            "quota": target.quota,
            "capacity": target.capacity,
        },
    )


def _field(field: str, value: object) -> tuple[str, tuple[str, ...]]:
    if field not in FIELDS and not (field.startswith(LABEL) and len(field) > len(LABEL)):
        label = f"{LABEL}NAME" if field.rstrip(".") in {"label", "labels"} else f"{LABEL}{field}"
        known = f"; for a label write {label}, else one of {', '.join(FIELDS)} and not"
        raise BadValueError(
            f"selects by `{field}`, which no target has{nearest(field, (*FIELDS, 'not')) or known}"
        )
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise BadValueError(
            f"`{field}` is an empty list, so it selects nothing; write a value, or a list of values"
        )
    return field, tuple(_glob(field, one) for one in listed)


def _glob(field: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, str) and value.strip()):
        return literal(str(value))
    raise BadValueError(f"{shown(value)} is no value of `{field}`; write a text, a glob, or a list of them")


def _has(view: View, field: str, globs: Iterable[str]) -> bool:
    return field in view and any(fnmatchcase(view[field], glob) for glob in globs)


def _empty(selector: Selector, views: Sequence[View], what: str) -> Iterator[str]:
    match selector:
        case Named(glob):
            if not any(selects(selector, view) for view in views):
                yield f"`{glob}` selects no {what}{_known(glob, 'name', views)}"
        case Either(parts):
            for part in parts:
                yield from _empty(part, views, what)
        case Having(fields, without):
            for field, globs in fields:
                for glob in globs:
                    if not any(_has(view, field, (glob,)) for view in views):
                        yield f"`{field}: {glob}` selects no {what}{_known(glob, field, views)}"
            if without is not None:
                yield from _empty(without, views, what)


def _known(glob: str, field: str, views: Sequence[View]) -> str:
    values = sorted({view[field] for view in views if field in view})
    if not values:
        return f", for none has a {field}" if views else ", for there is none"
    return nearest(glob, values) or f"; known are {', '.join(values[:KNOWN_SHOWN])}"
