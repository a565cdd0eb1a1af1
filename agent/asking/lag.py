"""How late our own event loop is: a tick that measures its own delay."""

import asyncio
import collections
import sys
from typing import Final

from agent.asking.buckets import Buckets
from probes.base import Clock

TICK_S: Final = 0.02 if sys.platform == "linux" else 0.005
"""Shorter stand-stills may fall between two ticks, and waking up costs: every 5 ms 3 % of a core. Where the
kernel stamps arrivals no instant hangs on the loop, and what is looked for are stand-stills that miss a deadline."""

_WINDOW_NS: Final = 50_000_000
_WINDOWS: Final = 20 * 600
"""Ten minutes of windows of 50 ms: longer than any probe lasts."""


class LagMonitor:
    """Keeps the longest delay of each window of 50 ms."""

    def __init__(self, clock: Clock) -> None:
        self.buckets = Buckets()
        self._clock = clock
        self._windows: collections.deque[list[int]] = collections.deque(maxlen=_WINDOWS)
        self._due_ns: int | None = None
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._due_ns = None

    def max_lag(self, since_ns: int, until_ns: int) -> float:
        """Return the longest delay, in seconds, seen between two monotonic instants (to 50 ms at both ends).

        A delay that lasts at `until_ns`, with the tick overdue, is in it.
        """
        longest = 0 if self._due_ns is None else max(0, until_ns - self._due_ns)
        for start_ns, lag_ns in reversed(self._windows):
            if start_ns + _WINDOW_NS < since_ns:
                break
            # A delay reaches back from its end: it belongs to a probe that ended while it lasted.
            if start_ns - lag_ns <= until_ns:
                longest = max(longest, lag_ns)
        return longest / 1e9

    def note(self, at_ns: int, lag_ns: int) -> None:
        """Take one tick's delay, seen at a monotonic instant."""
        self.buckets.add(lag_ns / 1e9)
        start_ns = at_ns - at_ns % _WINDOW_NS
        if self._windows and self._windows[-1][0] == start_ns:
            self._windows[-1][1] = max(self._windows[-1][1], lag_ns)
        else:
            self._windows.append([start_ns, lag_ns])

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_ns = self._clock.mono_ns() + round(TICK_S * 1e9)
        self._handle = loop.call_later(TICK_S, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._due_ns is not None:
            now_ns = self._clock.mono_ns()
            self.note(now_ns, max(0, now_ns - self._due_ns))
            self._arm(loop)
