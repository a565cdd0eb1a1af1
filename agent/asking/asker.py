"""The asker as a whole: starts, switches plans, beats, drains."""

import asyncio
import dataclasses
import random
from typing import Final, Protocol

import structlog

from agent.asking.beat import Beats, Journal
from agent.asking.calibration import Calibration
from agent.asking.lag import LagMonitor
from agent.asking.patience import Patience
from agent.asking.pipeline import Pipeline
from agent.asking.purse import Purse
from agent.asking.schedule import jobs, plan_record
from agent.asking.timers import Timers
from agent.asking.witness import Try, Witnesses, nobody
from agent.config.model import Config
from probes.base import Clock, Probe
from storage.records import Kind

log = structlog.get_logger("asker")

DRAIN_S: Final = 1.0
"""Beyond the longest timeout: whatever runs longer than its own deadline is cut off."""


class HeadedJournal(Journal, Protocol):
    """A journal whose segments begin with what holds when they are begun."""

    def set_head(self, kind: Kind, payload: bytes) -> None: ...


class Asker:
    """Asks every due slot of a plan and journals all of it.

    `run` lasts until it is cancelled or one of its side tasks fails; `drain` then ends it in order.
    """

    def __init__(
        self,
        config: Config,
        probe: Probe,
        journal: HeadedJournal,
        clock: Clock,
        lag: LagMonitor,
        boot: str,
        shuffle: random.Random,
        calibration: Calibration | None = None,
        purse: Purse | None = None,
        witnesses: Witnesses | None = None,
    ) -> None:
        self._config = config
        self._journal = journal
        self._clock = clock
        self._lag = lag
        self._purse = purse or Purse(config, clock)
        self._witnesses = witnesses or Witnesses(clock)
        self._pipeline = Pipeline(
            probe,
            journal,
            clock,
            config.vantage,
            config.limits.in_flight,
            self._purse,
            self._witnesses,
        )
        self._timers = Timers(clock, self._pipeline.start, self._pipeline.skip, shuffle)
        self._calibration = calibration
        self._patience = Patience(config, clock.mono_ns)
        self._beats = Beats(
            journal, clock, lag, self._pipeline, self._purse, boot, calibration, self._witnesses.states
        )

    @property
    def in_flight(self) -> int:
        return self._pipeline.in_flight

    async def run(self, resume_ns: int | None) -> None:
        """Ask from now on; after a crash, from the instant `resume_ns` at which the process before died.

        What fell due since then is asked late, as `Timers` says, so that a crash costs what was in flight. The
        plan is the one that held then, or one that took its place meanwhile.
        """
        now_ns = self._clock.wall_ns()
        if resume_ns is not None and resume_ns < now_ns:
            self._announce(resume_ns, "resume")
            after_ns = resume_ns
        else:  # a normal start, or a clock that was set back since
            self._announce(now_ns, "start")
            after_ns = now_ns - 1
        self._lag.start()
        self._timers.start()
        self._timers.plan(jobs(self._config), after_ns, absent_until_ns=now_ns)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beats.run())
            group.create_task(self._timers.watch())
            group.create_task(self._purse.run())
            group.create_task(self._witnesses.run())
            if self._calibration is not None:
                group.create_task(self._calibration.run())

    def switch(self, config: Config, probe: Probe, attempt: Try = nobody) -> None:
        """Go over to another plan: what goes on keeps its rhythm, what is new begins now.

        What is in flight ends as the plan before had it.
        """
        now_ns = self._clock.wall_ns()
        self._config = config
        self._patience.switch(config)
        self._purse.switch(config)
        self._witnesses.switch(config.networks, attempt)
        self._pipeline.switch(probe, config.vantage, config.limits.in_flight, config.targets)
        self._announce(now_ns, "change")
        self._timers.plan(jobs(config), now_ns - 1)

    async def drain(self, patience_s: float | None = None) -> None:
        """Ask no new slot, wait for those in flight, journal everything, say goodbye with a last beat.

        Patience ends, unless given, after the longest deadline and a little more.
        """
        self._timers.stop()
        await self._pipeline.drain(self._patience.seconds + DRAIN_S if patience_s is None else patience_s)
        self._timers.skip_rest()
        self._lag.stop()
        self._purse.save()
        self._witnesses.save()
        self._beats.beat(draining=True)

    def _announce(self, from_ns: int, reason: str) -> None:
        plan = plan_record(self._config, from_ns, reason)
        self._journal.append(Kind.PLAN, plan.encode())
        self._journal.set_head(Kind.PLAN, dataclasses.replace(plan, snapshot=True).encode())
        self._beats.config_hash, self._beats.vantage = plan.config_hash, plan.vantage
        log.info("plan.begun", config_hash=plan.config_hash, reason=reason, jobs=len(plan.entries))
