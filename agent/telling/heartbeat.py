"""The dead man's heartbeat: as long as it comes, somebody measures, evaluates and would speak up."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx
import structlog

from agent.config.model import Heartbeat
from agent.telling.alive import Alive
from exporters.base import DeliveryError
from probes.base import Secrets, SigningError

TIMEOUT_S = 10.0
FIRST_S = 15.0
"""By then the first evaluation of a new process is made, where the database is there."""

RECEIVER = "heartbeat"

log = structlog.get_logger("telling")


class Heart:
    """Sends heartbeats while all is alive; `notified(receiver, state)` counts them, the log speaks at changes."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        alive: Alive,
        secrets: Secrets,
        *,
        notified: Callable[[str, str], None],
        wall_ns: Callable[[], int],
    ) -> None:
        self._heartbeat = heartbeat
        self._alive = alive
        self._secrets = secrets
        self._notified = notified
        self._wall_ns = wall_ns
        self._said: str | None = ""

    async def keep_beating(self) -> None:
        """Beat every `every_s`; for ever."""
        for chatty in ("httpx", "httpcore"):
            # They log every URL that is asked, and here the URL is the secret.
            logging.getLogger(chatty).setLevel(logging.CRITICAL)
        # One connection, made anew each minute: a receiver's address may change under a kept one.
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        await asyncio.sleep(min(FIRST_S, self._heartbeat.every_s))
        async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits) as client:
            while True:
                await self.beat(client)
                await asyncio.sleep(self._heartbeat.every_s)

    async def beat(self, client: httpx.AsyncClient) -> None:
        """Send one heartbeat, unless there is a reason for silence."""
        why = self._alive.silence(self._wall_ns())
        if why is None:
            try:
                # The reference is resolved each time: a mounted secret may have been swapped.
                await send(client, self._secrets.resolve(self._heartbeat.url))
            except (DeliveryError, SigningError) as failure:
                why = str(failure)
            self._notified(RECEIVER, "failed" if why else "sent")
        if why != self._said:
            self._said = why
            if why is None:
                log.info("heartbeat.sent", every_s=self._heartbeat.every_s)
            else:
                log.warning("heartbeat.silent", reason=why)


async def keep_newest(heart: Callable[[], Heart | None], changed: asyncio.Event) -> None:
    """Let the newest heart beat, where there is one; for ever. `changed` says that `heart` returns another now."""
    while True:
        changed.clear()
        tasks: set[asyncio.Task[Any]] = {asyncio.create_task(changed.wait())}
        if (newest := heart()) is not None:
            tasks.add(asyncio.create_task(newest.keep_beating()))
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        for task in ended:
            task.result()  # a heart that fails must not fail in silence


async def send(client: httpx.AsyncClient, url: str) -> None:
    """Send one heartbeat, or raise DeliveryError; its sentence never names the URL, which is a secret."""
    try:
        async with asyncio.timeout(TIMEOUT_S), client.stream("GET", url) as answer:
            status, taken = answer.status_code, answer.is_success
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as failure:
        raise DeliveryError(
            f"The heartbeat could not be delivered ({type(failure).__name__}): check `alerts.heartbeat.url` "
            "and the way out of this machine.",
            permanent=False,
        ) from None
    if not taken:
        raise DeliveryError(
            f"The heartbeat's receiver answered HTTP {status}: check `alerts.heartbeat.url`.",
            permanent=400 <= status < 500,
        )
