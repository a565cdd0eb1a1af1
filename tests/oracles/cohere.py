"""Cohere's own library: what it makes of the events of an answer, asked over a transport that gives recorded bytes."""

import json
import sys
from typing import Any

import cohere
import httpx


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return what the events of a stream add up to."""
    response = httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=question["stream"].encode()
    )
    transport = httpx.MockTransport(lambda _: response)
    client = cohere.ClientV2("key", httpx_client=httpx.Client(transport=transport), base_url="http://h")
    said: dict[str, Any] = {
        "text": "",
        "thinking": "",
        "finish": None,
        "error": None,
        "usage": None,
        "calls": {},
    }
    for event in client.chat_stream(model="m", messages=[{"role": "user", "content": "hi"}]):
        add(said, event)
    said["calls"] = [call for _, call in sorted(said["calls"].items())]
    return said


def add(said: dict[str, Any], event: Any) -> None:
    if event.type in {"content-start", "content-delta"}:
        content = event.delta.message.content
        said["text"] += content.text or ""
        said["thinking"] += content.thinking or ""
    elif event.type == "tool-plan-delta":
        said["thinking"] += event.delta.message.tool_plan
    elif event.type in {"tool-call-start", "tool-call-delta"}:
        function = event.delta.message.tool_calls.function
        call = said["calls"].setdefault(event.index, {"name": "", "arguments": ""})
        call["name"] += getattr(function, "name", None) or ""
        call["arguments"] += function.arguments or ""
    elif event.type == "message-end":
        said["finish"], said["error"] = event.delta.finish_reason, event.delta.error
        if event.delta.usage is not None:
            tokens = event.delta.usage.tokens
            said["usage"] = [tokens.input_tokens, tokens.output_tokens, event.delta.usage.cached_tokens]


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
