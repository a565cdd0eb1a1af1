import asyncio
import dataclasses
import random

import pytest

from agent.asking.asker import Asker
from agent.asking.calibration import Calibration
from agent.asking.lag import LagMonitor
from agent.asking.truth import Errors
from agent.config.model import Config
from probes.base import Slot
from probes.result import Outcome
from support.asking import ListJournal, SlowProbe, a_config, a_target, replaced
from support.clock import FakeClock
from support.virtual import fake_scheduler_time, run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    fake_scheduler_time(monkeypatch, clock)
    return clock


class Bench:
    def __init__(self, clock: FakeClock, config: Config | None = None, **probe: object) -> None:
        self.clock = clock
        self.journal = ListJournal()
        self.config = config or a_config()
        self.probe = SlowProbe(clock, **probe)  # type: ignore[arg-type] # a test names any
        self.lag = LagMonitor(clock)
        self.calibration: Calibration | None = None

    def run(
        self,
        seconds: float,
        *,
        resume_ns: int | None = None,
        switch_to: Config | None = None,
        then_s: float = 0,
    ) -> None:
        async def main() -> None:
            asker = Asker(
                self.config,
                self.probe,
                self.journal,
                self.clock,
                self.lag,
                "boot",
                random.Random(1),
                self.calibration,
            )
            running = asyncio.create_task(asker.run(resume_ns))
            await asyncio.sleep(seconds)
            if switch_to is not None:
                asker.switch(switch_to, self.probe)
                await asyncio.sleep(then_s)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await asker.drain()

        run(self.clock, main())


def test_a_run_begins_with_its_plan_and_a_beat_and_ends_with_a_beat(clock: FakeClock) -> None:
    bench, began_ns = Bench(clock), clock.wall_ns()
    bench.run(10)
    journal = bench.journal
    assert [kind.value for kind in journal.kinds[:2]] == ["plan", "beat"]
    (plan,) = journal.plans
    assert (plan.valid_from_ns, plan.reason, plan.snapshot) == (began_ns, "start", False)
    assert plan.config_hash == bench.config.hash
    assert plan.grace_ns == 53 * 10**9
    assert journal.head == dataclasses.replace(plan, snapshot=True)
    assert [beat.draining for beat in journal.beats] == [False] * 5 + [True]
    assert journal.beats[0].at_ns == began_ns
    assert {(beat.boot, beat.config_hash, beat.vantage) for beat in journal.beats} == {
        ("boot", bench.config.hash, "here")
    }


def test_beats_tell_the_newest_error_of_our_own_and_nothing_before_there_is_one(clock: FakeClock) -> None:
    async def measure() -> Errors:
        await asyncio.sleep(3)
        return {"no": {"p50": 1e-5, "p99": 2e-5}}

    bench = Bench(clock)
    bench.calibration = Calibration(measure)
    bench.run(5)
    told = [beat.calibration for beat in bench.journal.beats]
    assert told == [{}, {}, {"no": {"p50": 1e-5, "p99": 2e-5}}, {"no": {"p50": 1e-5, "p99": 2e-5}}]


def test_every_slot_of_the_plan_has_exactly_one_result(clock: FakeClock) -> None:
    targets = [a_target(name) for name in "abcd"]
    bench, began_ns = Bench(clock, a_config(targets)), clock.wall_ns()
    bench.run(120)
    (plan,) = bench.journal.plans
    due = {
        (entry.target, slot_ns)
        for entry in plan.entries
        for slot_ns in range(
            began_ns + (entry.phase_ns - began_ns) % entry.every_ns,
            began_ns + 120 * 10**9,
            entry.every_ns,
        )
    }
    asked = [(result.target, result.scheduled_ns) for result in bench.journal.results]
    assert sorted(asked) == sorted(due)
    assert len(asked) == 16
    lateness = sum(sum(beat.lateness.values()) for beat in bench.journal.beats)
    assert lateness == 16


def test_after_a_crash_the_plan_holds_from_the_death_on_and_only_the_newest_slot_is_asked_late(
    clock: FakeClock,
) -> None:
    bench, began_ns = Bench(clock), clock.wall_ns()
    died_ns = began_ns - 70 * 10**9
    bench.run(1, resume_ns=died_ns)
    (plan,) = bench.journal.plans
    assert (plan.valid_from_ns, plan.reason) == (died_ns, "resume")
    late = [result for result in bench.journal.results if result.scheduled_ns < began_ns]
    assert len(late) == 1
    assert began_ns - late[0].scheduled_ns <= 30 * 10**9
    assert {skipped.reason for skipped in bench.journal.skipped} <= {"late", "shutdown"}
    accounted = len(bench.journal.results) + len(bench.journal.skipped)
    assert accounted in {2, 3}


