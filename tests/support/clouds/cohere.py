"""Cohere on loopback: an endpoint that checks what it is asked and answers in its own events."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from support.wireserver import Asked, Peer, answer, head

KEY: Final = "co-4f1c9a7e2b8d6035"
_USAGE: Final = {"tokens": {"input_tokens": 504.0, "output_tokens": 4.0}}


def refusal(status: str, message: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Return an error as Cohere words it."""
    body = json.dumps({"id": "e-1", "message": message}).encode()
    return answer(body, status=status, headers={"Content-Type": "application/json", **(headers or {})})


class CohereServer:
    """Answers who holds the key and asks in the right words; `faults` are given instead, as long as there are some."""

    def __init__(self, faults: Sequence[bytes] = ()) -> None:
        self._faults = list(faults)
        self.asked: list[Asked] = []

    async def __call__(self, peer: Peer) -> None:
        request = await peer.request()
        self.asked.append(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            await peer.send(refusal("401 Unauthorized", "invalid api token"))
        elif self._faults:
            await peer.send(self._faults.pop(0))
        elif (request.method, request.target) == ("GET", "/v1/models"):
            await peer.send(answer(b'{"models":[{"name":"command-a-03-2025"}]}'))
        elif (request.method, request.target) == ("POST", "/v2/chat"):
            await peer.send(_chat(json.loads(request.body)))
        else:
            await peer.send(refusal("404 Not Found", "not found"))


def _chat(body: Mapping[str, Any]) -> bytes:
    if body["model"] != "command-a-03-2025":
        return refusal("404 Not Found", f"model '{body['model']}' not found")
    assert set(body) <= {"model", "messages", "max_tokens", "stream", "tools", "tool_choice"}
    if not body["stream"]:
        message = {"role": "assistant", "content": [{"type": "text", "text": "pong"}]}
        said = {"id": "r-1", "finish_reason": "COMPLETE", "message": message, "usage": _USAGE}
        return answer(json.dumps(said).encode())
    return head({"Content-Type": "text/event-stream", "Connection": "close"}) + _events(body)


def _events(body: Mapping[str, Any]) -> bytes:
    if body.get("tool_choice") == "REQUIRED":
        call = {"id": "c", "function": {"name": body["tools"][0]["function"]["name"], "arguments": ""}}
        more = {"function": {"arguments": '{"city":"Brno","celsius":21}'}}
        said = [("tool-call-start", {"tool_calls": call}), ("tool-call-delta", {"tool_calls": more})]
        reason = "TOOL_CALL"
    else:
        said = [("content-delta", {"content": {"text": text}}) for text in ("po", "ng")]
        reason = "COMPLETE"
    events = [_event("message-start", id="r-1"), *(_event(kind, delta={"message": m}) for kind, m in said)]
    return b"".join([*events, _event("message-end", delta={"finish_reason": reason, "usage": _USAGE})])


def _event(kind: str, **said: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **said})}\n\n".encode()
