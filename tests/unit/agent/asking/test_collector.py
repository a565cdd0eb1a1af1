import asyncio
import gc

import pytest

from agent.asking.collector import CROWDED, FULL_S, PAUSE_S, YOUNG, Collector
from support.clock import FakeClock
from support.virtual import run


class Bench:
    def __init__(self) -> None:
        self.in_flight = 0
        self.collected: list[int] = []
        self.collector = Collector(lambda: self.in_flight, self._collect)

    def _collect(self, generation: int) -> int:
        self.collected.append(generation)
        return 0


def test_between_bursts_it_collects_what_is_worth_it() -> None:
    bench = Bench()
    bench.collector.turn(YOUNG - 1)
    assert bench.collected == []
    bench.collector.turn(YOUNG)
    assert bench.collected == [1]


def test_while_probes_are_in_flight_it_waits_until_too_much_has_piled_up() -> None:
    """Memory stays flat although it is never quiet."""
    bench = Bench()
    bench.in_flight = 3
    bench.collector.turn(CROWDED - 1)
    assert bench.collected == []
    bench.collector.turn(CROWDED)
    assert bench.collected == [1]


def test_now_and_then_it_looks_at_everything() -> None:
    bench = Bench()
    for _ in range(round(FULL_S / PAUSE_S)):
        bench.collector.turn(YOUNG)
    assert bench.collected[-2:] == [1, 2]
    assert bench.collected.count(2) == 1


def test_nothing_is_collected_by_itself_while_it_runs() -> None:
    """And everything again as before once it was stopped."""

    async def scenario() -> None:
        running = asyncio.create_task(Bench().collector.run())
        await asyncio.sleep(0)
        assert not gc.isenabled()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert gc.isenabled()

    run(FakeClock(), scenario())


def test_circles_are_freed_although_nothing_collects_by_itself() -> None:
    """Ten thousand circles leave no more behind than the threshold."""
    gc.collect()
    collector = Collector(lambda: 0)
    gc.disable()
    try:
        for _ in range(10_000):
            circle: list[object] = []
            circle.append(circle)
        assert gc.get_count()[0] > YOUNG
        collector.turn(gc.get_count()[0])
        assert gc.get_count()[0] < YOUNG
    finally:
        gc.enable()
