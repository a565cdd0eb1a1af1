"""What OpenAI's own library makes of a body: a JSON list of questions on stdin, of answers on stdout.

A question has `api` (`chat` or `responses`), `body` (the stream's bytes in base64) and `cut` (the size of the pieces
that they come in). An answer has `text`, `reasoning`, `finish`, `usage`, `calls`, `model`, `tier` and `error`.
"""

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import openai


class Body(httpx2.SyncByteStream):
    def __init__(self, body: bytes, cut: int) -> None:
        self.body, self.cut = body, cut

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.body), self.cut):
            yield self.body[at : at + self.cut]


def client(question: dict[str, Any]) -> openai.OpenAI:
    body = base64.b64decode(question["body"])

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            200, headers={"content-type": "text/event-stream"}, stream=Body(body, question["cut"])
        )

    return openai.OpenAI(
        api_key="none",
        base_url="http://oracle.invalid/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )


def fields(value: Any) -> dict[str, Any]:
    return {} if value is None else value.model_dump(exclude_none=True)


def chat(client: openai.OpenAI, said: dict[str, Any]) -> None:
    stream = client.chat.completions.create(model="m", messages=[], stream=True)
    for chunk in stream:
        said["model"] = said["model"] or chunk.model
        said["tier"] = chunk.service_tier or said["tier"]
        if chunk.usage is not None:
            said["usage"] = fields(chunk.usage)
        for choice in chunk.choices or ():
            delta = choice.delta
            said["finish"] = choice.finish_reason or said["finish"]
            if delta is None:
                continue
            if isinstance(delta.content, str):
                said["text"] += delta.content
            said["text"] += delta.refusal or ""
            extra = delta.model_extra or {}
            said["reasoning"] += extra.get("reasoning_content") or extra.get("reasoning") or ""
            for call in delta.tool_calls or ():
                name, arguments = said["calls"].setdefault(call.index, ["", ""])
                function = call.function
                said["calls"][call.index] = [
                    name + (function.name or ""),
                    arguments + (function.arguments or ""),
                ]


def responses(client: openai.OpenAI, said: dict[str, Any]) -> None:
    for event in client.responses.create(model="m", input="", stream=True):
        if event.type in {"response.output_text.delta", "response.refusal.delta"}:
            said["text"] += event.delta
        elif event.type in {"response.reasoning_text.delta", "response.reasoning_summary_text.delta"}:
            said["reasoning"] += event.delta
        elif event.type == "error":
            said["error"] = {"code": event.code, "message": event.message}
        elif event.type in {"response.completed", "response.incomplete", "response.failed"}:
            response = event.response
            said["finish"] = (
                response.incomplete_details.reason if response.incomplete_details else response.status
            )
            said["usage"], said["model"], said["tier"] = (
                fields(response.usage),
                response.model,
                response.service_tier,
            )
            said["calls"] = {
                at: [item.name, item.arguments]
                for at, item in enumerate(response.output)
                if item.type == "function_call"
            }
            if response.error is not None:
                said["error"] = {"code": response.error.code, "message": response.error.message}
            if not said["text"]:
                said["text"] = response.output_text


def answer(question: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "text": "",
        "reasoning": "",
        "finish": None,
        "usage": {},
        "calls": {},
        "model": "",
        "tier": None,
    }
    said["error"] = None
    try:
        {"chat": chat, "responses": responses}[question["api"]](client(question), said)
    except openai.APIError as error:
        body = error.body if isinstance(error.body, dict) else {}
        said["error"] = {"code": body.get("code"), "message": error.message}
    said["calls"] = [call for _, call in sorted(said["calls"].items())]
    return said


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
