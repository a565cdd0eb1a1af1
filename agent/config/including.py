"""The files that a configuration includes, one a team: found, read, and put beside what the first file says."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Final

from agent.config import yaml
from agent.config.durations import shown
from agent.config.expanding import LISTS, Written
from agent.config.files import content
from agent.config.findings import BadValueError, Findings, Source
from agent.config.references import literal
from agent.errors import ConfigError

HOLDS: Final = (*LISTS, "models")
"""What an included file may hold: a team brings targets, probes, objectives, services and models, and no settings."""


_MAGIC: Final = frozenset("*?[")


@dataclasses.dataclass(frozen=True, slots=True)
class Gathered:
    """The first file's tree with the models of all, the entries of each list that there is, and the files read.

    `patterns` are the absolute ones that were looked for: a file that appears under one belongs to the plan.
    """

    tree: Mapping[str, Any]
    written: Mapping[str, list[Written]]
    files: tuple[Path, ...]
    patterns: tuple[str, ...]


def gather(tree: Mapping[str, Any], path: Path, findings: Findings) -> Gathered:
    """Return a tree with what it includes; what is wrong with a file goes into the findings, under its name."""
    patterns = list(_patterns(tree.get("include"), findings))
    written: dict[str, list[Written]] = {}
    models = dict(tree["models"]) if isinstance(tree.get("models"), dict) else {}
    for key in LISTS:
        if isinstance(entries := tree.get(key), list):
            written[key] = [Written(entry, (key, at)) for at, entry in enumerate(entries)]
    files = list(
        dict.fromkeys(found for at, one in enumerate(patterns) for found in _found(at, one, path, findings))
    )
    for file in files:
        for key, value in _included(file, path, findings):
            if not isinstance(tree.get(key), (_kind(key), NoneType)):
                continue  # the first file's own mistake is told
            if key == "models":
                _add_models(models, value, Source(file), findings)
            else:
                written.setdefault(key, []).extend(
                    Written(entry, (Source(file), key, at)) for at, entry in enumerate(value)
                )
    added = {"models": models} if models else {}
    return Gathered(
        {**tree, **added},
        written,
        tuple(one.absolute() for one in (path, *files)),
        tuple(str(path.absolute().parent / one) for one in patterns),
    )


def _patterns(include: Any, findings: Findings) -> Iterator[str]:
    if include is None:
        return
    if not isinstance(include, list):
        findings.error(
            ("include",),
            f"a list of files belongs here, not {shown(include)}; as in include: [conf.d/*.yaml]",
        )
        return
    for at, pattern in enumerate(include):
        if not isinstance(pattern, str) or not pattern.strip():
            findings.error(
                ("include", at),
                f"{shown(pattern)} names no file; write a path or a pattern such as conf.d/*.yaml",
            )
            continue
        try:
            yield literal(pattern)
        except BadValueError as error:
            findings.error(("include", at), str(error))


def _found(at: int, pattern: str, path: Path, findings: Findings) -> Iterator[Path]:
    """Yield the files of a pattern in the order of their names; the including one and hidden ones are none."""
    root = Path(Path(pattern).anchor) if Path(pattern).is_absolute() else path.parent
    try:
        names = sorted(root.glob(str(Path(pattern).relative_to(Path(pattern).anchor))))
        found = [name for name in names if _wanted(name, pattern) and name.resolve() != path.resolve()]
    except (ValueError, OSError) as error:
        findings.error(("include", at), f"{shown(pattern)} cannot be looked for ({error}); mend the pattern")
        return
    where = path.absolute().parent / pattern
    literal = _MAGIC.isdisjoint(pattern)
    if literal and names and names[0].resolve() == path.resolve():
        findings.error(("include", at), f"{shown(pattern)} is this very file; take it out")
    elif not found and literal:
        findings.error(("include", at), f"there is no file {where}; write it, or mend the path")
    elif not found:
        findings.warn(("include", at), f"no file matches {where}; write one, or take the pattern out")
    yield from found


def _wanted(name: Path, pattern: str) -> bool:
    hidden = name.name.startswith(".") and not Path(pattern).name.startswith(".")
    return name.is_file() and not hidden


def _included(file: Path, path: Path, findings: Findings) -> Iterator[tuple[str, Any]]:
    """Yield what an included file holds, key by key; anything but lists and models is refused."""
    source = Source(file)
    try:
        document = yaml.parse(content(file))
    except ConfigError as error:
        findings.error(("include",), str(error))
        return
    findings.include(source, document.lines)
    for line, fault in document.faults:
        findings.error_at(line, fault, source)
    if document.faults or document.data is None:
        return
    if not isinstance(document.data, dict):
        findings.error(
            (source,), f"the file holds {shown(document.data)}, not a map of keys; write {_listed()}"
        )
        return
    for key, value in document.data.items():
        where = (source, key)
        if key == "include":
            findings.error(where, f"an included file includes no others; name them in {path}")
        elif key not in HOLDS:
            findings.error(
                where, f"an included file holds {_listed()} and nothing else; write `{key}` in {path}"
            )
        elif not isinstance(value, _kind(key)):
            wanted = "a map" if key == "models" else "a list"
            findings.error(where, f"{wanted} belongs here, not {shown(value)}")
        else:
            yield key, value


def _kind(key: str) -> type:
    return dict if key == "models" else list


def _listed() -> str:
    return f"{', '.join(HOLDS[:-1])} and {HOLDS[-1]}"


def _add_models(models: dict[str, Any], more: Mapping[str, Any], source: Source, findings: Findings) -> None:
    for name, model in more.items():
        here, there = (source, "models", name), ("models", name)
        if name in models:
            findings.error(here, f"`{name}` is taken {findings.place(there, here)}; keep one")
            continue
        models[name] = model
        findings.trace({there: here})
