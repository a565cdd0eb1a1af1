"""The kernel's receive stamps: asking for them, and turning their wall time into monotonic time."""

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

STEP_NS: Final = 100_000
"""How far the clocks' difference may seem to move. Slewing moves both clocks alike, so the difference only ever
jumps; 0.1 ms is far above the width of a sample (1 us) and as much as a trusted stamp may be off."""

_TRIES = 5

# SO_TIMESTAMPNS and, of the same number, SCM_TIMESTAMPNS (asm-generic/socket.h); Python names neither.
_OPTION = 35
_TIMESPEC = struct.Struct("@ll")
SPACE: Final = socket.CMSG_SPACE(_TIMESPEC.size)

# struct tcp_info (linux/tcp.h): tcpi_unacked at 24, tcpi_bytes_received at 128, tcpi_data_segs_in at 152 (since
# Linux 4.6).
_COUNTS = struct.Struct("=24xI100xQ16xI")


class Stamps:
    """Wall clock minus monotonic clock, kept for all connections of a transport; watches it for steps."""

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, mono_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self.steps = 0
        self.wall_ns = wall_ns
        self.mono_ns = mono_ns
        self.offset_ns = self._sampled()
        self._beacon: socket.socket | None = None

    def open(self) -> None:
        """Hold a socket that wants stamps until `close`.

        The kernel begins to stamp a while after the first such socket and ends with the last: without this
        one the first reads of every burst would carry none.
        """
        if self._beacon is None:
            self._beacon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            wanted(self._beacon)

    def close(self) -> None:
        if self._beacon is not None:
            self._beacon.close()
            self._beacon = None

    def look(self) -> None:
        """Learn the offset anew, and count a step where it moved."""
        before_ns, self.offset_ns = self.offset_ns, self._sampled()
        self.steps += abs(self.offset_ns - before_ns) > STEP_NS

    def _sampled(self) -> int:
        """Return the offset from the narrowest of a few brackets: a reading that was interrupted is a wide one."""
        best_ns, offset_ns = sys.maxsize, 0
        for _ in range(_TRIES):
            before_ns, wall_ns, after_ns = self.mono_ns(), self.wall_ns(), self.mono_ns()
            if after_ns - before_ns < best_ns:
                best_ns, offset_ns = after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2
        return offset_ns


def wanted(sock: socket.socket) -> bool:
    """Ask the kernel to stamp what this socket receives; return whether it knows how to."""
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _OPTION, 1)
        return True
    return False


def stamp_ns(ancillary: Sequence[tuple[int, int, bytes]]) -> int | None:
    """Return the wall instant, UTC nanoseconds, of the newest segment that a read carried; None where it has none."""
    if ancillary:
        _, kind, data = ancillary[0]  # of messages on the socket's own level we asked for no other
        if kind == _OPTION and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return None


class Counts(NamedTuple):
    """Of a TCP connection: segments sent and not acknowledged yet, bytes and segments with data received."""

    unacked: int
    bytes: int
    segments: int


def counts(sock: socket.socket) -> Counts | None:
    """Return what the kernel counts, None where nobody does. For Linux alone."""
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS.size)
    except OSError:
        return None
    return Counts(*_COUNTS.unpack(told)) if len(told) == _COUNTS.size else None
