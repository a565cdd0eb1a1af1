"""What goes on in the teller beside its followers, and needs the database."""

import asyncio
import functools
from collections.abc import Coroutine, Iterator
from typing import Any

import structlog

from agent.telling.alerting import keep_looking
from agent.telling.chores import repeat
from agent.telling.delivering import deliveries
from agent.telling.due import asked_since
from agent.telling.others import keep_exchanging
from agent.telling.upkeep import keep_quiet
from agent.telling.watch import keep_counted, keep_watch
from agent.wiring.held import Held
from agent.wiring.teller_parts import JITTER, Parts
from storage import migrate, retention
from storage.history import PostgresHistory
from storage.outbox import PostgresOutbox
from storage.rollups import PostgresRollups

UPKEEP_S = 3600.0

REMEMBERED_NS = 86_400 * 10**9
"""What was planned within a day is not new to an agent that remembers nothing."""

logger = structlog.get_logger("teller")


class Sides:
    """Tasks that wait until `prepared` is set, which whoever calls `prepare` does once the schema is there."""

    def __init__(self, parts: Parts, held: Held) -> None:
        self._parts = parts
        self._held = held
        self.prepared = asyncio.Event()

    def prepare(self) -> None:
        """Bring the schema to this release, unless a job of its own does, and make the partitions of now.

        What was planned before says what is new: the folder of the snapshot may be.
        """
        with self._parts.link.used(long=True):
            if self._held.config.storage.migrate:
                migrate.upgrade(self._parts.engine)
            now_ns = self._parts.clock.wall_ns()
            history = PostgresHistory(self._parts.engine)
            plans = history.plans(self._held.config.vantage, now_ns - REMEMBERED_NS, now_ns)
        self._parts.standings.asked(asked_since(plans))
        self._maintain()

    def tasks(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        yield "evaluation", self._evaluate()
        yield "rollups", self._count()
        yield "alerting", self._look()
        yield "deliveries", self._deliver()
        if not self._held.config.storage.embedded:  # which no other vantage shares
            yield "vantages", keep_exchanging(self._parts.others, self.prepared)
        yield "upkeep", self._keep_up()
        yield "maintenance", self._keep_quiet()

    async def _evaluate(self) -> None:
        await self.prepared.wait()
        clock, alive = self._parts.clock, self._parts.alive
        await keep_watch(
            self._parts.watch,
            lambda: self._held.current,
            self._on_evaluated,
            clock.mono_ns,
            lambda: alive.is_whole(clock.wall_ns()),
        )

    def _on_evaluated(self, at_ns: int) -> None:
        self._parts.alive.evaluated_ns = at_ns
        self._parts.uncounted.again()
        self._parts.metrics.task_succeeded("evaluation", at_ns)

    async def _count(self) -> None:
        await self.prepared.wait()
        rollups, clock = PostgresRollups(self._parts.engine), self._parts.clock
        await keep_counted(rollups, lambda: self._held.current, clock.wall_ns, clock.mono_ns)

    async def _look(self) -> None:
        await self.prepared.wait()
        await keep_looking(self._parts.alerting, lambda: self._held.config)

    async def _deliver(self) -> None:
        await self.prepared.wait()
        await deliveries(
            PostgresOutbox(self._parts.engine),
            lambda: self._held.config,
            lambda: self._held.secrets,
            notified=self._parts.metrics.notified,
            wall_ns=self._parts.clock.wall_ns,
            uniform=JITTER,
            silenced=self._parts.upkeep.silenced,
        )

    async def _keep_up(self) -> None:
        await self.prepared.wait()
        await repeat(self._maintain, UPKEEP_S, functools.partial(self._succeeded, "upkeep"))

    async def _keep_quiet(self) -> None:
        await self.prepared.wait()
        done = functools.partial(self._succeeded, "maintenance")
        await keep_quiet(self._parts.upkeep, self._parts.link, done)

    def _succeeded(self, task: str) -> None:
        self._parts.metrics.task_succeeded(task, self._parts.clock.wall_ns())

    def _maintain(self) -> None:
        with self._parts.link.used(long=True):
            config = self._held.config
            done = retention.maintain(self._parts.engine, config.storage, config.vantage)
        self._parts.metrics.default_partition_rows(done.default_rows)
        if done.made or done.dropped:
            logger.info("partitions.kept", made=len(done.made), dropped=len(done.dropped))
        if done.ended:
            logger.warning(
                "alerts.ended", alerts=done.ended, reason="nothing was heard of their vantage for a week"
            )
