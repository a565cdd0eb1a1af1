"""The budget at work: asked before each slot, told of each attempt, and kept in a file over restarts."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from agent.asking.budget import DAY_NS, Budgeting, Held, Notice
from agent.asking.remembered import Remembered
from agent.asking.schedule import Job
from agent.config.model import Config
from probes.base import Clock
from probes.result import ProbeResult

SAVE_S: Final = 10.0
"""What a killed asker forgets, a ten-thousandth of the day; writing takes milliseconds for 500 targets."""

log = structlog.get_logger("asker")


class Purse:
    """Pays every attempt, and says of a slot whether there is money for it.

    What was spent is read from the file once and written to it as it changes; without a file, or while there is
    no budget, nothing is kept.
    """

    def __init__(self, config: Config, clock: Clock, file: Path | None = None) -> None:
        self._budgeting = Budgeting(config)
        self._clock = clock
        self._file = Remembered(file, "budget", lost="what was spent earlier today is not known")
        self._changed = False
        self._shed: set[tuple[int, str]] = set()

    def switch(self, config: Config) -> None:
        self._budgeting.switch(config)
        self._changed = True

    def ask(self, job: Job) -> Held | None:
        """Return what is held for a slot's attempt, or None where it must not be asked."""
        now_ns = self._clock.wall_ns()
        held = self._budgeting.ask(job, now_ns)
        if held is None:
            self._tell_shed(job, now_ns // DAY_NS)
        return held

    def release(self, held: Held) -> None:
        self._budgeting.release(held)

    def spend(self, job: Job, result: ProbeResult) -> None:
        for notice in self._budgeting.spend(job, result):
            _tell(notice)
        self._changed = True

    def remaining(self) -> Mapping[str, float]:
        return self._budgeting.remaining(self._clock.wall_ns())

    def used(self) -> Mapping[str, Mapping[str, float]]:
        return self._budgeting.used(self._clock.wall_ns())

    def load(self) -> None:
        """Go on from what a process before this one spent; an unreadable file is told and left behind."""
        self._file.load(self._budgeting.restore)

    async def run(self) -> None:
        """Save every 10 s, in a thread; for ever."""
        while True:
            await asyncio.sleep(SAVE_S)
            if (payload := self._unsaved()) is not None:
                await asyncio.to_thread(self._write, payload)

    def save(self) -> None:
        """Save now, at the end."""
        if (payload := self._unsaved()) is not None:
            self._write(payload)

    def _unsaved(self) -> bytes | None:
        if not self._file.kept or self._budgeting.budget is None or not self._changed:
            return None
        self._changed = False
        return json.dumps(self._budgeting.snapshot(), separators=(",", ":")).encode()

    def _write(self, payload: bytes) -> None:
        self._changed |= not self._file.save(payload)

    def _tell_shed(self, job: Job, day: int) -> None:
        told = day, job.workload.name
        if told not in self._shed:
            self._shed = {each for each in self._shed if each[0] == day} | {told}
            log.warning(
                "budget.shed",
                probe=job.workload.name,
                kind=job.workload.kind,
                first=job.target.name,
                consequence="its slots are skipped while the rest of the day is needed for what goes before it",
            )


def _tell(notice: Notice) -> None:
    kind, name = notice.scope
    log.warning(
        "budget.passed" if notice.share >= 1 else "budget.warned",
        budget=f"{kind} {name}".strip(),
        unit=notice.unit,
        spent=round(notice.spent, 6),
        cap=notice.cap,
        **({"consequence": "availability probes go on, all others stop"} if notice.share >= 1 else {}),
    )
