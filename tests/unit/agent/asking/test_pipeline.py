import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest

from agent.asking.pipeline import Pipeline
from agent.asking.purse import Purse
from agent.asking.schedule import Job
from probes.base import Slot
from probes.result import Fault, Outcome, ProbeResult
from probes.target import Target, Workload
from support.asking import ListJournal, SlowProbe, a_config, a_job
from support.clock import FakeClock
from support.virtual import run

BAD = Outcome.SERVER_ERROR


class Bench:
    """A pipeline over a slow fake probe and a list, on virtual time."""

    def __init__(
        self,
        outcomes: Iterable[Outcome] = (),
        takes_s: float | Callable[[Target, Slot], float] = 0.5,
        limit: int = 500,
    ) -> None:
        self.clock = FakeClock()
        self.journal = ListJournal()
        self.probe = SlowProbe(self.clock, outcomes, takes_s)
        self.began_ns = self.clock.wall_ns()
        self.ended = 0
        self.limit = limit

    def run(self, scenario: Callable[[Pipeline], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            pipeline = Pipeline(
                self.probe, self.journal, self.clock, "here", self.limit, Purse(a_config(), self.clock)
            )
            await scenario(pipeline)
            await asyncio.gather(*pipeline._tasks)

        run(self.clock, main())

    def start(self, pipeline: Pipeline, job: Job | None = None) -> None:
        pipeline.start(job or a_job(), self.clock.wall_ns(), self._ended)

    def _ended(self) -> None:
        self.ended += 1

    def since_s(self, at_ns: int) -> float:
        return (at_ns - self.began_ns) / 1e9

    async def one(self, pipeline: Pipeline) -> None:
        self.start(pipeline)


def test_a_good_slot_is_journalled_as_good_and_nothing_follows() -> None:
    bench = Bench()
    bench.run(bench.one)
    assert [result.outcome for result in bench.journal.results] == [Outcome.OK]
    assert bench.journal.good == [True]
    assert bench.journal.settled == []
    assert bench.ended == 1


@pytest.mark.parametrize(
    "outcome", [Outcome.CONFIG, Outcome.THROTTLED, Outcome.MISMATCH, Outcome.AGENT_FAULT]
)
def test_an_outcome_that_needs_no_confirmation_gets_none(outcome: Outcome) -> None:
    bench = Bench([outcome])
    bench.run(bench.one)
    assert [result.outcome for result in bench.journal.results] == [outcome]
    assert (bench.journal.good, bench.journal.settled) == ([False], [])


def test_a_failure_is_asked_three_times_more_over_fresh_connections_and_settled() -> None:
    bench = Bench([BAD], takes_s=0.5)

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job(connection="warm"))

    bench.run(scenario)
    assert [slot.attempt for _, _, slot in bench.probe.asked] == [0, 1, 2, 3]
    assert [workload.connection for _, workload, _ in bench.probe.asked] == ["warm", "cold", "cold", "cold"]
    starts = [round(bench.since_s(result.started_ns), 3) for result in bench.journal.results]
    assert starts == [0.0, 0.5, 5.5, 10.5]
    assert {slot.scheduled_ns for _, _, slot in bench.probe.asked} == {bench.began_ns}
    (settled,) = bench.journal.settled
    assert settled.slot == bench.journal.results[0].key
    assert (settled.fault, settled.confirmations, settled.confirmations_bad) == (Fault.NOT_OURS, 3, 3)
    assert settled.confirmed
    assert round(bench.since_s(settled.settled_ns), 3) == 11.0


def test_a_failure_that_does_not_repeat_is_settled_unconfirmed() -> None:
    bench = Bench([BAD, Outcome.OK, Outcome.THROTTLED, BAD])
    bench.run(bench.one)
    (settled,) = bench.journal.settled
    assert (settled.confirmations, settled.confirmations_bad) == (2, 1)
    assert not settled.confirmed
    assert bench.journal.good == [False, True, False, False]


def test_settling_is_never_later_than_first_token_and_15_s() -> None:
    bench = Bench([BAD], takes_s=lambda _, slot: 30.0 if slot.attempt else 1.0)
    bench.run(bench.one)
    (settled,) = bench.journal.settled
    assert round(bench.since_s(settled.settled_ns), 3) == 1.0 + 8.0 + 15.0
    assert settled.confirmations == 0
    assert bench.probe.at_once == 0, "what ran on was cut"


def test_confirmations_may_overlap() -> None:
    bench = Bench([BAD], takes_s=lambda _, slot: 8.0 if slot.attempt else 0.1)
    bench.run(bench.one)
    assert bench.probe.most_at_once == 2
    assert bench.journal.settled[0].confirmations == 3


def test_a_target_has_one_burst_and_a_second_failure_is_settled_with_what_was_asked_after_it() -> None:
    bench = Bench([BAD])

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline)
        await asyncio.sleep(3)
        bench.start(pipeline, Job(target=a_job().target, workload=Workload(name="models", kind="models")))

    bench.run(scenario)
    assert sum(slot.attempt > 0 for _, _, slot in bench.probe.asked) == 3
    first, second = sorted(bench.journal.settled, key=lambda settled: settled.slot.scheduled_ns)
    assert (first.slot.probe, first.confirmations) == ("chat", 3)
    assert (second.slot.probe, second.confirmations, second.confirmations_bad) == ("models", 2, 2)
    assert first.settled_ns == second.settled_ns


