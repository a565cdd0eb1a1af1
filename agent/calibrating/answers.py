"""The bytes that the truth server answers with, and what a request asks of it."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from probes.framing import sse

TOKENS: Final = 20
MOST_TOKENS: Final = 10_000
FIRST_MS: Final = 50.0
GAP_MS: Final = 20.0
HEAD_LIMIT: Final = 65_536
"""Bytes that a request may have, head and body each."""

_MODEL = "truth"


class BadRequest(ValueError):  # noqa: N818 - the name of the status that it becomes
    """A request that is no request; the message says why."""


class Request(NamedTuple):
    """One request: header names in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def last(self) -> bool:
        """Return whether the connection ends with its answer."""
        return self.headers.get("connection", "").lower() == "close"


class Order(NamedTuple):
    """What a stream shall be: how many tokens, and how long before the first and between two (nanoseconds)."""

    tokens: int
    first_ns: int
    gap_ns: int


def cut(data: bytearray) -> Request | None:
    r"""Take one request off the front of the bytes received; None while it is not whole.

    >>> data = bytearray(b"GET /truth/7?a=1 HTTP/1.1\r\nHost: x\r\n\r\nrest")
    >>> cut(data).path, bytes(data)
    ('/truth/7', b'rest')
    """
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > HEAD_LIMIT:
            raise BadRequest("the head is too long")
        return None
    start, *lines = data[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    try:
        method, url, _ = start.split(" ")
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise BadRequest("the head is not HTTP/1.1") from None
    if "transfer-encoding" in headers or not 0 <= length <= HEAD_LIMIT:
        raise BadRequest(f"the body must come with a content-length of up to {HEAD_LIMIT}")
    if len(data) < end + 4 + length:
        return None
    body = bytes(data[end + 4 : end + 4 + length])
    del data[: end + 4 + length]
    parts = urlsplit(url)
    return Request(method, parts.path, parse_qs(parts.query), headers, body)


def order(request: Request) -> Order:
    """Return the stream that a chat request asks for.

    `tokens`, `first_ms` and `gap_ms` may stand in the query or in the body; `max_tokens` and
    `max_completion_tokens` cap the tokens.

    >>> order(Request("POST", "/", {"first_ms": ["5"]}, {}, b'{"max_tokens": 3, "gap_ms": 1}'))
    Order(tokens=3, first_ns=5000000, gap_ns=1000000)
    """
    try:
        body = json.loads(request.body)
        asked = {**body, **{name: values[-1] for name, values in request.query.items()}}
        caps = [int(asked[name]) for name in ("max_tokens", "max_completion_tokens") if asked.get(name)]
        tokens = min(int(asked.get("tokens", TOKENS)), MOST_TOKENS, *caps)
        first_ms, gap_ms = float(asked.get("first_ms", FIRST_MS)), float(asked.get("gap_ms", GAP_MS))
        return Order(max(tokens, 0), _nanoseconds(first_ms), _nanoseconds(gap_ms))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadRequest(f"the body is no chat request ({error})") from None


def _nanoseconds(milliseconds: float) -> int:
    if not 0 <= milliseconds <= 600_000:
        raise ValueError("a pause lies between 0 and 600000 ms")
    return round(milliseconds * 1e6)


def head(identity: str) -> bytes:
    """Return a stream's response head and the event that opens it, which is no token."""
    lines = (
        "HTTP/1.1 200 OK",
        "Content-Type: text/event-stream",
        "Cache-Control: no-store",
        f"X-Request-Id: {identity}",
        "Transfer-Encoding: chunked",
        "\r\n",
    )
    return "\r\n".join(lines).encode("latin-1") + _piece(_event({"role": "assistant", "content": ""}))


def ending(tokens: int) -> bytes:
    """Return a stream's finish reason, usage, end mark, and last chunk."""
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1}
    spent = json.dumps(_chunk([]) | {"usage": usage}, separators=(",", ":"))
    return _piece(_event({}, "stop") + sse.write_event(spent) + sse.write_event("[DONE]")) + b"0\r\n\r\n"


def plain(status: str, body: Any, *, last: bool = False) -> bytes:
    """Return a whole JSON response."""
    data = json.dumps(body, separators=(",", ":")).encode()
    close = "Connection: close\r\n" if last else ""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{close}Content-Length: {len(data)}\r\n\r\n"
    ).encode() + data


def truth(identity: str, received_ns: int, instants: Sequence[int], tokens: int) -> dict[str, Any]:
    """Return what is told of a stream; `instants` are those before and after each write, one behind another.

    The writes after the tokens' is the ending's, None while it has not been sent. All is CLOCK_MONOTONIC.
    """
    pairs = list(zip(instants[::2], instants[1::2], strict=True))
    return {
        "id": identity,
        "received_ns": received_ns,
        "writes": pairs[:tokens],
        "end": pairs[tokens] if len(pairs) > tokens else None,
    }


def _piece(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse.write_event(json.dumps(_chunk([choice]), separators=(",", ":")))


def _chunk(choices: list[Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-truth",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": _MODEL,
        "choices": choices,
    }


TOKEN: Final = _piece(_event({"content": "pong "}))
"""One token's write. All are the same, so that the instants around the write hold nothing but the write."""
