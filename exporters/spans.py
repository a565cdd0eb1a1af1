"""A result as a tree of spans: built after the fact, with the ids that its request carried."""

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from exporters import semconv
from probes import timing
from probes.result import DEADLINES, Outcome, ProbeResult
from probes.target import STREAMED

_SCOPE = InstrumentationScope(semconv.SERVICE_NAME)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)

_WIRE = (timing.DNS_WAIT_START, timing.DNS_START, timing.CONNECT_START, timing.SENT)
"""Marks at which the HTTP exchange may begin; the first that was seen is its start."""


def tree(result: ProbeResult, resource: Resource) -> list[ReadableSpan]:
    """Return the result's spans, the root first; all others are its children.

    A phase that began and did not end lasts until the attempt's last mark and carries the error.
    """
    return _Tree(result, resource).spans()


def child_span_id(result: ProbeResult, name: str) -> int:
    digest = hashlib.blake2b(result.id.bytes + name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


class _Tree:
    """One result while its spans are built."""

    def __init__(self, result: ProbeResult, resource: Resource) -> None:
        self._result = result
        self._resource = resource
        self._at = dict(result.marks)
        self._last = max(self._at.values(), default=0)
        self._root = self._context(int.from_bytes(result.id.bytes[8:], "big"))

    def spans(self) -> list[ReadableSpan]:
        return [self._whole(), *self._http(), *self._phases()]

    def _whole(self) -> ReadableSpan:
        result = self._result
        return ReadableSpan(
            name=f"{semconv.OPERATIONS[result.kind]} {result.request_model or result.model}",
            context=self._root,
            kind=SpanKind.CLIENT,
            start_time=result.started_ns,
            end_time=result.started_ns + self._last,
            attributes=_observed(_genai(result) | _ours(result) | self._error()),
            status=self._status(failed=result.outcome is not Outcome.OK),
            resource=self._resource,
            instrumentation_scope=_SCOPE,
        )

    def _http(self) -> list[ReadableSpan]:
        start = next((self._at[name] for name in _WIRE if name in self._at), None)
        if start is None:
            return []
        method = "GET" if self._result.kind == "models" else "POST"
        failed = _cut_short(self._result)
        attributes = _http(self._result, method) | (self._http_error() if failed else {})
        return [self._child(method, start, self._last, attributes, kind=SpanKind.CLIENT, failed=failed)]

    def _phases(self) -> list[ReadableSpan]:
        return [
            span
            for name, (start, end) in semconv.CHILD_SPANS.items()
            if start in self._at and (span := self._phase(name, self._at[start], self._at.get(end)))
        ]

    def _phase(self, name: str, start: int, end: int | None) -> ReadableSpan | None:
        # An end before its start belongs to an earlier try: the last mark of a name wins.
        if end is not None and end >= start:
            return self._child(name, start, end, {}, failed=False)
        if self._result.outcome is Outcome.OK or (
            name == "first_token" and self._result.kind not in STREAMED
        ):
            return None  # nothing failed here: an answer in one piece has no first token
        return self._child(name, start, self._last, self._error(), failed=True)

    def _child(
        self,
        name: str,
        start: int,
        end: int,
        attributes: Mapping[str, Any],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        failed: bool,
    ) -> ReadableSpan:
        return ReadableSpan(
            name=name,
            context=self._context(child_span_id(self._result, name)),
            parent=self._root,
            kind=kind,
            start_time=self._result.started_ns + start,
            end_time=self._result.started_ns + end,
            attributes=_observed(attributes),
            status=self._status(failed=failed),
            resource=self._resource,
            instrumentation_scope=_SCOPE,
        )

    def _context(self, span_id: int) -> SpanContext:
        return SpanContext(self._result.id.int, span_id, is_remote=False, trace_flags=_SAMPLED)

    def _status(self, *, failed: bool) -> Status:
        if not failed:
            return Status(StatusCode.UNSET)
        return Status(StatusCode.ERROR, self._result.error or self._result.outcome.value)

    def _error(self) -> dict[str, Any]:
        failed = self._result.outcome is not Outcome.OK
        return {semconv.ERROR_TYPE: self._result.outcome.value} if failed else {}

    def _http_error(self) -> dict[str, Any]:
        status = self._result.http_status
        refused = status is not None and status >= 400
        return {semconv.ERROR_TYPE: str(status)} if refused else self._error()


def _cut_short(result: ProbeResult) -> bool:
    """Return whether the exchange failed as HTTP, whatever its content: refused, or without its end."""
    unanswered = result.http_status is None or result.http_status >= 400
    return unanswered or result.outcome in {*DEADLINES, Outcome.TRUNCATED, Outcome.DISCONNECTED}


def identity(result: ProbeResult) -> dict[str, Any]:
    """Return what was asked of whom, as spans and metrics name it alike; None where it is not known."""
    return {
        semconv.OPERATION_NAME: semconv.OPERATIONS[result.kind],
        semconv.PROVIDER_NAME: semconv.PROVIDER_NAMES.get(result.provider, result.provider),
        semconv.REQUEST_MODEL: result.request_model or result.model,
        semconv.RESPONSE_MODEL: result.response_model,
        semconv.SERVER_ADDRESS: result.server_address,
        semconv.SERVER_PORT: result.server_port,
    }


def _genai(result: ProbeResult) -> dict[str, Any]:
    return identity(result) | {
        semconv.REQUEST_STREAM: True if result.kind in STREAMED else None,
        semconv.REQUEST_MAX_TOKENS: result.max_tokens,
        semconv.RESPONSE_ID: result.response_id,
        semconv.RESPONSE_FINISH_REASONS: (result.finish_reason,) if result.finish_reason else None,
        semconv.RESPONSE_FIRST_CHUNK: result.chunks[0] if result.chunks else None,
        semconv.USAGE_INPUT: result.input_tokens,
        semconv.USAGE_OUTPUT: result.output_tokens,
        semconv.USAGE_REASONING: result.reasoning_tokens,
        semconv.USAGE_CACHED: result.cached_tokens,
        semconv.OPENAI_TIER: result.service_tier,
        semconv.OPENAI_FINGERPRINT: result.fingerprint,
        semconv.SYNTHETIC_TYPE: semconv.SYNTHETIC,
    }


def _ours(result: ProbeResult) -> dict[str, Any]:
    return {
        semconv.OUR_TARGET: result.target,
        semconv.OUR_PROBE: result.probe,
        semconv.OUR_VANTAGE: result.vantage,
        semconv.OUR_ATTEMPT: result.attempt,
        semconv.OUR_OUTCOME: result.outcome.value,
        semconv.OUR_SPEED: result.tokens_per_s,
        semconv.OUR_SIMULATED: result.simulated or None,
    }


def _http(result: ProbeResult, method: str) -> dict[str, Any]:
    address, port = _peer(result.peer)
    return {
        semconv.HTTP_METHOD: method,
        semconv.HTTP_STATUS: result.http_status,
        semconv.SERVER_ADDRESS: result.server_address,
        semconv.SERVER_PORT: result.server_port,
        semconv.PROTOCOL_NAME: "http",
        semconv.PROTOCOL_VERSION: "1.1" if result.http_status is not None else None,
        semconv.PEER_ADDRESS: address,
        semconv.PEER_PORT: port,
        semconv.SYNTHETIC_TYPE: semconv.SYNTHETIC,
    }


def _peer(peer: str | None) -> tuple[str | None, int | None]:
    """Return address and port of a peer.

    >>> _peer("192.0.2.7:443"), _peer("[2001:db8::1]:443"), _peer("2001:db8::1"), _peer(None)
    (('192.0.2.7', 443), ('2001:db8::1', 443), ('2001:db8::1', None), (None, None))
    """
    if peer is None:
        return None, None
    try:
        return str(ipaddress.ip_address(peer)), None
    except ValueError:
        address, _, port = peer.rpartition(":")
        return (address.strip("[]"), int(port)) if port.isdecimal() else (peer, None)


def _observed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
