import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agent.asking.schedule import OVERLAP, Job
from agent.asking.timers import Timers
from support.asking import a_job
from support.clock import FakeClock
from support.virtual import fake_scheduler_time, run

HOUR = 3600.0


class Asked:
    """Remembers which slots were asked and skipped; a run lasts `takes_s`."""

    def __init__(self, clock: FakeClock, takes_s: float = 0.1) -> None:
        self.clock = clock
        self.takes_s = takes_s
        self.slots: list[int] = []
        self.order: list[str] = []
        self.late_s: list[float] = []
        self.skipped: list[tuple[int, str]] = []

    def start(self, job: Job, slot_ns: int, ended: Callable[[], None]) -> None:
        self.slots.append(slot_ns)
        self.order.append(job.target.name)
        self.late_s.append((self.clock.wall_ns() - slot_ns) / 1e9)
        asyncio.get_running_loop().call_later(self.takes_s, ended)

    def skip(self, _: Job, slot_ns: int, reason: str) -> None:
        self.skipped.append((slot_ns, reason))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    fake_scheduler_time(monkeypatch, clock)
    return clock


def drive(
    clock: FakeClock,
    asked: Asked,
    jobs: list[Job],
    scenario: Callable[[Timers], Coroutine[Any, Any, None]],
    died_ns: int | None = None,
) -> None:
    async def main() -> None:
        timers = Timers(clock, asked.start, asked.skip, random.Random(1))
        timers.start()
        now_ns = clock.wall_ns()
        if died_ns is None:
            timers.plan(jobs, now_ns - 1)
        else:
            timers.plan(jobs, died_ns, absent_until_ns=now_ns)
        watch = asyncio.create_task(timers.watch())
        await scenario(timers)
        if not timers._stopped:
            timers.stop()
        watch.cancel()
        await asyncio.sleep(0)

    run(clock, main())


def grid(job: Job, since_ns: int, until_ns: int) -> list[int]:
    slot_ns = job.next_slot(since_ns - 1, since_ns)
    return list(range(slot_ns, until_ns, job.every_ns))


def test_every_slot_of_the_grid_is_asked_once_and_on_time(clock: FakeClock) -> None:
    job, asked, began_ns = a_job(), Asked(clock), clock.wall_ns()
    drive(clock, asked, [job], lambda _: asyncio.sleep(HOUR / 6))
    assert asked.slots == grid(job, began_ns, clock.wall_ns())
    assert len(asked.slots) == 20
    assert max(asked.late_s) < 0.001
    assert asked.skipped == []


def test_jobs_of_one_instant_start_in_changing_order(clock: FakeClock) -> None:
    jobs = [a_job(name) for name in "abcdef"]
    asked = Asked(clock)
    same = [
        Job(target=job.target.__class__(**_fields(job, group="g")), workload=job.workload) for job in jobs
    ]
    drive(clock, asked, same, lambda _: asyncio.sleep(120))
    rounds = [asked.order[n : n + 6] for n in range(0, 24, 6)]
    assert [sorted(one) for one in rounds] == [list("abcdef")] * 4
    assert len({tuple(one) for one in rounds}) > 1


def _fields(job: Job, **changes: str) -> dict[str, Any]:
    names = ("name", "provider", "cloud", "model", "model_id", "endpoint", "group")
    return {name: getattr(job.target, name) for name in names} | changes


def test_a_clock_set_forward_an_hour_skips_the_slots_jumped_over_and_goes_on(clock: FakeClock) -> None:
    job, asked, began_ns = a_job(), Asked(clock), clock.wall_ns()

    async def scenario(_: Timers) -> None:
        await asyncio.sleep(100)
        clock.step(HOUR)
        await asyncio.sleep(100)

    drive(clock, asked, [job], scenario)
    skipped = [slot_ns for slot_ns, _ in asked.skipped]
    assert sorted(asked.slots + skipped) == grid(job, began_ns, clock.wall_ns())
    assert {reason for _, reason in asked.skipped} == {"late"}
    assert len(skipped) in {119, 120}
    assert max(asked.late_s) <= 30


def test_a_clock_set_back_an_hour_goes_on_at_once_with_the_slots_of_its_new_time(clock: FakeClock) -> None:
    job, asked, began_ns = a_job(), Asked(clock), clock.wall_ns()
    stepped_ns = 0

    async def scenario(_: Timers) -> None:
        nonlocal stepped_ns
        await asyncio.sleep(300)
        clock.step(-HOUR)
        stepped_ns = clock.wall_ns()
        await asyncio.sleep(300)

    drive(clock, asked, [job], scenario)
    first = grid(job, began_ns, stepped_ns + 3600 * 10**9)
    again = grid(job, stepped_ns, clock.wall_ns())
    assert asked.slots == first + again
    assert (len(first), len(again)) == (10, 10)
    assert asked.skipped == []


@pytest.mark.parametrize("back_s", [0.2, 5.0, 29.0])
def test_a_clock_set_back_less_than_a_slot_repeats_none(clock: FakeClock, back_s: float) -> None:
    job, asked = a_job(), Asked(clock)

    async def scenario(_: Timers) -> None:
        await asyncio.sleep(301)
        clock.step(-back_s)
        await asyncio.sleep(300)

    drive(clock, asked, [job], scenario)
    assert len(asked.slots) == len(set(asked.slots))
    assert asked.slots == grid(job, asked.slots[0], asked.slots[-1] + 1)
    assert asked.skipped == []


