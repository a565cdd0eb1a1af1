import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop

from probes.transport import sending
from probes.transport.sending import Sender
from probes.transport.sockets import Socket
from probes.transport.stamps import Stamps

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's stamps are Linux's")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield both ends of a connection over loopback, ours non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    with ours, theirs:
        ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ours.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        yield ours, theirs


class Interrupted:
    """A socket whose process is interrupted at the beginning or at the end of the call that sends."""

    def __init__(self, sock: socket.socket, *, at: str) -> None:
        self.family = sock.family
        self.setsockopt = sock.setsockopt
        self.recvmsg = sock.recvmsg
        self._sock = sock
        self._at = at
        self.called_ns = 0
        self.returned_ns = 0

    def sendmsg(self, *arguments: Any) -> int:
        if self._at == "beginning":
            _interruption()
        self.called_ns = time.monotonic_ns()
        taken = self._sock.sendmsg(*arguments)
        self.returned_ns = time.monotonic_ns()
        if self._at == "end":
            _interruption()
        return taken


def _interruption() -> None:
    until_ns = time.monotonic_ns() + 5_000_000
    while time.monotonic_ns() < until_ns:
        pass


@linux
def test_an_interruption_at_the_end_of_the_call_moves_nothing(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """The kernel passed the bytes on before it: its stamp says so."""
    slow = Interrupted(pair[0], at="end")
    taken, handed = Sender(slow, Stamps()).send(memoryview(b"question"))  # type: ignore[arg-type] # all that it uses
    assert taken == 8
    assert handed.at_ns <= slow.called_ns
    assert handed.at_ns <= handed.by_ns <= slow.returned_ns + 100_000  # two clocks, read one after the other


@linux
def test_an_interruption_at_its_beginning_is_seen(pair: tuple[socket.socket, socket.socket]) -> None:
    slow = Interrupted(pair[0], at="beginning")
    _, handed = Sender(slow, Stamps()).send(memoryview(b"question"))  # type: ignore[arg-type] # as above
    assert handed.by_ns - handed.at_ns >= 4_900_000


@linux
def test_a_stamp_that_lies_outside_of_the_call_is_not_believed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """The wall clock was set meanwhile: then the clock after the call is all there is."""
    stamps = Stamps()
    stamps.offset_ns += 3_600_000_000_000
    began_ns = time.monotonic_ns()
    _, handed = Sender(pair[0], stamps).send(memoryview(b"question"))
    assert began_ns <= handed.at_ns <= handed.by_ns <= time.monotonic_ns()


def test_a_socket_of_another_family_is_timed_by_the_clock_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = Sender(ours, Stamps())
        taken, handed = sender.send(memoryview(b"question"))
        assert taken == 8
        assert handed.at_ns <= handed.by_ns <= time.monotonic_ns()
        assert not sender.belated(acked=False)


def test_elsewhere_than_on_linux_nobody_is_asked_for_stamps(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    sender = Sender(pair[0], Stamps())
    sender.send(memoryview(b"question"))
    assert not sender.belated(acked=False)


@linux
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_stamp_that_comes_late_stops_no_reading(
    pair: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[Awaitable[None]], None],
) -> None:
    """More than the other end takes is sent later, and stamped then: the loop meets an error on the descriptor."""
    monkeypatch.setattr(sending, "_AT_ONCE", sys.maxsize)
    ours, theirs = pair

    async def scenario() -> None:
        wire = Socket(ours.dup(), "peer", Stamps())
        sent = asyncio.create_task(wire.send(b"?" * 3_000_000))
        left = 3_000_000
        while left:
            left -= len(await asyncio.to_thread(theirs.recv, 65_536))
        await sent
        for _ in range(3):  # the loop comes by, and finds what was laid into the error queue
            await asyncio.sleep(0.01)
        for word in (b"one", b"two"):
            theirs.sendall(word)
            async with asyncio.timeout(20):
                assert (await wire.read()).data == word
        wire.close()

    run(scenario())
