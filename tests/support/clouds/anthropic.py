"""Anthropic on loopback, by whichever route: it checks what it is asked, and answers or refuses as the real one does."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from probes.framing.aws import write_chunk, write_exception
from probes.framing.sse import EventReader
from support.clouds import able
from support.wireserver import Asked, Peer, answer, chunk, head

KEY: Final = "sk-ant-api03-planted-key"
MODEL: Final = "claude-haiku-4-5@20251001"
STREAMS: Final = pathlib.Path(__file__).parents[2] / "streams" / "anthropic"

HEADERS: Final = {
    "Date": "Sat, 28 Nov 2026 12:00:00 GMT",
    "request-id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "anthropic-organization-id": "5f1f2a40-0000-4000-8000-000000000000",
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-28T12:00:02Z",
    "x-envoy-upstream-service-time": "321",
    "cf-ray": "9a2b3c4d5e6f7a8b-FRA",
}

_IDENTITIES = frozenset({"x-api-key", "authorization", "api-key"})
_FIELDS = frozenset({"max_tokens", "messages", "tools", "tool_choice", "thinking", "output_config"})
_EDGE = b"<html><head><title>413 Request Entity Too Large</title></head><body><center>cloudflare</center></body></html>"


def refusal(status: str, kind: str, message: str = "no", code: str | None = None, **headers: str) -> bytes:
    error: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        error["details"] = {"error_code": code}
    body = json.dumps({"type": "error", "error": error, "request_id": HEADERS["request-id"]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(body, status=status, headers={**HEADERS, "Content-Type": "application/json", **named})


FAULTS: Final[dict[str, bytes]] = {
    "seconds": refusal("429 Too Many Requests", "rate_limit_error", retry_after="7"),
    "parts": refusal("429 Too Many Requests", "rate_limit_error", retry_after="0.5"),
    "milliseconds": refusal(
        "429 Too Many Requests", "rate_limit_error", retry_after="9", retry_after_ms="1500"
    ),
    "ramp": refusal(
        "429 Too Many Requests", "rate_limit_error", code="ramp_limit_exceeded", retry_after="30"
    ),
    "limit": refusal("429 Too Many Requests", "rate_limit_error", code="enforced_spend_limit_reached"),
    "credit": refusal(
        "400 Bad Request",
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
    ),
    "billing": refusal("402 Payment Required", "billing_error"),
    "forbidden": refusal("403 Forbidden", "permission_error"),
    "hold": refusal("400 Bad Request", "invalid_request_error", code="organization_on_hold"),
    "large": refusal("413 Payload Too Large", "request_too_large"),
    "edge": answer(_EDGE, status="413 Payload Too Large", headers={"Content-Type": "text/html"}),
    "failed": refusal("500 Internal Server Error", "api_error"),
    "late": refusal("504 Gateway Timeout", "timeout_error"),
    "overloaded": refusal("529 Site is overloaded", "overloaded_error", "Overloaded"),
}


@dataclasses.dataclass
class Anthropic:
    """One route: its path for streams (and for answers in one piece), who it lets in, and where it looks for what.

    `fault` is one of `FAULTS`, or a stream that is cut (`torn`) or as it was recorded, whatever was asked; `in_path` are
    the fields that the path says already, and a body must not.
    """

    path: str = "/v1/messages"
    sync: str | None = None
    model: str = MODEL
    identity: tuple[str, str] = ("x-api-key", KEY)
    version: str = "2023-06-01"
    in_path: frozenset[str] = frozenset()
    framed: bool = False
    fault: str | None = None
    asked: list[Asked] = dataclasses.field(default_factory=list)

    async def script(self, peer: Peer) -> None:
        while True:
            asked = await peer.request()
            self.asked.append(asked)
            await peer.send(*(self._unknown(asked) or self.answered(asked)))
            if self.fault == "torn":
                return

    def answered(self, asked: Asked) -> Sequence[bytes]:
        """Return what is sent to someone who is known."""
        said = self._refused(asked) or FAULTS.get(self.fault or "")
        if said is not None:
            return [said]
        if asked.method == "GET":
            return [answer(b'{"data":[{"type":"model","id":"x"}],"has_more":false}', headers=HEADERS)]
        if asked.target == self.path and self._streams(asked):
            return list(self._streamed(json.loads(asked.body)))
        return [answer(_message(asked), headers=HEADERS)]

    def _streams(self, asked: Asked) -> bool:
        return bool("stream" in self.in_path or json.loads(asked.body).get("stream"))

    def _unknown(self, asked: Asked) -> Sequence[bytes]:
        """Return what the real one says to who is not known, or shows more than one identity."""
        name, secret = self.identity
        if {key: asked.headers[key] for key in _IDENTITIES & asked.headers.keys()} == {name: secret}:
            return ()
        return [refusal("401 Unauthorized", "authentication_error", "invalid x-api-key")]

    def _refused(self, asked: Asked) -> bytes | None:
        """Return what the real one says to who does not ask as it wants it."""
        if "anthropic_version" not in self.in_path and asked.headers.get("anthropic-version") != self.version:
            return refusal(
                "400 Bad Request", "invalid_request_error", "anthropic-version: header is required"
            )
        if asked.method == "GET":
            return None if asked.target == "/v1/models" else refusal("404 Not Found", "not_found_error")
        if asked.target not in {self.path, self.sync or self.path}:
            return refusal("404 Not Found", "not_found_error", f"model: {asked.target}")
        return self._invalid(json.loads(asked.body))

    def _invalid(self, body: dict[str, Any]) -> bytes | None:
        outside = {"model": self.model, "stream": True}
        if "anthropic_version" in self.in_path and body.pop("anthropic_version", None) != self.version:
            return refusal("400 Bad Request", "invalid_request_error", "anthropic_version: Field required")
        for name, wanted in outside.items():
            if name in body and (name in self.in_path or body.pop(name) != wanted):
                return refusal("404 Not Found", "not_found_error", f"{name}: not as it should be")
        if extra := body.keys() - _FIELDS:
            return refusal(
                "400 Bad Request", "invalid_request_error", f"{extra}: Extra inputs are not permitted"
            )
        if not {"max_tokens", "messages"} <= body.keys():
            return refusal("400 Bad Request", "invalid_request_error", "max_tokens: Field required")
        if "tool_choice" in body and "thinking" in body:
            return refusal("400 Bad Request", "invalid_request_error", "Thinking may not be enabled with it")
        return None

    def _streamed(self, body: Mapping[str, Any]) -> Iterator[bytes]:
        kind = "application/vnd.amazon.eventstream" if self.framed else "text/event-stream; charset=utf-8"
        yield head({**HEADERS, "Content-Type": kind, "Transfer-Encoding": "chunked"})
        recorded = self._recorded(body)
        pieces = (
            framed(recorded) if self.framed else [event + b"\n\n" for event in recorded.split(b"\n\n")[:-1]]
        )
        for nth, piece in enumerate(pieces):
            if self.fault == "torn" and nth == len(pieces) - 2:
                yield b"40\r\n" + piece[:20]
                return
            yield chunk(piece)
        yield chunk(b"")

    def _recorded(self, body: Mapping[str, Any]) -> bytes:
        """Return the stream of a fault as it is, else one that says what an able model would."""
        wanted = able.said(body)
        usual = "text" if wanted is None or wanted.tool is None else "tool"
        stream = (STREAMS / f"{usual if self.fault in {None, 'torn'} else self.fault}.sse").read_bytes()
        return stream if wanted is None or self.fault else able.retold(stream, wanted)


def framed(stream: bytes) -> list[bytes]:
    """Return a stream in Bedrock's frames, with what Bedrock adds at the end; there an error is an exception."""
    metrics = {"inputTokenCount": 21, "outputTokenCount": 5, "invocationLatency": 412, "firstByteLatency": 97}
    reader = EventReader()
    pieces = []
    for event in [*reader.feed(stream), *reader.flush()]:
        said = json.loads(event.data)
        if event.name == "error":
            pieces.append(write_exception("throttlingException", said["error"]["message"]))
            continue
        if event.name == "message_stop":
            said["amazon-bedrock-invocationMetrics"] = metrics
        pieces.append(write_chunk(json.dumps(said)))
    return pieces


def _message(asked: Asked) -> bytes:
    called = b'"tool_choice"' in asked.body
    tool = {"type": "tool_use", "id": "t", "name": "report_temperature", "input": {"city": "Z", "celsius": 1}}
    return json.dumps(
        {
            "id": "msg_01SYNC",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5-20251001",
            "content": [tool if called else {"type": "text", "text": "pong"}],
            "stop_reason": "tool_use" if called else "end_turn",
            "usage": {
                "input_tokens": 21,
                "output_tokens": 5,
                "inference_geo": "us",
                "service_tier": "standard",
            },
        }
    ).encode()