def test_a_clock_that_jumps_forty_years_does_not_count_forty_years_of_slots(clock: FakeClock) -> None:
    job, asked = a_job(), Asked(clock)

    async def scenario(_: Timers) -> None:
        await asyncio.sleep(100)
        clock.step(40 * 365 * 86400.0)
        await asyncio.sleep(100)

    drive(clock, asked, [job], scenario)
    assert 900 < len(asked.skipped) <= 1001
    assert len(asked.slots) >= 6


@pytest.mark.parametrize(
    ("every_s", "away_s", "asked_late"),
    [(30.0, 100, 1), (2.0, 5, 2), (2.0, 19, 9), (2.0, 25, OVERLAP), (1.0, 120, OVERLAP), (5.0, 120, 6)],
)
def test_after_a_crash_the_slots_of_a_short_absence_are_asked_late_and_older_ones_are_skipped(
    clock: FakeClock, every_s: float, away_s: int, asked_late: int
) -> None:
    """Within 30 s (or an interval) each slot is asked, ten at the most; the rest is told as late."""
    job, asked = a_job(every_s=every_s), Asked(clock)
    now_ns = clock.wall_ns()
    died_ns = now_ns - away_s * 10**9
    drive(clock, asked, [job], lambda _: asyncio.sleep(every_s / 2), died_ns=died_ns)
    missed = grid(job, died_ns + 1, now_ns + 1)
    late = sorted(slot_ns for slot_ns in asked.slots if slot_ns <= now_ns)
    assert late == missed[-len(late) :]
    assert len(late) in {asked_late, asked_late + 1}, "the grid's phase makes one more or less"
    assert len(late) <= OVERLAP
    assert sorted(asked.skipped) == [(slot_ns, "late") for slot_ns in missed[: -len(late)]]
    assert max(asked.late_s) <= max(every_s, 30)


def test_after_a_crash_the_next_slots_come_in_their_usual_rhythm(clock: FakeClock) -> None:
    job, asked = a_job(every_s=2.0), Asked(clock)
    died_ns = clock.wall_ns() - 7 * 10**9
    drive(clock, asked, [job], lambda _: asyncio.sleep(60), died_ns=died_ns)
    assert sorted(asked.slots) == grid(job, died_ns + 1, clock.wall_ns())
    assert asked.skipped == []


def test_runs_beyond_the_overlap_limit_are_skipped_and_counted(clock: FakeClock) -> None:
    job, asked = a_job(every_s=10.0, timeout_s=15.0), Asked(clock, takes_s=1000.0)
    drive(clock, asked, [job], lambda _: asyncio.sleep(100))
    assert job.overlap == 3
    assert len(asked.slots) == 3
    assert len(asked.skipped) == 7
    assert {reason for _, reason in asked.skipped} == {"overlap"}


def test_another_plan_leaves_the_rhythm_of_what_stays_alone(clock: FakeClock) -> None:
    stays, goes, comes = a_job("stays"), a_job("goes"), a_job("comes")
    asked, began_ns = Asked(clock), clock.wall_ns()

    async def scenario(timers: Timers) -> None:
        await asyncio.sleep(300)
        timers.plan([stays, comes], clock.wall_ns() - 1)
        await asyncio.sleep(300)

    drive(clock, asked, [stays, goes], scenario)
    assert asked.order.count("goes") == 10
    assert asked.order.count("comes") == 10
    of_stays = [slot for slot, name in zip(asked.slots, asked.order, strict=True) if name == "stays"]
    assert of_stays == grid(stays, began_ns, clock.wall_ns())


def test_slots_due_after_the_stop_are_accounted_for(clock: FakeClock) -> None:
    job, asked = a_job(), Asked(clock)

    async def scenario(timers: Timers) -> None:
        await asyncio.sleep(100)
        timers.stop()
        await asyncio.sleep(65)
        timers.skip_rest()

    drive(clock, asked, [job], scenario)
    assert [reason for _, reason in asked.skipped] in (["shutdown"] * 2, ["shutdown"] * 3)
    assert asked.skipped[0][0] == asked.slots[-1] + job.every_ns


def test_what_fell_due_before_a_change_and_did_not_fire_yet_is_asked_under_the_plan_that_ends(
    clock: FakeClock,
) -> None:
    """Its slot belongs to the plan before, so it would be missing; what goes on is asked once all the same."""
    jobs = [a_job(name) for name in ("goes", "changes", "stays")]
    asked = Asked(clock)
    due: list[int] = []

    async def scenario(timers: Timers) -> None:
        await asyncio.sleep(60)
        asked.slots.clear()
        asked.order.clear()
        clock.advance(31)  # as a stalled loop would find it
        now_ns = clock.wall_ns()
        due.extend(slot_ns for job in jobs for slot_ns in grid(job, now_ns - 31 * 10**9, now_ns))
        faster = a_job("changes", every_s=7.0)
        timers.plan([faster, jobs[2]], now_ns - 1)
        await asyncio.sleep(0.5)

    drive(clock, asked, jobs, scenario)
    accounted = asked.slots + [slot_ns for slot_ns, _ in asked.skipped]
    assert sorted(accounted) == sorted(due)
    assert set(asked.order) == {"goes", "changes", "stays"}
