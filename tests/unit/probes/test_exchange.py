"""One attempt, one result: what was observed is exact, and whatever fails is named."""

import asyncio
import dataclasses
import gzip
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from probes import timing
from probes.attempt import Attempt
from probes.base import KEEP, MARKS, PATH, Slot, Wire
from probes.exchange import USER_AGENT, Exchange
from probes.framing.sse import write_comment, write_event
from probes.result import Outcome, ProbeResult, StreamVerdict
from probes.target import Path, Price, Target, Workload
from probes.transport.errors import Broken, Exhausted, Malformed, ResolveFailed, TlsFailed
from support.clock import FakeClock
from support.secrets import FakeSecrets
from support.transport import HANG, ScriptedTransport, Step

ID = uuid.UUID("0190a0b1-c2d3-7e4f-8a5b-6c7d8e9fa0b1")
KEY = "sk-planted-key"
TARGET = Target(
    name="t",
    provider="openai",
    cloud="openai",
    model="nano",
    model_id="gpt-5-nano",
    endpoint="https://api.openai.com",
    group="nano",
    credentials={"api_key": "${KEY}"},
    price=Price(input=0.05, output=0.40, source="table 2026-11"),
)
CHAT = Workload(name="chat", first_token_s=0.05, stall_s=0.05, timeout_s=0.2)
SYNC = dataclasses.replace(CHAT, name="sync", kind="chat-sync", timeout_s=0.05)
MODELS = dataclasses.replace(CHAT, name="models", kind="models")


