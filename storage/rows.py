"""A result as columns and back again: units, dictionary names, and what only the detailed tables keep."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from probes.result import MANUAL, Outcome, ProbeResult, StreamVerdict
from storage.cleaning import DURATIONS
from storage.records import Settled

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DETAIL = ("error", "provider_request_id", "response_id", "ratelimit", "gateway_s", "chunks", "marks")
"""Kept for failures, manual attempts and the last ones of each target alone."""

DICTIONARY_OF = {
    "target": "targets",
    "probe": "probes",
    "vantage": "vantages",
    "response_model": "models",
    "peer": "peers",
    "error_code": "error_codes",
    "backend": "backends",
    "fingerprint": "fingerprints",
}
"""Field -> the dictionary that holds its text; its column is the field's name and `_id`."""

_AS_THEY_ARE = (
    *("started_ns", "tls_expires_at", "cost_usd", "input_tokens", "output_tokens", "reasoning_tokens"),
    *(
        "cached_tokens",
        "tokens_per_s",
        "checked",
        "attempt",
        "http_status",
        "reused",
        "id",
        "finish_reason",
        "service_tier",
        "stamp",
    ),
)

REVISION = (
    *("kind", "provider", "cloud", "region", "model", "request_model", "max_tokens", "server_address"),
    *("server_port", "price_source", "simulated", "labels"),
)
"""What the plan says of a target and its probe: it stands in `revisions`, once for all results it holds for."""


def instant(ns: int) -> datetime:
    """Return UTC nanoseconds as Postgres keeps instants: whole microseconds, cut.

    >>> instant(1_700_000_000_000_001_999)
    datetime.datetime(2023, 11, 14, 22, 13, 20, 1, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + timedelta(microseconds=ns // 1000)


def instant_up(ns: int) -> datetime:
    """Return an edge of a window: rounded up, so that instants of whole microseconds stay on their side of it."""
    return instant(ns + 999)


def nanoseconds(at: datetime) -> int:
    """Return an instant of Postgres as UTC nanoseconds.

    >>> nanoseconds(instant(1_700_000_000_000_001_999))
    1700000000000001000
    """
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def microseconds(seconds: float | None) -> int | None:
    """Return a duration in whole microseconds, rounded up.

    Up, so that it is at or under a threshold of whole microseconds exactly where the seconds are.

    >>> microseconds(0.0021), microseconds(1.5), microseconds(1.500000001)
    (2100, 1500000, 1500001)
    """
    return None if seconds is None else -(-round(seconds * 1e9) // 1000)


def names(result: ProbeResult) -> dict[str, str]:
    """Return dictionary field -> its text, for what was observed; of a backend what lasts, that it stays a dictionary."""
    found = {field: getattr(result, field) for field in DICTIONARY_OF if field != "backend"}
    if lasting := result.lasting:
        found["backend"] = _canonical(lasting)
    return {field: name for field, name in found.items() if name is not None}


def revision(result: ProbeResult) -> dict[str, Any]:
    """Return the columns of the result's revision, but for the target's id; `digest` names it."""
    said = {field: getattr(result, field) for field in REVISION} | {"labels": dict(result.labels)}
    digest = hashlib.blake2b(_canonical(said | {"target": result.target}).encode(), digest_size=16)
    return said | {"digest": digest.hexdigest()}


def columns(result: ProbeResult, ids: Mapping[str, int], revision_id: int) -> dict[str, Any]:
    """Return the row of `results`; `ids` are by dictionary field."""
    return {
        "scheduled_at": instant(result.scheduled_ns),
        "revision_id": revision_id,
        "outcome": result.outcome.value,
        "stream": result.stream and result.stream.value,
        "quality_reasons": ",".join(result.quality_reasons) or None,
        "retry_after_ms": None if result.retry_after_s is None else round(result.retry_after_s * 1e3),
        **{f"{field}_id": ids.get(field) for field in DICTIONARY_OF},
        **{f"{name[:-2]}_us": microseconds(getattr(result, name)) for name in DURATIONS},
        **{name: getattr(result, name) for name in _AS_THEY_ARE},
    }


def verdict_columns(verdict: Settled, ids: Mapping[str, int]) -> dict[str, Any]:
    """Return the row of `verdicts`; `ids` are by dictionary field."""
    return {
        "scheduled_at": instant(verdict.slot.scheduled_ns),
        "settled_ns": verdict.settled_ns,
        "confirmations": verdict.confirmations,
        "confirmations_bad": verdict.confirmations_bad,
        "fault": verdict.fault.value,
        "witness": verdict.witness,
        **{f"{field}_id": found for field, found in ids.items()},
    }


def detailed(result: ProbeResult) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a result's journal form in two parts: what `results` keeps too, and the detail."""
    whole: dict[str, Any] = json.loads(result.encode())
    detail = {name: whole.pop(name) for name in DETAIL if name in whole}
    return whole, detail


def whole(row: Mapping[str, Any], detail: Mapping[str, Any]) -> ProbeResult:
    """Return the result that `detailed` took apart."""
    return ProbeResult.decode(json.dumps({**row, **detail}).encode())


def restored(row: Mapping[Any, Any]) -> ProbeResult:
    """Return a result of a row of `results` with its dictionary texts and its revision.

    Durations are back to the microsecond; the detail is not in it.
    """
    backend = row["backend"]
    fields: dict[str, Any] = {
        **{field: row[field] for field in DICTIONARY_OF},
        **{name: _seconds(row[f"{name[:-2]}_us"]) for name in DURATIONS},
        **{name: row[name] for name in (*_AS_THEY_ARE, *REVISION)},
        "backend": json.loads(backend) if backend else {},
    }
    return ProbeResult(
        scheduled_ns=row["started_ns"] if row["attempt"] == MANUAL else nanoseconds(row["scheduled_at"]),
        outcome=Outcome(row["outcome"]),
        stream=StreamVerdict(row["stream"]) if row["stream"] else None,
        quality_reasons=tuple(row["quality_reasons"].split(",")) if row["quality_reasons"] else (),
        retry_after_s=None if row["retry_after_ms"] is None else row["retry_after_ms"] / 1e3,
        **fields,
    )


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / 1e6


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
