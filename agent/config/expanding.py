"""The file's lists as written to plain ones: defaults laid under, `for` multiplied, overrides laid over; pure."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agent.config import multiplying, selecting
from agent.config.durations import shown
from agent.config.findings import BadValueError, Findings, Path
from agent.config.layering import Layer, laid
from agent.config.multiplying import AtError, Combination
from agent.config.nearest import nearest
from agent.config.schema_asked import ProbeSection, TargetSection
from agent.config.schema_base import Section
from agent.config.schema_judged import ObjectiveSection, ServiceSection
from agent.config.selecting import Selector, View
from probes import catalog

_ONE: Final[Mapping[str, tuple[str, type[Section]]]] = {
    "targets": ("target", TargetSection),
    "probes": ("probe", ProbeSection),
    "objectives": ("objective", ObjectiveSection),
    "services": ("service", ServiceSection),
}
LISTS: Final = tuple(_ONE)
BY_DEFAULT: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "probes": ({"name": "chat"},),
    "objectives": (
        {"name": "available", "sli": "availability", "percent": 99.9},
        {"name": "quick", "sli": "ttft", "percent": 99, "under": "2s"},
    ),
}
"""What stands for a list that the file leaves out."""

_OWN: Final = frozenset({"name", "for", "except", "override"})
"""Keys that stand in an entry alone: under every entry they would mean nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """Something of the configuration as a file holds it, and where."""

    data: Any
    path: Path


@dataclasses.dataclass(frozen=True, slots=True)
class _Made:
    """A plain entry, with path within it -> where that was written."""

    data: Any
    origins: Mapping[Path, Path]


def expand(
    tree: Mapping[str, Any], written: Mapping[str, Sequence[Written]], findings: Findings
) -> dict[str, Any]:
    """Return the tree with its lists expanded; the findings learn where each value was written.

    `written` holds the entries of each list that there is, those of included files too.
    """
    classes = classes_of(tree.get("models"))
    defaults = _defaults(tree.get("defaults"), findings)
    implied = {
        key: [Written(entry, path) for entry in BY_DEFAULT.get(key, ())]
        for key, (_, path) in defaults.items()
        if key not in tree and key not in written
    }
    found = dict(tree)
    for key, entries in {**implied, **written}.items():
        under = defaults.get(key, ({}, ()))
        made = [one for entry in entries for one in _made(key, entry, under, classes, findings)]
        found[key] = [one.data for one in made]
        findings.trace(
            {(key, at, *path): place for at, one in enumerate(made) for path, place in one.origins.items()}
        )
    return found


def seen(data: Mapping[str, Any], classes: Mapping[str, str]) -> View:
    """Return what selectors see of a target's plain entry, which need not be a valid one."""
    fields = {key: _text(data.get(key)) for key in selecting.FIELDS}
    provider = catalog.PROVIDERS.get(fields["provider"] or "")
    labels = data.get("labels")
    return selecting.view(
        labels={name: str(value) for name, value in labels.items()} if isinstance(labels, dict) else {},
        critical=data.get("critical") is True,
        fields=fields
        | {
            "name": fields["name"] or "",
            "cloud": fields["cloud"] or (provider.cloud if provider else None),
            "class": classes.get(fields["model"] or ""),
            "network": fields["network"] or TargetSection.model_fields["network"].default,
        },
    )


def classes_of(models: Any) -> dict[str, str]:
    """Return logical model -> class."""
    entries = models.items() if isinstance(models, dict) else ()
    return {
        name: entry["class"]
        for name, entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("class"), str)
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _defaults(defaults: Any, findings: Findings) -> Mapping[str, Layer]:
    """Return what lies under each entry of a list, for the lists of which something is said."""
    found: dict[str, Layer] = {}
    if defaults is None:
        return found
    if not isinstance(defaults, dict):
        findings.error(
            ("defaults",),
            f"a map belongs here, not {shown(defaults)}; as in defaults: {{target: {{team: platform}}}}",
        )
        return found
    lists = {one: key for key, (one, _) in _ONE.items()}
    for one, layer in defaults.items():
        path = ("defaults", one)
        if one not in lists:
            findings.error(
                path, f"unknown key `{one}`{nearest(one, lists) or '; known here are ' + ', '.join(lists)}"
            )
        elif not isinstance(layer, dict):
            findings.error(path, f"a map of keys belongs here, not {shown(layer)}")
        else:
            for key in sorted(_OWN & layer.keys()):
                findings.error(
                    (*path, key), f"belongs to one entry, not under all of them; write it in {lists[one]}"
                )
            found[lists[one]] = layer, path
    return found


def _made(
    key: str, entry: Written, defaults: Layer, classes: Mapping[str, str], findings: Findings
) -> Sequence[_Made]:
    if not isinstance(entry.data, dict):
        return [_Made(entry.data, {(): entry.path})]
    try:
        one = _Multiplied(key, entry, defaults, classes)
        made = list(one.made())
    except AtError as error:
        findings.error((*entry.path, *error.path), str(error))
        return []
    for path in one.idle:
        findings.warn((*entry.path, *path), "changes nothing of what it is for; take it out")
    return made