def chunk(delta: Mapping[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return write_event(json.dumps({"id": "c-1", "model": "gpt-5-nano-1", "choices": [choice], **more}))


ROLE = chunk({"role": "assistant", "content": ""})
PO, NG, STOP = chunk({"content": "po"}), chunk({"content": "ng"}), chunk({}, "stop")
USAGE = write_event(json.dumps({"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 2}}))
DONE = write_event("[DONE]")
GOOD: Sequence[Step] = [(0.1, ROLE), (0.1, PO), (0.3, NG), (0.1, STOP + USAGE), (0.05, DONE)]


def ask(
    steps: Sequence[Step] = GOOD,
    target: Target = TARGET,
    workload: Workload = CHAT,
    *,
    lag_s: float = 0.0,
    body_bytes: int = 1 << 20,
    event_bytes: int = 1 << 16,
    secrets: FakeSecrets | None = None,
    **script: Any,
) -> tuple[ProbeResult, ScriptedTransport]:
    clock = FakeClock()
    transport = ScriptedTransport(clock, steps, **script)
    exchange = Exchange(
        transport,
        secrets or FakeSecrets({"KEY": KEY, "TEAM": "sre-secret"}),
        clock,
        lambda: ID,
        "fra-1",
        lambda _start, _end: lag_s,
        body_bytes=body_bytes,
        event_bytes=event_bytes,
        nonce=lambda: "n0nce",
    )
    slot = Slot(clock.wall_ns() - 7_000_000, 0)
    return asyncio.run(exchange.ask(target, workload, slot)), transport


def test_a_good_answer_is_timed_by_the_instants_of_its_reads() -> None:
    result, transport = ask(
        headers={"content-type": "text/event-stream", "cf-ray": "9a-FRA", "x-request-id": "r-1"}
    )
    assert (result.outcome, result.stream, result.error) == (Outcome.OK, StreamVerdict.COMPLETE, None)
    seconds = {
        "lateness_s": 0.007,
        "auth_s": 0.0,
        "ttfb_s": 0.01,
        "ttft_s": 0.21,
        "ttfo_s": 0.21,
        "last_token_s": 0.51,
        "gap_max_s": 0.3,
        "itl_s": 0.3,
        "total_s": 0.66,
    }
    assert {name: getattr(result, name) for name in seconds} == pytest.approx(seconds)
    assert result.chunks == pytest.approx((0.21, 0.51))
    assert [name for name, _ in result.marks] == [
        timing.AUTH_START,
        timing.AUTH_END,
        timing.SENT,
        timing.FIRST_BYTE,
        timing.FIRST_TOKEN,
        timing.FIRST_OUTPUT,
        timing.LAST_TOKEN,
        timing.END,
    ]
    assert (result.stamp, result.stamp_uncertainty_s, result.quality_reasons) == ("user", 0.0, ())
    assert transport.closed == 1


def test_every_fact_of_the_answer_is_in_the_row() -> None:
    result, _ = ask(
        headers={
            "content-type": "text/event-stream",
            "cf-ray": "9a-FRA",
            "x-request-id": "r-1",
            "openai-processing-ms": "150",
            "x-ratelimit-remaining-requests": "59",
        }
    )
    facts = {
        "id": ID,
        "vantage": "fra-1",
        "request_model": "gpt-5-nano",
        "max_tokens": 256,
        "server_address": "api.openai.com",
        "server_port": 443,
        "peer": "10.0.0.7:443",
        "reused": False,
        "tls_expires_at": datetime.fromtimestamp(1_900_000_000, UTC),
        "http_status": 200,
        "finish_reason": "stop",
        "response_id": "c-1",
        "response_model": "gpt-5-nano-1",
        "backend": {"edge": "FRA"},
        "provider_request_id": "r-1",
        "server_s": 0.15,
        "ratelimit": {"remaining_requests": 59.0},
        "input_tokens": 1000,
        "output_tokens": 2,
        "cost_usd": pytest.approx(0.0000508),
        "price_source": "table 2026-11",
        "loop_lag_s": 0.0,
    }
    assert {name: getattr(result, name) for name in facts} == facts
    assert ProbeResult.decode(result.encode()) == result


def test_what_is_sent_is_signed_named_and_identified() -> None:
    target = dataclasses.replace(
        TARGET, headers={"X-Team": "${TEAM}"}, traceparent=True, path=Path(proxy="none")
    )
    _, transport = ask(target=target, workload=dataclasses.replace(CHAT, connection="warm"))
    request = transport.requests[0]
    assert str(request.url) == "https://api.openai.com/v1/chat/completions"
    assert {
        name: request.headers.get(name)
        for name in (
            "authorization",
            "user-agent",
            "accept-encoding",
            "x-request-id",
            "traceparent",
            "x-team",
        )
    } == {
        "authorization": f"Bearer {KEY}",
        "user-agent": USER_AGENT,
        "accept-encoding": "identity",
        "x-request-id": str(ID),
        "traceparent": f"00-{ID.hex}-{ID.hex[16:]}-01",
        "x-team": "sre-secret",
    }
    assert request.extensions[PATH] == Path(proxy="none")
    assert request.extensions[KEEP] == "t/chat"
    assert isinstance(request.extensions[MARKS], timing.Marks)


def test_a_proxys_password_is_resolved_when_it_is_used() -> None:
    """The plan holds the reference; the transport is given the URL, where an `@` must not move the host."""
    target = dataclasses.replace(TARGET, path=Path(proxy="http://u:${PW}@proxy:3128"))
    _, transport = ask(target=target, secrets=FakeSecrets({"KEY": KEY, "PW": "p@ss"}))
    assert transport.requests[0].extensions[PATH] == Path(proxy="http://u:p%40ss@proxy:3128")
    result, transport = ask(target=target)
    assert (result.outcome, transport.requests) == (Outcome.CONFIG, [])
    assert "PW is not set" in (result.error or "")


def test_a_vendor_gets_no_trace_context_and_a_cold_probe_keeps_nothing() -> None:
    _, transport = ask()
    assert "traceparent" not in transport.requests[0].headers
    assert KEEP not in transport.requests[0].extensions


def through(provider: str, **target: Any) -> httpx.Request:
    """Return what is sent to a gateway."""
    _, transport = ask(target=dataclasses.replace(TARGET, provider=provider, credentials={}, **target))
    return transport.requests[0]


def test_litellm_is_asked_not_to_retry_and_not_to_answer_out_of_its_cache() -> None:
    """Our id is its own for the call, so that its logs know the result."""
    request = through("litellm")
    assert request.headers["x-litellm-num-retries"] == "0"
    assert request.headers["x-litellm-call-id"] == request.headers["x-request-id"] == str(ID)
    assert json.loads(request.content)["cache"] == {"no-cache": True}


def test_portkey_is_asked_for_a_fresh_answer_and_what_a_target_says_goes_before() -> None:
    """The provider behind it stands in the target's own headers."""
    request = through("portkey", headers={"X-Portkey-Provider": "openai", "x-portkey-trace-id": "mine"})
    assert request.headers["x-portkey-cache-force-refresh"] == "true"
    assert request.headers["x-portkey-provider"] == "openai"
    assert request.headers["x-portkey-trace-id"] == "mine"
    assert "cache" not in json.loads(request.content)


def test_a_vendor_is_sent_nothing_that_is_meant_for_gateways() -> None:
    _, transport = ask()
    assert not [name for name in transport.requests[0].headers if "litellm" in name or "portkey" in name]
    assert "cache" not in json.loads(transport.requests[0].content)


def test_pings_and_role_are_no_progress() -> None:
    """Comments keep coming, but the first token does not: its deadline strikes all the same."""
    steps = [(0.01, ROLE)] + [(0.01, write_comment("keep-alive"))] * 5 + [(0.0, HANG)]
    result, _ = ask(steps)
    assert (result.outcome, result.stream, result.ttft_s) == (Outcome.FIRST_TOKEN_TIMEOUT, None, None)
    assert result.total_s is None
    assert "first_token of probe chat" in (result.error or "")


def test_a_stall_is_the_longest_wait_for_a_unit() -> None:
    result, transport = ask([(0.1, PO), (0.1, write_comment()), (0.0, HANG)])
    assert (result.outcome, result.stream) == (Outcome.STALLED, StreamVerdict.STALLED)
    assert result.ttft_s == pytest.approx(0.11)
    assert result.total_s is None
    assert result.response_model == "gpt-5-nano-1"
    assert transport.closed == 1


def test_the_total_deadline_strikes_however_steadily_it_goes_on() -> None:
    workload = dataclasses.replace(CHAT, timeout_s=0.03, first_token_s=8.0, stall_s=8.0)
    result, _ = ask([(0.1, PO), (0.0, HANG)], workload=workload)
    assert (result.outcome, result.stream) == (Outcome.TOTAL_TIMEOUT, None)


@pytest.mark.parametrize("workload", [SYNC, MODELS], ids=["chat-sync", "models"])
def test_whole_answers_wait_for_their_timeout_alone(workload: Workload) -> None:
    result, _ = ask([(0.0, HANG)], workload=dataclasses.replace(workload, timeout_s=0.05, first_token_s=0.0))
    assert result.outcome is Outcome.TOTAL_TIMEOUT


def test_a_deadline_in_the_connection_phase_is_that_phases() -> None:
    result, _ = ask(before=HANG)
    assert result.outcome is Outcome.CONNECT_TIMEOUT
    assert (result.http_status, result.stamp, result.peer) == (None, None, None)


def test_a_deadline_missed_by_our_own_lag_is_ours() -> None:
    result, _ = ask([(0.0, HANG)], lag_s=0.3)
    assert (result.outcome, result.error_code) == (Outcome.AGENT_FAULT, "loop_lag")


@pytest.mark.parametrize(
    ("lag_s", "kernel", "reasons"),
    [(0.001, False, ()), (0.0011, False, ("loop_lag",)), (0.5, True, ())],
    ids=["a little lag", "more lag", "lag under kernel stamps"],
)
def test_lag_makes_user_stamps_untrusted(lag_s: float, kernel: bool, reasons: tuple[str, ...]) -> None:  # noqa: FBT001 - parametrized
    result, _ = ask(lag_s=lag_s, kernel=kernel)
    assert (result.outcome, result.quality_reasons) == (Outcome.OK, reasons)
    assert result.stamp == ("kernel" if kernel else "user")


def test_a_first_read_of_several_units_says_how_uncertain_it_is() -> None:
    result, _ = ask([(0.1, ROLE), (0.2, PO + NG), (0.1, STOP + DONE)])
    assert result.stamp_uncertainty_s == pytest.approx(0.2)
    assert result.itl_s is None


def test_itl_is_left_unset_where_a_chunk_is_not_a_token() -> None:
    usage = write_event(json.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 10}}))
    result, _ = ask([(0.1, PO), (0.1, NG), (0.1, STOP + usage + DONE)])
    assert (result.outcome, result.itl_s, result.output_tokens) == (Outcome.OK, None, 10)
    assert result.gap_max_s == pytest.approx(0.1)


def test_reasoning_counts_as_first_token_and_not_as_output() -> None:
    thought = chunk({"reasoning_content": "hm"})
    result, _ = ask([(0.1, thought), (0.4, PO), (0.1, STOP + DONE)])
    assert [result.ttft_s, result.ttfo_s] == pytest.approx([0.11, 0.51])


BROKEN = Broken("the connection to h ended before the answer did (closed): look at the gateways")


@pytest.mark.parametrize(
    ("steps", "script", "expected", "verdict", "words"),
    [
        ([(0.1, PO), (0.1, BROKEN)], {}, Outcome.TRUNCATED, StreamVerdict.TRUNCATED, "before the answer did"),
        (
            [(0.1, PO), (0.1, Malformed("bad chunk: look"))],
            {},
            Outcome.MALFORMED,
            None,
            "target t: bad chunk",
        ),
        ([(0.1, PO + STOP)], {}, Outcome.TRUNCATED, StreamVerdict.TRUNCATED, "end mark"),
        ([(0.1, ROLE + STOP + DONE)], {}, Outcome.EMPTY, StreamVerdict.EMPTY, "without any text"),
        ([(0.1, b"<html>Sign in</html>")], {}, Outcome.MALFORMED, None, "Sign in"),
        ([(0.1, PO)], {"headers": {"content-type": "text/html"}}, Outcome.MALFORMED, None, "HTML"),
        ([(0.1, b"data: " + b"x" * 70_000)], {}, Outcome.MALFORMED, None, "longer than 65536"),
        ([(0.1, PO * 9000)], {}, Outcome.MALFORMED, None, "longer than 1048576"),
        (
            [(0.1, PO), (0.1, write_event('{"error":{"code":429,"message":"no"}}'))],
            {},
            Outcome.THROTTLED,
            StreamVerdict.ERRORED,
            "inside its answer",
        ),
        ([], {"before": ResolveFailed("h has no address: check it")}, Outcome.DNS, None, "no address"),
        ([], {"before": TlsFailed("it expired: renew", reason="expired")}, Outcome.TLS, None, "renew"),
        ([], {"before": Exhausted("no sockets are left")}, Outcome.AGENT_FAULT, None, "sockets"),
        ([], {"before": httpx.ReadError("reset")}, Outcome.DISCONNECTED, None, "reset"),
        ([], {"before": RuntimeError("a bug")}, Outcome.AGENT_FAULT, None, "the agent itself failed"),
        (
            [(0.1, b"")],
            {"status": 301, "headers": {"location": "https://x/v1"}},
            Outcome.CONFIG,
            None,
            "https://x/v1",
        ),
        ([(0.1, b'{"error":{"message":"busy"}}')], {"status": 503}, Outcome.OVERLOADED, None, "busy"),
        ([(0.1, b'{"error":{"mess'), (0.1, BROKEN)], {"status": 503}, Outcome.OVERLOADED, None, "503"),
        ([(0.1, b"x" * 70_000), (0.1, HANG)], {"status": 429}, Outcome.THROTTLED, None, "429"),
        ([(0.0, HANG)], {"status": 429}, Outcome.THROTTLED, None, "429"),
    ],
    ids=[
        "broken after the head",
        "bad framing after the head",
        "closed without an end mark",
        "no text",
        "HTML",
        "HTML by its type",
        "an event without end",
        "a body without end",
        "an error in the stream",
        "no such host",
        "a bad certificate",
        "no sockets left",
        "a foreign transport's error",
        "a mistake of ours",
        "a redirection",
        "a refusal",
        "a refusal that breaks off",
        "a refusal without end",
        "a refusal whose body never comes",
    ],
)
def test_each_failing_has_its_outcome_and_a_sentence(
    steps: Sequence[Step],
    script: dict[str, Any],
    expected: Outcome,
    verdict: StreamVerdict | None,
    words: str,
) -> None:
    result, transport = ask(steps, **script)
    assert (result.outcome, result.stream) == (expected, verdict)
    assert words in (result.error or "")
    assert re.fullmatch(r"(target t: )?[a-z].{0,299}[^.]", result.error or "")
    assert len(result.error or "") <= 300
    assert transport.closed == (0 if "before" in script else 1)
    assert ProbeResult.decode(result.encode()) == result


@pytest.mark.parametrize(
    ("steps", "workload", "words"),
    [
        ([(0.0, HANG)], CHAT, "only the head came (200)"),
        ([(0.0, write_comment()), (0.0, HANG)], CHAT, "only keep-alives or comments came"),
        ([(0.0, write_comment() + ROLE), (0.0, HANG)], CHAT, "only chunks without text came"),
        ([(0.0, PO), (0.0, HANG)], CHAT, "1 piece of text came"),
        ([(0.0, PO), (0.0, NG), (0.0, BROKEN)], CHAT, "2 pieces of text came"),
        ([(0.0, ROLE + STOP + DONE)], CHAT, "only chunks without text came"),
        ([(0.0, write_comment())], CHAT, "only keep-alives or comments came"),
        ([(0.0, b"{"), (0.0, HANG)], SYNC, "only a part of the body came"),
        ([(0.0, b'{"choices":[]}')], SYNC, "only a body without text came"),
    ],
)
def test_what_came_in_place_of_an_answer_is_told(
    steps: Sequence[Step], workload: Workload, words: str
) -> None:
    result, _ = ask(steps, workload=workload)
    assert f"; {words}" in (result.error or "")


def test_an_answer_that_never_began_is_told_as_that() -> None:
    sent = Attempt(TARGET, CHAT, Slot(0, 0), "v", FakeClock())
    sent.marks.mark(timing.SENT, 1)
    assert "; nothing at all came: " in (sent.struck(Outcome.FIRST_TOKEN_TIMEOUT, 0.0).sentence or "")
    sent.marks.mark(timing.FIRST_BYTE, 2)
    assert "; only the beginning of a head came: " in (
        sent.struck(Outcome.FIRST_TOKEN_TIMEOUT, 0.0).sentence or ""
    )


@pytest.mark.parametrize("workload", [CHAT, SYNC, MODELS], ids=["chat", "chat-sync", "models"])
def test_an_encoded_answer_is_told_without_its_noise(workload: Workload) -> None:
    """Identity was asked for: nothing is read of it, and nobody waits for its end."""
    noise = gzip.compress(b"data: [DONE]")
    result, _ = ask([(0.0, noise), (0.0, HANG)], workload=workload, headers={"content-encoding": "gzip"})
    assert (result.outcome, result.http_status, result.stream) == (Outcome.MALFORMED, 200, None)
    assert result.error == (
        "target t: the answer is encoded (Content-Encoding: gzip) although identity was asked for: "
        "look at the server, or at a proxy or gateway on the way"
    )


def test_an_encoded_refusal_is_a_refusal_without_its_noise() -> None:
    noise = gzip.compress(b"busy")
    result, _ = ask([(0.0, noise)], status=503, headers={"content-encoding": "gzip"})
    assert result.error == "target t answered 503: it is overloaded, see the provider's status"


def test_a_whole_answer_to_a_streamed_question_names_the_other_kind() -> None:
    body = b'{"id":"c-1","choices":[{"message":{"content":"pong"},"finish_reason":"stop"}]}'
    result, _ = ask([(0.0, body)], headers={"content-type": "application/json"})
    assert result.outcome is Outcome.MALFORMED
    assert result.error == "target t: the endpoint did not stream; use kind chat-sync"


def test_what_is_known_of_a_connection_that_failed_is_kept() -> None:
    wire = Wire("10.0.0.9:443", reused=False, tls_expires_s=1_700_000_000)
    result, _ = ask(before=TlsFailed("it expired: renew", reason="expired", wire=wire))
    assert (result.peer, result.error_code) == ("10.0.0.9:443", "expired")
    assert result.tls_expires_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_refusal_says_how_long_to_wait_and_took_a_time_that_is_known() -> None:
    result, _ = ask([(0.1, b"{}")], status=429, headers={"retry-after": "12"})
    assert result.retry_after_s == 12.0
    assert result.total_s == pytest.approx(0.11)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (dataclasses.replace(TARGET, credentials={}), "no credentials"),
        (dataclasses.replace(TARGET, credentials={"api_key": "${GONE}"}), "GONE is not set"),
        (dataclasses.replace(TARGET, endpoint="api.openai.com"), "is no URL"),
        (dataclasses.replace(TARGET, headers={"x-a": "${LINES}"}), "header x-a of target t"),
        (dataclasses.replace(TARGET, headers={"x-ü": "1"}), "header x-ü of target t"),
    ],
    ids=["no credentials", "an unset reference", "no URL", "a header of two lines", "a header's bad name"],
)
def test_what_cannot_be_sent_is_a_configuration_mistake(target: Target, words: str) -> None:
    result, transport = ask(target=target, secrets=FakeSecrets({"KEY": KEY, "LINES": "a\r\nx-evil: 1"}))
    assert (result.outcome, result.http_status) == (Outcome.CONFIG, None)
    assert words in (result.error or "")
    assert transport.requests == []


