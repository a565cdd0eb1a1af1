"""The protocols of the room: sinks for judged results and for the state of objectives, and receivers of alerts."""

from collections.abc import Sequence
from typing import Final, Protocol

from exporters.signals import Judged, Notice, SloStatus
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


class Notifier(Protocol):
    """One receiver of alerts."""

    async def tell(self, notices: Sequence[Notice]) -> None:
        """Tell of these, which a route grouped; raises `DeliveryError` where they are not taken."""
        ...


class DeliveryError(Exception):
    """Something could not be delivered; `permanent` means that trying again cannot help.

    `retry_after_s` is how long the receiver asks to be left alone.
    """

    def __init__(self, message: str, *, permanent: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
