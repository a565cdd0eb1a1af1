"""Every row of the outcome table, and a sentence that says what to do."""

import dataclasses
import json
from typing import Any

import pytest

from probes import outcome, timing
from probes.base import Reading
from probes.errors import error_body
from probes.result import Outcome, StreamVerdict
from probes.target import Target, Workload

TARGET = Target(
    name="bank-nano",
    provider="openai",
    cloud="openai",
    model="nano",
    model_id="gpt-5-nano",
    endpoint="https://h",
    group="nano",
    credentials={"api_key": "${OPENAI_API_KEY}"},
)
CHAT = Workload(name="chat")

CONFIG = (
    300,
    301,
    302,
    304,
    307,
    308,
    400,
    401,
    403,
    404,
    405,
    406,
    407,
    409,
    410,
    413,
    415,
    418,
    421,
    422,
    431,
    451,
    498,
)
SERVER_ERROR = (408, 424, 499, 500, 501, 502, 504, 505, 520, 522, 524, 530, 599)
STATUSES = {
    **dict.fromkeys(CONFIG, Outcome.CONFIG),
    **dict.fromkeys(SERVER_ERROR, Outcome.SERVER_ERROR),
    402: Outcome.QUOTA,
    429: Outcome.THROTTLED,
    503: Outcome.OVERLOADED,
    529: Outcome.OVERLOADED,
    700: Outcome.MALFORMED,
}


def body(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


def of_status(status: int, payload: bytes = b"", target: Target = TARGET, **headers: str) -> outcome.Verdict:
    return outcome.of_status(target, status, headers, error_body(payload, headers))


@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
def test_a_status_alone_decides(status: int, expected: Outcome) -> None:
    verdict = of_status(status)
    assert verdict.outcome is expected
    assert verdict.sentence
    assert "bank-nano answered" in verdict.sentence


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
@pytest.mark.parametrize(
    "code",
    [
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "Arrearage",
        "insufficient_balance",
    ],
)
def test_a_spent_quota_or_credit_is_quota_at_any_status(status: int, code: str) -> None:
    for payload in (body(code=code), body(type=code, code=None), body(code=str(status), type=code)):
        verdict = of_status(status, payload)
        assert (verdict.outcome, verdict.code) == (Outcome.QUOTA, code)
        assert "top it up" in (verdict.sentence or "")


@pytest.mark.parametrize(
    ("status", "payload", "expected", "code"),
    [
        (429, body(code="rate_limit_exceeded", type="tokens"), Outcome.THROTTLED, "rate_limit_exceeded"),
        (429, body(type="throttling_error", code="429"), Outcome.THROTTLED, "throttling_error"),
        (400, body(code="content_filter"), Outcome.CONTENT_FILTER, "content_filter"),
        (
            400,
            body(code="invalid", innererror={"code": "ResponsibleAIPolicyViolation"}),
            Outcome.CONTENT_FILTER,
            "invalid",
        ),
        (403, body(code="content_filter"), Outcome.CONFIG, "content_filter"),
        (402, body(type="billing_error"), Outcome.QUOTA, "billing_error"),
        (
            429,
            body(type="rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}),
            Outcome.QUOTA,
            "enforced_spend_limit_reached",
        ),
        (
            429,
            body(type="rate_limit_error", details={"error_code": "ramp_limit_exceeded"}),
            Outcome.THROTTLED,
            "ramp_limit_exceeded",
        ),
        (
            400,
            body(type="invalid_request_error", message="Your credit balance is too low to access the API."),
            Outcome.QUOTA,
            "credit_balance_too_low",
        ),
        (
            400,
            body(type="invalid_request_error", message="Your credit"),
            Outcome.CONFIG,
            "invalid_request_error",
        ),
        (413, body(type="request_too_large"), Outcome.CONFIG, "request_too_large"),
        (529, body(type="overloaded_error"), Outcome.OVERLOADED, "overloaded_error"),
        (429, body(type="ModelNotReadyException"), Outcome.OVERLOADED, "ModelNotReadyException"),
        (498, body(code="capacity_exceeded"), Outcome.OVERLOADED, "capacity_exceeded"),
        (503, body(code="slow_down"), Outcome.THROTTLED, "slow_down"),
        (429, body(code="slow_down"), Outcome.THROTTLED, "slow_down"),
        (
            403,
            body(code=403, message="flagged", metadata={"flagged_input": "x", "reasons": ["y"]}),
            Outcome.CONTENT_FILTER,
            "content_policy_violation",
        ),
        (402, body(code=402, message="Insufficient credits"), Outcome.QUOTA, None),
        (400, b'{"code":"invalid-argument","error":"no such model"}', Outcome.CONFIG, "invalid-argument"),
        (400, b'{"code":"Client specified it wrongly","error":"no"}', Outcome.CONFIG, None),
        (404, body(code=404, type="NotFoundError"), Outcome.CONFIG, "NotFoundError"),
        (500, b"<html><style>x{}</style><h1>Oops</h1></html>", Outcome.SERVER_ERROR, None),
        (422, b'{"detail":[{"loc":["body","x"],"msg":"extra"}]}', Outcome.CONFIG, None),
        (401, b'{"object":"error","message":"no","type":"auth","code":null}', Outcome.CONFIG, "auth"),
        (500, b'[{"error":{"message":"m","code":500}}]', Outcome.SERVER_ERROR, None),
        (500, b'"just text"', Outcome.SERVER_ERROR, None),
        (500, b"\xff\xfe\x00", Outcome.SERVER_ERROR, None),
        (500, b"[" * 100_000, Outcome.SERVER_ERROR, None),
    ],
)
def test_a_body_of_any_shape_is_understood(
    status: int, payload: bytes, expected: Outcome, code: str | None
) -> None:
    verdict = of_status(status, payload)
    assert (verdict.outcome, verdict.code) == (expected, code)


def test_a_deadline_while_connecting_names_the_limit_that_struck() -> None:
    """A list of models has no first token to wait for."""
    models = Workload(name="models", kind="models", timeout_s=20.0)
    verdict = outcome.of_deadline(TARGET, models, Outcome.TOTAL_TIMEOUT, {timing.CONNECT_START: 1}, 0.0)
    assert "within 20 s" in (verdict.sentence or "")


@pytest.mark.parametrize("body", [b"<" * 2**21, b"<script" * 2**18])
def test_a_page_of_open_tags_is_read_in_linear_time(body: bytes) -> None:
    """It would hold the event loop up, and every other probe with it: the suite's time limit would strike."""
    assert of_status(502, body).outcome is Outcome.SERVER_ERROR


def test_what_the_provider_says_is_quoted() -> None:
    assert 'it says: "the model is gone"' in (
        of_status(404, body(message="the model\n is gone")).sentence or ""
    )
    assert 'it says: "Oops we did it"' in (of_status(500, b"<p>Oops</p> we <b>did it</b>").sentence or "")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "credentials.api_key of target bank-nano (${OPENAI_API_KEY})"),
        (403, "network rules and regions"),
        (404, "model gpt-5-nano is unknown there"),
        (400, "check model gpt-5-nano"),
        (429, "probe less often"),
        (500, "see the provider's status"),
    ],
)
def test_a_refusal_tells_what_to_look_at(status: int, remedy: str) -> None:
    assert remedy in (of_status(status).sentence or "")