def test_no_error_text_holds_a_secret_even_where_it_is_cut() -> None:
    echo = json.dumps({"error": {"message": f"wrong key {KEY} " + "x" * 210 + f" {KEY}" * 9, "code": KEY}})
    result, _ = ask([(0.1, echo.encode())], status=401)
    assert result.outcome is Outcome.CONFIG
    assert "***" in (result.error or "")
    assert KEY not in result.encode().decode()
    assert KEY[:6] not in (result.error or "")


@pytest.mark.parametrize("status", [200, 502])
def test_no_cut_leaves_a_part_of_a_secret_that_is_no_longer_known(status: int) -> None:
    """Wherever in a body that is no JSON the key lies, all of it is gone from the sentence, or none is in it."""
    for before in range(320):
        result, _ = ask([(0.1, b"x" * before + f" {KEY}\n\n".encode() * 3)], status=status)
        assert KEY[:6] not in (result.error or ""), before
        streamed, _ = ask([(0.1, write_event("x" * before + f" {KEY}"))])
        assert KEY[:6] not in (streamed.error or ""), before


def test_no_field_of_a_good_answer_holds_a_secret() -> None:
    """A gateway that puts our key into its ids, its model or its headers gets it into no row."""
    echo = chunk(
        {"content": "pong"}, KEY, id=KEY, system_fingerprint=f"fp-{KEY}", model=KEY, service_tier=KEY
    )
    gateway = dataclasses.replace(TARGET, provider="openai-compatible")
    echoed = {"content-type": "text/event-stream", "x-request-id": KEY, "x-litellm-model-id": f"a {KEY}"}
    result, _ = ask([(0.1, echo + DONE)], gateway, headers=echoed)
    assert (result.response_model, result.backend) == ("***", {"deployment": "a ***"})
    assert KEY not in result.encode().decode()


