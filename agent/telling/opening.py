"""A receiver of the plan as what tells it."""

from collections.abc import Callable

from agent.config.model import Receiver
from exporters.base import DeliveryError, Notifier, Options
from exporters.receivers import KINDS
from probes.base import Secrets, SigningError


def opened(receiver: Receiver, secrets: Callable[[], Secrets], wall_ns: Callable[[], int]) -> Notifier:
    """Return what tells a receiver; nothing is connected or resolved before it tells."""
    return KINDS[receiver.kind].opened(
        Options(
            name=receiver.name,
            secrets=_Late(secrets),
            wall_ns=wall_ns,
            url=receiver.url or "",
            urls=receiver.urls,
            routing_key=receiver.routing_key or "",
            api_key=receiver.api_key or "",
            secret=receiver.secret or "",
            smtp=receiver.smtp or "",
            to=receiver.to,
            sender=receiver.sender or "",
            ca=receiver.ca,
        )
    )


class _Late:
    """References as they stand for secrets at the moment of telling: a reload or a rotation brings others."""

    def __init__(self, secrets: Callable[[], Secrets]) -> None:
        self._secrets = secrets

    def resolve(self, text: str) -> str:
        try:
            return self._secrets().resolve(text)
        except SigningError as failure:
            raise DeliveryError(str(failure), permanent=False) from None

    def resolve_url(self, text: str) -> str:
        try:
            return self._secrets().resolve_url(text)
        except SigningError as failure:
            raise DeliveryError(str(failure), permanent=False) from None

    def redact(self, text: str) -> str:
        return self._secrets().redact(text)
