import asyncio
import errno
import socket
import time
from collections.abc import Awaitable, Callable

import pytest

from probes.timing import Marks
from probes.transport import errors, sockets
from probes.transport.resolver import Address
from probes.transport.sockets import Socket, connect
from probes.transport.stamps import Stamps


def paired(scenario: Callable[[Socket, socket.socket], Awaitable[None]]) -> None:
    """Run a scenario over a connected pair: our socket, and the other end, blocking."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            wire = Socket(ours, "peer", Stamps())
            try:
                await scenario(wire, theirs)
            finally:
                wire.close()

    asyncio.run(run())


def test_each_read_knows_the_previous_drained_one() -> None:
    """Between the two lies the true arrival: the socket was seen to be empty after the call had begun."""

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        began_ns = time.monotonic_ns()
        theirs.sendall(b"one")
        first = await wire.read()
        theirs.sendall(b"two")
        second = await wire.read()
        assert (first.data, second.data) == (b"one", b"two")
        assert first.read.after_ns is None
        assert second.read.after_ns is not None
        assert began_ns <= second.read.after_ns <= first.read.at_ns < second.read.at_ns
        assert not first.read.kernel

    paired(scenario)


def test_a_read_that_filled_its_buffer_drained_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after it may have arrived before it."""
    monkeypatch.setattr(sockets, "_SIZE", 4)

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        theirs.sendall(b"1234567")
        full, rest = await wire.read(), await wire.read()
        assert (full.data, rest.data) == (b"1234", b"567")
        assert (full.read.after_ns, rest.read.after_ns) == (None, None)

    paired(scenario)


def test_reads_happen_as_bytes_arrive_not_as_they_are_asked_for() -> None:
    """A late consumer finds two reads, each with its own instant."""

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        for piece in (b"one", b"two"):
            theirs.sendall(piece)
            while not wire._arrivals or wire._arrivals[-1].data != piece:  # noqa: ASYNC110 - to wait by an event would be to read
                await asyncio.sleep(0)
        assert [(await wire.read()).data for _ in range(2)] == [b"one", b"two"]

    paired(scenario)


def test_a_consumer_far_behind_stops_the_reading_until_it_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded; the kernel's window holds the rest, and nothing is lost."""
    monkeypatch.setattr(sockets, "_SIZE", 1)
    monkeypatch.setattr(sockets, "_AHEAD", 4)

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        theirs.sendall(b"0123456789")
        while wire._reading:  # noqa: ASYNC110 - to wait by an event would be to read
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(wire._arrivals) == 4
        assert b"".join([(await wire.read()).data for _ in range(10)]) == b"0123456789"

    paired(scenario)


def test_the_end_is_read_again_and_again_and_closes_the_descriptor() -> None:
    """A kept connection that its server closed holds nothing."""

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        theirs.sendall(b"last")
        theirs.shutdown(socket.SHUT_WR)
        assert [(await wire.read()).data for _ in range(3)] == [b"last", b"", b""]
        assert wire._sock.fileno() == -1
        assert not wire.open
        with pytest.raises(ConnectionResetError):
            await wire.send(b"too late")

    paired(scenario)


def test_a_parked_socket_closes_at_the_first_thing_that_comes() -> None:
    """Bytes that nobody asked for are as good as its end; unparked it reads again."""

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        wire.park()
        wire.unpark()
        theirs.sendall(b"asked for")
        assert (await wire.read()).data == b"asked for"
        wire.park()
        assert wire.open
        theirs.sendall(b"unasked")
        await wire.read()
        assert not wire.open

    paired(scenario)


def test_a_socket_with_something_unread_cannot_be_parked() -> None:
    """What came between the answer's end and the parking spoils it too."""

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        theirs.sendall(b"a")
        await wire.read()
        theirs.sendall(b"b")
        while not wire._arrivals:  # noqa: ASYNC110 - to wait by an event would be to read
            await asyncio.sleep(0)
        wire.park()
        assert not wire.open

    paired(scenario)


def test_a_large_request_is_sent_whole_through_a_small_buffer() -> None:
    """`send` waits for the kernel's room and returns the instant of the last byte."""

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        size = 4_000_000
        began_ns = time.monotonic_ns()
        sending = asyncio.ensure_future(wire.send(b"x" * size))
        await asyncio.sleep(0)
        assert not sending.done()
        received = await asyncio.to_thread(drain, theirs, size)
        assert received == size
        handed = await sending
        assert began_ns < handed.at_ns <= handed.by_ns

    paired(scenario)


def drain(sock: socket.socket, size: int) -> int:
    left = size
    while left and (data := sock.recv(65_536)):
        left -= len(data)
    return size - left


def test_closing_wakes_a_reader_and_a_writer() -> None:
    """Nobody is left waiting on a descriptor that is gone."""

    async def scenario(wire: Socket, _: socket.socket) -> None:
        reading = asyncio.ensure_future(wire.read())
        writing = asyncio.ensure_future(wire.send(b"x" * 8_000_000))
        await asyncio.sleep(0)
        wire.close()
        with pytest.raises(ConnectionAbortedError):
            await reading
        with pytest.raises(ConnectionResetError):
            await writing

    paired(scenario)