def test_a_plan_switches_without_a_gap(clock: FakeClock) -> None:
    bench, began_ns = Bench(clock), clock.wall_ns()
    faster = replaced(bench.config, every_s=10.0)
    bench.run(60, switch_to=faster, then_s=60)
    first, second = bench.journal.plans
    assert (second.reason, second.config_hash) == ("change", faster.hash)
    assert abs(second.valid_from_ns - began_ns - 60 * 10**9) < 1000
    assert bench.journal.head == dataclasses.replace(second, snapshot=True)
    assert bench.journal.beats[-1].config_hash == faster.hash
    assert sum(result.scheduled_ns < second.valid_from_ns for result in bench.journal.results) == 2
    assert sum(result.scheduled_ns >= second.valid_from_ns for result in bench.journal.results) == 6
    assert first.valid_from_ns == began_ns


def test_a_target_that_is_added_begins_at_the_change_and_one_that_stays_keeps_its_slots(
    clock: FakeClock,
) -> None:
    stays, goes, comes = (a_target(name) for name in ("stays", "goes", "comes"))
    bench, began_ns = Bench(clock, a_config([stays, goes])), clock.wall_ns()
    bench.run(65, switch_to=a_config([stays, comes]), then_s=65)
    changed_ns = bench.journal.plans[1].valid_from_ns
    asked = {
        name: [result.scheduled_ns for result in bench.journal.results if result.target == name]
        for name in ("stays", "goes", "comes")
    }
    assert asked["stays"] == list(range(asked["stays"][0], asked["stays"][-1] + 1, 30 * 10**9))
    assert len(asked["stays"]) in {4, 5}
    assert began_ns <= min(asked["goes"]) < max(asked["goes"]) < changed_ns <= min(asked["comes"])


def test_what_is_in_flight_at_a_change_ends_under_the_plan_before_however_patient_the_new_one_is(
    clock: FakeClock,
) -> None:
    """Its deadline was 30 s; the new plan's longest is 2 s, and draining waits all the same."""
    bench = Bench(clock, takes_s=29.0)
    quick = replaced(bench.config, timeout_s=2.0, first_token_s=1.0)
    phase_s = (bench.config.probes[0].workload.every_s) + 1
    bench.run(phase_s, switch_to=quick, then_s=0.1)
    assert {skipped.reason for skipped in bench.journal.skipped} <= {"shutdown"}
    asked = {(target.name, slot.scheduled_ns) for target, _, slot in bench.probe.asked}
    answered = {(result.target, result.scheduled_ns) for result in bench.journal.results}
    assert answered == asked


def test_draining_takes_no_longer_than_the_longest_timeout_and_a_second(clock: FakeClock) -> None:
    def takes(_: object, slot: Slot) -> float:
        return 29.0 if slot.attempt == 0 else 1.0

    bench = Bench(clock, outcomes=[Outcome.FIRST_TOKEN_TIMEOUT], takes_s=takes)
    began_ns = clock.wall_ns()
    bench.run(35)
    assert (clock.wall_ns() - began_ns) / 1e9 <= 35 + 31
    results = {result.key for result in bench.journal.results if result.attempt == 0}
    assert {settled.slot for settled in bench.journal.settled} == results
    assert bench.journal.beats[-1].draining


def test_beats_tell_what_an_unwritten_beat_would_have_told(clock: FakeClock) -> None:
    bench = Bench(clock, replaced(a_config(), every_s=1.0))

    async def main() -> None:
        asker = Asker(bench.config, bench.probe, bench.journal, clock, bench.lag, "boot", random.Random(1))
        running = asyncio.create_task(asker.run(None))
        await asyncio.sleep(1)
        bench.journal.full = True
        await asyncio.sleep(6)
        bench.journal.full = False
        await asyncio.sleep(3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asker.drain()

    run(clock, main())
    assert sum(sum(beat.lateness.values()) for beat in bench.journal.beats) == 10
    assert bench.journal.beats[-1].dropped["disk_full"] >= 9
    assert (bench.journal.beats[-1].journal_bytes, bench.journal.beats[-1].journal_oldest_ns) == (123, 456)
