"""What response headers say about waiting, limits, backends and the server's own time."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime

_GO_UNITS: Mapping[str, float] = {
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ns": 1e-9,
}
_GO_PART = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)(h|ms|m|s|us|µs|μs|ns)")

_LIMITED: Mapping[str, tuple[str, ...]] = {
    "requests": ("requests", "req-minute", "requests-minute", "requests-day"),
    "tokens": ("tokens", "tokens-minute"),
}
"""What is limited, and how OpenAI, Mistral and Cerebras spell it."""

_IN_SECONDS = frozenset({"fireworks-server-processing-time", "fireworks-server-time-to-first-token"})
"""Headers with a server's time that is not in milliseconds."""


def seconds(text: str) -> float | None:
    """Return a duration that is written as plain seconds or as Go writes it; None where it is neither.

    >>> [seconds(text) for text in ("6m0s", "120ms", "1h0m2.5s", "7", "0.25", "-1", "soon")]
    [360.0, 0.12, 3602.5, 7.0, 0.25, None, None]
    """
    text = text.strip()
    if re.fullmatch(r"\d{1,15}(\.\d{1,15})?", text):
        return float(text)
    parts = _GO_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _GO_UNITS[unit] for number, unit in parts)


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Return how long to wait: `retry-after-ms`, then `retry-after` as seconds, then as a date.

    `now_s` is UTC seconds since the epoch; a date in the past is no wait at all.

    >>> retry_after_s({"retry-after-ms": "1500", "retry-after": "9"}, 0.0)
    1.5
    >>> retry_after_s({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 20.0)
    40.0
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after") or headers.get("llm_provider-retry-after")
    if text is None:
        return None
    if (plain := seconds(text)) is not None:
        return plain
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def ratelimit(headers: Mapping[str, str]) -> dict[str, float]:
    """Return the limits that the answer names: remaining, limit and reset (seconds), requests and tokens.

    >>> ratelimit({"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-tokens": "6m0s"})
    {'remaining_requests': 59.0, 'reset_tokens_s': 360.0}
    """
    found = _anthropics(headers)
    for what, spellings in _LIMITED.items():
        for which in ("remaining", "limit"):
            count = _number(first_of(headers, [f"x-ratelimit-{which}-{spelling}" for spelling in spellings]))
            if count is not None:
                found[f"{which}_{what}"] = count
        reset = seconds(first_of(headers, [f"x-ratelimit-reset-{spelling}" for spelling in spellings]) or "")
        if reset is not None:
            found[f"reset_{what}_s"] = reset
    return found


def _anthropics(headers: Mapping[str, str]) -> dict[str, float]:
    """Return the limits as Anthropic writes them, whose resets are instants."""
    found: dict[str, float | None] = {}
    for what in _LIMITED:
        spelt = f"anthropic-ratelimit-{what}-"
        found |= {f"{which}_{what}": _number(headers.get(spelt + which)) for which in ("remaining", "limit")}
        found[f"reset_{what}_s"] = _until(headers.get(f"{spelt}reset", ""), headers.get("date", ""))
    return {name: figure for name, figure in found.items() if figure is not None}


def _until(instant: str, date: str) -> float | None:
    """Return the seconds from an answer's own date to an instant in RFC 3339; the clock here does not matter.

    >>> _until("2026-11-28T12:00:30Z", "Sat, 28 Nov 2026 12:00:00 GMT"), _until("soon", "now")
    (30.0, None)
    """
    try:
        return max(0.0, (datetime.fromisoformat(instant) - parsedate_to_datetime(date)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def backend(headers: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return what served the request, from the headers that the catalogue names.

    Of `cf-ray` only the suffix tells something: the edge (an airport's code), not the region of inference.

    >>> backend({"cf-ray": "9a1b-FRA", "x-ms-region": "East US 2"}, {"cf-ray": "edge", "x-ms-region": "region"})
    {'edge': 'FRA', 'region': 'East US 2'}
    """
    found = {}
    for header, name in names.items():
        value = headers.get(header, "").strip()
        if header == "cf-ray":
            value = value.rpartition("-")[2] if "-" in value else ""
        if value:
            found[name] = value
    return found


def coding(headers: Mapping[str, str]) -> str | None:
    """Return how the body is encoded, None where it is as it was made.

    Some servers put a charset or `none` there: their bodies can be read as they are.

    >>> coding({"content-encoding": "GZip"}), coding({"content-encoding": "identity"}), coding({})
    ('gzip', None, None)
    """
    given = headers.get("content-encoding", "").strip().lower()
    return None if given in {"", "identity", "none", "utf-8", "utf8"} else given


def first_of(headers: Mapping[str, str], names: Sequence[str]) -> str | None:
    """Return the first of these headers that says something."""
    return next((headers[name] for name in names if headers.get(name)), None)


def server_s(headers: Mapping[str, str], names: Sequence[str]) -> float | None:
    """Return the server's own account of its time, from the first of these headers that has it, mostly in milliseconds.

    Of `server-timing` one metric is meant, whose name follows: `server-timing: gfet4t7`.

    >>> server_s({"openai-processing-ms": "212"}, ["openai-processing-ms"])
    0.212
    >>> server_s({"fireworks-server-processing-time": "0.25"}, ["fireworks-server-processing-time"])
    0.25
    >>> server_s({"server-timing": "cdn; dur=2, gfet4t7; dur=340.5"}, ["server-timing: gfet4t7"])
    0.3405
    """
    for name in names:
        header, _, metric = name.partition(": ")
        text = headers.get(header)
        number = _number(_duration(text, metric) if text and metric else text)
        if number is not None:
            return number if name in _IN_SECONDS else number / 1000
    return None


def _duration(text: str, metric: str) -> str | None:
    """Return the duration of one metric of `server-timing`, as it is written."""
    for entry in text.split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        if name == metric:
            return next((part[4:].strip('"') for part in parameters if part.lower().startswith("dur=")), None)
    return None


def _number(text: str | None) -> float | None:
    """Return a plain number; a negative one means "unknown" where vendors send it."""
    return float(text) if text and re.fullmatch(r"[ \t]*[0-9]{1,15}(\.[0-9]{1,15})?[ \t]*", text) else None
