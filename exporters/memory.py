"""What remembers what it was told: the in-memory twins of every sink and notifier of the room."""

import asyncio
from collections.abc import Sequence

from exporters.base import DeliveryError
from exporters.signals import Judged, Notice, SloStatus
from probes.result import ProbeResult


class MemorySink:
    """A `ResultSink` and `StatusSink`; lists in the order of telling."""

    def __init__(self) -> None:
        self.taken: list[ProbeResult] = []
        self.settled: list[Judged] = []
        self.statuses: tuple[SloStatus, ...] = ()

    def take(self, result: ProbeResult) -> None:
        self.taken.append(result)

    def settle(self, judged: Judged) -> None:
        self.settled.append(judged)

    def show(self, statuses: tuple[SloStatus, ...]) -> None:
        self.statuses = statuses


class MemoryNotifier:
    """A `Notifier`; `told` holds each message. `failure` is raised in place of taking one, `hangs` waits for ever."""

    def __init__(self, *, gathers: bool = True, refresh_s: float | None = None) -> None:
        self.gathers = gathers
        self.refresh_s = refresh_s
        self.told: list[tuple[Notice, ...]] = []
        self.tried = 0
        self.failure: DeliveryError | None = None
        self.hangs = False

    async def tell(self, notices: Sequence[Notice]) -> str:
        self.tried += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        self.told.append(tuple(notices))
        return "remembered"
