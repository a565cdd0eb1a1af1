"""One TCP connection on the running loop: connecting, sending, and reads that are stamped as they happen."""

import asyncio
import collections
import contextlib
import errno
import os
import socket
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from probes.base import Read
from probes.timing import CONNECT_END, CONNECT_START, Marks
from probes.transport import errors
from probes.transport.resolver import Address, literal_address
from probes.transport.sending import Handed, Sender
from probes.transport.stamps import SPACE, STEP_NS, Stamps, counts, stamp_ns, wanted

_SIZE = 65_536
# Reads kept for a consumer that is behind, 4 MiB at most; beyond them the kernel's window pushes back.
_AHEAD = 64
# The port is then chosen with the connection, as without bind: one in TIME_WAIT towards somebody else is free.
# Python names it from 3.12 on (linux/in.h).
_BIND_ADDRESS_NO_PORT = 24 if sys.platform == "linux" else None
_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})


class Arrival(NamedTuple):
    """Bytes and when they came; no bytes mean the end of the connection."""

    data: bytes
    read: Read


class Channel(Protocol):
    """Bytes both ways: a socket, or TLS over one."""

    async def send(self, data: bytes) -> Handed:
        """Hand all bytes to the kernel and return when the last one was; raises OSError."""
        ...

    async def read(self) -> Arrival:
        """Return the next read, again and again an empty one after the end; raises OSError."""
        ...

    @property
    def open(self) -> bool:
        """Return whether the other end may still say something."""
        ...


class Receiver:
    """The one place where bytes enter, and where their instant is taken."""

    __slots__ = ("_bytes", "_drained_ns", "_kernel", "_segments", "_sock", "_stamps", "_steps", "acked")

    def __init__(self, sock: socket.socket, stamps: Stamps) -> None:
        self._sock = sock
        self._stamps = stamps
        self._kernel = wanted(sock)
        self._steps = stamps.steps
        self._drained_ns: int | None = None
        self.acked = False
        """Whether the other end had all that was sent when the last read was counted."""
        self._bytes = 0
        self._segments: int | None = 0
        """Segments with data that are read; None where some may lie unread, or nobody counts."""

    def receive(self) -> Arrival:
        """Return what the kernel holds, up to 64 KiB, stamped by the kernel where it does, else here and at once."""
        stamps = self._stamps
        self.acked = False
        before_ns = stamps.mono_ns()
        if self._kernel:
            wall_ns = stamps.wall_ns()
            data, ancillary, _, _ = self._sock.recvmsg(_SIZE, SPACE)
            at_ns = stamps.mono_ns()
            # In line, for it holds in all reads but one in a million: the offset fits between the clocks as read.
            if not wall_ns - at_ns - STEP_NS <= stamps.offset_ns <= wall_ns - before_ns + STEP_NS:
                stamps.look()
            arrived_ns = stamp_ns(ancillary)
        else:
            data, at_ns, arrived_ns = self._sock.recv(_SIZE), stamps.mono_ns(), None
        stepped, self._steps = stamps.steps != self._steps, stamps.steps
        kernel = arrived_ns is not None and not stepped  # a stamp from before the step would be off by it
        if arrived_ns is not None and kernel:
            # Two clocks that are read one after the other: an instant in the future is one of now.
            at_ns = min(at_ns, arrived_ns - stamps.offset_ns)
        segments = self._counted(len(data)) if kernel else None
        after_ns = at_ns if segments == 1 else self._drained_ns
        if len(data) < _SIZE:  # the kernel holds nothing more: what comes next arrives after this
            self._drained_ns = before_ns
        return Arrival(data, Read(at_ns, kernel, after_ns, stepped, trailing=kernel and segments is None))

    def _counted(self, size: int) -> int | None:
        """Return of how many segments a read of this size was made; None where that is not sure.

        A FIN counts as a byte and is no segment with data, but the stamp may be its own. Counted after the read:
        what came between the two is in the next one, and nothing is sure until the bytes agree again.
        """
        self._bytes += size
        before, told = self._segments, counts(self._sock)
        self.acked = told is not None and told.unacked == 0
        self._segments = told.segments if told is not None and told.bytes == self._bytes else None
        return None if before is None or self._segments is None else self._segments - before