def test_what_no_database_takes_is_cleaned_away() -> None:
    odd = chunk({"content": "pong"}, id="a\x00b", system_fingerprint="\ud800fp", model="m" * 9000)
    result, _ = ask([(0.1, odd + STOP + DONE)])
    assert result.outcome is Outcome.OK
    assert len(result.response_model or "") == 200
    assert ProbeResult.decode(result.encode()) == result
    assert "\\u0000" not in result.encode().decode()


@pytest.mark.parametrize(
    ("workload", "body", "expected"),
    [
        (SYNC, b'\n\n{"choices":[{"message":{"content":"pong"},"finish_reason":"stop"}]}', Outcome.OK),
        (SYNC, b'{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}', Outcome.EMPTY),
        (SYNC, b"{}", Outcome.MALFORMED),
        (MODELS, b'{"data":[]}', Outcome.OK),
        (MODELS, b"<html>", Outcome.MALFORMED),
        (MODELS, b'{"error":{"message":"slow down","code":429}}', Outcome.THROTTLED),
    ],
)
def test_whole_answers_have_a_total_and_no_first_token(
    workload: Workload, body: bytes, expected: Outcome
) -> None:
    result, _ = ask([(0.2, body)], workload=workload, headers={"content-type": "application/json"})
    assert (result.outcome, result.ttft_s, result.itl_s, result.chunks) == (expected, None, None, ())
    assert result.total_s == (None if expected is Outcome.MALFORMED else pytest.approx(0.21))
    assert result.max_tokens == (None if workload.kind == "models" else 256)


