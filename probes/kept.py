"""What identity rests on, fetched by a vendor's own library: kept until it ends, and got anew in good time.

Such libraries block, so they run in threads of their own; whoever waits for one waits no longer than a limit.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Final, Generic, NamedTuple, TypeVar

from probes.base import SigningError

LIMIT_S: Final = 10.0
"""How long a probe waits for its identity."""

_AHEAD_S: Final = 300.0
_AHEAD_SHARE: Final = 0.2
"""What ends within this time, or this share of its life if that is shorter, is got anew while it still serves."""

_RETRY_S: Final = 10.0
"""A fetch ahead of time that failed is not tried again for this long."""

_STUCK_S: Final = 60.0
"""A fetch that is older than this is taken for stuck: who comes now starts another one."""

T = TypeVar("T")


class Fetched(NamedTuple, Generic[T]):
    """What was fetched, and when it ends (UTC seconds since the epoch); None is never."""

    value: T
    ends_s: float | None = None


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.fetched: Fetched[T] | None = None
        self.life_s = 0.0
        self.running: Future[Fetched[T]] | None = None
        self.tried_s = float("-inf")


def _look(coming: asyncio.Future[Fetched[T]]) -> None:
    """Look at a failure that came when nobody waited any longer, else asyncio complains of it in the log."""
    if not coming.cancelled():
        coming.exception()


class Kept(Generic[T]):
    """Fetched things by key. One fetch of a key runs at a time, in a thread that dies with the process.

    `now_s` gives UTC seconds since the epoch.
    """

    def __init__(self, now_s: Callable[[], float] = time.time, limit_s: float = LIMIT_S) -> None:
        self._now_s = now_s
        self._limit_s = limit_s
        self._entries: dict[str, _Entry[T]] = {}
        self._lock = Lock()

    async def get(self, key: str, fetch: Callable[[], Fetched[T]], *, anew: bool = False) -> T:
        """Return what is kept under a key, fetched where there is none, it has ended or it is wanted `anew`.

        What `fetch` raises, which should be a `SigningError`, comes out here. `SigningError` where it takes too long.
        """
        entry = self._entries.setdefault(key, _Entry())
        fetched = None if anew else entry.fetched
        left_s = self._left_s(fetched)
        if fetched is not None and left_s > 0:
            ahead_s = min(_AHEAD_S, entry.life_s * _AHEAD_SHARE)
            if left_s < ahead_s and self._now_s() - entry.tried_s > _RETRY_S:
                self._start(entry, fetch)
            return fetched.value
        coming = asyncio.wrap_future(self._start(entry, fetch))
        coming.add_done_callback(_look)
        try:
            return (await asyncio.wait_for(asyncio.shield(coming), self._limit_s)).value
        except TimeoutError:
            raise SigningError(
                f"no identity came within {self._limit_s:g} s: see whether the service that gives it can be reached from here",
                "identity_timeout",
            ) from None

    def _left_s(self, fetched: Fetched[T] | None) -> float:
        if fetched is None or fetched.ends_s is None:
            return float("inf")
        return fetched.ends_s - self._now_s()

    def _start(self, entry: _Entry[T], fetch: Callable[[], Fetched[T]]) -> Future[Fetched[T]]:
        """Return the fetch that runs; it is begun where none does."""
        with self._lock:
            if entry.running is not None and self._now_s() - entry.tried_s < _STUCK_S:
                return entry.running
            running: Future[Fetched[T]] = Future()
            entry.tried_s, entry.running = self._now_s(), running
        Thread(target=self._run, args=(entry, fetch, running), name="identity", daemon=True).start()
        return running

    def _run(self, entry: _Entry[T], fetch: Callable[[], Fetched[T]], running: Future[Fetched[T]]) -> None:
        try:
            fetched = fetch()
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            self._end(entry, running)
            running.set_exception(error)
            return
        with self._lock:
            entry.fetched, entry.life_s = fetched, max(0.0, self._left_s(fetched))
        self._end(entry, running)
        running.set_result(fetched)

    def _end(self, entry: _Entry[T], running: Future[Fetched[T]]) -> None:
        with self._lock:
            if entry.running is running:
                entry.running = None
