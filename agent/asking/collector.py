"""When garbage is collected: between bursts, so that no read waits for it, and before it piles up."""

import asyncio
import gc
from collections.abc import Callable
from typing import Final

PAUSE_S: Final = 0.25

YOUNG: Final = 700
"""New containers that are worth a collection while nobody waits for us: the interpreter's own threshold."""

CROWDED: Final = 20_000
"""New containers at which one is due although probes are in flight: some 3 ms and 10 MB."""

FULL_S: Final = 30.0
"""Between two looks at everything; frozen objects are not among it, so that it takes milliseconds."""


class Collector:
    """Collects in the interpreter's place. `in_flight` returns how many probes would wait for it."""

    def __init__(self, in_flight: Callable[[], int], collect: Callable[[int], int] = gc.collect) -> None:
        self._in_flight = in_flight
        self._collect = collect
        self._since_full_s = 0.0

    async def run(self) -> None:
        """Hold the automatic collection off and collect between bursts; for ever."""
        gc.disable()
        try:
            while True:
                await asyncio.sleep(PAUSE_S)
                self.turn(gc.get_count()[0])
        finally:
            gc.enable()

    def turn(self, young: int) -> None:
        """Collect, if this is the time for it and so many containers were made since."""
        self._since_full_s += PAUSE_S
        if young < (YOUNG if self._in_flight() == 0 else CROWDED):
            return
        if self._since_full_s >= FULL_S:
            self._since_full_s = 0.0
            self._collect(2)
        else:
            self._collect(1)
