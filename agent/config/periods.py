"""Over which window an objective is judged, rolling or a calendar's, by events or by slices, and pooled by what; pure."""

import functools
from typing import Any, Final, get_args
from zoneinfo import available_timezones

from agent.config.durations import duration, ratio, shown
from agent.config.findings import BadValueError
from agent.config.nearest import close, nearest
from agent.slo.calendars import Calendar, Unit
from agent.slo.objective import Field
from agent.slo.slices import Slices

UNITS: Final = get_args(Unit)
FIELDS: Final = get_args(Field)
_EXAMPLE: Final = "{calendar: month, timezone: Europe/Berlin}"
_KEYS: Final = ("calendar", "timezone")
_SLICES: Final = "{timeslices: 5m, percent: 95}"
_SLICE_KEYS: Final = ("timeslices", "percent")
OCCURRENCES: Final = "occurrences"
SHORTEST_S: Final = 60.0
"""A month has 43,200 slices of a minute; shorter ones would be counted for nothing at usual intervals."""


def parse(value: Any) -> float | Calendar:
    """Return seconds of a rolling window, or a calendar's; BadValueError carries the sentence.

    >>> parse("28d"), parse({"calendar": "month", "timezone": "Europe/Berlin"})
    (2419200.0, Calendar(unit='month', zone='Europe/Berlin'))
    """
    if not isinstance(value, dict):
        return rolling(value)
    _known(value, _KEYS, _EXAMPLE)
    if "calendar" not in value:
        raise BadValueError(f"does not say which calendar; write {_EXAMPLE}, or a duration such as 28d")
    unit = value["calendar"]
    if unit not in UNITS:
        meant = nearest(unit, UNITS) if isinstance(unit, str) else ""
        known = f"; there are {', '.join(UNITS)}"
        raise BadValueError(f"{shown(unit)} is no window of a calendar{meant or known}")
    return Calendar(unit, zone(value.get("timezone", "UTC")))


def _known(value: dict[Any, Any], keys: tuple[str, ...], example: str) -> None:
    for key in value:
        if key not in keys:
            raise BadValueError(f"unknown key `{key}`{nearest(str(key), keys) or f'; write {example}'}")


def method(value: Any) -> Slices | None:
    """Return the slices that are counted, None for events themselves; BadValueError carries the sentence.

    >>> method("occurrences"), method({"timeslices": "5m", "percent": 95})
    (None, Slices(length_s=300.0, ratio=0.95))
    """
    if value == OCCURRENCES:
        return None
    if not isinstance(value, dict):
        hint = f"write {_SLICES}" if value == "timeslices" else f"there are {OCCURRENCES} and {_SLICES}"
        raise BadValueError(f"{shown(value)} is no method by itself; {hint}")
    _known(value, _SLICE_KEYS, _SLICES)
    if missing := [key for key in _SLICE_KEYS if key not in value]:
        raise BadValueError(
            f"lacks `{missing[0]}`; write {_SLICES}: how long a slice is, and how much of it is good"
        )
    length_s = rolling(value["timeslices"])
    if length_s < SHORTEST_S:
        raise BadValueError(f"a slice of {shown(value['timeslices'])} is too short to be one; use 1m or more")
    return Slices(length_s, ratio(value["percent"]))


def pool(value: Any) -> tuple[Field, ...] | None:
    """Return by what targets are pooled: None for not at all, nothing for all of them together.

    >>> pool("target"), pool(["cloud", "model"]), pool("all")
    (None, ('cloud', 'model'), ())
    """
    if value in ("target", "all"):
        return None if value == "target" else ()
    known = f"write target, all, or a list of {', '.join(FIELDS)}"
    if value in FIELDS:
        raise BadValueError(f"{shown(value)} is one of several to pool by; write [{value}]")
    if not isinstance(value, list) or not value:
        raise BadValueError(f"{shown(value)} is nothing to pool by; {known}")
    for field in value:
        if field not in FIELDS:
            meant = nearest(field, FIELDS) if isinstance(field, str) else ""
            raise BadValueError(f"{shown(field)} is nothing to pool by{meant or f'; {known}'}")
    if len(set(value)) < len(value):
        raise BadValueError("names one of them twice; keep one")
    return tuple(value)


def rolling(value: Any) -> float:
    """Return the seconds of a rolling window."""
    if isinstance(value, dict):
        raise BadValueError(
            f"a calendar is for objectives alone, not {shown(value)}; write a duration such as 28d"
        )
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        raise BadValueError(f"{value} has no unit; write {value}d for days")
    seconds = duration(value)
    if seconds <= 0:
        raise BadValueError(f"{shown(value)} leaves no time; write more than zero")
    return seconds


def zone(value: Any) -> str:
    """Return the name of an IANA zone that is known here; others are refused with the likeliest one."""
    if not isinstance(value, str):
        raise BadValueError(f"{shown(value)} is no time zone; write one such as Europe/Berlin, or UTC")
    if value in _zones():
        return value
    found = _likeliest(value.replace(" ", "_"))
    meant = f"did you mean `{found}`?" if found else "write one such as Europe/Berlin, or UTC"
    raise BadValueError(f"{shown(value)} is no time zone; {meant}")


def _likeliest(said: str) -> str | None:
    """Return the zone that is written almost so, else the one whose city is."""
    names = {name.lower(): name for name in sorted(_zones())}
    cities = {name.rpartition("/")[2]: name for name in names if "/" in name}
    found = close(said, names) or cities.get(close(said.rpartition("/")[2], cities) or "")
    return names[found] if found else None


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
