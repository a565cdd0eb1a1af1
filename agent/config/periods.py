"""Over which window an objective is judged: a rolling duration, or a unit of a place's calendar; pure."""

import functools
from typing import Any, Final, get_args
from zoneinfo import available_timezones

from agent.config.durations import duration, shown
from agent.config.findings import BadValueError
from agent.config.nearest import close, nearest
from agent.slo.calendars import Calendar, Unit

UNITS: Final = get_args(Unit)
_EXAMPLE: Final = "{calendar: month, timezone: Europe/Berlin}"
_KEYS: Final = ("calendar", "timezone")


def parse(value: Any) -> float | Calendar:
    """Return seconds of a rolling window, or a calendar's; BadValueError carries the sentence.

    >>> parse("28d"), parse({"calendar": "month", "timezone": "Europe/Berlin"})
    (2419200.0, Calendar(unit='month', zone='Europe/Berlin'))
    """
    if not isinstance(value, dict):
        return rolling(value)
    for key in value:
        if key not in _KEYS:
            raise BadValueError(f"unknown key `{key}`{nearest(str(key), _KEYS) or f'; write {_EXAMPLE}'}")
    if "calendar" not in value:
        raise BadValueError(f"does not say which calendar; write {_EXAMPLE}, or a duration such as 28d")
    unit = value["calendar"]
    if unit not in UNITS:
        meant = nearest(unit, UNITS) if isinstance(unit, str) else ""
        known = f"; there are {', '.join(UNITS)}"
        raise BadValueError(f"{shown(unit)} is no window of a calendar{meant or known}")
    return Calendar(unit, zone(value.get("timezone", "UTC")))


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
