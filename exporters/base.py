"""The protocols of the room: sinks for judged results and for the state of objectives."""

from typing import Final, Protocol

from exporters.signals import Judged, SloStatus
from probes.result import ProbeResult


class ResultSink(Protocol):
    """Is told of attempts twice: when they arrive and when their meaning is final."""

    def take(self, result: ProbeResult) -> None:
        """Take an attempt as it arrives: scheduled, confirmation or manual, each once."""
        ...

    def settle(self, judged: Judged) -> None:
        """Take a scheduled attempt whose meaning is final, once; never a confirmation or a manual one."""
        ...


class RemoteSink(ResultSink, Protocol):
    """A result sink that sends to a collector, which may be dead: no call but `close` waits for it."""

    def close(self, timeout_s: float) -> None:
        """Send what waits, for so long at most."""
        ...


HORIZON_NS: Final = 15 * 60 * 1_000_000_000
"""A result that started longer ago is told to no collector: a backlog fills the store and counters alone."""


class StatusSink(Protocol):
    """Shows the newest state of every SLO in place of the one before."""

    def show(self, statuses: tuple[SloStatus, ...]) -> None: ...


class DeliveryError(Exception):
    """Something could not be delivered; `permanent` means that trying again cannot help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent
