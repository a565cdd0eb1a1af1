import asyncio
import pathlib

import pytest

from agent.asking.machine import Counters, Machine, counters
from support.clock import FakeClock
from support.virtual import run


class Told:
    """Counters that a test moves."""

    def __init__(self) -> None:
        self.now = Counters(0, 0, 0.0)

    def __call__(self) -> Counters:
        return self.now

    def pass_on(self, ticks: int, stolen: int = 0, throttled_s: float = 0.0) -> None:
        was = self.now
        self.now = Counters(was.ticks + ticks, was.stolen + stolen, was.throttled_s + throttled_s)


def test_what_was_suffered_belongs_to_the_second_in_which_it_was() -> None:
    """A probe before it or after it is spared."""
    clock, told = FakeClock(), Told()
    machine = Machine(clock, told)
    began_ns = clock.mono_ns()
    machine.sample()
    for stolen, throttled_s in ((0, 0.0), (30, 0.2), (0, 0.0)):
        clock.advance(1)
        told.pass_on(200, stolen, throttled_s)
        machine.sample()
    second = 1_000_000_000
    assert machine.suffered(began_ns, clock.mono_ns()) == ("cpu_steal", "throttled_cpu")
    assert machine.suffered(began_ns + 2 * second + 1, clock.mono_ns()) == ()
    assert machine.suffered(began_ns, began_ns + second - 1) == ()


def test_what_lasts_as_a_probe_ends_is_seen_by_it() -> None:
    """The last sample may be a second old: a new one is taken, though not for every probe of a burst."""
    clock, told = FakeClock(), Told()
    machine = Machine(clock, told)
    machine.sample()
    clock.advance(0.2)
    told.pass_on(40, 20)
    assert machine.suffered(0, clock.mono_ns()) == ()
    clock.advance(0.1)
    assert machine.suffered(0, clock.mono_ns()) == ("cpu_steal",)


def test_it_looks_every_second() -> None:
    clock, told = FakeClock(), Told()
    machine = Machine(clock, told)
    looked: list[int] = []
    machine._read = lambda: looked.append(clock.mono_ns()) or told.now  # type: ignore[func-returns-value] # a list in passing

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.5):
                await machine.run()

    run(clock, scenario())
    assert len(looked) == 4


def test_the_counters_are_those_of_proc_and_of_our_own_group(tmp_path: pathlib.Path) -> None:
    stat, cgroup, group = tmp_path / "stat", tmp_path / "cgroup", tmp_path / "a" / "b"
    stat.write_text("cpu  100 1 50 700 9 0 20 40 7 7\ncpu0 1 2 3\n")
    cgroup.write_text("3:cpu:/legacy\n0::/a/b\n")
    group.mkdir(parents=True)
    (group / "cpu.stat").write_text("usage_usec 5\nnr_throttled 2\nthrottled_usec 1500\n")
    assert counters(stat, cgroup, tmp_path) == Counters(920, 40, 0.0015)


@pytest.mark.parametrize(("stat", "cgroup"), [("", ""), ("cpu x", "0::/gone"), ("cpu 1 2", "1:cpu:/")])
def test_what_is_not_told_is_never_suffered(tmp_path: pathlib.Path, stat: str, cgroup: str) -> None:
    (tmp_path / "stat").write_text(stat)
    (tmp_path / "cgroup").write_text(cgroup)
    told = counters(tmp_path / "stat", tmp_path / "cgroup", tmp_path)
    assert (told.stolen, told.throttled_s) == (0, 0.0)
    assert counters(tmp_path / "none", tmp_path / "none", tmp_path) == Counters(0, 0, 0.0)