def test_for_azure_the_model_is_the_deployment() -> None:
    azure = dataclasses.replace(TARGET, provider="azure", model_id="nano-prod")
    assert "deployment nano-prod is unknown there" in (of_status(404, target=azure).sentence or "")


def test_a_credential_that_is_spelled_out_is_never_shown() -> None:
    for value in ("sk-live-123", "${A:-sk-live-123}", "sk-live-${A}"):
        open_secret = dataclasses.replace(TARGET, credentials={"api_key": value})
        sentence = of_status(401, target=open_secret).sentence or ""
        assert "credentials.api_key of target bank-nano" in sentence
        assert "sk-live" not in sentence


def test_a_redirection_names_where_it_points() -> None:
    assert "points to https://elsewhere/v1" in (
        of_status(301, location="https://elsewhere/v1").sentence or ""
    )
    assert "points to nowhere" in (of_status(302).sentence or "")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"error_code": "429"}, Outcome.THROTTLED),
        ({"error_code": "503"}, Outcome.OVERLOADED),
        ({"error_code": "529"}, Outcome.OVERLOADED),
        ({"error_code": "500", "error_type": "InternalServerError"}, Outcome.SERVER_ERROR),
        ({"error_code": "400", "error_type": "BadRequestError"}, Outcome.CONFIG),
        ({"error_code": "402"}, Outcome.QUOTA),
        ({"error_code": "insufficient_quota"}, Outcome.QUOTA),
        ({"error_code": "content_filter"}, Outcome.CONTENT_FILTER),
        ({"error_type": "overloaded_error"}, Outcome.OVERLOADED),
        (
            {"error_code": "server_is_overloaded", "error_type": "service_unavailable_error"},
            Outcome.OVERLOADED,
        ),
        ({"error_type": "throttlingException"}, Outcome.THROTTLED),
        ({"error_type": "rate_limit_error"}, Outcome.THROTTLED),
        ({"error_type": "invalid_request_error"}, Outcome.CONFIG),
        ({"error_type": "request_too_large"}, Outcome.CONFIG),
        ({"error_type": "api_error"}, Outcome.SERVER_ERROR),
        ({"error_type": "rate_limit_error", "error_code": "contract_spend_limit_reached"}, Outcome.QUOTA),
        ({"error_type": "server_error"}, Outcome.SERVER_ERROR),
        ({"error_code": "slow_down"}, Outcome.THROTTLED),
        ({"error_code": "invalid_prompt"}, Outcome.CONFIG),
        ({"error_code": "Throttling.RateQuota"}, Outcome.THROTTLED),
        ({"error_code": "data_inspection_failed"}, Outcome.CONTENT_FILTER),
        ({"error_code": "403", "error_type": "content_policy_violation"}, Outcome.CONTENT_FILTER),
        ({"error_type": "never seen before"}, Outcome.SERVER_ERROR),
        ({"error_code": "7"}, Outcome.SERVER_ERROR),
        ({}, Outcome.SERVER_ERROR),
    ],
)
def test_an_error_in_the_stream_takes_the_row_of_its_status_or_type(
    error: dict[str, Any], expected: Outcome
) -> None:
    reading = Reading(stream=StreamVerdict.ERRORED, **error)
    assert outcome.of_reading(TARGET, CHAT, reading).outcome is expected


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Reading(stream=StreamVerdict.COMPLETE, finish_reason="stop", text="pong"), Outcome.OK),
        (Reading(stream=StreamVerdict.COMPLETE, finish_reason="length"), Outcome.OK),
        (Reading(stream=StreamVerdict.COMPLETE, finish_reason="content_filter"), Outcome.CONTENT_FILTER),
        (Reading(stream=StreamVerdict.TRUNCATED), Outcome.TRUNCATED),
        (Reading(stream=StreamVerdict.TRUNCATED, finish_reason="content_filter"), Outcome.TRUNCATED),
        (Reading(stream=StreamVerdict.TRUNCATED, malformed=True), Outcome.MALFORMED),
        (Reading(stream=StreamVerdict.EMPTY, finish_reason="stop"), Outcome.EMPTY),
        (Reading(stream=StreamVerdict.ERRORED, malformed=True), Outcome.SERVER_ERROR),
    ],
)
def test_the_verdict_of_a_body_decides(reading: Reading, expected: Outcome) -> None:
    verdict = outcome.of_reading(TARGET, CHAT, reading)
    assert verdict.outcome is expected
    assert (verdict.sentence is None) == (expected is Outcome.OK)