def test_a_wrong_answer_is_a_mismatch() -> None:
    result, _ = ask(workload=dataclasses.replace(CHAT, expect_contains="ping"))
    assert (result.outcome, result.stream) == (Outcome.MISMATCH, StreamVerdict.COMPLETE)
    assert result.checked is True


CUT = chunk({}, "length")


@pytest.mark.parametrize(
    ("steps", "expected", "outcome", "checked"),
    [
        (GOOD, "pong", Outcome.OK, True),
        (GOOD, None, Outcome.OK, None),
        ([(0.1, ROLE + PO), (0.1, CUT + DONE)], "pong", Outcome.OK, False),
        ([(0.1, ROLE + PO)], "pong", Outcome.TRUNCATED, None),
        ([(0.1, ROLE + PO), (0.1, HANG)], "pong", Outcome.STALLED, None),
    ],
    ids=["judged", "nothing expected", "cut by its cap", "cut on the way", "stalled"],
)
def test_a_row_says_whether_its_answer_was_judged(
    steps: Sequence[Step],
    expected: str | None,
    outcome: Outcome,
    checked: bool | None,  # noqa: FBT001 - parametrized
) -> None:
    """What was expected when it was asked may be another thing than what is expected now."""
    result, _ = ask(steps, workload=dataclasses.replace(CHAT, expect_contains=expected))
    assert (result.outcome, result.checked) == (outcome, checked)


