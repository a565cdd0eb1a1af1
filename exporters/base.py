"""The protocols of the room: sinks for judged results and for the state of objectives, and receivers of alerts."""

import dataclasses
from collections.abc import Callable, Sequence
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
    """One receiver of alerts.

    `gathers`: it makes one message of several notices; else it is told one at a time. `refresh_s`: how often it wants
    to hear of an alert again for as long as that fires; None: once is enough.
    """

    gathers: bool
    refresh_s: float | None

    async def tell(self, notices: Sequence[Notice]) -> str:
        """Tell of these, which a route grouped, and return in a few words what was answered.

        Raises `DeliveryError` where they are not taken; its sentence holds no secret. Telling again does no harm:
        what has a key of its own for each occurrence (`Notice.key`) takes the second for the first.
        """
        ...


class References(Protocol):
    """What resolves references to secrets; raises `DeliveryError` where one stands for nothing now."""

    def resolve(self, text: str) -> str: ...

    def resolve_url(self, text: str) -> str:
        """Return a URL in which what a reference brings into user name or password is percent-encoded."""
        ...

    def redact(self, text: str) -> str:
        """Return a text with every secret that was resolved blotted out."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a receiver is opened with; texts may refer to secrets, which are resolved at each telling.

    `ca` is a file of certificates to trust beside those that the machine trusts.
    """

    name: str
    secrets: References
    wall_ns: Callable[[], int]
    url: str = ""
    urls: tuple[str, ...] = ()
    routing_key: str = ""
    api_key: str = ""
    secret: str = ""
    smtp: str = ""
    to: tuple[str, ...] = ()
    sender: str = ""
    ca: str | None = None


class DeliveryError(Exception):
    """Something could not be delivered; `permanent` means that trying again cannot help.

    `retry_after_s` is how long the receiver asks to be left alone.
    """

    def __init__(self, message: str, *, permanent: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