def test_after_a_burst_the_next_failure_has_one_of_its_own() -> None:
    bench = Bench([BAD])

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline)
        await asyncio.sleep(30)
        bench.start(pipeline)

    bench.run(scenario)
    assert [settled.confirmations for settled in bench.journal.settled] == [3, 3]


def test_slots_beyond_the_limit_are_skipped_and_counted() -> None:
    bench = Bench(limit=2)

    async def scenario(pipeline: Pipeline) -> None:
        for name in "abc":
            bench.start(pipeline, a_job(name))
        assert pipeline.in_flight == 2

    bench.run(scenario)
    assert len(bench.journal.results) == 2
    (skipped,) = bench.journal.skipped
    assert (skipped.slot.target, skipped.reason) == ("c", "in_flight")
    assert skipped.slot.vantage == "here"
    assert bench.ended == 3


def test_confirmations_have_a_quarter_of_the_limit_and_are_not_asked_too_late_to_answer() -> None:
    bench = Bench([BAD], takes_s=lambda _, slot: 8.0 if slot.attempt else 0.1, limit=8)

    async def scenario(pipeline: Pipeline) -> None:
        for name in "abcdefgh":
            bench.start(pipeline, a_job(name))

    bench.run(scenario)
    confirming = [result for result in bench.journal.results if result.attempt]
    assert bench.probe.most_at_once == 8
    assert len(confirming) == 4, "two at a time, 8 s each, started within 15 s of the failure"
    assert len(bench.journal.settled) == 8
    assert max(bench.since_s(settled.settled_ns) for settled in bench.journal.settled) <= 0.1 + 23.0


class BrokenProbe(SlowProbe):
    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        if target.name == "broken":
            raise ZeroDivisionError
        return await super().ask(target, workload, slot)


def test_a_mistake_of_ours_costs_its_own_slot_alone_and_is_counted() -> None:
    bench = Bench()
    bench.probe = BrokenProbe(bench.clock)

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job("broken"))
        bench.start(pipeline, a_job("fine"))

    bench.run(scenario)
    assert [result.target for result in bench.journal.results] == ["fine"]
    assert [(skip.slot.target, skip.reason) for skip in bench.journal.skipped] == [("broken", "bug")]
    assert bench.ended == 2


def test_a_probe_that_never_returns_loses_its_place() -> None:
    bench = Bench(takes_s=10_000)
    bench.run(bench.one)
    assert bench.journal.skipped[0].reason == "bug"
    assert round(bench.since_s(bench.clock.wall_ns())) == 35


def test_draining_waits_for_what_is_in_flight_and_asks_no_more() -> None:
    bench = Bench([Outcome.OK, BAD, BAD, BAD], takes_s=4.0)

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job("a"))
        bench.start(pipeline, a_job("b"))
        await asyncio.sleep(1)
        await pipeline.drain(31)

    bench.run(scenario)
    assert [(result.target, result.outcome) for result in bench.journal.results] == [
        ("a", Outcome.OK),
        ("b", BAD),
    ]
    assert [settled.confirmations for settled in bench.journal.settled] == [0]
    assert round(bench.since_s(bench.clock.wall_ns()), 3) == 4.0


def test_a_burst_ends_early_when_draining_begins() -> None:
    bench = Bench([BAD], takes_s=1.0)

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline)
        await asyncio.sleep(1.5)
        await pipeline.drain(31)

    bench.run(scenario)
    assert [settled.confirmations for settled in bench.journal.settled] == [1]
    assert round(bench.since_s(bench.clock.wall_ns()), 3) == 2.0


def test_what_outlasts_the_drain_is_cut_and_accounted_for() -> None:
    bench = Bench(takes_s=20.0)

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline)
        await asyncio.sleep(1)
        await pipeline.drain(5)

    bench.run(scenario)
    assert [skipped.reason for skipped in bench.journal.skipped] == ["shutdown"]


def test_lateness_is_counted_when_a_slot_starts() -> None:
    bench = Bench()

    async def scenario(pipeline: Pipeline) -> None:
        pipeline.start(a_job(), bench.clock.wall_ns() - 3_000_000, bench._ended)
        await asyncio.sleep(0)
        assert pipeline.lateness.counts == {"0.005": 1}
        assert round(pipeline.lateness.sum_s, 6) == 0.003

    bench.run(scenario)
