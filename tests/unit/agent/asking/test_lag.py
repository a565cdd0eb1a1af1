import asyncio

from agent.asking.lag import TICK_S, LagMonitor
from support.clock import FakeClock
from support.virtual import run

MS = 1_000_000


def test_a_loop_that_keeps_time_shows_no_lag() -> None:
    clock = FakeClock()
    lag = LagMonitor(clock)

    async def main() -> None:
        lag.start()
        await asyncio.sleep(1)
        lag.stop()

    began_ns = clock.mono_ns()
    run(clock, main())
    assert lag.max_lag(began_ns, clock.mono_ns()) < 0.000_01
    assert abs(sum(lag.buckets.counts.values()) - 1 / TICK_S) <= 2


def test_a_stand_still_belongs_to_the_probes_that_it_touched_and_to_no_other() -> None:
    clock = FakeClock()
    lag = LagMonitor(clock)

    async def main() -> tuple[int, int, float]:
        lag.start()
        await asyncio.sleep(1)
        before_ns = clock.mono_ns()
        clock.advance(0.2)
        after_ns = clock.mono_ns()
        at_once = lag.max_lag(before_ns, after_ns)
        await asyncio.sleep(1)
        lag.stop()
        return before_ns, after_ns, at_once

    before_ns, after_ns, at_once = run(clock, main())
    assert 0.19 < at_once <= 0.2, "seen although the tick is still overdue"
    assert 0.19 < lag.max_lag(before_ns, after_ns) <= 0.2
    assert 0.19 < lag.max_lag(before_ns - 500 * MS, before_ns + 50 * MS) <= 0.2, "it ended while it lasted"
    assert lag.max_lag(before_ns - 800 * MS, before_ns - 100 * MS) < 0.001
    assert lag.max_lag(after_ns + 200 * MS, clock.mono_ns()) < 0.001


def test_ten_minutes_are_remembered_and_no_more() -> None:
    lag = LagMonitor(FakeClock())
    for window in range(20 * 700):
        lag.note(window * 50 * MS, window)
    assert len(lag._windows) == 20 * 600
