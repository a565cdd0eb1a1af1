"""A loopback endpoint that is asked by every kind of probe, and answers rightly, wrongly or slowly by its first path part."""

import asyncio
import collections
import json
import pathlib
import re
from collections.abc import Sequence
from typing import Any, Final

from support.wireserver import Asked, Peer, answer, head

STREAMS: Final = pathlib.Path(__file__).parents[1] / "streams"
TOKENS: Final = 300
PIECES: Final = 10
PAUSES_S: Final = {"right": 0.04, "wrong": 0.0, "slow": 0.15}
"""Between the pieces of a long answer: 300 tokens take 0.36 s, or no less than 1.35 s."""

_OPENING = head({"Content-Type": "text/event-stream", "Connection": "close"})


class Kinds:
    """`asked` counts requests by (manner, kind); `nonces` are those that prompts began with."""

    def __init__(self) -> None:
        self.asked: collections.Counter[tuple[str, str]] = collections.Counter()
        self.nonces: list[str] = []

    async def script(self, peer: Peer) -> None:
        asked = await peer.request()
        manner, _, path = asked.target[1:].partition("/")
        body = json.loads(asked.body) if asked.body else {}
        kind, prompt = _kind(path, body), _prompt(body)
        self.asked[manner, kind] += 1
        if prompt:
            found = re.match(r"\[(\w+)\] ", prompt)
            assert found, f"{kind} begins without a nonce: {prompt[:40]}"
            self.nonces.append(found[1])
        _look(kind, asked, body, prompt)
        if kind == "throughput":
            await _long(peer, manner)
        else:
            await peer.send(*_answer(kind, prompt, right=manner != "wrong"))


def _kind(path: str, body: dict[str, Any]) -> str:
    if path != "v1/chat/completions":
        return path.removeprefix("v1/")
    if "tools" in body:
        return "tools"
    if "response_format" in body:
        return "json"
    prompt = _prompt(body)
    return "long-context" if "harbour" in prompt else "throughput" if "story" in prompt else "chat"


def _prompt(body: dict[str, Any]) -> str:
    said = body.get("input") or (body["messages"][0]["content"] if "messages" in body else "")
    if isinstance(said, list):
        said = said[0]["content"]
    return said if isinstance(said, str) else said[0]["text"]


def _look(kind: str, asked: Asked, body: dict[str, Any], prompt: str) -> None:
    """Assert that a question is what its kind puts."""
    assert asked.method == "POST"
    match kind:
        case "tools":
            assert body["tool_choice"]["function"]["name"] == body["tools"][0]["function"]["name"]
            assert body["max_tokens"] == 512
        case "json":
            assert body["response_format"]["json_schema"]["strict"] is True
            assert "JSON" in prompt
        case "throughput":
            assert body["max_tokens"] == 1024
        case "long-context":
            assert 25_000 < len(prompt) < 35_000
        case "embeddings":
            assert set(body) == {"model", "input"}


def _answer(kind: str, prompt: str, *, right: bool) -> Sequence[bytes]:
    match kind:
        case "embeddings":
            listed = [{"index": 0, "embedding": [0.25, -0.5]}] if right else []
            told = {"data": listed, "model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7}}
            return [answer(json.dumps(told).encode())]
        case "responses":
            name = "responses/plain.sse" if right else "openai.sse"
            return [_OPENING, (STREAMS / name).read_bytes()]
        case "tools":
            celsius = "21" if right else '"warm"'
            function = {"name": "report_temperature", "arguments": f'{{"city":"Oslo","celsius":{celsius}}}'}
            return _stream([{"tool_calls": [{"index": 0, "function": function}]}], "tool_calls")
        case "json":
            text = '{"city":"Oslo","celsius":21}'
            return _stream([{"content": text if right else f"```json\n{text}\n```"}])
        case "long-context":
            found = re.search(r"code word of the harbour master is ([\w-]+)\.", prompt)
            assert found, "the needle is not in the text"
            return _stream([{"content": found[1] if right else "lantern"}])
    return _stream([{"content": "pong"}])


async def _long(peer: Peer, manner: str) -> None:
    """Send a long answer, a token a chunk; a wrong one is short."""
    if manner == "wrong":
        await peer.send(*_stream([{"content": "I am sorry."}]))
        return
    # One token first and one last, each by itself, so that a reader who is a little late knows when they came.
    middle = (TOKENS - 2) // (PIECES - 2)
    for nth, tokens in enumerate((1, *[middle] * (PIECES - 3), TOKENS - 2 - middle * (PIECES - 3), 1)):
        await peer.send((b"" if nth else _OPENING) + _chunk({"content": "word "}) * tokens)
        await asyncio.sleep(PAUSES_S[manner])
    await peer.send(*_end("stop", TOKENS))


def _stream(deltas: Sequence[dict[str, Any]], finish: str = "stop") -> Sequence[bytes]:
    return [_OPENING, *map(_chunk, deltas), *_end(finish, len(deltas))]


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _event(
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    )


def _end(finish: str, tokens: int) -> Sequence[bytes]:
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    return [_chunk({}, finish), _event({"id": "c", "choices": [], "usage": usage}), b"data: [DONE]\n\n"]


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"
