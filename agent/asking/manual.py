"""Asking at a person's wish: every given probe once, now, without confirmation."""

import asyncio
import dataclasses
import subprocess
import sys
from collections.abc import Callable, Sequence

import uvloop

from agent.asking.calibrate import CalibrationError
from agent.asking.lag import LagMonitor
from agent.asking.machine import Machine
from agent.asking.truth import Errors
from agent.calibrating.place import Place
from agent.clock import SystemClock
from agent.config.model import Config
from agent.wiring.probing import calibrator, exchange
from probes.base import Clock, Probe, Secrets, Slot
from probes.result import MANUAL, ProbeResult
from probes.target import Target, Workload
from probes.transport.wire import WireTransport

Pairs = Sequence[tuple[Target, Workload]]
Sink = Callable[[ProbeResult], None]

CALIBRATION_STREAMS = 12
CALIBRATION_APART_S = 0.02
"""A person waits: 24 streams within a second."""


def ask_once(config: Config, secrets: Secrets, pairs: Pairs, sink: Sink) -> list[ProbeResult]:
    """Return what each pair answered, in the order given; `sink` is told each as it comes."""
    return uvloop.run(_ask_once(config, secrets, pairs, sink))


async def ask_all(probe: Probe, clock: Clock, pairs: Pairs, in_flight: int, sink: Sink) -> list[ProbeResult]:
    """Ask all pairs, at most `in_flight` at a time; a manual attempt is scheduled when it starts."""
    turns = asyncio.Semaphore(in_flight)

    async def ask(target: Target, workload: Workload) -> ProbeResult:
        async with turns:
            result = await probe.ask(target, workload, Slot(clock.wall_ns(), MANUAL))
        return dataclasses.replace(result, scheduled_ns=result.started_ns)

    asked = [asyncio.create_task(ask(target, workload)) for target, workload in pairs]
    try:
        for ended in asyncio.as_completed(asked):
            sink(await ended)
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return [task.result() for task in asked]


async def _ask_once(config: Config, secrets: Secrets, pairs: Pairs, sink: Sink) -> list[ProbeResult]:
    clock = SystemClock()
    lag, machine = LagMonitor(clock), Machine(clock)
    transport = WireTransport()
    probe = exchange(config, secrets, transport, clock, lag.max_lag, machine.suffered)
    lag.start()
    machine.sample()
    try:
        return await ask_all(probe, clock, pairs, config.limits.in_flight, sink)
    finally:
        lag.stop()
        await transport.aclose()


def own_error() -> Errors:
    """Return our own error, measured on a truth server that runs for this alone, or raise `CalibrationError`."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "agent.calibration"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None  # noqa: S101 - asked for by stdout=PIPE
        said = server.stdout.readline()
        try:
            return uvloop.run(_own_error(Place.read(said.decode())))
        except (ValueError, KeyError, TypeError) as failure:
            raise CalibrationError(f"the truth server did not start ({failure!r})") from failure


async def _own_error(place: Place) -> Errors:
    clock = SystemClock()
    lag, machine = LagMonitor(clock), Machine(clock)
    calibrating = calibrator(clock, lag.max_lag, machine.suffered)
    lag.start()
    machine.sample()
    try:
        return await calibrating.measure(place, CALIBRATION_STREAMS, CALIBRATION_APART_S)
    finally:
        lag.stop()
        await calibrating.aclose()
