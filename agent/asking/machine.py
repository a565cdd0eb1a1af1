"""What the machine suffers while we measure: CPU time stolen from it, CPU time refused to us, by the second."""

import asyncio
import collections
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from probes.base import Clock
from probes.quality import CPU_STEAL, THROTTLED_CPU

SAMPLE_S: Final = 1.0
"""Reading /proc/stat takes some 20 us on two cores and far more on a hundred: not for each probe."""

FRESH_NS: Final = 250_000_000
"""The last sample is new enough to end a probe with; an older one is taken again."""

STEAL_SHARE: Final = 0.05
"""Stolen share of all CPU time: in slices of 10 ms one arrival in twenty is then stamped 5 ms late on average."""

THROTTLED_S: Final = 0.001
"""Time that our group stood still: the bound of loop lag, of which this is a cause."""

_WINDOWS: Final = 1200

_STAT = Path("/proc/stat")
_CGROUP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


class Counters(NamedTuple):
    """Since boot: ticks of all CPUs together, those that the hypervisor stole, seconds that our group stood still."""

    ticks: int
    stolen: int
    throttled_s: float


def counters(stat: Path = _STAT, cgroup: Path = _CGROUP, groups: Path = _GROUPS) -> Counters:
    """Return what /proc and cgroup v2 tell; what they do not tell stays 0 for ever."""
    return Counters(*_ticks(stat), _throttled_s(cgroup, groups))


def _ticks(stat: Path) -> tuple[int, int]:
    """Return all ticks and the stolen ones, the eighth (proc_stat(5)); guests' are in the first two already."""
    try:
        with stat.open() as lines:
            ticks = [int(each) for each in lines.readline().split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return sum(ticks), ticks[7] if len(ticks) > 7 else 0


def _throttled_s(cgroup: Path, groups: Path) -> float:
    try:
        own = next(line[3:] for line in cgroup.read_text().splitlines() if line.startswith("0::"))
        told = (groups / own.lstrip("/") / "cpu.stat").read_text()
        values = dict(line.split() for line in told.splitlines())
        return int(values["throttled_usec"]) / 1e6
    except (OSError, ValueError, KeyError, StopIteration):
        return 0.0


class Machine:
    """Remembers the spans of time in which the machine suffered, ten minutes and more of them."""

    def __init__(self, clock: Clock, read: Callable[[], Counters] = counters) -> None:
        self._clock = clock
        self._read = read
        self._last: Counters | None = None
        self._last_ns = 0
        self._spans: collections.deque[tuple[int, int, tuple[str, ...]]] = collections.deque(maxlen=_WINDOWS)

    async def run(self) -> None:
        """Sample every second; for ever."""
        while True:
            self.sample()
            await asyncio.sleep(SAMPLE_S)

    def sample(self) -> None:
        now_ns, now = self._clock.mono_ns(), self._read()
        if self._last is not None and (suffered := _suffered(self._last, now)):
            self._spans.append((self._last_ns, now_ns, suffered))
        self._last, self._last_ns = now, now_ns

    def suffered(self, since_ns: int, until_ns: int) -> tuple[str, ...]:
        """Return what was suffered between two monotonic instants, the second of them about now."""
        if until_ns - self._last_ns > FRESH_NS:
            self.sample()
        found: set[str] = set()
        for from_ns, to_ns, reasons in reversed(self._spans):
            if to_ns < since_ns:
                break
            if from_ns <= until_ns:
                found.update(reasons)
        return tuple(sorted(found))


def _suffered(before: Counters, now: Counters) -> tuple[str, ...]:
    """Return what the counters' differences amount to.

    >>> _suffered(Counters(1000, 10, 0.0), Counters(1200, 21, 0.002))
    ('cpu_steal', 'throttled_cpu')
    >>> _suffered(Counters(1000, 10, 0.0), Counters(1200, 20, 0.001))
    ()
    """
    held = {
        CPU_STEAL: now.stolen - before.stolen > STEAL_SHARE * (now.ticks - before.ticks),
        THROTTLED_CPU: now.throttled_s - before.throttled_s > THROTTLED_S,
    }
    return tuple(reason for reason, holds in held.items() if holds)