def test_cancellation_passes_and_closes_the_response() -> None:
    async def cancel() -> int:
        clock = FakeClock()
        transport = ScriptedTransport(clock, [(0.0, PO), (0.0, HANG)])
        secrets = FakeSecrets({"KEY": KEY})
        exchange = Exchange(transport, secrets, clock, lambda: ID, "v", lambda _start, _end: 0.0)
        workload = dataclasses.replace(CHAT, stall_s=60.0, timeout_s=60.0)
        asking = asyncio.create_task(exchange.ask(TARGET, workload, Slot(0, 0)))
        await transport.hanging.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return transport.closed

    assert asyncio.run(cancel()) == 1


class Rotating(ScriptedTransport):
    """Takes the newest key alone; `rotations` are those that come while a request is on its way."""

    def __init__(
        self, clock: FakeClock, known: dict[str, str], rotations: Sequence[str], *, first_s: float = 0.0
    ) -> None:
        super().__init__(clock)
        self.sent: list[str] = []
        self._known = known
        self._rotations = list(rotations)
        self._first_s = first_s

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.headers["authorization"].removeprefix("Bearer "))
        if self._rotations:
            self._known["KEY"] = self._rotations.pop(0)
            self._clock.advance(self._first_s)
        good = self.sent[-1] == self._known["KEY"]
        self._status, self._steps = (
            (200, GOOD) if good else (401, [(0.001, b"Incorrect key: " + self.sent[-1].encode())])
        )
        return await super().handle_async_request(request)


