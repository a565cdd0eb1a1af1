"""The asker's own pulse: every 2 s what it saw of itself."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from agent.asking.calibration import Calibration
from agent.asking.discipline import clock_offset_s
from agent.asking.lag import LagMonitor
from agent.asking.pipeline import Pipeline
from agent.asking.purse import Purse
from probes.base import Clock
from storage.base import JournalWriter
from storage.records import Beat, Kind
from storage.upkeep import Footprint

BEAT_S: Final = 2.0


class Journal(JournalWriter, Protocol):
    """A journal that knows its size and what it had to drop since it was opened."""

    @property
    def footprint(self) -> Footprint: ...

    @property
    def dropped(self) -> Mapping[str, int]: ...


class Beats:
    """Writes beats: one at the start, one every 2 s, a last one when draining is over."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        lag: LagMonitor,
        pipeline: Pipeline,
        purse: Purse,
        boot: str,
        calibration: Calibration | None = None,
        witnesses: Callable[[], Mapping[str, Mapping[str, str]]] = dict,
    ) -> None:
        self.config_hash = ""
        self.vantage = ""
        self._journal = journal
        self._clock = clock
        self._lag = lag
        self._pipeline = pipeline
        self._purse = purse
        self._boot = boot
        self._calibration = calibration
        self._witnesses = witnesses

    async def run(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(BEAT_S)

    def beat(self, *, draining: bool = False) -> None:
        lateness, lag = self._pipeline.lateness, self._lag.buckets
        footprint = self._journal.footprint
        before = sum(self._journal.dropped.values())
        beat = Beat(
            at_ns=self._clock.wall_ns(),
            boot=self._boot,
            config_hash=self.config_hash,
            vantage=self.vantage,
            lateness=lateness.all_counts(),
            lateness_sum_s=lateness.sum_s,
            loop_lag=lag.all_counts(),
            loop_lag_sum_s=lag.sum_s,
            in_flight=self._pipeline.in_flight,
            journal_bytes=footprint.bytes,
            journal_oldest_ns=footprint.oldest_ns,
            dropped=dict(self._journal.dropped),
            draining=draining,
            calibration=self._calibration.errors if self._calibration else {},
            clock_offset_s=clock_offset_s(),
            budget_left=self._purse.remaining(),
            budget_used=self._purse.used(),
            witnesses=self._witnesses(),
        )
        self._journal.append(Kind.BEAT, beat.encode())
        if sum(self._journal.dropped.values()) == before:  # else the next beat tells it
            lateness.clear()
            lag.clear()