class _Multiplied:
    """One entry, and the plain ones that it stands for."""

    def __init__(self, key: str, entry: Written, defaults: Layer, classes: Mapping[str, str]) -> None:
        self._fields = _ONE[key][1].model_fields
        self._what = _ONE[key][0]
        self._entry = entry
        self._defaults = defaults
        self._classes = classes
        self.idle: list[Path] = []
        """Where overrides stand that make no difference."""
        # A probe's override says what is asked of some of its targets: there is still one probe.
        taken = {"for", "except"} | ({"override"} if key == "targets" else set())
        self._taken = {name: value for name, value in entry.data.items() if name in taken}
        self._plain = {name: value for name, value in entry.data.items() if name not in taken}

    def made(self) -> Iterator[_Made]:
        if "except" in self._taken and "for" not in self._taken:
            raise AtError(("except",), "has no effect without `for`; take it out, or write for: {...}")
        overrides = list(_overrides(self._taken.get("override", [])))
        once: list[Combination] = [{}]
        found = (
            multiplying.combinations(self._taken["for"], self._taken.get("except"))
            if "for" in self._taken
            else once
        )
        plain = [
            (values, multiplying.filled(self._plain, values) if values else self._plain) for values in found
        ]
        layers = [self._layers(values, data) for values, data in plain]
        views = [seen(laid(under)[0], self._classes) for under in layers]
        for override in overrides:
            for fault in selecting.faults(override.when, views, f"{self._what} of this entry"):
                raise AtError((*override.path, "when"), fault)
        every = [
            (under, list(self._over(overrides, values, view)))
            for (values, _), under, view in zip(plain, layers, views, strict=True)
        ]
        made = [self._one([*under, *over]) for under, over in every]
        self.idle = self._idle(overrides, every)
        self._refuse_twins([values for values, _ in plain], made)
        yield from made

    def _layers(self, values: Combination, plain: Mapping[str, Any]) -> list[Layer]:
        """Return defaults, what the combination implies, and the entry: a key of `for` that is one of the entry's."""
        implied = {key: value for key, value in values.items() if key in self._fields}
        return [self._defaults, (implied, (*self._entry.path, "for")), (plain, self._entry.path)]

    def _over(self, overrides: Sequence["_Override"], values: Combination, view: View) -> Iterator[Layer]:
        for override in overrides:
            if selecting.selects(override.when, view):
                data = multiplying.filled(override.data, values, override.path) if values else override.data
                yield data, (*self._entry.path, *override.path)

    def _idle(
        self, overrides: Sequence["_Override"], made: Sequence[tuple[Sequence[Layer], Sequence[Layer]]]
    ) -> list[Path]:
        """Return where overrides stand that could all be taken out, and every entry would be the same."""
        idle: list[Path] = []
        for override in overrides:
            taken = {(*self._entry.path, *path) for path in (*idle, override.path)}
            if all(
                laid([*under, *(layer for layer in over if layer[1] not in taken)])[0]
                == laid([*under, *over])[0]
                for under, over in made
            ):
                idle.append(override.path)
        return idle

    def _one(self, layers: Sequence[Layer]) -> _Made:
        data, origins = laid(layers)
        return _Made(data, {(): self._entry.path} | origins)

    def _refuse_twins(self, combinations: Sequence[Combination], made: Sequence[_Made]) -> None:
        named: dict[str, list[Combination]] = {}
        for values, one in zip(combinations, made, strict=True):
            named.setdefault(str(one.data.get("name")), []).append(values)
        for name, twins in named.items():
            if len(twins) > 1:
                keys = [key for key in twins[0] if len({values[key] for values in twins}) > 1]
                wanted = " and ".join(f"{{{key}}}" for key in keys)
                raise AtError(
                    ("name",), f"`{name}` would name {len(twins)} {self._what}s; put {wanted} into the name"
                )


@dataclasses.dataclass(frozen=True, slots=True)
class _Override:
    when: Selector
    data: Mapping[str, Any]
    path: Path


def _overrides(overrides: Any) -> Iterator[_Override]:
    if not isinstance(overrides, list):
        raise AtError(
            ("override",),
            f"a list of maps belongs here, not {shown(overrides)}; as in override: [{{when: ..., team: x}}]",
        )
    for at, override in enumerate(overrides):
        path = ("override", at)
        if not isinstance(override, dict):
            raise AtError(path, f"a map of keys belongs here, not {shown(override)}")
        if "when" not in override:
            raise AtError(
                (*path, "when"), "is missing; say which are changed, as in when: {region: swedencentral}"
            )
        for key in sorted({"for", "except", "override"} & override.keys()):
            raise AtError((*path, key), "has no place in an override; write it in the entry itself")
        try:
            when = selecting.parse(override["when"])
        except BadValueError as error:
            raise AtError((*path, "when"), str(error)) from None
        yield _Override(when, {key: value for key, value in override.items() if key != "when"}, path)
