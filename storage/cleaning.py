"""What Postgres cannot hold of a result, and what is left when that is taken out."""

import dataclasses
import math
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from probes.result import ProbeResult
from storage.records import Settled

TEXT_LIMIT = 500
"""Characters of a text that somebody else wrote: an index entry has 2,700 bytes at most."""

INT16 = 2**15 - 1
INT32 = 2**31 - 1

DURATIONS = (
    *("auth_s", "dns_wait_s", "dns_s", "proxy_s", "connect_s", "tls_s", "ttfb_s", "ttft_s", "ttfo_s"),
    *("itl_s", "gap_max_s", "last_token_s", "total_s", "server_s", "stamp_uncertainty_s", "loop_lag_s"),
)
"""Kept as microseconds in four bytes: 35 minutes at most."""

_LARGEST: Mapping[str, float] = {
    **dict.fromkeys(DURATIONS, INT32 / 1e6),
    "retry_after_s": INT32 / 1e3,
    "cost_usd": sys.float_info.max,
    "tokens_per_s": sys.float_info.max,
    **dict.fromkeys(("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens"), INT32),
    "max_tokens": INT32,
    "server_port": INT32,
    "http_status": INT16,
}
_LAST_NS = 2**63 - 1


class UnfitError(ValueError):
    """A row without a place: what makes its key cannot be held."""


def clean(result: ProbeResult) -> tuple[ProbeResult, tuple[str, ...]]:
    """Return the result as Postgres can hold it, and the names of the fields that had to be changed.

    A figure that does not fit (no number, negative, absurdly large) becomes None, "not observed"; a text loses
    what is no text (NUL, half a surrogate pair) and what is past its limit. UnfitError where the key or the
    identity is wrong.
    """
    if not (0 <= result.scheduled_ns <= _LAST_NS and 0 <= result.started_ns <= _LAST_NS):
        raise UnfitError(f"its instants are out of range: {result.scheduled_ns}, {result.started_ns}")
    if not -1 <= result.attempt <= INT16:
        raise UnfitError(f"its attempt is out of range: {result.attempt}")
    changed = {
        name: kept
        for name in _FIELDS
        if (value := getattr(result, name)) is not None and (kept := _clean(name, value)) is not value
    }
    return (dataclasses.replace(result, **changed) if changed else result), tuple(changed)


def clean_settled(verdict: Settled) -> Settled:
    """Return the verdict as Postgres can hold it; UnfitError where its instants are wrong."""
    if not (0 <= verdict.slot.scheduled_ns <= _LAST_NS and 0 <= verdict.settled_ns <= _LAST_NS):
        raise UnfitError(f"its instants are out of range: {verdict.slot.scheduled_ns}, {verdict.settled_ns}")
    slot = dataclasses.replace(
        verdict.slot,
        target=text(verdict.slot.target),
        probe=text(verdict.slot.probe),
        vantage=text(verdict.slot.vantage),
    )
    return dataclasses.replace(
        verdict,
        slot=slot,
        confirmations=min(verdict.confirmations, INT16),
        confirmations_bad=min(verdict.confirmations_bad, INT16),
        witness=verdict.witness and text(verdict.witness),
    )


def text(value: str, limit: int = TEXT_LIMIT) -> str:
    r"""Return a text that UTF-8 and Postgres can hold; the same object where nothing was to be done.

    >>> text("a\0b\ud800")
    'ab'
    """
    if len(value) <= limit and value.isascii() and "\0" not in value:
        return value
    kept = value.encode("utf-8", "ignore").decode().replace("\0", "")[:limit]
    return value if kept == value else kept


def _clean(name: str, value: Any) -> Any:
    match value:
        case str():
            return text(value)
        case int() | float() if name in _LARGEST:
            return value if 0 <= value <= _LARGEST[name] else None  # nothing is at or over NaN
        case datetime() if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        case tuple():
            kept = tuple(part for item in value if (part := _part(item)) is not None)
            return value if kept == value else kept
        case Mapping():
            return _mapping(name, value)
    return value


def _mapping(name: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {text(key): part for key, item in value.items() if (part := _part(item)) is not None}
    if name == "backend" and sum(len(key) + len(str(item)) for key, item in kept.items()) > TEXT_LIMIT:
        kept = {}  # it is one text of a dictionary
    return value if kept == dict(value) else kept


def _part(item: Any) -> Any:
    """Clean what stands inside a tuple or a mapping; None where it cannot be kept."""
    match item:
        case str():
            return text(item)
        case float():
            return item if math.isfinite(item) else None
        case tuple():
            return tuple(map(_part, item))
        case _:
            return item


_FIELDS = tuple(field.name for field in dataclasses.fields(ProbeResult))
