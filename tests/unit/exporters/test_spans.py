import hashlib
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from exporters import spans
from probes import timing
from probes.result import Outcome, ProbeResult
from support.results import COLD_MARKS, MS, STARTED_NS, a_result

RESOURCE = Resource({"service.name": "nephoscope"})


def tree(result: ProbeResult) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.tree(result, RESOURCE)}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def lasted_ms(span: ReadableSpan) -> tuple[float, float]:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.start_time - STARTED_NS) / MS, (span.end_time - STARTED_NS) / MS


def until(*last: str) -> tuple[tuple[str, int], ...]:
    """Return the cold marks up to and with the last named one."""
    names = [name for name, _ in COLD_MARKS]
    return COLD_MARKS[: max(names.index(name) for name in last) + 1]


def test_the_root_is_named_for_operation_and_model_and_carries_the_ids_of_the_request() -> None:
    result = a_result()
    root = spans.tree(result, RESOURCE)[0]
    assert root.name == "chat gpt-5-nano"
    assert root.kind is SpanKind.CLIENT
    assert root.parent is None
    assert root.context.trace_id == result.id.int
    assert root.context.span_id == int(result.trace_id[-16:], 16)
    assert root.context.trace_flags.sampled


def test_a_cold_probe_has_every_phase_to_the_nanosecond() -> None:
    shown = {name: lasted_ms(span) for name, span in tree(a_result()).items()}
    end = 551 + 1 / MS
    assert shown == {
        "chat gpt-5-nano": (0, end),
        "POST": (1, end),
        "auth": (0, 1),
        "dns_wait": (1, 2),
        "dns": (2, 5),
        "connect": (5, 15),
        "tls": (15, 40),
        "request": (41, 141),
        "first_token": (141, 341),
        "stream": (341, end),
    }


def test_a_warm_probe_has_no_spans_of_a_connection() -> None:
    marks = tuple(mark for mark in COLD_MARKS if mark[0].partition("_")[0] not in {"dns", "connect", "tls"})
    shown = tree(a_result(reused=True, marks=marks))
    assert set(shown) == {"chat gpt-5-nano", "POST", "auth", "request", "first_token", "stream"}
    assert lasted_ms(shown["POST"])[0] == 41


def test_children_hang_on_the_root_with_ids_of_their_own() -> None:
    result = a_result()
    root, *children = spans.tree(result, RESOURCE)
    assert {child.parent.span_id for child in children if child.parent} == {root.context.span_id}
    assert len({child.context.span_id for child in children} | {root.context.span_id}) == len(children) + 1
    dns = next(child for child in children if child.name == "dns")
    digest = hashlib.blake2b(result.id.bytes + b"dns", digest_size=8).digest()
    assert dns.context.span_id == int.from_bytes(digest, "big")


def test_a_good_probe_says_what_was_asked_and_answered() -> None:
    result = a_result(
        provider="azure",
        response_id="chatcmpl-1",
        reasoning_tokens=4,
        cached_tokens=2,
        service_tier="default",
        fingerprint="fp_1",
        simulated=True,
    )
    root = spans.tree(result, RESOURCE)[0]
    assert attributes(root) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "gpt-5-nano",
        "gen_ai.request.stream": True,
        "gen_ai.request.max_tokens": 256,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-5-nano-2026-08-07",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.3,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 11,
        "gen_ai.usage.reasoning.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_1",
        "server.address": "api.openai.example",
        "server.port": 443,
        "user_agent.synthetic.type": "test",
        "nephoscope.target": "openai",
        "nephoscope.probe": "chat",
        "nephoscope.vantage": "fra-1",
        "nephoscope.attempt": 0,
        "nephoscope.outcome": "ok",
        "nephoscope.simulated": True,
    }
    assert root.status.status_code is StatusCode.UNSET


def test_what_was_not_observed_is_no_attribute() -> None:
    result = a_result(kind="models", request_model=None, max_tokens=None, chunks=(), finish_reason=None)
    shown = tree(result)
    assert (
        not {"gen_ai.request.max_tokens", "gen_ai.request.stream"}
        & attributes(shown["list_models nano"]).keys()
    )
    assert None not in attributes(shown["list_models nano"]).values()
    assert attributes(shown["GET"])["http.request.method"] == "GET"