def rotating(
    *rotations: str, first_s: float = 0.0, target: Target = TARGET
) -> tuple[ProbeResult, Rotating, FakeSecrets]:
    clock, known = FakeClock(), {"KEY": KEY}
    transport, secrets = Rotating(clock, known, rotations, first_s=first_s), FakeSecrets(known)
    exchange = Exchange(transport, secrets, clock, lambda: ID, "fra-1", lambda _start, _end: 0.0)
    slot = Slot(clock.wall_ns() - 7_000_000, 0)
    return asyncio.run(exchange.ask(target, CHAT, slot)), transport, secrets


def test_a_key_that_was_rotated_between_reading_and_use_is_read_anew_and_makes_no_bad_row() -> None:
    """The refusal is no result: what it took counts as proving identity, and the attempt as one of its slot."""
    result, transport, secrets = rotating("sk-second-key")
    assert transport.sent == [KEY, "sk-second-key"]
    assert [request.headers["x-request-id"] for request in transport.requests] == [str(ID)] * 2
    assert (result.outcome, result.http_status, result.error) == (Outcome.OK, 200, None)
    assert (result.attempt, result.id, secrets.forgotten) == (0, ID, 1)
    assert result.auth_s == pytest.approx(0.021)
    assert result.ttft_s == pytest.approx(0.21)
    assert result.lateness_s == pytest.approx(0.007)
    assert transport.closed == 2


