"""A loop that stands still reads late: what it then says of an arrival must be true all the same."""

import asyncio
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Self

import pytest
import uvloop

from probes.base import READS, Read
from probes.target import Path
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.wireclient import asking
from support.wireserver import Peer, WireServer, head

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's receive stamps are Linux's")

SLACK_NS = 1_000_000
"""The server notes the instant around its own write; what lies between is its machine's."""

HEAD = head({"Content-Type": "text/event-stream"})
Sent = list[tuple[int, int]]


class Truth:
    """A server in a thread and a loop of its own, which goes on while ours stands still."""

    def __init__(self, authority: Authority | None, pieces: int, *, closing: bool) -> None:
        self.sent: Sent = []
        self.go = threading.Event()
        self.done = threading.Event()
        self.url = ""
        self._authority = authority
        self._pieces = pieces
        self._closing = closing
        self._ready = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.go.set()
        self._thread.join(10)

    async def _serve(self) -> None:
        tls = self._authority.server() if self._authority else None
        async with WireServer(self._closed, tls=tls) as server:
            self.url = server.url
            self._ready.set()
            await asyncio.to_thread(self._over.wait)

    async def _script(self, peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD)
        await asyncio.to_thread(self.go.wait)
        for nth in range(self._pieces):
            before_ns = time.monotonic_ns()
            await peer.send(f"data: {nth}\n\n".encode())
            self.sent.append((before_ns, time.monotonic_ns()))
            await asyncio.sleep(0.02)
        if not self._closing:
            self.done.set()
            await asyncio.to_thread(self._over.wait)

    async def _closed(self, peer: Peer) -> None:
        await self._script(peer)
        peer.writer.close()
        await asyncio.sleep(0.02)
        self.done.set()


async def read_late(transport: WireTransport, truth: Truth, path: Path, size: int) -> list[Read]:
    """Return the reads of an answer that comes whole while the loop stands still."""
    response = await transport.handle_async_request(asking(truth.url, path=path))
    truth.go.set()
    truth.done.wait(10)  # the whole loop waits: this is what is tested
    got = b""
    async for data in response.stream:  # type: ignore[union-attr]  # ours is asynchronous
        got += data
        if len(got) >= size:
            break
    await response.aclose()
    reads: list[Read] = response.extensions[READS]
    return reads


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    runner: Callable[[Coroutine[Any, Any, None]], None] = request.param
    return runner


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def authority(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Authority | None:
    return Authority(tmp_path) if request.param else None


def late(
    run: Callable[[Coroutine[Any, Any, None]], None],
    authority: Authority | None,
    pieces: int,
    *,
    closing: bool,
    then: Callable[[list[Read], Sent], None],
) -> None:
    async def scenario() -> None:
        path = Path(proxy="none", ca=authority.ca if authority else None)
        transport = WireTransport()
        transport.warm_up([path])
        await asyncio.sleep(0.02)  # the kernel begins to stamp a while after it was asked
        with Truth(authority, pieces, closing=closing) as truth:
            reads = await read_late(transport, truth, path, len(b"data: 0\n\n") * pieces)
        await transport.aclose()
        if not all(read.kernel for read in reads):
            pytest.skip("this kernel gives no receive stamps")
        then(reads, truth.sent)

    run(scenario())


def test_one_event_read_late_bears_the_instant_of_its_arrival(
    run: Callable[[Coroutine[Any, Any, None]], None], authority: Authority | None
) -> None:
    """It was alone in its read; where the kernel counted more than its segment, the doubt holds the truth too."""

    def then(reads: list[Read], sent: Sent) -> None:
        (read,), ((before_ns, after_ns),) = reads, sent
        assert before_ns - SLACK_NS <= read.at_ns <= after_ns + SLACK_NS
        assert not read.trailing
        assert read.after_ns is not None
        assert read.after_ns == read.at_ns or read.after_ns <= before_ns

    late(run, authority, 1, closing=False, then=then)


def test_events_read_together_leave_a_doubt_that_holds_the_truth(
    run: Callable[[Coroutine[Any, Any, None]], None], authority: Authority | None
) -> None:
    """Four events, 20 ms apart, in one read: the first came anywhere between the read before and the stamp."""

    def then(reads: list[Read], sent: Sent) -> None:
        (read,) = reads
        assert read.after_ns is not None
        assert read.after_ns - SLACK_NS <= sent[0][0]
        assert sent[-1][0] - SLACK_NS <= read.at_ns <= sent[-1][1] + SLACK_NS

    late(run, authority, 4, closing=False, then=then)


@pytest.mark.parametrize("pieces", [1, 4])
def test_an_end_that_is_read_with_the_events_before_it_leaves_a_doubt(
    run: Callable[[Coroutine[Any, Any, None]], None], authority: Authority | None, pieces: int
) -> None:
    """The stamp may be that of the FIN or of TLS's farewell, which carry no event."""

    def then(reads: list[Read], sent: Sent) -> None:
        (read,) = reads
        assert read.trailing
        assert read.after_ns is not None
        assert read.after_ns - SLACK_NS <= sent[0][0] <= read.at_ns

    late(run, authority, pieces, closing=True, then=then)
