"""Cohere's targets over the real wire, against an endpoint that checks what it is asked."""

import dataclasses

import pytest

from probes.result import Outcome, ProbeResult
from probes.target import Kind, Target
from support.clouds.cohere import KEY, CohereServer, refusal
from support.clouds.wired import PATIENT, probed

TARGET = Target(
    name="t",
    provider="cohere",
    cloud="cohere",
    model="command",
    model_id="command-a-03-2025",
    endpoint="",
    group="t",
    credentials={"api_key": "${CO_API_KEY}"},
)


def ask(
    server: CohereServer, target: Target = TARGET, kind: Kind = "chat", *, root: str = "", key: str = KEY
) -> ProbeResult:
    workload = dataclasses.replace(PATIENT, kind=kind)
    return probed(server, target, workload, secrets={"CO_API_KEY": key}, root=root)[0]


@pytest.mark.parametrize("root", ["", "/v2"])
@pytest.mark.parametrize("kind", ["chat", "chat-sync", "models"])
def test_each_kind_is_asked_once_whatever_base_url_is_given(kind: Kind, root: str) -> None:
    server = CohereServer()
    result = ask(server, kind=kind, root=root)
    assert (result.outcome, result.error) == (Outcome.OK, None)
    assert len(server.asked) == 1
    if kind != "models":
        assert (result.input_tokens, result.output_tokens, result.finish_reason) == (504, 4, "stop")


def test_a_tool_is_called() -> None:
    result = ask(CohereServer(), kind="tools")
    assert (result.outcome, result.finish_reason) == (Outcome.OK, "tool_calls")


@pytest.mark.parametrize(
    ("answer", "outcome", "says"),
    [
        (
            refusal("429 Too Many Requests", "You are using a Trial key, which is limited to 1000 API calls"),
            Outcome.THROTTLED,
            "a trial key has 20 chats a minute and 1,000 calls a month",
        ),
        (refusal("402 Payment Required", "no"), Outcome.QUOTA, "credit or spending limit is used up"),
        (refusal("403 Forbidden", "no"), Outcome.CONFIG, "access is denied"),
        (refusal("422 Unprocessable Entity", "no"), Outcome.CONFIG, "check model command-a-03-2025"),
        (refusal("498 Invalid Token", "no"), Outcome.CONFIG, "the token is invalid"),
        (refusal("499 Client Closed Request", "no"), Outcome.SERVER_ERROR, "it failed on its side"),
        (refusal("500 Internal Server Error", "no"), Outcome.SERVER_ERROR, "it failed on its side"),
        (refusal("501 Not Implemented", "no"), Outcome.SERVER_ERROR, "it failed on its side"),
        (refusal("503 Service Unavailable", "no"), Outcome.OVERLOADED, "it is overloaded"),
        (refusal("504 Gateway Timeout", "no"), Outcome.SERVER_ERROR, "it failed on its side"),
    ],
)
def test_a_refusal_is_its_own_outcome_with_its_remedy(answer: bytes, outcome: Outcome, says: str) -> None:
    server = CohereServer([answer])
    result = ask(server)
    assert (result.outcome, len(server.asked)) == (outcome, 1)
    assert result.error is not None
    assert says in result.error


def test_a_wrong_key_and_an_unknown_model_are_configuration() -> None:
    server = CohereServer()
    result = ask(server, key="co-wrong")
    assert (result.outcome, result.http_status, len(server.asked)) == (Outcome.CONFIG, 401, 1)
    assert result.error is not None
    assert "check credentials.api_key of target t (${CO_API_KEY}) under API keys of Cohere's" in result.error
    assert "co-wrong" not in result.error
    result = ask(server, dataclasses.replace(TARGET, model_id="command-z"))
    assert (result.outcome, result.http_status) == (Outcome.CONFIG, 404)
    assert result.error is not None
    assert "model command-z is unknown there or no longer served" in result.error
