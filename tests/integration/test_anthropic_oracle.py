"""Each recorded stream of Anthropic's, and the same in Bedrock's frames, says to its own SDK what it says to us."""

import base64
import json
import pathlib
from typing import Any

import pytest

from probes.base import Reading, Unit
from probes.clouds.anthropic import bedrock_invoke
from probes.dialects.anthropic_messages import AnthropicMessages
from probes.errors import error_body
from probes.framing import aws
from probes.framing.sse import EventReader
from probes.result import StreamVerdict
from probes.target import Workload
from support.oracles import consult, needs

pytestmark = [pytest.mark.heavy, needs("anthropic")]

STREAMS = pathlib.Path(__file__).parents[1] / "streams" / "anthropic"
BODIES = {path.stem: path.read_bytes() for path in sorted(STREAMS.glob("*.sse"))}
THEIR_OWN = {
    name: body
    for name, body in BODIES.items()
    if name != "nameless"  # a compatible server's: the SDK skips events without a name
}
FINISHED = {
    None: None,
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "pause_turn",
}
CHAT = Workload(name="chat")


def framed(body: bytes) -> bytes:
    """Return the events of a stream as Bedrock carries them; there an error is a frame of another type."""
    reader = EventReader()
    events = [*reader.feed(body), *reader.flush()]
    return b"".join(
        aws.write_exception("modelStreamErrorException", json.loads(event.data)["error"]["message"])
        if event.name == "error"
        else aws.write_chunk(event.data)
        for event in events
    )


def ours(body: bytes, dialect: Any, workload: Workload = CHAT) -> dict[str, Any]:
    reader = dialect.read(workload, {}, 1 << 20)
    units: list[Unit] = list(reader.feed(body))
    return told(reader.finish(closed=True), units)


def told(reading: Reading, units: list[Unit]) -> dict[str, Any]:
    if reading.stream is StreamVerdict.ERRORED:
        return {"error": [reading.error_type, reading.error_code, reading.error]}
    ended = reading.stream in {StreamVerdict.COMPLETE, StreamVerdict.EMPTY}
    return {
        "ended": ended,
        "id": reading.response_id,
        "model": reading.response_model,
        "finish": reading.finish_reason,
        "text": reading.text,
        "thinking": "".join(unit.text for unit in units if unit.kind == "reasoning"),
        "tools": [[call.name, json.loads(call.arguments)] for call in reading.calls],
        "tier": reading.service_tier,
        "geo": reading.backend.get("inference_geo"),
        "input": reading.input_tokens,
        "cached": reading.cached_tokens,
        # Before a stop reason came the SDK shows a placeholder.
        "output": reading.output_tokens if reading.finish_reason else None,
        "reasoning": reading.reasoning_tokens,
    }


def theirs(answer: dict[str, Any]) -> dict[str, Any]:
    if error := answer.get("error"):
        return {"error": [error["type"], error["code"], error["message"]]}
    usage = answer["usage"]
    prompt = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return {
        "ended": answer["ended"],
        "id": answer["id"],
        "model": answer["model"],
        "finish": FINISHED[answer["stop_reason"]],
        "text": answer["text"],
        "thinking": answer["thinking"],
        "tools": answer["tools"],
        "tier": usage.get("service_tier"),
        "geo": usage.get("inference_geo"),
        "input": sum(usage.get(name) or 0 for name in prompt),
        "cached": usage.get("cache_read_input_tokens"),
        "output": usage["output_tokens"] if answer["stop_reason"] else None,
        "reasoning": (usage.get("output_tokens_details") or {}).get("thinking_tokens"),
    }


def asked(bodies: list[bytes], framing: str, **more: Any) -> list[dict[str, Any]]:
    questions = [{"body": base64.b64encode(body).decode(), "framing": framing, **more} for body in bodies]
    return [theirs(answer) for answer in consult("anthropic", questions)]


def test_server_sent_events_say_the_same_to_both() -> None:
    answers = asked([*THEIR_OWN.values()], "sse")
    for (name, body), answer in zip(THEIR_OWN.items(), answers, strict=True):
        assert ours(body, AnthropicMessages()) == answer, name


def test_bedrocks_frames_say_the_same_to_both() -> None:
    bodies = {name: framed(body) for name, body in BODIES.items() if b"[DONE]" not in body}
    invoked = bedrock_invoke().calls["chat"].dialect
    for (name, body), answer in zip(bodies.items(), asked([*bodies.values()], "aws"), strict=True):
        assert ours(body, invoked) == answer, name


@pytest.mark.parametrize("kind", ["throttlingException", "internalServerException", "validationException"])
def test_an_exception_in_bedrocks_frames_is_the_same_error_to_both(kind: str) -> None:
    body = framed(BODIES["truncated"]) + aws.write_exception(kind, "no more")
    (answer,) = asked([body], "aws")
    assert ours(body, bedrock_invoke().calls["chat"].dialect) == answer == {"error": [kind, None, "no more"]}


def test_an_answer_in_one_piece_says_the_same_to_both() -> None:
    message = {
        "id": "msg_9",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [
            {"type": "text", "text": "I report it."},
            {"type": "tool_use", "id": "toolu_1", "name": "report_temperature", "input": {"city": "Ü"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 4},
    }
    body = json.dumps(message).encode()
    (answer,) = asked([body], "whole")
    assert ours(body, AnthropicMessages(), Workload(name="sync", kind="chat-sync")) == answer


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error")])
def test_a_refusal_has_the_same_names_to_both(status: int, kind: str) -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    error = {"type": kind, "message": "no", "details": details}
    body = json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()
    (answer,) = asked([body], "sse", status=status)
    found = error_body(body, {})
    assert [found.type, found.code, found.message] == answer["error"]
