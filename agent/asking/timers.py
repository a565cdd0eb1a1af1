"""When slots fire: APScheduler told about slots, late ones, overlaps and a wall clock that jumps."""

import asyncio
import functools
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from agent.asking.schedule import OVERLAP, Job, SlotTrigger, instant, nanoseconds
from probes.base import Clock
from probes.slots import slots_between

log = structlog.get_logger("asker")

WATCH_S: Final = 0.1
STEP_NS: Final = 50_000_000
"""Between two looks 0.1 s apart: slewing moves the clock by 0.05 ms at the most, so 50 ms can only be a step."""

ABSENCE_NS: Final = 30_000_000_000
"""After a crash, slots that fell due in the absence are asked if they are no older than this (or their interval)."""

_BLURRED_NS: Final = 5_000_000

Start = Callable[[Job, int, Callable[[], None]], None]
Skip = Callable[[Job, int, str], None]


class SlotExecutor(AsyncIOExecutor):  # type: ignore[misc] # APScheduler 3 is untyped
    """Tells `fire` of a job's run times, with a callback for the end; it neither waits nor cancels."""

    def __init__(self, fire: Callable[[Job, list[int], Callable[[], None]], None]) -> None:
        super().__init__()
        self._fire = fire

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        ended = functools.partial(self._run_job_success, job.id, [])
        self._fire(job.args[0], [nanoseconds(at) for at in run_times], ended)


def _nothing() -> None:
    """Stand for the end of a run that APScheduler does not wait for: it counts all slots of one turn as one."""


def _due(_: Job) -> None:
    """Stand in APScheduler's table, whose own runner would tell no slot; the executor takes its place."""


