import pytest

from agent.asking.manual import ask_all
from probes.result import MANUAL, ProbeResult
from probes.target import Workload
from support.asking import SlowProbe, a_target
from support.clock import FakeClock
from support.virtual import run


def test_every_pair_is_asked_once_within_the_limit_and_comes_back_in_its_place() -> None:
    clock = FakeClock()
    probe = SlowProbe(clock, takes_s=lambda target, _: 3.0 if target.name == "a" else 1.0)
    told: list[ProbeResult] = []
    pairs = [(a_target(name), Workload(name="chat")) for name in "abcde"]
    results = run(clock, ask_all(probe, clock, pairs, 2, told.append))
    assert [result.target for result in results] == list("abcde")
    assert [result.target for result in told][-1] != "e" or told[0].target == "b"
    assert probe.most_at_once == 2
    assert {result.attempt for result in results} == {MANUAL}
    assert all(result.scheduled_ns == result.started_ns for result in results)


def test_a_reader_who_went_away_ends_the_asking_by_that_name() -> None:
    """`once --json | head -1` is no defect: the command line knows a broken pipe, not a group of one."""
    clock = FakeClock()
    probe = SlowProbe(clock, takes_s=1.0)

    def gone(_: ProbeResult) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(
            clock, ask_all(probe, clock, [(a_target(name), Workload(name="chat")) for name in "abc"], 1, gone)
        )
    assert (len(probe.asked), probe.at_once) == (2, 0)