def test_the_http_span_has_the_stable_names() -> None:
    post = tree(a_result(peer="192.0.2.7:443"))["POST"]
    assert post.kind is SpanKind.CLIENT
    assert attributes(post) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "network.peer.address": "192.0.2.7",
        "network.peer.port": 443,
        "server.address": "api.openai.example",
        "server.port": 443,
        "user_agent.synthetic.type": "test",
    }


@pytest.mark.parametrize(
    ("outcome", "last", "broken"),
    [
        (Outcome.CONFIG, timing.AUTH_START, "auth"),
        (Outcome.DNS, timing.DNS_START, "dns"),
        (Outcome.CONNECT_REFUSED, timing.CONNECT_START, "connect"),
        (Outcome.TLS, timing.TLS_START, "tls"),
        (Outcome.DISCONNECTED, timing.SENT, "request"),
        (Outcome.FIRST_TOKEN_TIMEOUT, timing.FIRST_BYTE, "first_token"),
        (Outcome.STALLED, timing.FIRST_TOKEN, "stream"),
    ],
)
def test_the_phase_that_failed_lasts_to_the_end_and_carries_the_error(
    outcome: Outcome, last: str, broken: str
) -> None:
    given_up = ("given_up", 3_000 * MS)
    shown = tree(
        a_result(outcome=outcome, http_status=None, error="it broke", marks=(*until(last), given_up))
    )
    failed = {name for name, span in shown.items() if span.status.status_code is StatusCode.ERROR}
    assert failed - {"POST"} == {"chat gpt-5-nano", broken}
    assert lasted_ms(shown[broken])[1] == 3_000
    for name in failed:
        assert shown[name].status.description == "it broke"
        assert attributes(shown[name])["error.type"] == outcome.value


def test_a_refusal_names_the_status_on_the_http_span_and_the_outcome_on_the_root() -> None:
    result = a_result(outcome=Outcome.SERVER_ERROR, http_status=500, marks=(*until(timing.FIRST_BYTE),))
    shown = tree(result)
    assert attributes(shown["POST"])["error.type"] == "500"
    assert attributes(shown["chat gpt-5-nano"])["error.type"] == "server_error"
    assert shown["chat gpt-5-nano"].status.description == "server_error"


def test_a_wrong_answer_is_no_failure_of_http() -> None:
    shown = tree(a_result(outcome=Outcome.MISMATCH))
    assert shown["POST"].status.status_code is StatusCode.UNSET
    assert shown["chat gpt-5-nano"].status.status_code is StatusCode.ERROR


def test_an_answer_in_one_piece_has_no_first_token_and_no_error() -> None:
    marks = (*until(timing.FIRST_BYTE), (timing.END, 200 * MS))
    for outcome in (Outcome.OK, Outcome.SERVER_ERROR):
        shown = tree(a_result(kind="chat-sync", outcome=outcome, marks=marks))
        assert "first_token" not in shown


@pytest.mark.parametrize(
    ("kind", "operation", "streams"),
    [
        ("chat", "chat", True),
        ("responses", "chat", True),
        ("tools", "chat", True),
        ("json", "chat", True),
        ("throughput", "chat", True),
        ("long-context", "chat", True),
        ("chat-sync", "chat", False),
        ("embeddings", "embeddings", False),
        ("models", "list_models", False),
    ],
)
def test_each_kind_is_an_operation_that_streams_or_does_not(kind: str, operation: str, streams: bool) -> None:  # noqa: FBT001 - parametrized
    marks = until(timing.FIRST_BYTE)
    result = a_result(kind=kind, outcome=Outcome.FIRST_TOKEN_TIMEOUT, marks=marks, tokens_per_s=31.5)
    shown = tree(result)
    root = attributes(shown[f"{operation} gpt-5-nano"])
    assert root["gen_ai.operation.name"] == operation
    assert root.get("gen_ai.request.stream") == (True if streams else None)
    assert root["nephoscope.output_tokens_per_second"] == 31.5
    assert ("first_token" in shown) == streams


def test_an_end_that_belongs_to_an_earlier_try_ends_nothing() -> None:
    marks = ((timing.CONNECT_END, 5 * MS), (timing.CONNECT_START, 6 * MS), ("given_up", 9 * MS))
    shown = tree(a_result(outcome=Outcome.CONNECT_TIMEOUT, http_status=None, marks=marks))
    assert lasted_ms(shown["connect"]) == (6, 9)


def test_a_result_without_marks_is_a_root_alone() -> None:
    (root,) = spans.tree(a_result(marks=()), RESOURCE)
    assert root.start_time == root.end_time == STARTED_NS