class Timers:
    """Fires the jobs' slots: `start` asks one, `skip` accounts for one that is not asked.

    Every slot after a job's cursor is either asked or skipped with a reason; one that comes later than its
    interval is skipped as `late`, and so at most the newest is asked when several are due. What fell due while
    nobody was there to ask (`absent_until_ns` in `plan`) is asked within `ABSENCE_NS`, the newest `OVERLAP` of
    a job. Jobs that are due together start in random order.

    The grid is the wall clock's. When that is set forward, the slots jumped over are `late`. When it is set
    back by less than two slots, what was asked is not asked again; by more, the repeated slots are asked
    again rather than leaving the time dark, and the store, having their keys, counts them as duplicates.
    """

    def __init__(self, clock: Clock, start: Start, skip: Skip, shuffle: random.Random) -> None:
        self._clock = clock
        self._start = start
        self._skip = skip
        self._random = shuffle
        self._jobs: dict[str, Job] = {}
        self._cursor_ns: dict[str, int] = {}
        self._absent_until_ns = 0
        self._stopped = False
        self._round: list[tuple[Job, int, Callable[[], None]]] = []
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            executors={"default": SlotExecutor(self._fire)},
            job_defaults={"coalesce": False, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._on_overlap, EVENT_JOB_MAX_INSTANCES)

    def start(self) -> None:
        self._scheduler.start(paused=True)

    def plan(self, jobs: Iterable[Job], after_ns: int, absent_until_ns: int = 0) -> None:
        """Replace the jobs: those that go on keep their cursor, new ones begin after an instant.

        Slots up to that instant belong to the jobs that end: what is due and did not fire yet fires now.
        `absent_until_ns` is when somebody was there to ask again, after a crash.
        """
        self._absent_until_ns = absent_until_ns
        coming = {job.id: job for job in jobs}
        self._scheduler.pause()  # or each job that is added would wake it
        for gone in self._jobs.keys() - coming.keys():
            self._fire_rest(self._jobs[gone], after_ns)
            self._scheduler.remove_job(gone)
            del self._cursor_ns[gone]
        for job in coming.values():
            before = self._jobs.get(job.id)
            if before is None or (before.every_ns, before.phase_ns) != (job.every_ns, job.phase_ns):
                if before is not None:
                    self._fire_rest(before, after_ns)
                self._cursor_ns[job.id] = after_ns
            self._schedule(job)
        self._jobs = coming
        self._scheduler.resume()

    def stop(self) -> None:
        """Fire nothing more; what fell due in this very turn of the loop is still asked."""
        self._stopped = True
        self._start_round()
        self._scheduler.shutdown(wait=False)

    def skip_rest(self) -> None:
        """Account for the slots that came due since the stop."""
        now_ns = self._clock.wall_ns()
        for job in self._jobs.values():
            slot_ns = job.next_slot(self._cursor_ns[job.id], now_ns)
            while slot_ns <= now_ns:
                self._skip(job, slot_ns, "shutdown")
                slot_ns += job.every_ns

    async def watch(self) -> None:
        """Plan all jobs anew whenever the wall clock was stepped."""
        before_ns = self._offset_ns()
        while True:
            await asyncio.sleep(WATCH_S)
            offset_ns = self._offset_ns()
            if offset_ns is None or before_ns is None:
                before_ns = before_ns if offset_ns is None else offset_ns
                continue
            if abs(offset_ns - before_ns) > STEP_NS:
                self._stepped((offset_ns - before_ns) / 1e9)
            before_ns = offset_ns

    def _offset_ns(self) -> int | None:
        """Return wall minus monotonic clock, or None where this process was interrupted between the two."""
        first_ns = self._clock.mono_ns()
        wall_ns = self._clock.wall_ns()
        last_ns = self._clock.mono_ns()
        return wall_ns - last_ns if last_ns - first_ns < _BLURRED_NS else None

    def _stepped(self, seconds: float) -> None:
        now_ns = self._clock.wall_ns()
        repeated = 0
        self._scheduler.pause()
        for job in self._jobs.values():
            cursor_ns = self._cursor_ns[job.id]
            if cursor_ns - now_ns > job.every_ns:
                repeated += slots_between(job.every_ns, job.phase_ns, now_ns, cursor_ns + 1)
                self._cursor_ns[job.id] = now_ns - 1
            self._schedule(job)
        self._scheduler.resume()
        log.warning("clock.stepped", seconds=round(seconds, 3), slots_asked_again=repeated)

    def _schedule(self, job: Job) -> None:
        next_ns = job.next_slot(self._cursor_ns[job.id], self._clock.wall_ns())
        self._scheduler.add_job(
            _due,
            SlotTrigger(job),
            args=(job,),
            id=job.id,
            max_instances=job.overlap,
            next_run_time=instant(next_ns),
            replace_existing=True,
        )

    def _fire_rest(self, job: Job, until_ns: int) -> None:
        """Fire what of an ending job is due; the loop's turn that would have done so comes too late."""
        slots = []
        slot_ns = job.next_slot(self._cursor_ns[job.id], until_ns)
        while slot_ns <= until_ns:
            slots.append(slot_ns)
            slot_ns += job.every_ns
        if slots:
            self._fire(job, slots, _nothing)

    def _fire(self, job: Job, slots: list[int], ended: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        if self._stopped:
            loop.call_soon(ended)
            return
        self._pass(job, slots)
        now_ns = self._clock.wall_ns()
        asked = [slot_ns for slot_ns in slots[-OVERLAP:] if self._in_time(job, slot_ns, now_ns)]
        for slot_ns in slots[: len(slots) - len(asked)]:
            self._skip(job, slot_ns, "late")
        if not asked:
            loop.call_soon(ended)
            return
        if not self._round:
            loop.call_soon(self._start_round)
        self._round += [(job, slot_ns, _nothing) for slot_ns in asked[:-1]]
        self._round.append((job, asked[-1], ended))

    def _in_time(self, job: Job, slot_ns: int, now_ns: int) -> bool:
        """Return whether a due slot may still be asked; slots of one job answer yes from some slot on."""
        missed = slot_ns <= self._absent_until_ns
        return now_ns - slot_ns <= (max(job.every_ns, ABSENCE_NS) if missed else job.every_ns)

    def _start_round(self) -> None:
        due, self._round = self._round, []
        self._random.shuffle(due)
        for job, slot_ns, ended in due:
            self._start(job, slot_ns, ended)

    def _on_overlap(self, event: JobSubmissionEvent) -> None:
        slots = [nanoseconds(at) for at in event.scheduled_run_times]
        if (job := self._jobs.get(event.job_id)) is not None:
            self._pass(job, slots)
            for slot_ns in slots:
                self._skip(job, slot_ns, "overlap")

    def _pass(self, job: Job, slots: list[int]) -> None:
        """Move the cursor; say how many slots lie out of reach behind these."""
        beyond = slots_between(job.every_ns, job.phase_ns, self._cursor_ns[job.id] + 1, slots[0])
        if beyond:
            log.warning("slots.unreached", target=job.target.name, probe=job.workload.name, slots=beyond)
        self._cursor_ns[job.id] = slots[-1]
