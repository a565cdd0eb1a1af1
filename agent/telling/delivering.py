"""The delivery of alerts: what is due in the outbox is told, by a task for each receiver that delays no other."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import Final

import structlog

from agent.config.model import Config, Receiver
from agent.telling import routing
from agent.telling.dispatching import (
    SECOND_NS,
    Message,
    Silenced,
    after_refusal_s,
    again_ns,
    messages,
    parted,
    pause_s,
)
from agent.telling.opening import opened
from exporters.base import DeliveryError, Notifier
from probes.base import Secrets
from storage.alert_readings import Claim, Told
from storage.base import Outbox, StoreUnavailableError

LOOK_S: Final = 1.0
TELL_S: Final = 30.0
"""How long a receiver may take over one message."""

LEASE_NS: Final = 90 * SECOND_NS
"""How long a claim is ours: no message is begun in its second half, so the last one ends within it."""

AT_ONCE: Final = 50
"""Notices that are claimed for a receiver at once; the others wait in the table."""

DAY_NS: Final = 86_400 * SECOND_NS
WEEK_NS: Final = 7 * DAY_NS
FORGET_NS: Final = 30 * DAY_NS
TIDY_NS: Final = 60 * SECOND_NS

log = structlog.get_logger("telling")

Opener = Callable[[Receiver], Notifier]


class Deliveries:
    """Tells receivers what is due; `notified(receiver, state)` counts, the log speaks at changes."""

    def __init__(
        self,
        outbox: Outbox,
        opener: Opener,
        *,
        notified: Callable[[str, str], None],
        wall_ns: Callable[[], int],
        uniform: Callable[[float, float], float],
        silenced: Silenced = lambda _: False,
    ) -> None:
        self._outbox = outbox
        self._opener = opener
        self._notified = notified
        self._wall_ns = wall_ns
        self._uniform = uniform
        self._silenced = silenced
        self._open: dict[str, tuple[Receiver, Notifier]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._left: dict[str, list[Message]] = {}
        self._failing: dict[str, str] = {}
        self._fresh: set[str] = set()
        self._tidied_ns = 0

    async def look(self, config: Config) -> None:
        """Claim what is due for every receiver that is not being told, and begin telling it; waits for none.

        Where Prometheus pages those are ends alone: whoever was told hears of that. Raises StoreUnavailableError where
        the outbox cannot be reached: then nothing is claimed.
        """
        for name in [name for name, task in self._tasks.items() if task.done()]:
            self._tasks.pop(name).result()
        if not config.receivers:
            return
        self._reopen(config.receivers)
        idle = [name for name in self._open if name not in self._tasks]
        claims = await asyncio.to_thread(self._claim, config, idle)
        for name, theirs in itertools.groupby(claims, key=lambda claim: claim.row.receiver):
            work = self._tell_all(config, name, self._open[name][1], list(theirs))
            self._tasks[name] = asyncio.create_task(work, name=f"receiver {name}")

    async def rest(self) -> None:
        """Wait until all that was begun is done."""
        await asyncio.gather(*self._tasks.values())

    async def stop(self) -> None:
        """Break off what is under way, and let go of what is claimed: whoever comes next tells it at once."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        broken_off = [left[0] for left in self._left.values() if left]
        left = [message for left in self._left.values() for message in left[1:]]
        now_ns = self._wall_ns()
        told = [*self._released(broken_off, now_ns, "broken off"), *self._released(left, now_ns)]
        with contextlib.suppress(StoreUnavailableError):  # then the leases lapse
            await self._settle(told)

    def _reopen(self, receivers: Collection[Receiver]) -> None:
        """Open what is new or changed, and close what is gone."""
        fresh = [one for one in receivers if one.name not in self._open or self._open[one.name][0] != one]
        self._open |= {one.name: (one, self._opener(one)) for one in fresh}
        self._fresh |= {one.name for one in fresh}
        for name in self._open.keys() - {one.name for one in receivers}:
            del self._open[name]

    def _claim(self, config: Config, idle: Collection[str]) -> list[Claim]:
        vantage, now_ns = config.vantage, self._wall_ns()
        if self._fresh:
            # A restart or a reload is what mends a wrong key.
            self._outbox.revive(vantage, self._fresh, now_ns - WEEK_NS, now_ns)
            self._fresh.clear()
        if now_ns - self._tidied_ns >= TIDY_NS:
            self._tidy(vantage, now_ns)
        if not idle:
            return []
        ends = config.engine != "agent"
        return self._outbox.claim(vantage, idle, now_ns, now_ns + LEASE_NS, AT_ONCE, ends=ends)

    def _tidy(self, vantage: str, now_ns: int) -> None:
        self._tidied_ns = now_ns
        dropped = self._outbox.expire(vantage, self._open, now_ns - DAY_NS, now_ns - WEEK_NS)
        for receiver, count in dropped.items():
            log.error("alert.dropped", receiver=receiver, notices=count, reason="they waited for too long")
            for _ in range(count):
                self._notified(receiver, "dropped")
        self._outbox.forget(vantage, now_ns - FORGET_NS)

    async def _tell_all(self, config: Config, name: str, notifier: Notifier, claims: Sequence[Claim]) -> None:
        """Tell message after message, settling each; where one fails for now, the others are left for later.

        A refusal says nothing of the others.

        With the database gone in between, the leases lapse and all is told again.
        """
        began_ns = self._wall_ns()
        try:
            speak, quiet = parted(claims, self._silenced, began_ns)
            for one in quiet:
                if one.state != "waiting":
                    self._notified(name, one.state)
            await self._settle(quiet)
            left = self._left[name] = list(messages(speak, gathers=notifier.gathers))
            while left:
                if self._wall_ns() - began_ns >= LEASE_NS // 2:
                    await self._settle(self._released(left, self._wall_ns()))
                    return
                done = await self._tell(name, notifier, left[0])
                del left[0]
                if done[0].state == "waiting":
                    await self._settle([*done, *self._released(left, done[0].due_ns)])
                    return
                await self._settle(done)
                if done[0].state == "refused":
                    await asyncio.to_thread(self._have_others_told, config, done)
        except StoreUnavailableError as failure:
            log.warning("alert.unsettled", receiver=name, error=str(failure))

    async def _tell(self, name: str, notifier: Notifier, message: Message) -> list[Told]:
        """Tell one message and return what became of it."""
        try:
            async with asyncio.timeout(TELL_S):
                answer = await notifier.tell(message.notices)
        except DeliveryError as failure:
            return self._failed(name, message, failure)
        except TimeoutError:
            slow = DeliveryError(f"{name} took more than {TELL_S:.0f} s over a message.", permanent=False)
            return self._failed(name, message, slow)
        except Exception as failure:  # noqa: BLE001 - one notice that cannot be told must not end the telling of all
            defect = DeliveryError(
                f"telling {name} is a defect ({type(failure).__name__}): report it.", permanent=True
            )
            return self._failed(name, message, defect)
        self._recovered(name)
        self._said(name, message, answer)
        now_ns = self._wall_ns()
        pauses = [(claim, again_ns(claim, notifier.refresh_s)) for claim in message.claims]
        return [
            Told(claim=claim, state="told", at_ns=now_ns, due_ns=None if after is None else now_ns + after)
            for claim, after in pauses
        ]

    def _have_others_told(self, config: Config, refused: Sequence[Told]) -> None:
        """Have pages that were refused before anybody took them from us told to those who come next."""
        for row in (one.claim.row for one in refused if not one.claim.again):
            if row.ends or not row.urgent:
                continue
            known = self._outbox.deliveries(row.vantage, row.alert)
            refusing = {
                one.row.receiver for one in known if one.row.seq == row.seq and one.state == "refused"
            }
            page = routing.unpacked(row.payload)
            self._outbox.put(routing.stand_ins(config, page, refusing, self._wall_ns()))

    def _said(self, name: str, message: Message, answer: str) -> None:
        tell = log.debug if all(claim.again for claim in message.claims) else log.info
        alerts = [f"{notice.name} {notice.subject} {notice.state}" for notice in message.notices]
        tell("alert.told", receiver=name, alerts=alerts, answer=answer)
        for _ in message.claims:
            self._notified(name, "sent")

    def _failed(self, name: str, message: Message, failure: DeliveryError) -> list[Told]:
        now_ns, error = self._wall_ns(), str(failure)
        tries = min(claim.tries for claim in message.claims)
        wait_s = pause_s(tries, failure.retry_after_s, self._uniform(0.0, 1.0))
        news = self._failing.get(name) != error
        if failure.permanent and (news or tries == 0):
            alerts = [f"{notice.name} {notice.subject}" for notice in message.notices]
            log.error("alert.refused", receiver=name, alerts=alerts, error=error, remedy="mend it and reload")
        elif news:
            log.warning("alert.undelivered", receiver=name, error=error, again_s=round(wait_s, 1))
        self._failing[name] = error
        for _ in message.claims:
            self._notified(name, "refused" if failure.permanent else "failed")
        pauses = [after_refusal_s(claim, wait_s) if failure.permanent else wait_s for claim in message.claims]
        return [
            Told(
                claim=claim,
                state="refused" if failure.permanent else "waiting",
                at_ns=now_ns,
                due_ns=now_ns + round(pause * SECOND_NS),
                error=error,
            )
            for claim, pause in zip(message.claims, pauses, strict=True)
        ]

    def _recovered(self, name: str) -> None:
        if self._failing.pop(name, None) is not None:
            log.info("alert.receiver_back", receiver=name)

    @staticmethod
    def _released(left: Sequence[Message], due_ns: int | None, error: str | None = None) -> list[Told]:
        """Return claims that were not tried, or only begun, as due later."""
        at_ns = due_ns or 0
        return [
            Told(claim=claim, state="waiting", at_ns=at_ns, due_ns=due_ns, error=error)
            for message in left
            for claim in message.claims
        ]

    async def _settle(self, told: Sequence[Told]) -> None:
        if told:
            await asyncio.to_thread(self._outbox.settle, told)


async def deliveries(
    outbox: Outbox,
    configured: Callable[[], Config],
    secrets: Callable[[], Secrets],
    *,
    notified: Callable[[str, str], None],
    wall_ns: Callable[[], int],
    uniform: Callable[[float, float], float],
    silenced: Silenced = lambda _: False,
) -> None:
    """Look every second, for ever; with the database away nothing is told from it, and that is said once."""
    telling = Deliveries(
        outbox,
        lambda receiver: opened(receiver, secrets, wall_ns),
        notified=notified,
        wall_ns=wall_ns,
        uniform=uniform,
        silenced=silenced,
    )
    away = False
    try:
        while True:
            try:
                await telling.look(configured())
                away = False
            except StoreUnavailableError as failure:
                if not away:
                    log.warning("alerts.undelivered", error=str(failure))
                away = True
            await asyncio.sleep(LOOK_S)
    finally:
        await telling.stop()
