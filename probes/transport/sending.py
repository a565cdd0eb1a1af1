"""How bytes leave: handed to the kernel, and when it passed the last of them on, by its own stamp where it says so."""

import contextlib
import errno
import socket
import struct
import sys
import time
from typing import Final, NamedTuple

from probes.transport.stamps import Stamps

# SO_TIMESTAMPING and, of the same number, SCM_TIMESTAMPING (asm-generic/socket.h); Python names neither.
_OPTION = 37
# linux/net_tstamp.h: tell the stamps that software took, and without the packet they belong to.
_TELL = (1 << 4) | (1 << 11)
_ON_LEAVING = [(socket.SOL_SOCKET, _OPTION, struct.pack("=I", 1 << 1))]

_QUEUE = 0x2000  # MSG_ERRQUEUE: where the kernel lays the stamps of what was sent
_STAMP = struct.Struct("@ll")
_SPACE = 512

_AT_ONCE: Final = 8192
"""Bytes that leave within the call that hands them over, as they fit into any congestion window (RFC 6928). The
stamp of more would come later, when nobody asks for it, and be the network's."""


class Handed(NamedTuple):
    """Between which instants, monotonic, the kernel took the last byte.

    `at_ns` is before the call that gave it. `by_ns` is the kernel's own stamp of passing it on, else after the
    call: we may be interrupted at its end, which only the stamp can tell from an interruption at its beginning.
    """

    at_ns: int
    by_ns: int


class Sender:
    """The one place where bytes leave a connected, non-blocking socket."""

    __slots__ = ("_sock", "_stamped", "_stamps", "_unacked")

    def __init__(self, sock: socket.socket, stamps: Stamps) -> None:
        self._sock = sock
        self._stamps = stamps
        self._stamped = _wanted(sock)
        self._unacked = False
        """Whether something that was to be stamped may be sent anew, and be stamped again."""

    def send(self, data: memoryview) -> tuple[int, Handed]:
        """Hand over what the kernel takes now; return how many bytes those were, and when. Raises OSError."""
        at_ns = time.monotonic_ns()
        if not self._stamped or len(data) > _AT_ONCE:
            return self._sock.send(data), Handed(at_ns, time.monotonic_ns())
        self._unacked = True
        taken = self._sock.sendmsg([data], _ON_LEAVING)
        by_ns = time.monotonic_ns()
        left_ns = self._left_ns()
        if left_ns is not None and at_ns <= left_ns <= by_ns:  # else the wall clock was stepped meanwhile
            by_ns = left_ns
        return taken, Handed(at_ns, by_ns)

    def belated(self, *, acked: bool) -> bool:
        """Take the stamps that came after the call; return whether there were any.

        libuv stops watching a descriptor on which it finds one. `acked` says that the other end has all that was
        sent: nothing is sent anew, and no stamp comes any more.
        """
        if not self._unacked:
            return False
        self._unacked = not acked
        return self._left_ns() is not None

    def _left_ns(self) -> int | None:
        """Return the instant of the newest stamp that waits, monotonic; None where none does."""
        found = None
        with contextlib.suppress(BlockingIOError):
            while True:
                _, ancillary, _, _ = self._sock.recvmsg(0, _SPACE, _QUEUE)
                for _, kind, data in ancillary:
                    if kind == _OPTION and len(data) >= _STAMP.size:
                        seconds, nanoseconds = _STAMP.unpack_from(data)
                        found = seconds * 1_000_000_000 + nanoseconds - self._stamps.offset_ns
        return found


def _wanted(sock: socket.socket) -> bool:
    """Ask the kernel for the stamps of what this socket sends; return whether it knows how to."""
    if sys.platform != "linux" or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _OPTION, _TELL)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOPROTOOPT, errno.EPERM):
            return False
        raise
    return True
