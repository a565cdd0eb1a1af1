"""Durations, sizes and percentages as people write them; a number without a unit is never guessed at."""

import math
import re
from decimal import Decimal

from agent.config.findings import BadValueError

_DAY = Decimal(86400)
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": _DAY,
    "w": 7 * _DAY,
    "y": 365 * _DAY,
}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d|w|y)")
_WORDS = {
    word: unit
    for unit, words in {
        "ms": "millis msec msecs millisecond milliseconds",
        "s": "sec secs second seconds s",
        "m": "min mins minute minutes m",
        "h": "hr hrs hour hours h",
        "d": "day days d",
        "w": "week weeks w",
        "y": "year years y",
    }.items()
    for word in words.split()
}
_WORDY = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?) ?({'|'.join(_WORDS)})", re.IGNORECASE)
_MILLISECONDS = 1000
"""A bare number from here on is rather milliseconds than seconds: 16 minutes is no threshold."""

_SIGNED = re.compile(r"(\d{1,3}(?:\.\d{1,9})?) ?%?")
_BYTES = {"B": 1} | {
    f"{prefix}{unit}": base**power
    for unit, base in (("iB", 1024), ("B", 1000))
    for power, prefix in enumerate("KMGT", start=1)
}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?([KMGT]?i?B)")


def duration(value: object) -> float:
    """Return seconds, exact to the decimal as written; BadValueError carries the sentence.

    >>> duration("1.5s"), duration("28d"), duration("1h30m"), duration("250ms")
    (1.5, 2419200.0, 5400.0, 0.25)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _positive(value, "30s")
        if value >= _MILLISECONDS:
            raise BadValueError(
                f"{value} has no unit; write {value}ms for milliseconds, or {value}s for seconds"
            )
        raise BadValueError(f"{value} has no unit; write {value}s for seconds, or {value}m for minutes")
    text = str(value)
    parts = _DURATION.findall(text)
    if not isinstance(value, str) or not parts or "".join(number + unit for number, unit in parts) != text:
        word = _WORDY.fullmatch(text)
        meant = (
            f"{word[1]}{_WORDS[word[2].lower()]}" if word else "a number and a unit: 250ms, 30s, 5m, 1h, 28d"
        )
        raise BadValueError(f"{shown(value)} is not a duration; write {meant}")
    return float(sum((Decimal(number) * _SECONDS[unit] for number, unit in parts), Decimal()))


def size(value: object) -> int:
    """Return bytes; BadValueError carries the sentence.

    >>> size("8MiB"), size("1.5kB".upper())
    (8388608, 1500)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _positive(value, "64KiB")
        # No size under 1 KiB is taken anywhere.
        small = "B" if value >= 1024 else "KiB"
        raise BadValueError(f"{value} has no unit; write {value}{small} or {value}MiB")
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in _BYTES:
        raise BadValueError(f"{shown(value)} is not a size; write a number and a unit: 64KiB, 8MiB, 2GiB")
    return int(Decimal(found[1]) * _BYTES[found[2]])


def _positive(value: float, example: str) -> None:
    if not 0 < value < math.inf:
        raise BadValueError(f"{value} must be more than 0 and have a unit; write {example}, say")


def ratio(value: object) -> float:
    """Return a percentage as a ratio in (0, 1) without float noise; BadValueError carries the sentence.

    >>> ratio(99.9), ratio(99.95), ratio(99)
    (0.999, 0.9995, 0.99)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        plain = _SIGNED.fullmatch(value) if isinstance(value, str) else None
        meant = f"write {plain[1]}, without quotes and sign" if plain else "write a plain number such as 99.9"
        raise BadValueError(f"{shown(value)} is not a percentage; {meant}")
    if value == 100:
        raise BadValueError("100 leaves no error budget, so every failure would be a breach; write 99.9, say")
    if not 0 < value < 100:
        raise BadValueError(f"{value} is not between 0 and 100; write a percentage such as 99.9")
    percent = Decimal(repr(value))
    if percent <= 1:
        raise BadValueError(
            f"{value} looks like a ratio; percent is out of 100: write {(percent * 100).normalize():f}"
        )
    return float(percent / 100)


def shown(value: object) -> str:
    """Return a value as a finding quotes it: short, and never a whole structure."""
    match value:
        case None:
            return "an empty value"
        case bool():
            return str(value).lower()
        case dict():
            return "a map"
        case list():
            return "a list"
        case _:
            text = str(value)
            return f"`{text[:57]}...`" if len(text) > 60 else f"`{text}`"
