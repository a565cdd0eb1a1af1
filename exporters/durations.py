"""Prometheus durations: `5m`, `1h30m`, `28d`, and the seconds that they stand for."""

import functools
import re

_UNITS_MS = {
    "y": 31_536_000_000,
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_WRITTEN = ("d", "h", "m", "s", "ms")
_PART = re.compile(r"(\d+)(ms|[ywdhms])")


@functools.lru_cache(maxsize=1024)
def write(seconds: float) -> str:
    """Return the shortest sum of days, hours, minutes, seconds and milliseconds; never weeks, as SLOs say 28d.

    >>> write(300), write(5400), write(28 * 86400), write(0.25), write(0)
    ('5m', '1h30m', '28d', '250ms', '0s')
    """
    rest, parts = round(seconds * 1000), []
    for unit in _WRITTEN:
        count, rest = divmod(rest, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def read(text: str) -> float:
    """Return the seconds of a Prometheus duration; ValueError where it is none.

    >>> read("5m"), read("1h30m"), read("4w") == read("28d")
    (300.0, 5400.0, True)
    """
    parts = _PART.findall(text)
    if not parts or "".join(count + unit for count, unit in parts) != text:
        raise ValueError(
            f"{text!r} is no Prometheus duration: write a number and a unit, for example 5m or 28d"
        )
    return sum(int(count) * _UNITS_MS[unit] for count, unit in parts) / 1000
