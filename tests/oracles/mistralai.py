"""What Mistral's own library makes of a body: a JSON list of questions on stdin, of answers on stdout.

A question has `body` (the stream's bytes in base64) and `cut` (the size of the pieces that they come in). An answer
has `text`, `reasoning`, `finish`, `usage`, `calls` and `model`.
"""

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
from mistralai.client import Mistral


class Body(httpx2.SyncByteStream):
    def __init__(self, body: bytes, cut: int) -> None:
        self.body, self.cut = body, cut

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.body), self.cut):
            yield self.body[at : at + self.cut]


def stream(question: dict[str, Any]) -> Any:
    body = base64.b64decode(question["body"])

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            200, headers={"content-type": "text/event-stream"}, stream=Body(body, question["cut"])
        )

    client = Mistral(
        api_key="none",
        server_url="http://oracle.invalid",
        client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )
    return client.chat.stream(model="m", messages=[{"role": "user", "content": "x"}])


def parts(content: Any, said: dict[str, Any]) -> None:
    if isinstance(content, str):
        said["text"] += content
        return
    for part in content or ():
        if part.type == "text":
            said["text"] += part.text
        elif part.type == "thinking":
            said["reasoning"] += "".join(step.text for step in part.thinking)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "text": "",
        "reasoning": "",
        "finish": None,
        "usage": {},
        "calls": [],
        "model": "",
    }
    for event in stream(question):
        chunk = event.data
        said["model"] = said["model"] or chunk.model
        if chunk.usage is not None:
            said["usage"] = chunk.usage.model_dump(exclude_none=True)
        for choice in chunk.choices:
            said["finish"] = choice.finish_reason or said["finish"]
            parts(choice.delta.content, said)
            for call in choice.delta.tool_calls or ():
                said["calls"].append([call.function.name, call.function.arguments])
    return said


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
