"""What follows a failure: a burst of confirmations over fresh connections, and its settlement in time."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from agent.asking.schedule import SETTLING_S, Job
from agent.asking.witness import Witnesses
from probes.base import Clock, Slot
from probes.result import ProbeResult, SlotKey
from storage.records import Settled

log = structlog.get_logger("asker")

PAUSES_S: Final = (0.0, 5.0, 10.0)
"""When the confirmations start, after the failure; they may overlap."""

Ask = Callable[[Job, Slot], Awaitable[ProbeResult | None]]


@dataclasses.dataclass(slots=True)
class _Burst:
    """The confirmations of one target: (monotonic instant of asking, whether it failed)."""

    answers: list[tuple[int, bool]] = dataclasses.field(default_factory=list)
    ended: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)


class Confirmations:
    """Settles failed slots, each within first_token + 15 s of its failure.

    A target has one burst at the most. A slot that fails while one is running waits for it, and is settled
    with those of its confirmations that were asked after the slot's own failure, possibly none: they are
    evidence about the target, whichever probe they carry. A confirmation that has no verdict of its own
    (throttled, say) counts neither way, nor does one that is still running when the slot must be settled.

    Meanwhile the witnesses of its way are asked, each failure's at its own instant: whose fault it is says what they,
    and whatever else answered there, have shown until then.

    `limit` confirmations run at once over all targets; others wait for their turn while there is time for
    an answer, and are not asked afterwards.
    """

    def __init__(
        self,
        ask: Ask,
        settle: Callable[[Settled], None],
        clock: Clock,
        limit: int,
        witnesses: Witnesses | None = None,
    ) -> None:
        self.in_flight = 0
        self._ask = ask
        self._settle = settle
        self._clock = clock
        self._witnesses = witnesses or Witnesses(clock)
        self._turns = asyncio.Semaphore(limit)
        self._bursts: dict[str, _Burst] = {}
        self._draining = asyncio.Event()

    def limit(self, limit: int) -> None:
        """Change the limit for those that wait from now on."""
        self._turns = asyncio.Semaphore(limit)

    def drain(self) -> None:
        """Ask nothing more: what runs is waited for, what fails is settled at once."""
        self._draining.set()
        self._witnesses.drain()

    async def confirm(self, job: Job, result: ProbeResult) -> None:
        """Return once the failed slot is settled."""
        failed_ns = self._clock.mono_ns()
        look = self._witnesses.look(job.target, result)
        running = self._bursts.get(job.target.name)
        burst = running or _Burst()
        try:
            async with asyncio.timeout(job.settle_s):
                await (running.ended.wait() if running else self._run(burst, job, result.key))
                if look is not None:
                    await look.ended()
        except TimeoutError:
            log.debug("confirmation.cut", target=job.target.name, probe=job.workload.name)
        finally:
            verdicts = [bad for asked_ns, bad in burst.answers if asked_ns >= failed_ns]
            said = self._witnesses.judge(job.target, result, failed_ns, look)
            self._settle(
                Settled(
                    slot=result.key,
                    fault=said.fault,
                    confirmations=len(verdicts),
                    confirmations_bad=sum(verdicts),
                    witness=said.evidence,
                    settled_ns=self._clock.wall_ns(),
                )
            )

    async def _run(self, burst: _Burst, job: Job, key: SlotKey) -> None:
        self._bursts[job.target.name] = burst
        cold = dataclasses.replace(job, workload=dataclasses.replace(job.workload, connection="cold"))
        try:
            async with asyncio.TaskGroup() as group:
                for attempt, pause_s in enumerate(PAUSES_S, start=1):
                    group.create_task(self._attempt(burst, cold, Slot(key.scheduled_ns, attempt), pause_s))
        finally:
            del self._bursts[job.target.name]
            burst.ended.set()

    async def _attempt(self, burst: _Burst, job: Job, slot: Slot, pause_s: float) -> None:
        turns = self._turns
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._draining.wait()
        try:
            # Later than this, a first token on its deadline would come after the settlement.
            async with asyncio.timeout(SETTLING_S - pause_s):
                await turns.acquire()
        except TimeoutError:
            return
        self.in_flight += 1
        try:
            if not self._draining.is_set():
                await self._answer(burst, job, slot)
        finally:
            self.in_flight -= 1
            turns.release()

    async def _answer(self, burst: _Burst, job: Job, slot: Slot) -> None:
        asked_ns = self._clock.mono_ns()
        result = await self._ask(job, slot)
        if result is not None and result.meaning.good is not None:
            burst.answers.append((asked_ns, result.meaning.confirm))
