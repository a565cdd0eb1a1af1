"""Our own error as it is known: measured at start and hourly, told in beats, and what follows from a poor one."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from agent.asking.calibrate import CalibrationError
from agent.asking.truth import Errors
from probes.base import Probe, Slot
from probes.result import ProbeResult
from probes.target import Target, Workload

EVERY_S: Final = 3600.0

AGAIN_S: Final = 60.0
"""After a poor or failed one: a minute's disturbance must not cost an hour of samples."""

POOR_S: Final = 0.001
"""A p99 past which samples that say nothing against themselves are not to be believed: the bound of each sample's own checks."""

REASON: Final = "calibration"

log = structlog.get_logger("asker")


class Calibration:
    """`errors` is the newest that is known, empty where there is none; `poor` names the kinds to be marked.

    A kind is `no` or `yes`: whether over TLS.
    """

    def __init__(self, measure: Callable[[], Awaitable[Errors]]) -> None:
        self.errors: Errors = {}
        self.poor: frozenset[str] = frozenset()
        self._measure = measure
        self._missing = False

    async def run(self) -> None:
        while True:
            await self.calibrate()
            settled = self.errors and not self.poor
            await asyncio.sleep(EVERY_S if settled else AGAIN_S)

    async def calibrate(self) -> None:
        """Measure, and once more what turns out poor.

        A kind whose error could not be observed keeps its verdict: that is no good calibration.
        """
        try:
            self.errors = await self._measure()
            if _poor(self.errors) - self.poor:
                # The start-up of a database or a neighbour's burst is no verdict yet.
                self.errors = await self._measure()
        except CalibrationError as failure:
            self.errors = {}
            if not self._missing:
                log.warning("calibration.missing", error=str(failure), again_in_s=AGAIN_S)
            self._missing = True
            return
        self._missing = False
        before, self.poor = self.poor, _poor(self.errors) | (self.poor - self.errors.keys())
        shown = {f"p99_ms_{_NAMES[tls]}": round(stats["p99"] * 1e3, 3) for tls, stats in self.errors.items()}
        if self.poor and self.poor != before:
            log.warning(
                "calibration.poor",
                **shown,
                bound_ms=POOR_S * 1e3,
                consequence="samples are untrusted until a good one: give the agent more CPU",
            )
        else:
            log.info("calibration.done", **shown)


def _poor(errors: Errors) -> frozenset[str]:
    return frozenset(tls for tls, stats in errors.items() if stats["p99"] > POOR_S)


_NAMES = {"no": "plain", "yes": "tls"}


class Marking:
    """A probe whose samples are marked while the calibration of their kind is poor."""

    def __init__(self, probe: Probe, calibration: Calibration) -> None:
        self._probe = probe
        self._calibration = calibration

    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        result = await self._probe.ask(target, workload, slot)
        tls = "yes" if target.endpoint.startswith("https:") else "no"
        # A sample without an instant of the answer has none that could be wrong: its deadline stays a bad event.
        if tls not in self._calibration.poor or (result.ttfb_s is None and result.total_s is None):
            return result
        return dataclasses.replace(result, quality_reasons=(*result.quality_reasons, REASON))
