"""Witnesses are asked the moment something fails, once a burst, and what they say is remembered."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path as File
from typing import Any

import pytest
import structlog

from agent.asking.pipeline import Pipeline
from agent.asking.purse import Purse
from agent.asking.schedule import Job
from agent.asking.witness import EVERY_S, Witnesses
from probes.base import Slot, Tried
from probes.result import Fault, Outcome, ProbeResult
from probes.target import Network, Path, Target, Witness, Workload
from support.asking import ListJournal, SlowProbe, a_config, a_job, a_target
from support.clock import FakeClock
from support.virtual import run

TLS = Witness(kind="tls", host="www.example.com", port=443)
TCP = Witness(kind="tcp", host="192.0.2.1", port=443)
INTERNET = Network(name="internet", witnesses=(TLS, TCP))
UP = Tried(reached=True, resolved=None, says="reached at 192.0.2.1:443")
DOWN = Tried(reached=False, resolved=None, says="refused")
GONE = Outcome.CONNECT_REFUSED


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """On virtual time nothing comes back from a thread."""

    async def here(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", here)


class Far:
    """What is at the far end: `down` names whoever is not reached, and each try takes so long."""

    def __init__(self, clock: FakeClock, takes_s: float = 0.1) -> None:
        self.clock = clock
        self.takes_s: float | Mapping[str, float] = takes_s
        self.down: set[str] = set()
        self.tried: list[tuple[float, str]] = []
        self.paths: list[Path] = []

    async def attempt(self, witness: Witness, path: Path) -> Tried:
        self.tried.append((self.clock.mono_ns() / 1e9, witness.name))
        self.paths.append(path)
        takes = self.takes_s if isinstance(self.takes_s, float) else self.takes_s.get(witness.name, 0.1)
        await asyncio.sleep(takes)
        return DOWN if witness.name in self.down else UP


class Bench:
    """A pipeline with witnesses that had a vote when it began, on virtual time."""

    def __init__(
        self, *networks: Network, outcomes: tuple[Outcome, ...] = (GONE,), voted: bool = True
    ) -> None:
        self.clock = FakeClock()
        self.journal = ListJournal()
        self.probe = SlowProbe(self.clock, outcomes, 0.5)
        self.far = Far(self.clock)
        self.networks = networks or (INTERNET,)
        self.voted = voted
        self.began_ns = self.clock.mono_ns()

    def run(self, scenario: Callable[[Pipeline], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            self.witnesses = Witnesses(self.clock, self.networks, self.far.attempt, lambda _a, _b: 1.0)
            if self.voted:
                self.witnesses._restore(
                    {
                        one.name: {each.name: self.clock.wall_ns() for each in one.witnesses}
                        for one in self.networks
                    }
                )
            purse = Purse(a_config(), self.clock)
            pipeline = Pipeline(self.probe, self.journal, self.clock, "here", 500, purse, self.witnesses)
            await scenario(pipeline)
            await asyncio.gather(*pipeline._tasks)

        run(self.clock, main())

    def start(self, pipeline: Pipeline, job: Job | None = None) -> None:
        pipeline.start(job or a_job(), self.clock.wall_ns(), lambda: None)

    async def one(self, pipeline: Pipeline) -> None:
        self.start(pipeline)

    def all_down(self) -> None:
        self.far.down = {witness.name for network in self.networks for witness in network.witnesses}

    @property
    def faults(self) -> list[Fault]:
        return [settled.fault for settled in self.journal.settled]


def test_no_witness_reached_and_every_confirmation_failed_is_ours() -> None:
    bench = Bench()
    bench.all_down()
    bench.run(bench.one)
    (settled,) = bench.journal.settled
    assert (settled.fault, settled.confirmed) == (Fault.OURS, True)
    assert settled.witness == (
        "no witness of network internet was reached (tls:www.example.com:443, tcp:192.0.2.1:443)"
    )


def test_a_witness_that_is_reached_says_that_it_is_not_ours() -> None:
    bench = Bench()
    bench.far.down = {TLS.name}
    bench.run(bench.one)
    assert [(one.fault, one.witness) for one in bench.journal.settled] == [
        (Fault.NOT_OURS, "tcp:192.0.2.1:443 was reached on network internet")
    ]


def test_witnesses_are_asked_at_once_together_and_by_the_networks_own_way() -> None:
    way = Path(proxy="http://proxy.bank:3128", source_address="10.0.0.9", ca="/etc/ca.pem")
    bench = Bench(Network(name="internet", path=way, witnesses=(TLS, TCP)))
    job = dataclasses.replace(a_job(), target=dataclasses.replace(a_target(), path=way))

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, job)

    bench.run(scenario)
    assert [round(at_s - bench.began_ns / 1e9, 3) for at_s, _ in bench.far.tried] == [0.5, 0.5]
    assert set(map(repr, bench.far.paths)) == {repr(way)}


def test_a_hanging_witness_delays_neither_probes_nor_the_settlement() -> None:
    bench = Bench()
    bench.all_down()
    bench.far.takes_s = 5.0
    bench.run(bench.one)
    assert bench.faults == [Fault.OURS]
    assert round((bench.journal.settled[0].settled_ns - bench.journal.results[0].started_ns) / 1e9, 3) == 11.0


def test_a_witness_that_outlasts_the_settlement_leaves_it_undetermined_in_time() -> None:
    bench = Bench()
    bench.far.takes_s = {TLS.name: 1000.0, TCP.name: 1000.0}
    bench.run(bench.one)
    (settled,) = bench.journal.settled
    assert (settled.fault, settled.witness) == (
        Fault.UNDETERMINED,
        "the witnesses of network internet were not heard in time",
    )
    assert round((settled.settled_ns - bench.journal.results[0].started_ns) / 1e9, 3) == 0.5 + 8.0 + 15.0


def test_failures_of_one_instant_share_a_look_and_later_ones_have_their_own() -> None:
    bench = Bench()
    bench.all_down()
    bench.far.takes_s = 3.0

    async def scenario(pipeline: Pipeline) -> None:
        for name in "abc":
            bench.start(pipeline, a_job(name))
        await asyncio.sleep(0.9)
        bench.start(pipeline, a_job("d"))
        await asyncio.sleep(0.3)
        bench.start(pipeline, a_job("e"))

    bench.run(scenario)
    asked = [round(at_s - bench.began_ns / 1e9, 3) for at_s, name in bench.far.tried if name == TLS.name]
    assert asked == [0.5, 1.7]
    assert bench.faults == [Fault.OURS] * 5


def test_a_look_in_which_something_was_reached_before_the_failure_is_not_joined() -> None:
    """The way may have gone since."""
    bench = Bench()
    bench.far.takes_s = {TLS.name: 0.1, TCP.name: 3.0}

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job("a"))
        await asyncio.sleep(0.3)
        bench.start(pipeline, a_job("b"))
        await asyncio.sleep(0.4)
        bench.all_down()

    bench.run(scenario)
    by_target = {settled.slot.target: settled.fault for settled in bench.journal.settled}
    assert by_target == {"a": Fault.NOT_OURS, "b": Fault.OURS}


def test_an_answer_of_a_server_is_not_ours_and_asks_no_witness() -> None:
    bench = Bench(outcomes=(Outcome.OVERLOADED,))
    bench.run(bench.one)
    assert (bench.faults, bench.far.tried) == ([Fault.NOT_OURS], [])
    assert bench.journal.settled[0].witness == "a server answered"


class ByTarget(SlowProbe):
    """Refuses at target `down`, and answers elsewhere."""

    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        result = await super().ask(target, workload, slot)
        return dataclasses.replace(result, outcome=GONE if target.name == "down" else Outcome.OK)


def beside(bench: Bench, pause_s: float) -> None:
    """Let `down` fail, and `up` answer so long after that began."""
    bench.all_down()
    bench.probe = ByTarget(bench.clock, (), lambda target, _: 0.5 if target.name == "down" else 0.1)

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job("down"))
        await asyncio.sleep(pause_s)
        bench.start(pipeline, a_job("up"))

    bench.run(scenario)


@pytest.mark.parametrize(("pause_s", "fault"), [(0.0, Fault.OURS), (3.0, Fault.NOT_OURS), (6.0, Fault.OURS)])
def test_another_target_that_answers_while_no_witness_is_reached_proves_the_way(
    pause_s: float, fault: Fault
) -> None:
    """What answered before the failure tells nothing of after, and what answers later that the way is mended."""
    bench = Bench()
    bench.far.takes_s = 5.0
    beside(bench, pause_s)
    assert bench.faults == [fault]


def test_where_witnesses_cannot_tell_whatever_answers_until_the_settlement_does() -> None:
    bench = Bench(Network(name="internet"))
    beside(bench, 6.0)
    assert bench.faults == [Fault.NOT_OURS]
    assert bench.journal.settled[0].witness == "target up answered on network internet meanwhile"


def test_witnesses_that_are_gone_while_targets_answer_are_doubted_and_tried_again_at_once() -> None:
    bench = Bench()
    bench.all_down()
    bench.probe = ByTarget(bench.clock, (), 0.5)

    async def scenario(pipeline: Pipeline) -> None:
        beside = asyncio.create_task(bench.witnesses.run())
        await asyncio.sleep(1)
        bench.start(pipeline, a_job("up"))
        await asyncio.sleep(2)
        bench.start(pipeline, a_job("down"))
        await asyncio.sleep(20)
        beside.cancel()

    bench.run(scenario)
    tried = [round(at_s - bench.began_ns / 1e9, 1) for at_s, name in bench.far.tried if name == TLS.name]
    assert tried[:3] == [0.0, 2.0, 3.5], "at the start, after the answer, and for the failure"
    assert bench.faults == [Fault.UNDETERMINED]


def test_a_failure_that_waited_through_an_outage_of_ours_is_ours_though_it_is_over() -> None:
    """A probe that hangs is seen to fail seconds after its cause, when the way may be whole again."""
    bench = Bench()
    bench.all_down()
    bench.probe = SlowProbe(bench.clock, (GONE,), lambda target, _: 8.0 if target.name == "hanging" else 1.0)
    ended = bench.probe.ask

    async def timed(target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        took_s = 8.0 if target.name == "hanging" else 1.0
        return dataclasses.replace(await ended(target, workload, slot), total_s=took_s)

    bench.probe.ask = timed  # type: ignore[method-assign] # so that it says how long it took

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job("hanging"))
        bench.start(pipeline, a_job("refused"))
        await asyncio.sleep(5)
        bench.far.down.clear()
        await asyncio.sleep(4)
        bench.start(pipeline, a_job("after"))

    bench.run(scenario)
    by_target = {settled.slot.target: settled for settled in bench.journal.settled}
    assert by_target["refused"].fault is by_target["hanging"].fault is Fault.OURS
    assert (
        by_target["hanging"].witness == "no witness of network internet was reached while the attempt went on"
    )
    assert by_target["after"].fault is Fault.NOT_OURS


def test_many_failures_of_a_moment_dial_a_few_times_a_second_at_the_most() -> None:
    """A cloud with many targets fails, and each of its failures is seen a little later than the one before."""
    bench = Bench()
    bench.far.takes_s = 0.01

    async def scenario(pipeline: Pipeline) -> None:
        for number in range(50):
            bench.start(pipeline, a_job(f"t{number}"))
            await asyncio.sleep(0.02)

    bench.run(scenario)
    asked = [round(at_s - bench.began_ns / 1e9, 2) for at_s, name in bench.far.tried if name == TLS.name]
    assert asked == [0.5, 0.75, 1.0, 1.25, 1.5]
    assert bench.faults == [Fault.NOT_OURS] * 50


@pytest.mark.parametrize(("dns_s", "fault"), [(0.01, Fault.NOT_OURS), (None, Fault.OURS)])
def test_a_name_that_is_not_resolved_is_answered_by_one_that_is(dns_s: float | None, fault: Fault) -> None:
    """A kept connection goes on without a resolver."""
    bench = Bench()
    bench.far.takes_s = 5.0
    asked = ByTarget(bench.clock, (), 0.5).ask

    async def named(target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        result = await asked(target, workload, slot)
        if target.name == "down":
            return dataclasses.replace(result, outcome=Outcome.DNS)
        return dataclasses.replace(result, dns_s=dns_s, reused=dns_s is None)

    bench.probe.ask = named  # type: ignore[method-assign] # so that it says what was resolved
    bench.all_down()

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job("down"))
        await asyncio.sleep(3.0)
        bench.start(pipeline, a_job("up"))

    bench.run(scenario)
    assert bench.faults == [fault]


def test_the_answer_of_a_target_on_another_way_proves_nothing() -> None:
    bench = Bench(INTERNET, Network(name="private"))
    bench.all_down()
    bench.probe = ByTarget(bench.clock, (), 0.5)
    other = dataclasses.replace(a_job("up"), target=dataclasses.replace(a_target("up"), network="private"))

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, a_job("down"))
        await asyncio.sleep(3.0)
        bench.start(pipeline, other)

    bench.run(scenario)
    assert bench.faults == [Fault.OURS]


def test_a_target_with_a_proxy_of_its_own_has_no_witness() -> None:
    bench = Bench()
    off = dataclasses.replace(a_target(), path=Path(proxy="http://other:3128"))

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline, dataclasses.replace(a_job(), target=off))

    bench.run(scenario)
    assert (bench.faults, bench.far.tried) == ([Fault.UNDETERMINED], [])
    assert bench.journal.settled[0].witness == "target openai goes a way of its own, which has no witness"


def test_witnesses_that_were_never_reached_have_no_vote() -> None:
    bench = Bench(voted=False)
    bench.all_down()
    bench.run(bench.one)
    assert bench.faults == [Fault.UNDETERMINED]
    assert bench.witnesses.states() == {"internet": {TLS.name: "no_vote", TCP.name: "no_vote"}}


def test_a_mistake_of_ours_in_a_try_is_logged_and_blames_nobody() -> None:
    bench = Bench()

    async def broken(witness: Witness, path: Path) -> Tried:
        raise ZeroDivisionError

    bench.far.attempt = broken  # type: ignore[method-assign] # that is the scenario
    with structlog.testing.capture_logs() as logs:
        bench.run(bench.one)
    assert bench.faults == [Fault.UNDETERMINED]
    assert {entry["event"] for entry in logs} >= {"witness.failed"}


def test_draining_waits_for_no_witness() -> None:
    bench = Bench()
    bench.far.takes_s = 4.0

    async def scenario(pipeline: Pipeline) -> None:
        bench.start(pipeline)
        await asyncio.sleep(1.5)
        await pipeline.drain(31)

    bench.run(scenario)
    assert bench.faults == [Fault.UNDETERMINED]
    assert round(bench.clock.mono_ns() / 1e9 - bench.began_ns / 1e9, 3) < 3.0


# -- beside


def watched(clock: FakeClock, far: Far, seconds: float, file: File | None = None) -> Witnesses:
    """Let witnesses be tried for so long."""
    witnesses = Witnesses(clock, (INTERNET,), far.attempt, lambda _a, _b: 1.0, file)
    witnesses.load()

    async def main() -> None:
        running = asyncio.create_task(witnesses.run())
        await asyncio.sleep(seconds)
        running.cancel()
        await asyncio.wait([running])
        witnesses.drain()

    run(clock, main())
    witnesses.save()
    return witnesses


def times(far: Far, began_s: float) -> list[int]:
    return [round(at_s - began_s) for at_s, name in far.tried if name == TLS.name]


def test_each_witness_is_tried_at_the_start_and_every_few_minutes() -> None:
    clock = FakeClock()
    far = Far(clock)
    witnesses = watched(clock, far, 2 * EVERY_S + 10)
    assert times(far, 1.0) == [0, 301, 602]
    assert witnesses.states() == {"internet": {TLS.name: "up", TCP.name: "up"}}


def test_one_that_is_down_and_has_a_vote_is_tried_often_so_that_its_end_is_seen(tmp_path: File) -> None:
    clock = FakeClock()
    file = tmp_path / "witnesses.json"
    file.write_text(json.dumps({"internet": {TLS.name: clock.wall_ns()}, "gone": {"tls:x:1": 5}}))
    far = Far(clock)
    far.down = {TLS.name, TCP.name}
    witnesses = watched(clock, far, 35, file)
    assert times(far, 1.0) == [0, 11, 22, 33]
    assert [name for _, name in far.tried].count(TCP.name) == 1, "it has no vote that could be missed"
    assert witnesses.states() == {"internet": {TLS.name: "down", TCP.name: "no_vote"}}


def test_votes_outlast_a_restart_and_end_after_a_day(tmp_path: File) -> None:
    clock, file = FakeClock(), tmp_path / "witnesses.json"
    far = Far(clock)
    watched(clock, far, 5, file)
    assert list(tmp_path.iterdir()) == [file]
    far.down = {TLS.name, TCP.name}
    assert set(watched(clock, far, 5, file).states()["internet"].values()) == {"down"}
    clock.advance(86400)
    assert set(watched(clock, far, 5, file).states()["internet"].values()) == {"no_vote"}


@pytest.mark.parametrize(
    "content", ["", "[]", '{"internet": 5}', '{"internet": {"tls:www.example.com:443": "x"}}']
)
def test_an_unreadable_file_is_told_and_left_behind(content: str, tmp_path: File) -> None:
    clock, file = FakeClock(), tmp_path / "witnesses.json"
    file.write_text(content)
    with structlog.testing.capture_logs() as logs:
        watched(clock, Far(clock), 1, file)
    assert [entry["event"] for entry in logs] == ["witnesses.unreadable"]


def test_another_plan_keeps_the_votes_of_ways_that_stay() -> None:
    clock = FakeClock()
    far = Far(clock)
    private = Network(name="private", witnesses=(TLS,))
    witnesses = Witnesses(clock, (INTERNET, private), far.attempt)
    witnesses._restore({name: {TLS.name: clock.wall_ns()} for name in ("internet", "private")})
    moved = dataclasses.replace(private, path=Path(proxy="http://other:1"))
    witnesses.switch((dataclasses.replace(INTERNET, witnesses=(TLS,)), moved), far.attempt)
    known = {network: one.votes(clock.wall_ns()) for (network, _), one in witnesses._known.items()}
    assert known == {"internet": True, "private": False}
