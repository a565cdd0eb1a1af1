"""The dead man's heartbeat: as long as it comes, somebody measures, evaluates and would speak up."""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping

import httpx
import structlog

from agent.config.model import Heartbeat
from exporters.base import DeliveryError
from probes.base import Secrets, SigningError

TIMEOUT_S = 10.0
RECENT_NS = 120_000_000_000
"""How old the last evaluation and the asker's last beat may be."""

RECEIVER = "heartbeat"

log = structlog.get_logger("telling")


@dataclasses.dataclass(slots=True)
class Alive:
    """When the asker beat last and when an evaluation succeeded last, UTC nanoseconds."""

    beat_ns: int | None = None
    evaluated_ns: int | None = None

    def silence(self, now_ns: int) -> str | None:
        """Return why no heartbeat may be sent now, or None.

        >>> Alive(beat_ns=10**12, evaluated_ns=None).silence(10**12)
        'no evaluation succeeded within 2 minutes'
        """
        if self.evaluated_ns is None or now_ns - self.evaluated_ns > RECENT_NS:
            return "no evaluation succeeded within 2 minutes"
        if self.beat_ns is None or now_ns - self.beat_ns > RECENT_NS:
            return "the asker gave no sign of life for 2 minutes"
        return None


async def send(client: httpx.AsyncClient, url: str) -> None:
    """Send one heartbeat, or raise DeliveryError; its sentence never names the URL, which is a secret."""
    try:
        answer = await client.get(url, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        raise DeliveryError(
            f"The heartbeat could not be delivered ({type(failure).__name__}): check `alerts.heartbeat.url` "
            "and the way out of this machine.",
            permanent=False,
        ) from None
    if not answer.is_success:
        raise DeliveryError(
            f"The heartbeat's receiver answered HTTP {answer.status_code}: check `alerts.heartbeat.url`.",
            permanent=answer.is_client_error,
        )


async def keep_beating(
    heartbeat: Heartbeat,
    alive: Alive,
    secrets: Secrets,
    client: httpx.AsyncClient,
    *,
    notified: Callable[[str, str], None],
    wall_ns: Callable[[], int],
) -> None:
    """Send a heartbeat every `every_s` while all is alive; for ever. The log speaks at each change."""
    before: str | None = None
    while True:
        why = alive.silence(wall_ns())
        if why is None:
            why = await _deliver(heartbeat, secrets, client, notified)
        if why != before:
            if why is None:
                log.info("heartbeat.sent", every_s=heartbeat.every_s)
            else:
                log.warning("heartbeat.silent", reason=why)
        before = why
        await asyncio.sleep(heartbeat.every_s)


async def _deliver(
    heartbeat: Heartbeat, secrets: Secrets, client: httpx.AsyncClient, notified: Callable[[str, str], None]
) -> str | None:
    """Return why it could not be delivered, or None; the reference is resolved each time, as files rotate."""
    try:
        await send(client, secrets.resolve(heartbeat.url))
    except (DeliveryError, SigningError) as failure:
        notified(RECEIVER, "failed")
        return str(failure)
    notified(RECEIVER, "sent")
    return None


def client_options() -> Mapping[str, object]:
    """Return what the heartbeat's small client is made with: one connection, the environment's proxies."""
    return {"limits": httpx.Limits(max_connections=1, max_keepalive_connections=0), "follow_redirects": True}