@pytest.mark.parametrize(
    ("text", "finish", "expected"),
    [
        ("It is Pong!", "stop", Outcome.OK),
        ("ping", "stop", Outcome.MISMATCH),
        ("pi", "length", Outcome.OK),
        ("", "length", Outcome.OK),
    ],
)
def test_an_answer_is_held_to_its_text_only_when_it_was_not_cut(
    text: str, finish: str, expected: Outcome
) -> None:
    """Case does not matter: the check is for a word, not for a spelling."""
    workload = dataclasses.replace(CHAT, expect_contains="pong")
    reading = Reading(stream=StreamVerdict.COMPLETE, text=text, finish_reason=finish)
    assert outcome.of_reading(TARGET, workload, reading).outcome is expected


@pytest.mark.parametrize(
    ("marks", "expected", "words"),
    [
        ({timing.DNS_WAIT_START: 1}, Outcome.AGENT_FAULT, "no thread of this agent was free"),
        ({timing.DNS_WAIT_START: 1, timing.DNS_START: 1}, Outcome.DNS, "within 8 s"),
        (
            {timing.DNS_START: 1, timing.DNS_END: 2, timing.SENT: 3, timing.DNS_WAIT_START: 4},
            Outcome.AGENT_FAULT,
            "no thread",
        ),
        (
            {timing.DNS_START: 2, timing.DNS_END: 3, timing.CONNECT_START: 4},
            Outcome.CONNECT_TIMEOUT,
            "firewalls",
        ),
        (
            {timing.CONNECT_START: 4, timing.CONNECT_END: 5, timing.PROXY_START: 6},
            Outcome.CONNECT_TIMEOUT,
            "proxy",
        ),
        ({timing.CONNECT_START: 4, timing.CONNECT_END: 5, timing.TLS_START: 6}, Outcome.TLS, "TLS handshake"),
        ({timing.TLS_START: 6, timing.TLS_END: 7}, Outcome.FIRST_TOKEN_TIMEOUT, "first_token of probe chat"),
        ({timing.TLS_START: 6, timing.TLS_END: 7, timing.SENT: 8}, Outcome.FIRST_TOKEN_TIMEOUT, "bank-nano"),
        ({timing.SENT: 8, timing.CONNECT_START: 9}, Outcome.CONNECT_TIMEOUT, "no connection came about"),
        ({}, Outcome.FIRST_TOKEN_TIMEOUT, "generated nothing"),
    ],
    ids=[
        "waiting for a thread",
        "dns",
        "waiting for a thread again",
        "connect",
        "proxy",
        "tls",
        "sending",
        "sent",
        "a second connection",
        "nothing",
    ],
)
def test_a_deadline_means_the_phase_that_it_struck_in(
    marks: dict[str, int], expected: Outcome, words: str
) -> None:
    verdict = outcome.of_deadline(TARGET, CHAT, Outcome.FIRST_TOKEN_TIMEOUT, marks, 0.0)
    assert verdict.outcome is expected
    assert words in (verdict.sentence or "")


