"""Names to addresses by the system's resolver, in threads of our own, where a dead name disturbs no other."""

import asyncio
import contextlib
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from probes.timing import DNS_END, DNS_START, DNS_WAIT_START, Marks
from probes.transport import errors

_THREADS = 64
_PER_HOST = 2
# A lookup that is older than this is taken for stuck: who comes now starts a second one.
_STUCK_NS = 5_000_000_000

GetAddrInfo = Callable[..., Sequence[tuple[Any, ...]]]


class Address(NamedTuple):
    """One place to connect to; `sockaddr` is what the family's `connect` takes."""

    family: int
    sockaddr: tuple[Any, ...]

    def __str__(self) -> str:
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Lookup:
    """One call of getaddrinfo; its thread writes `started_ns`, then the rest, then wakes the loop."""

    __slots__ = ("done", "ended_ns", "error", "found", "host", "loop", "started_ns")

    def __init__(self, host: str, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.loop = loop
        self.done: asyncio.Future[None] = loop.create_future()
        self.started_ns: int | None = None
        self.ended_ns: int | None = None
        self.found: Sequence[tuple[Any, ...]] = ()
        self.error: Exception | None = None

    @property
    def stuck(self) -> bool:
        return self.started_ns is not None and time.monotonic_ns() - self.started_ns > _STUCK_NS


class Resolver:
    """Looks names up; identical lookups are joined, and a host holds two threads at most.

    The threads are daemons, unlike an executor's: a resolver that hangs for half a minute must not hold up
    the end of the process.
    """

    def __init__(self, getaddrinfo: GetAddrInfo = socket.getaddrinfo, threads: int = _THREADS) -> None:
        self._getaddrinfo = getaddrinfo
        self._limit = threads
        self._queue: queue.SimpleQueue[_Lookup | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0
        self._in_flight: dict[str, list[_Lookup]] = {}

    async def resolve(self, host: str, port: int, marks: Marks, limit_s: float | None) -> list[Address]:
        """Return the host's addresses in the resolver's order, or raise `ResolveFailed`.

        The limit counts from the moment that a thread took the lookup up; an IP address needs none, and
        leaves no marks.
        """
        if literal := literal_address(host, port):
            return [literal]
        asked_ns = time.monotonic_ns()
        marks.mark(DNS_WAIT_START, asked_ns)
        lookup = self._join(host)
        try:
            await _finished(lookup, asked_ns, limit_s)
        finally:
            if lookup.started_ns is not None:
                marks.mark(DNS_START, max(asked_ns, lookup.started_ns))
        if lookup.ended_ns is not None:
            marks.mark(DNS_END, max(asked_ns, lookup.ended_ns))
        if lookup.error is not None:
            raise errors.ResolveFailed(_sentence(host, lookup.error)) from lookup.error
        return _addresses(lookup.found, port)

    def close(self) -> None:
        """Let the threads go, each as soon as it is free."""
        for _ in range(self._started):
            self._queue.put(None)
        self._started = 0

    def _join(self, host: str) -> _Lookup:
        lookups = self._in_flight.setdefault(host, [])
        if lookups and (not lookups[-1].stuck or len(lookups) >= _PER_HOST):
            return lookups[-1]
        lookup = _Lookup(host, asyncio.get_running_loop())
        lookups.append(lookup)
        if not self._idle.acquire(blocking=False) and self._started < self._limit:
            self._started += 1
            threading.Thread(target=self._work, name="resolver", daemon=True).start()
        self._queue.put(lookup)
        return lookup

    def _work(self) -> None:
        while (lookup := self._queue.get()) is not None:
            lookup.started_ns = time.monotonic_ns()
            try:
                lookup.found = self._getaddrinfo(lookup.host, 0, type=socket.SOCK_STREAM)
            except Exception as error:  # noqa: BLE001 - told to whoever asked, a thread has nobody above it
                lookup.error = error
            lookup.ended_ns = time.monotonic_ns()
            self._idle.release()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                lookup.loop.call_soon_threadsafe(self._finish, lookup)

    def _finish(self, lookup: _Lookup) -> None:
        lookups = self._in_flight[lookup.host]
        lookups.remove(lookup)
        if not lookups:
            del self._in_flight[lookup.host]
        if not lookup.done.done():
            lookup.done.set_result(None)


def literal_address(host: str, port: int) -> Address | None:
    """Return the address that an IP literal is.

    >>> str(literal_address("::1", 80)), literal_address("localhost", 80)
    ('[::1]:80', None)
    """
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if version == 4:
        return Address(socket.AF_INET, (host, port))
    return Address(socket.AF_INET6, (host, port, 0, 0))


async def _finished(lookup: _Lookup, asked_ns: int, limit_s: float | None) -> None:
    left_s = limit_s
    while not lookup.done.done():
        if left_s is not None and left_s <= 0:
            raise errors.ResolveFailed(
                f"looking up {lookup.host} took more than {limit_s:g} s: "
                "check that the name servers of this machine answer (/etc/resolv.conf)"
            )
        # `wait` leaves the future alone when we are cancelled or late: others may have joined it.
        await asyncio.wait([lookup.done], timeout=left_s)
        if limit_s is not None and lookup.started_ns is not None:
            left_s = limit_s - (time.monotonic_ns() - max(asked_ns, lookup.started_ns)) / 1e9


def _addresses(found: Sequence[tuple[Any, ...]], port: int) -> list[Address]:
    return list(
        dict.fromkeys(
            Address(family, (sockaddr[0], port, *sockaddr[2:]))
            for family, _, _, _, sockaddr in found
            if family in (socket.AF_INET, socket.AF_INET6)
        )
    )


def _sentence(host: str, error: Exception) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return (
            f"looking up {host} failed for now ({error.strerror}): check that this machine is online, that the "
            "name servers of this machine answer (/etc/resolv.conf), and whether a proxy is needed"
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (
        f"looking up {host} failed ({reason}): check that this machine is online, that its resolver knows other names, and "
        "whether a proxy is needed; then the host in `endpoint`, or the `region` that it came from"
    )
