"""The sink that remembers what it was told: the in-memory twin of every sink of the room."""

from exporters.signals import Judged, SloStatus
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