def test_a_key_that_is_refused_and_did_not_change_is_asked_with_once() -> None:
    result, transport, secrets = rotating(
        KEY, target=dataclasses.replace(TARGET, credentials={"api_key": "other"})
    )
    assert transport.sent == ["other"]
    assert (result.outcome, result.http_status, secrets.forgotten) == (Outcome.CONFIG, 401, 1)


def test_a_second_refusal_is_the_result_however_often_the_key_changes() -> None:
    result, transport, _ = rotating("sk-second-key", "sk-third-key", "sk-fourth-key")
    assert transport.sent == [KEY, "sk-second-key"]
    assert (result.outcome, result.http_status) == (Outcome.CONFIG, 401)


def test_a_refusal_that_came_late_is_the_result() -> None:
    """Two whole waits in one slot would run into the next."""
    result, transport, _ = rotating("sk-second-key", first_s=CHAT.first_token_s)
    assert transport.sent == [KEY]
    assert result.http_status == 401


def test_a_key_that_can_no_longer_be_read_leaves_the_refusal_as_the_result() -> None:
    """Half of a rotation: what is there now cannot be sent."""
    result, transport, _ = rotating("")
    assert transport.sent == [KEY]
    assert (result.outcome, result.http_status) == (Outcome.CONFIG, 401)


def test_a_key_in_a_header_of_ones_own_counts_too() -> None:
    """A gateway's own key stands there, beside the identity."""
    target = dataclasses.replace(TARGET, credentials={"api_key": "fixed"}, headers={"X-Gate": "${KEY}"})
    _, transport, _ = rotating("sk-second-key", target=target)
    assert [request.headers["x-gate"] for request in transport.requests] == [KEY, "sk-second-key"]


def test_a_certificate_that_was_put_in_on_the_way_is_said_so_and_its_end_left_out() -> None:
    """What the vendor's certificate says was not observed; what was found out of headers stays beside."""
    wire = Wire("10.0.0.1:3128", reused=False, tls_expires_s=1_700_000_000, intercepted=True)
    result, _ = ask(wire=wire, headers={"content-type": "text/event-stream", "cf-ray": "9a-FRA"})
    assert (result.outcome, result.tls_expires_at) == (Outcome.OK, None)
    assert result.backend == {"edge": "FRA", "tls_intercepted": "true"}
