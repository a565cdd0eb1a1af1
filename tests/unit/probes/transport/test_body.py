import asyncio
from collections.abc import Callable

import pytest

from probes.base import Read, Wire
from probes.target import Path
from probes.transport import errors
from probes.transport.body import Body
from probes.transport.dial import Connection, Route
from probes.transport.http1 import ResponseParser
from probes.transport.sockets import Arrival

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Recorded:
    """A socket that reads from a list, the end behind it, and counts its closings."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.closed = 0
        self.at_ns = 0
        self._pieces = iter(pieces)

    async def read(self) -> Arrival:
        self.at_ns += 1
        return Arrival(next(self._pieces, b""), Read(self.at_ns, kernel=False, after_ns=None))

    def close(self) -> None:
        self.closed += 1


def body_of(
    pieces: list[bytes], keep: Callable[[Connection], None] | None = None, head: bytes = HEAD
) -> tuple[Body, Recorded]:
    """Return the body that follows a head, and the socket under it."""
    socket = Recorded(pieces)
    route = Route(secure=False, host="a.example", port=80, path=Path(), proxy=None)
    connection = Connection(route, socket, socket, Wire(None, reused=False))  # type: ignore[arg-type]  # a stand-in
    parser = ResponseParser(bodiless=False)
    parser.feed(head)
    return Body(connection, parser, None, keep), socket


def unwanted(connection: Connection) -> None:
    pytest.fail(f"{connection} was kept")


def test_a_body_read_to_its_end_gives_its_connection_back() -> None:
    """Once, and open."""
    kept: list[Connection] = []
    body, socket = body_of([b"1\r\na\r\n", b"0\r\n\r\n"], kept.append)

    async def scenario() -> None:
        assert [chunk async for chunk in body] == [b"a"]
        await body.aclose()

    asyncio.run(scenario())
    assert (len(kept), socket.closed) == (1, 0)
    assert body.reads == [Read(1, kernel=False, after_ns=None)]


@pytest.mark.parametrize("head", [HEAD, b"HTTP/1.0 200 OK\r\n\r\n", HEAD[:-2] + b"Connection: close\r\n\r\n"])
def test_a_connection_that_cannot_be_kept_is_closed(head: bytes) -> None:
    """Nobody wants it, or the answer says that it closes."""
    body, socket = body_of([b"1\r\na\r\n0\r\n\r\n"], None if head is HEAD else unwanted, head)

    async def scenario() -> None:
        async for _ in body:
            pass

    asyncio.run(scenario())
    assert socket.closed == 1


def test_a_broken_body_closes_its_connection_and_is_over() -> None:
    """The error comes once; asking again finds the end."""
    body, socket = body_of([b"1\r\na\r\n"], unwanted)

    async def scenario() -> None:
        assert await anext(body) == b"a"
        with pytest.raises(errors.Broken):
            await anext(body)
        with pytest.raises(StopAsyncIteration):
            await anext(body)
        await body.aclose()

    asyncio.run(scenario())
    assert socket.closed == 1


def test_closing_early_takes_the_frames_end_that_is_already_there() -> None:
    """A reader that stopped at the protocol's own end mark leaves a whole answer."""
    kept: list[Connection] = []
    body, socket = body_of([b"1\r\na\r\n", b"0\r\n\r\n"], kept.append)

    async def scenario() -> None:
        await anext(body)
        await body.aclose()

    asyncio.run(scenario())
    assert (len(kept), socket.closed) == (1, 0)


def test_closing_a_cold_body_early_reads_no_further() -> None:
    """Nothing is to be kept: it is closed on the spot."""
    body, socket = body_of([b"1\r\na\r\n", b"1\r\nb\r\n"])

    async def scenario() -> None:
        await anext(body)
        await body.aclose()

    asyncio.run(scenario())
    assert (socket.closed, socket.at_ns) == (1, 1)
