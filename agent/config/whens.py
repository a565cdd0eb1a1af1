"""Which alerts a route takes: a map of fields, each with globs of which one has to fit; pure."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from agent.config.durations import shown
from agent.config.findings import BadValueError
from agent.config.nearest import nearest
from agent.config.references import literal

FIELDS: Final = (
    "team",
    "severity",
    "service",
    "name",
    "target",
    "probe",
    "cloud",
    "region",
    "model",
    "class",
)
LABEL: Final = "label."
SEVERITIES: Final = ("page", "ticket")

When = tuple[tuple[str, tuple[str, ...]], ...]


def parse(value: object) -> When:
    """Return what a plain value of the file says; BadValueError carries the sentence.

    >>> parse({"team": ["assist", "search-*"], "severity": "page"})
    (('team', ('assist', 'search-*')), ('severity', ('page',)))
    """
    if not isinstance(value, dict) or not value:
        raise BadValueError(
            f"{shown(value)} takes no alert; write a map of fields, as in {{team: assist, severity: page}}, or take "
            "`when` out for a route that takes every alert"
        )
    return tuple((field(name), _globs(name, globs)) for name, globs in value.items())


def field(name: object) -> str:
    """Return the name of a field of an alert."""
    if isinstance(name, str) and (name in FIELDS or name.removeprefix(LABEL) not in ("", name)):
        return name
    close = nearest(name, FIELDS) if isinstance(name, str) else ""
    raise BadValueError(
        f"alerts have no field {shown(name)}{close or '; known are ' + ', '.join(FIELDS) + ' and label.NAME'}"
    )


def _globs(name: str, value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    globs = [glob for glob in given if isinstance(glob, str) and glob]
    if not globs or len(globs) < len(given):
        raise BadValueError(
            f"{shown(value)} is nothing that `{name}` can be; write a text, a glob, or a list of them"
        )
    found = tuple(literal(glob) for glob in globs)
    for glob in found:
        if name == "severity" and not any(fnmatchcase(one, glob) for one in SEVERITIES):
            raise BadValueError(f"{shown(glob)} is no severity; there are {' and '.join(SEVERITIES)}")
    return found


def fits(when: When, fields: Mapping[str, str]) -> bool:
    """Tell whether an alert with these fields has one of the globs in each.

    >>> fits(parse({"team": "a*"}), {"team": "assist"}), fits(parse({"team": "a*"}), {}), fits((), {})
    (True, False, True)
    """
    return all(_fits(fields.get(name), globs) for name, globs in when)


def _fits(value: str | None, globs: Iterable[str]) -> bool:
    return value is not None and any(fnmatchcase(value, glob) for glob in globs)
