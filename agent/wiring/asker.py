"""The asker's composition root: `python -m agent.wiring.asker --state-dir DIR`, told its plans by a pipe."""

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import structlog
import uvloop

from agent import log as logs
from agent.asking.asker import Asker
from agent.asking.calibrate import find
from agent.asking.calibration import Calibration, Marking
from agent.asking.collector import Collector
from agent.asking.drills import Drills, Faulty
from agent.asking.faulty import FaultyTransport
from agent.asking.lag import LagMonitor
from agent.asking.machine import Machine
from agent.asking.purse import Purse
from agent.asking.truth import Errors
from agent.asking.witness import Try, Witnesses
from agent.calibrating import place
from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.plan_file import read_plan
from agent.config.secrets import Secrets
from agent.errors import NephoscopeError
from agent.ids import uuid7
from agent.wiring.probing import calibrator, exchange
from probes.base import Probe
from probes.reaching import Reaching
from probes.transport.wire import WireTransport
from storage.journal import JournalLockedError, Writer

ORPHAN_S = 1.0
"""Without a parent nothing is waited for longer: the next daemon's asker wants the journal."""

log = structlog.get_logger("asker")


class Order(NamedTuple):
    """One line of the pipe: which plan to follow, and since when nobody did (UTC nanoseconds)."""

    config: Config
    resume_ns: int | None


class Parts(NamedTuple):
    """What a plan is asked with."""

    probe: Probe
    attempt: Try
    faulty: Faulty


def main(argv: Sequence[str] | None = None) -> int:
    """Ask until SIGTERM or the pipe's end; return 0 after draining, another code for a sentence on stderr."""
    args = _arguments(argv)
    logs.configure(args.log_format, args.log_level)
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # overlaps are journalled as skipped slots
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    try:
        return uvloop.run(_main(Path(args.state_dir), args))
    except NephoscopeError as failure:
        sys.stderr.write(f"nephoscope asker: {failure}\n")
        return failure.exit_code


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agent.wiring.asker")
    parser.add_argument("--state-dir", required=True)
    parser.add_argument("--log-format", choices=logs.FORMATS, default="text")
    parser.add_argument("--log-level", choices=logs.LEVELS, default="info")
    return parser.parse_args(argv)


async def _main(state_dir: Path, args: argparse.Namespace) -> int:
    orders = _orders(await _pipe(), state_dir)
    if (first := await anext(orders, None)) is None:
        return 0
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    clock = SystemClock()
    lag, machine = LagMonitor(clock), Machine(clock)
    transport = WireTransport()
    own = calibrator(clock, lag.max_lag, machine.suffered)

    async def measure() -> Errors:
        return await own.measure(await find(place.file(state_dir)))

    calibration = Calibration(measure)

    def parts(config: Config) -> Parts:
        secrets = Secrets.of(config, os.environ)
        logs.configure(args.log_format, args.log_level, redact=secrets.redact)
        asking = exchange(config, secrets, transport, clock, lag.max_lag, machine.suffered)

        def faulty(fault: str) -> Probe:
            through = FaultyTransport(fault, clock)
            return exchange(config, secrets, transport, clock, lag.max_lag, machine.suffered, through)

        return Parts(Marking(asking, calibration), Reaching(transport, secrets).attempt, faulty)

    limits = first.config.journal
    journal = Writer(state_dir, max_bytes=limits.max_bytes, max_age_s=limits.max_age_s)
    order = random.Random()  # noqa: S311 - in which order probes start is no secret
    boot = uuid7(clock).hex
    purse = Purse(first.config, clock, state_dir / "budget.json")
    made = parts(first.config)
    witnesses = Witnesses(clock, first.config.networks, made.attempt, file=state_dir / "witnesses.json")
    asker = Asker(first.config, made.probe, journal, clock, lag, boot, order, calibration, purse, witnesses)
    drills = Drills(first.config, made.faulty, journal, clock, witnesses, state_dir)
    _open(journal)
    purse.load()
    witnesses.load()
    gc.collect()
    gc.freeze()  # what was imported and built so far is never looked through again
    collector = Collector(lambda: asker.in_flight)
    try:
        aside = (_follow(orders, asker, drills, parts), machine.run(), collector.run(), drills.run())
        return await _run(asker, first.resume_ns, aside, stop)
    finally:
        journal.close()
        await transport.aclose()
        await own.aclose()


async def _run(
    asker: Asker, resume_ns: int | None, aside: Iterable[Coroutine[Any, Any, None]], stop: asyncio.Event
) -> int:
    """Ask until a signal, or until what runs aside ends (the pipe) or fails, then drain; return the exit code."""
    running = asyncio.create_task(asker.run(resume_ns))
    others = [*map(asyncio.create_task, aside), asyncio.create_task(stop.wait())]
    await asyncio.wait([running, *others], return_when=asyncio.FIRST_COMPLETED)
    orphaned = others[0].done() and not stop.is_set()
    for task in (running, *others):
        task.cancel()
    ended = await asyncio.gather(running, *others, return_exceptions=True)
    log.info("asker.draining", in_flight=asker.in_flight, orphaned=orphaned)
    await asker.drain(ORPHAN_S if orphaned else None)
    failures = [failure for failure in ended if isinstance(failure, Exception)]
    for failure in failures:
        log.error("asker.failed", exc_info=failure)
    return 1 if failures else 0


async def _follow(
    orders: AsyncIterator[Order], asker: Asker, drills: Drills, parts: Callable[[Config], Parts]
) -> None:
    """Switch plans as they are ordered; return when the parent is gone."""
    async for order in orders:
        # In a thread: trust stores of new paths are read meanwhile, which takes tens of milliseconds each.
        made = await asyncio.to_thread(parts, order.config)
        asker.switch(order.config, made.probe, made.attempt)
        drills.switch(order.config, made.faulty)


async def _pipe() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
    )
    return reader


async def _orders(pipe: asyncio.StreamReader, state_dir: Path) -> AsyncIterator[Order]:
    """Yield the parent's orders; the first must be followed, a later one that cannot be is refused whole."""
    first = True
    while line := await pipe.readline():
        said = json.loads(line)
        try:
            plan = await asyncio.to_thread(read_plan, state_dir, said["plan"])
            order = Order(plan, said.get("resume_ns"))
        except NephoscopeError as failure:
            if first:
                raise
            log.error("plan.refused", error=str(failure))  # noqa: TRY400 - the sentence says it all
            continue
        first = False
        yield order


def _open(journal: Writer) -> None:
    try:
        journal.open()
    except JournalLockedError as failure:
        raise NephoscopeError(str(failure)) from None
    except OSError as failure:
        raise NephoscopeError(
            f"the journal under the state folder cannot be opened ({failure}); make it writable, or set state_dir"
        ) from failure


if __name__ == "__main__":
    sys.exit(main())
