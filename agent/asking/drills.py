"""Drills: a fault in one target, asked on its own slots beside the real ones, which go on and alone count."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from agent.asking.confirm import Confirmations
from agent.asking.schedule import Job, jobs
from agent.asking.witness import Witnesses
from agent.config.model import Config
from agent.drill_file import ordered
from probes.base import Clock, Probe, Slot
from probes.result import DRILL, SCHEDULED, ProbeResult
from storage.base import JournalWriter
from storage.records import Drill, Drilled, Kind, Settled

LOOK_S: Final = 1.0
GUARD_S: Final = 5.0
LIMIT: Final = 10
"""Confirmations at once: a drill is one target's."""

Faulty = Callable[[str], Probe]
"""A probe whose every answer is this fault."""

log = structlog.get_logger("asker")


class Drills:
    """Follows the order in the state folder: each slot of the target is asked once more, and fails.

    Slots, deadlines, confirmations, witnesses and settlement are those of every probe. What comes of it is journalled
    as a kind of its own, under attempts of its own, so that whoever counts never sees it. A drill ends at its end,
    whoever was restarted meanwhile.
    """

    def __init__(
        self,
        config: Config,
        faulty: Faulty,
        journal: JournalWriter,
        clock: Clock,
        witnesses: Witnesses,
        state: Path,
    ) -> None:
        self._config = config
        self._faulty = faulty
        self._journal = journal
        self._clock = clock
        self._witnesses = witnesses
        self._state = state
        self._running: tuple[Drill, asyncio.Task[None]] | None = None

    def switch(self, config: Config, faulty: Faulty) -> None:
        """Go over to another plan; a drill that goes on ends as the plan before had it."""
        self._config, self._faulty = config, faulty

    async def run(self) -> None:
        """Look every second, for ever."""
        try:
            while True:
                self._follow(await asyncio.to_thread(ordered, self._state))
                await asyncio.sleep(LOOK_S)
        finally:
            if self._running is not None:
                self._running[1].cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._running[1]

    def _follow(self, drill: Drill | None) -> None:
        known = None if self._running is None else self._running[0]
        if drill is None or drill == known or drill.until_ns <= self._clock.wall_ns():
            return
        if self._running is not None:
            self._running[1].cancel()
        self._running = drill, asyncio.create_task(self._drill(drill), name="drill")

    async def _drill(self, drill: Drill) -> None:
        """Drill until the end; a mistake of ours costs the drill and no probe."""
        try:
            await self._asked(drill)
        except Exception:
            log.exception("drill.failed", target=drill.target, fault=drill.fault)

    async def _asked(self, drill: Drill) -> None:
        asked = [job for job in jobs(self._config) if job.target.name == drill.target]
        if not asked:
            log.warning("drill.refused", target=drill.target, reason="this daemon's plan does not ask it")
            return
        self._tell(Drilled(drill=drill))
        log.warning("drill.begun", target=drill.target, fault=drill.fault, severity=drill.severity)
        probe = await asyncio.to_thread(self._faulty, drill.fault)
        drilling = _Drilling(drill, probe, self._tell, self._clock, self._witnesses)
        async with asyncio.TaskGroup() as group:
            for job in asked:
                group.create_task(drilling.ask_slots(job, group))
        log.info("drill.ended", target=drill.target, fault=drill.fault)

    def _tell(self, step: Drilled) -> None:
        self._journal.append(Kind.DRILL, step.encode())


class _Drilling:
    """One drill under way."""

    def __init__(
        self,
        drill: Drill,
        probe: Probe,
        tell: Callable[[Drilled], None],
        clock: Clock,
        witnesses: Witnesses,
    ) -> None:
        self._drill = drill
        self._probe = probe
        self._tell = tell
        self._clock = clock
        self._confirmations = Confirmations(self._ask, self._settle, clock, LIMIT, witnesses)

    async def ask_slots(self, job: Job, group: asyncio.TaskGroup) -> None:
        """Ask each slot of the job's own grid, until the drill is over."""
        now_ns = self._clock.wall_ns()
        slot_ns = job.next_slot(now_ns, now_ns)
        while slot_ns < self._drill.until_ns:
            await asyncio.sleep(max(0.0, (slot_ns - self._clock.wall_ns()) / 1e9))
            group.create_task(self._slot(job, slot_ns))
            slot_ns = job.next_slot(slot_ns, self._clock.wall_ns())

    async def _slot(self, job: Job, scheduled_ns: int) -> None:
        result = await self._ask(job, Slot(scheduled_ns, SCHEDULED))
        if result is not None and result.meaning.confirm:
            await self._confirmations.confirm(job, result)

    async def _ask(self, job: Job, slot: Slot) -> ProbeResult | None:
        try:
            async with asyncio.timeout(job.workload.timeout_s + GUARD_S):
                result = await self._probe.ask(job.target, job.workload, slot)
        except Exception:
            log.exception("drill.slot_failed", target=job.target.name, probe=job.workload.name)
            return None
        self._tell(
            Drilled(drill=self._drill, result=dataclasses.replace(result, attempt=DRILL - result.attempt))
        )
        return result

    def _settle(self, settled: Settled) -> None:
        self._tell(Drilled(drill=self._drill, settled=settled))