class Socket:
    """A connected socket that reads ahead from the moment it exists, so that a late consumer merges nothing.

    At the end of the connection, or its breaking, the descriptor is closed at once.
    """

    def __init__(self, sock: socket.socket, peer: str, stamps: Stamps) -> None:
        self.peer = peer
        self._sock = sock
        self._fd = sock.fileno()
        self._loop = asyncio.get_running_loop()
        self._receiver = Receiver(sock, stamps)
        self._sender = Sender(sock, stamps)
        self._arrivals: collections.deque[Arrival] = collections.deque()
        self._end: Arrival | OSError | None = None
        self._reading = False
        self._parked = False
        self._read_waiter: asyncio.Future[None] | None = None
        self._write_waiter: asyncio.Future[None] | None = None
        self._resume()

    @property
    def open(self) -> bool:
        return self._fd >= 0

    def park(self) -> None:
        """Lay it by between two requests: whatever comes now is its end, or nothing that was asked for."""
        self._parked = True
        if self._arrivals:
            self.close()

    def unpark(self) -> None:
        self._parked = False

    async def read(self) -> Arrival:
        while not self._arrivals:
            if isinstance(self._end, OSError):
                raise self._end
            if self._end is not None:
                return self._end
            self._read_waiter = self._loop.create_future()
            await self._read_waiter
        arrival = self._arrivals.popleft()
        if not self._reading and not self._arrivals and self._end is None:
            self._resume()
        return arrival

    async def send(self, data: bytes) -> Handed:
        left = memoryview(data)
        while True:
            if self._fd < 0:
                raise ConnectionResetError(errno.ECONNRESET, "the peer closed the connection")
            with contextlib.suppress(BlockingIOError):
                taken, handed = self._sender.send(left)
                left = left[taken:]
                if not left:
                    return handed
            await self._writable()

    def close(self) -> None:
        if self._fd < 0:
            return
        self._pause()
        self._loop.remove_writer(self._fd)
        self._fd = -1
        self._sock.close()
        if self._end is None:
            self._end = ConnectionAbortedError(errno.ECONNABORTED, "the connection was closed on our side")
        _wake(self._read_waiter)
        _wake(self._write_waiter)

    def _on_readable(self) -> None:
        try:
            arrival = self._receiver.receive()
        except BlockingIOError:
            self._watch_on(acked=False)
            return
        except OSError as error:
            self._end = error
            self.close()
            return
        if not arrival.data or self._parked:
            self._end = arrival
            self.close()
            return
        self._arrivals.append(arrival)
        if len(self._arrivals) >= _AHEAD:
            self._pause()
        else:
            self._watch_on(acked=self._receiver.acked)
        _wake(self._read_waiter)

    def _watch_on(self, *, acked: bool) -> None:
        if self._sender.belated(acked=acked):
            self._pause()
            self._resume()

    async def _writable(self) -> None:
        self._write_waiter = self._loop.create_future()
        self._loop.add_writer(self._fd, _wake, self._write_waiter)
        try:
            await self._write_waiter
        finally:
            if self._fd >= 0:
                self._loop.remove_writer(self._fd)

    def _resume(self) -> None:
        self._loop.add_reader(self._fd, self._on_readable)
        self._reading = True

    def _pause(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._fd)
            self._reading = False


def _stamp(done: asyncio.Future[int]) -> None:
    if not done.done():
        done.set_result(time.monotonic_ns())


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def connect(
    addresses: Sequence[Address],
    host: str,
    marks: Marks,
    limit_s: float | None,
    stamps: Stamps,
    source: str | None = None,
) -> Socket:
    """Return a socket connected to the first address that takes it, each tried for `limit_s` at most.

    `source` is the address of this machine to go out from. Raises `ConnectTimeout` or `ConnectRefused` with
    every attempt in the message, `Exhausted` where this machine is the reason for them all, and
    `SourceMissing` where it does not bear the source.
    """
    bound = literal_address(source, 0) if source else None
    if bound is not None:
        addresses = _alike(addresses, bound, host)
        host = f"{host} from {source}"
    attempts: list[str] = []
    ours: list[tuple[Address, OSError]] = []
    late = False
    for address in addresses:
        try:
            return await _attempt(address, marks, limit_s, stamps, bound)
        except TimeoutError as error:
            late = True
            # The kernel's own verdict (ETIMEDOUT) comes with words, our limit's without.
            attempts.append(f"{address}: {error.strerror or f'no answer within {limit_s:g} s'}")
        except OSError as error:
            # No reason to stop: a machine without IPv6 says EADDRNOTAVAIL to ::1, and 127.0.0.1 comes next.
            if error.errno in _OURS:
                ours.append((address, error))
            attempts.append(f"{address}: {error.strerror}")
    if ours and len(ours) == len(attempts):
        raise _exhausted(*ours[0]) from ours[0][1]
    tried = "; ".join(attempts) or "the name has no address"
    if late:
        raise errors.ConnectTimeout(
            f"connecting to {host} timed out ({tried}): check that a firewall lets this machine out to it, "
            "or set the proxy that leads there"
        )
    raise errors.ConnectRefused(
        f"connecting to {host} failed ({tried}): check the host and port of the endpoint and that it is up"
    )


def _alike(addresses: Sequence[Address], bound: Address, host: str) -> Sequence[Address]:
    """Return the addresses that are of the source's family: no other can be reached from it."""
    alike = [address for address in addresses if address.family == bound.family]
    if addresses and not alike:
        raise errors.Misconfigured(
            f"{host} has no address of the kind of source_address {bound.sockaddr[0]} (IPv4 or IPv6): "
            "name an address of this machine of the kind that the host has"
        )
    return alike


async def _attempt(
    address: Address, marks: Marks, limit_s: float | None, stamps: Stamps, bound: Address | None
) -> Socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if bound is not None:
            _bind(sock, bound)
        marks.mark(CONNECT_START, time.monotonic_ns())
        async with asyncio.timeout(limit_s):
            marks.mark(CONNECT_END, await _established(sock, address))
        return Socket(sock, str(address), stamps)
    except BaseException:
        sock.close()
        raise


def _bind(sock: socket.socket, bound: Address) -> None:
    if _BIND_ADDRESS_NO_PORT is not None:
        sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
    try:
        sock.bind(bound.sockaddr)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        raise errors.SourceMissing(
            f"source_address {bound.sockaddr[0]} is not an address of this machine: "
            "name one that it bears (ip address), or bring the interface up"
        ) from error


async def _established(sock: socket.socket, address: Address) -> int:
    """Return the instant at which the handshake was seen to be done; raises OSError."""
    code = sock.connect_ex(address.sockaddr)
    if code == errno.EINPROGRESS:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()
        loop.add_writer(sock.fileno(), _stamp, done)
        try:
            at_ns = await done
        finally:
            loop.remove_writer(sock.fileno())
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    else:
        at_ns = time.monotonic_ns()
    if code:
        raise OSError(code, os.strerror(code))
    return at_ns


def _exhausted(address: Address, error: OSError) -> errors.Exhausted:
    return errors.Exhausted(
        f"connecting to {address} failed on this machine ({error.strerror}): "
        "raise its limits (open files: ulimit -n; ports: net.ipv4.ip_local_port_range) or lower limits.in_flight"
    )