def test_a_cancelled_read_loses_nothing() -> None:
    """What comes later is for the next reader."""

    async def scenario(wire: Socket, theirs: socket.socket) -> None:
        reading = asyncio.ensure_future(wire.read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        theirs.sendall(b"here")
        assert (await wire.read()).data == b"here"

    paired(scenario)


def test_addresses_are_tried_in_order_and_each_failure_is_told() -> None:
    """Two dead addresses are two attempts in one sentence."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        dead = [Address(socket.AF_INET, ("127.0.0.1", port)), Address(socket.AF_INET, ("127.0.0.2", port))]
        marks = Marks()
        with pytest.raises(errors.ConnectRefused) as caught:
            asyncio.run(connect(dead, "host.example:80", marks, 5, Stamps()))
    assert f"127.0.0.1:{port}: Connection refused; 127.0.0.2:{port}: Connection refused" in str(caught.value)
    assert list(marks.at) == ["connect_start"]


def test_a_living_address_behind_a_dead_one_is_found() -> None:
    """The handshake that is timed is the one with the address used."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            tried = [Address(socket.AF_INET, (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
            marks = Marks()
            wire = await connect(tried, "host.example:80", marks, 5, Stamps())
            assert wire.peer == f"127.0.0.1:{port}"
            assert marks.at["connect_start"] < marks.at["connect_end"]
            wire.close()

    asyncio.run(scenario())


def test_an_address_that_this_machine_cannot_use_is_no_reason_to_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without IPv6, `localhost` is ::1 ("Cannot assign requested address") and then 127.0.0.1."""
    real = sockets._established

    async def established(sock: socket.socket, address: Address) -> int:
        if address.family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return await real(sock, address)

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            tried = [
                Address(socket.AF_INET6, ("::1", port, 0, 0)),
                Address(socket.AF_INET, ("127.0.0.1", port)),
            ]
            (await connect(tried, "localhost", Marks(), 5, Stamps())).close()
            with pytest.raises(errors.Exhausted):
                await connect(tried[:1], "localhost", Marks(), 5, Stamps())

    monkeypatch.setattr(sockets, "_established", established)
    asyncio.run(scenario())


def test_an_address_that_never_answers_is_given_up_at_the_limit() -> None:
    """A full backlog drops handshakes in silence, like a firewall."""

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            port = server.getsockname()[1]
            address = [Address(socket.AF_INET, ("127.0.0.1", port))]
            # A backlog of 0 holds one connection, that nobody accepts.
            taken = await connect(address, "host", Marks(), 5, Stamps())
            with pytest.raises(errors.ConnectTimeout, match=r"no answer within 0\.05 s.*firewall"):
                await connect(address, "host", Marks(), 0.05, Stamps())
            taken.close()

    asyncio.run(scenario())


def test_a_machine_without_descriptors_blames_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files is our fault, and the sentence says which limit to raise."""

    def no_more(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socket", no_more)
    connecting = connect([Address(socket.AF_INET, ("127.0.0.1", 1))], "host", Marks(), None, Stamps())
    with pytest.raises(errors.Exhausted, match="ulimit -n"):
        connecting.send(None)  # without a loop, which would want sockets of its own


def test_a_name_without_addresses_refuses() -> None:
    """Nothing to try is said as such."""
    with pytest.raises(errors.ConnectRefused, match="the name has no address"):
        asyncio.run(connect([], "host", Marks(), 5, Stamps()))


def test_a_connection_leaves_by_the_address_that_it_is_told() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            addresses = [Address(socket.AF_INET, server.getsockname())]
            wire = await connect(addresses, "host", Marks(), 5, Stamps(), "127.0.0.7")
            theirs, (source, _) = server.accept()
            assert source == "127.0.0.7"
            theirs.close()
            wire.close()

    asyncio.run(scenario())


def test_a_source_that_is_not_on_this_machine_is_our_own_fault() -> None:
    """192.0.2.0/24 is for documentation: nobody bears it. The other addresses would fare no better."""
    marks = Marks()
    tried = [Address(socket.AF_INET, (host, 9)) for host in ("127.0.0.1", "127.0.0.2")]
    with pytest.raises(errors.SourceMissing, match=r"source_address 192\.0\.2\.9 is not an address of this"):
        asyncio.run(connect(tried, "host", marks, 5, Stamps(), "192.0.2.9"))
    assert not marks.at


def test_a_source_reaches_addresses_of_its_own_kind_alone() -> None:
    """The others are left out; where none is left, the configuration is at fault."""
    six = Address(socket.AF_INET6, ("::1", 9, 0, 0))
    with pytest.raises(errors.Misconfigured, match=r"no address of the kind of source_address 127\.0\.0\.1"):
        asyncio.run(connect([six], "host", Marks(), 5, Stamps(), "127.0.0.1"))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        both = [six, Address(socket.AF_INET, bound.getsockname())]
        with pytest.raises(
            errors.ConnectRefused, match=r"^connecting to host from 127\.0\.0\.1 failed"
        ) as caught:
            asyncio.run(connect(both, "host", Marks(), 5, Stamps(), "127.0.0.1"))
    assert "::1" not in str(caught.value)


def test_a_source_of_version_six_is_taken_too() -> None:
    async def scenario() -> None:
        try:
            server = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            pytest.skip("this machine has no IPv6")
        with server:
            addresses = [Address(socket.AF_INET6, server.getsockname())]
            (await connect(addresses, "host", Marks(), 5, Stamps(), "::1")).close()

    asyncio.run(scenario())
