"""One client in a process of its own: keeps so many streams open, and says what it saw of each and what it cost.

`python benchmarks/client.py '{"client": "aiohttp", "streams": 50, ...}'` writes one JSON object.
"""

import asyncio
import dataclasses
import gc
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
from asking import Order
from errors import Reported


async def run(order: Order) -> dict[str, Any]:
    """Warm up with one round that is discarded, then measure the others in the steady state between them."""
    ask, close = importlib.import_module(f"over_{order.client.split()[0]}").make(order)
    told: list[Reported] = []

    async def place(nth: int, rounds: int) -> None:
        await asyncio.sleep(order.lasts_s * nth / order.streams)
        told.extend([await ask() for _ in range(rounds)])

    await asyncio.gather(*(place(nth, 1) for nth in range(order.streams)))
    told.clear()
    gc.collect()
    gc.freeze()  # as the asker does; the others have the same good of it
    before_s, began_s = cpu_s(), time.monotonic()
    await asyncio.gather(*(place(nth, order.rounds) for nth in range(order.streams)))
    spent_s, lasted_s = cpu_s() - before_s, time.monotonic() - began_s
    await close()
    return {
        "cpu_ms": spent_s * 1e3 / len(told),
        "cores": spent_s / lasted_s,
        "memory_mb": peak_mb(),
        "told": [dataclasses.asdict(each) for each in told],
    }


def cpu_s() -> float:
    """Return user and system seconds of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_mb() -> float | None:
    """Return the most memory that was resident, which Linux alone tells of this program and none before it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main() -> None:
    said = json.loads(sys.argv[1])
    if (core := said.pop("core")) is not None:
        os.sched_setaffinity(0, {core})
    json.dump(uvloop.run(run(Order(**said))), sys.stdout)


if __name__ == "__main__":
    main()
