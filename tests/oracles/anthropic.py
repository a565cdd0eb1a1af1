"""What Anthropic's own SDK makes of bodies: its parser of server-sent events, and the one it has for Bedrock.

A question is {"body": base64, "framing": "sse" | "aws" | "whole", "status": 200}; an answer is what its message or its
error says.
"""

import base64
import json
import sys
import warnings
from typing import Any

import httpx2
from anthropic import Anthropic, AnthropicBedrock, APIStatusError

ASKED = {"model": "claude-haiku-4-5", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}
TYPES = {
    "sse": "text/event-stream",
    "aws": "application/vnd.amazon.eventstream",
    "whole": "application/json",
}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    body, framing = base64.b64decode(question["body"]), question["framing"]
    response = {"content-type": TYPES[framing]}

    def serve(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(question.get("status", 200), headers=response, content=body)

    common = {
        "api_key": "k",
        "max_retries": 0,
        "http_client": httpx2.Client(transport=httpx2.MockTransport(serve)),
    }
    client = AnthropicBedrock(aws_region="us-east-1", **common) if framing == "aws" else Anthropic(**common)
    try:
        if framing == "whole":
            return said(client.messages.create(**ASKED), ended=True)
        with client.messages.stream(**ASKED) as stream:
            kinds = {event.type for event in stream}
            if "message_start" not in kinds:
                return {"ended": False}
            return said(stream.current_message_snapshot, ended="message_stop" in kinds)
    except APIStatusError as error:
        return {"error": {"type": error.type, "code": error.error_code, "message": error.api_message}}


def said(message: Any, *, ended: bool) -> dict[str, Any]:
    blocks = message.content
    return {
        "ended": ended,
        "id": message.id,
        "model": message.model,
        "stop_reason": message.stop_reason,
        "text": "".join(block.text for block in blocks if block.type == "text"),
        "thinking": "".join(block.thinking for block in blocks if block.type == "thinking"),
        "tools": [[block.name, block.input] for block in blocks if block.type == "tool_use"],
        "usage": message.usage.to_dict(),
    }


warnings.simplefilter("ignore")
json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