@pytest.mark.parametrize("struck", [Outcome.FIRST_TOKEN_TIMEOUT, Outcome.STALLED, Outcome.TOTAL_TIMEOUT])
def test_a_deadline_that_our_own_loop_missed_is_ours(struck: Outcome) -> None:
    marks = {timing.SENT: 1}
    assert outcome.of_deadline(TARGET, CHAT, struck, marks, 0.25).outcome is struck
    verdict = outcome.of_deadline(TARGET, CHAT, struck, marks, 0.26)
    assert (verdict.outcome, verdict.code) == (Outcome.AGENT_FAULT, "loop_lag")
    assert "more CPU" in (verdict.sentence or "")


@pytest.mark.parametrize("status", [199, 600, 999])
def test_a_status_that_http_does_not_have_is_called_so(status: int) -> None:
    told = of_status(status).sentence or ""
    assert told.startswith(f"target bank-nano answered {status}, which is no status of HTTP: look at")


@pytest.mark.parametrize("struck", [Outcome.FIRST_TOKEN_TIMEOUT, Outcome.STALLED, Outcome.TOTAL_TIMEOUT])
def test_a_deadline_tells_what_came_and_what_to_do(struck: Outcome) -> None:
    told = outcome.of_deadline(
        TARGET, CHAT, struck, {timing.SENT: 1}, 0.0, "only the head came (200)"
    ).sentence
    assert "; only the head came (200): see the provider's status, or raise " in (told or "")


@pytest.mark.parametrize("stream", [StreamVerdict.TRUNCATED, StreamVerdict.EMPTY])
def test_an_answer_without_its_end_or_text_tells_what_came_and_what_to_do(stream: StreamVerdict) -> None:
    told = (
        outcome.of_reading(TARGET, CHAT, Reading(stream=stream), 200, "2 pieces of text came").sentence or ""
    )
    came, _, remedy = told.rpartition(": ")
    assert came.endswith("; 2 pieces of text came")
    assert remedy.startswith(("look at", "send the"))


def test_a_request_that_could_not_be_made_names_its_target_once() -> None:
    verdict = outcome.of_request(TARGET, ValueError("the environment variable KEY is not set; set it"))
    assert verdict == (
        Outcome.CONFIG,
        None,
        "target bank-nano: the environment variable KEY is not set; set it",
    )
    named = "target bank-nano has no credentials: give it some"
    assert outcome.of_request(TARGET, ValueError(named)).sentence == named


def test_a_broken_wire_keeps_its_outcome_reason_and_sentence() -> None:
    verdict = outcome.of_wire(TARGET, Outcome.TLS, "the certificate expired: renew it", "expired")
    assert verdict == (Outcome.TLS, "expired", "target bank-nano: the certificate expired: renew it")
