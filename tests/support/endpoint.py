"""A loopback endpoint that speaks OpenAI's format and misbehaves on demand: the first path part says how."""

import asyncio
import collections
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c1", "object": "chat.completion.chunk", "model": "tiny-1", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


ROLE = _chunk({"role": "assistant", "content": ""})
PO = _chunk({"role": "assistant", "content": "po"})
USAGE = b'data: {"id":"c1","object":"chat.completion.chunk","model":"tiny-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}\n\n'
DONE = b"data: [DONE]\n\n"
GOOD = HEAD + ROLE + _chunk({"content": "po"}) + _chunk({"content": "ng"}) + _chunk({}, "stop") + USAGE + DONE


def _plain(status: str, body: bytes, kind: str = "application/json", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _refusal(status: str, code: str, message: str) -> bytes:
    """Return an error answer that ends with the connection, so that `{key}` in it may be replaced."""
    body = json.dumps({"error": {"message": message, "type": code, "code": code}}).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n".encode() + body


CANNED = {
    "ok": GOOD,
    "401": _refusal("401 Unauthorized", "invalid_api_key", "Incorrect API key provided: {key}"),
    "404": _refusal("404 Not Found", "model_not_found", "The model does not exist"),
    "429": _refusal("429 Too Many Requests", "rate_limit_exceeded", "slow down"),
    "503": _refusal("503 Service Unavailable", "server_is_overloaded", "overloaded"),
    "html": _plain("200 OK", b"<html><body>Sign in</body></html>", "text/html"),
    "garbage": b"\x00\x01\x02 this is no HTTP\r\n\r\n\xff\xfe",
    "cut": HEAD + ROLE + _chunk({"content": "po"}),
    "whole": _plain(
        "200 OK",
        b'{"id":"c1","object":"chat.completion","model":"tiny-1","choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"pong"}}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}',
    ),
    "torn": HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked")
    + b"%x\r\n%s\r\n" % (len(PO), PO),
    "models": _plain("200 OK", b'{"object":"list","data":[{"id":"tiny-1","object":"model"}]}'),
}
"""Whole answers by mode. `{key}` stands for the key that was sent, as careless vendors echo it."""

KEPT_OPEN = {
    "hang": (b"", b""),
    "stall": (HEAD + ROLE + _chunk({"content": "po"}), b": keep-alive\n\n"),
    "endless": (HEAD + ROLE, _chunk({"content": "more "})),
}
"""Answers without an end: what comes first, and what is repeated every 50 ms."""


class Endpoint:
    """Answers at `base(mode)`; `asked` counts requests by mode, `failing` turns `ok` into 503.

    `keyed` is `ok` for who sends a key that is `accepted`, and 401 for anybody else; `refused` keeps their keys.
    The list of models is given in every mode but `list-MODE`, where asking for it is answered so.
    `enter` is called in its thread before it listens, to go into another network namespace, say.
    """

    def __init__(self, host: str = "127.0.0.1", enter: Callable[[], object] = lambda: None) -> None:
        self._host = host
        self._enter = enter
        self.asked: collections.Counter[str] = collections.Counter()
        self.failing = False
        self.accepted: frozenset[str] = frozenset()
        self.refused: list[str] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._handlers: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def base(self, mode: str) -> str:
        return f"http://{self._host}:{self.port}/{mode}"

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        self._enter()
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, self._host, 0, backlog=2048))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in self._handlers:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._handlers, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._handlers.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (
                int(line.split(":")[1])
                for line in head.split("\r\n")
                if line.lower().startswith("content-length:")
            ),
            0,
        )
        await reader.readexactly(length)
        mode = head.split(" ")[1].split("/")[1]
        self.asked[mode] += 1
        key = next(
            (line.split()[-1] for line in head.split("\r\n") if line.lower().startswith("authorization:")), ""
        )
        if mode in KEPT_OPEN:
            opening, again = KEPT_OPEN[mode]
            writer.write(opening)
            while True:
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.write(again)
        if mode == "keyed":
            mode = "ok" if key in self.accepted else "401"
            self.refused += [key] * (mode == "401")
        failing = mode == "ok" and self.failing
        listing = mode.removeprefix("list-") if mode.startswith("list-") else "models"
        answer = CANNED[listing if head.startswith("GET") else "503" if failing else mode]
        writer.write(answer.replace(b"{key}", key.encode()))
        await writer.drain()


@contextlib.contextmanager
def endpoint(host: str = "127.0.0.1", enter: Callable[[], object] = lambda: None) -> Iterator[Endpoint]:
    served = Endpoint(host, enter)
    served.start()
    try:
        yield served
    finally:
        served.stop()
