"""One run: a due slot is asked, journalled, and confirmed where it failed; nothing raises out of it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from agent.asking.buckets import Buckets
from agent.asking.budget import Held
from agent.asking.confirm import Confirmations
from agent.asking.purse import Purse
from agent.asking.refusals import Refusals
from agent.asking.schedule import Job
from agent.asking.witness import Witnesses
from probes.base import Clock, Probe, Slot
from probes.result import SCHEDULED, ProbeResult, SlotKey
from probes.target import Target
from storage.base import JournalWriter
from storage.records import Kind, Settled, Skipped

log = structlog.get_logger("asker")

GUARD_S: Final = 5.0
"""Past its own timeout a probe that does not return is a mistake of ours, and must not hold its place for ever."""


def confirming(in_flight: int) -> int:
    """Return the confirmations' own limit, a quarter of the slots'.

    >>> confirming(500), confirming(2)
    (125, 1)
    """
    return max(1, in_flight // 4)


class Pipeline:
    """Runs slots. `probe`, `vantage` and `limit` may be replaced for the slots to come.

    `limit` holds for scheduled attempts; beyond it a slot is skipped. Confirmations have a quarter of it apart.
    Every attempt is paid from the purse, and a slot that its budget is against is skipped.
    """

    def __init__(
        self,
        probe: Probe,
        journal: JournalWriter,
        clock: Clock,
        vantage: str,
        limit: int,
        purse: Purse,
        witnesses: Witnesses | None = None,
    ) -> None:
        self.lateness = Buckets()
        self.slots_in_flight = 0
        self._probe = probe
        self._journal = journal
        self._clock = clock
        self._vantage = vantage
        self._limit = limit
        self._purse = purse
        self._witnesses = witnesses or Witnesses(clock)
        self._confirmations = Confirmations(
            self._ask, self._settle, clock, confirming(limit), self._witnesses
        )
        self._refusals = Refusals()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        return self.slots_in_flight + self._confirmations.in_flight

    def switch(self, probe: Probe, vantage: str, limit: int, targets: Iterable[Target]) -> None:
        """Ask with these from the next slot on."""
        self._refusals.switch(targets)
        if limit != self._limit:
            self._confirmations.limit(confirming(limit))
        self._probe, self._vantage, self._limit = probe, vantage, limit

    def start(self, job: Job, scheduled_ns: int, ended: Callable[[], None]) -> None:
        """Spawn a due slot's run; `ended` is called when it no longer overlaps the next."""
        if self.slots_in_flight >= self._limit:
            self.skip(job, scheduled_ns, "in_flight")
            ended()
            return
        held = self._purse.ask(job)
        if held is None:
            self.skip(job, scheduled_ns, "budget")
            ended()
            return
        self.slots_in_flight += 1
        task = asyncio.get_running_loop().create_task(self._run(job, scheduled_ns, held, ended))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def skip(self, job: Job, scheduled_ns: int, reason: str) -> None:
        """Account for a slot that is not asked, or not answered for."""
        self._journal.append(Kind.SKIPPED, Skipped(slot=self._key(job, scheduled_ns), reason=reason).encode())

    async def drain(self, patience_s: float) -> None:
        """Wait until every run has ended and is settled; after `patience_s` what is left is cut off."""
        self._confirmations.drain()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=patience_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _run(self, job: Job, scheduled_ns: int, held: Held, ended: Callable[[], None]) -> None:
        self.lateness.add(max(0, self._clock.wall_ns() - scheduled_ns) / 1e9)
        try:
            result = await self._ask(job, Slot(scheduled_ns, SCHEDULED))
        except asyncio.CancelledError:
            self.skip(job, scheduled_ns, "shutdown")
            raise
        finally:
            self._purse.release(held)
            self.slots_in_flight -= 1
            ended()
        if result is None:
            self.skip(job, scheduled_ns, "bug")
        elif result.meaning.confirm:
            await self._confirmations.confirm(job, result)

    async def _ask(self, job: Job, slot: Slot) -> ProbeResult | None:
        """Return one attempt, journalled; None where the probe itself failed, which is logged."""
        try:
            async with asyncio.timeout(job.workload.timeout_s + GUARD_S):
                asked = await self._probe.ask(job.target, job.workload, slot)
            result = self._refusals.judged(job.target, asked)
            self._journal.append(Kind.RESULT, result.encode(), good=result.meaning.good is True)
            self._purse.spend(job, result)
            self._witnesses.answered(job.target, result)
        except Exception:
            log.exception(
                "slot.failed", target=job.target.name, probe=job.workload.name, attempt=slot.attempt
            )
            return None
        return result

    def _settle(self, settled: Settled) -> None:
        self._journal.append(Kind.SETTLED, settled.encode())

    def _key(self, job: Job, scheduled_ns: int) -> SlotKey:
        return SlotKey(job.target.name, job.workload.name, self._vantage, scheduled_ns)
