"""Probes the truth server as any endpoint is probed, and compares what was measured with when it wrote."""

import asyncio
import collections
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from agent.asking.truth import Errors, spread, stream_errors
from agent.calibrating.place import Place
from agent.config.model import Config
from probes.base import KEEP, MARKS, PATH, Clock, Probe, Slot
from probes.result import MANUAL, Outcome, ProbeResult
from probes.target import Path as Way
from probes.target import Target, Workload
from probes.timing import SENT, Marks
from probes.transport.errors import WireError
from probes.transport.wire import WireTransport

STREAMS: Final = 20
"""Of each kind: with 20 tokens each, p99 is the fifth largest of 400 errors."""

APART_S: Final = 0.1
"""Between two starts: some five streams at a time, 40 in four seconds, take 2 % of a core and delay nobody."""

FEWEST: Final = 5
"""Trusted samples of a kind below which its error is not observed."""

PATIENCE_S: Final = 10.0
"""How long the truth server may take to say where it is."""

_WORKLOAD = Workload(name="calibration", first_token_s=5.0, stall_s=5.0, timeout_s=10.0)


class CalibrationError(Exception):
    """The truth could not be had; the message is a sentence with the remedy."""


class NotingTransport(WireTransport):
    """The transport of every probe, which keeps each request's marks: they are instants, results durations."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: dict[str, Marks] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if MARKS in request.extensions:
            self.noted[request.headers["x-request-id"]] = request.extensions[MARKS]
        return await super().handle_async_request(request)


class Calibrator:
    """Measures our own error; `probe` makes the probe of a plan, over this transport."""

    def __init__(self, transport: NotingTransport, probe: Callable[[Config], Probe], clock: Clock) -> None:
        self._transport = transport
        self._probe = probe
        self._clock = clock

    async def measure(self, place: Place, streams: int = STREAMS, apart_s: float = APART_S) -> Errors:
        """Return the errors of trusted samples, plain and with TLS, or raise `CalibrationError`.

        What a sample says of itself is believed first: an untrusted one promises nothing, so it is no
        part of the error of those that do.
        """
        plan = _plan(place)
        results = await self._ask(plan, streams, apart_s)
        self._transport.noted, noted = {}, self._transport.noted
        errors: dict[str, list[float]] = collections.defaultdict(list)
        samples: collections.Counter[str] = collections.Counter()
        for result in results:
            if result.outcome is Outcome.OK and result.trusted:
                samples[result.target] += 1
                errors[result.target] += await self._compare(plan, result, noted)
        if not samples:
            raise CalibrationError(_none(results))
        return {tls: spread(errors[tls]) for tls, count in samples.items() if count >= FEWEST}

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _ask(self, plan: Config, streams: int, apart_s: float) -> list[ProbeResult]:
        probe = self._probe(plan)
        async with asyncio.TaskGroup() as group:
            asked = []
            for target in plan.targets * streams:
                slot = Slot(self._clock.wall_ns(), MANUAL)
                asked.append(group.create_task(probe.ask(target, _WORKLOAD, slot)))
                await asyncio.sleep(apart_s)
        return [task.result() for task in asked]

    async def _compare(self, plan: Config, result: ProbeResult, noted: dict[str, Marks]) -> list[float]:
        identity = str(result.id)
        try:
            truth = await self._truth(plan.targets[0], identity)
            sent_ns = noted[identity].at[SENT]
            arrivals = [sent_ns + round(after_s * 1e9) for after_s in result.chunks]
            writes = [(int(before), int(after)) for before, after in truth["writes"]]
            return stream_errors(sent_ns, int(truth["received_ns"]), arrivals, writes)
        except (httpx.HTTPError, WireError, ValueError, KeyError, TypeError, TimeoutError) as failure:
            raise CalibrationError(
                f"the truth server did not say when it wrote ({failure!r}): it was restarted meanwhile, or something else took its port; the next calibration tells"
            ) from failure

    async def _truth(self, target: Target, identity: str) -> Any:
        request = httpx.Request(
            "GET",
            target.endpoint.removesuffix("/v1") + "/truth/" + identity,
            extensions={KEEP: "truth", PATH: target.path},
        )
        async with asyncio.timeout(_WORKLOAD.timeout_s):
            response = await self._transport.handle_async_request(request)
            try:
                return json.loads(await response.aread())
            finally:
                await response.aclose()


async def find(file: Path, patience_s: float = PATIENCE_S) -> Place:
    """Return where the truth server is once it says so, or raise `CalibrationError`."""
    try:
        async with asyncio.timeout(patience_s):
            while (said := _said(file)) is None:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.1)
        return Place.read(said)
    except TimeoutError:
        raise CalibrationError(f"the truth server does not run: {file} is missing") from None
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise CalibrationError(f"{file} does not say where the truth server is ({failure!r})") from failure


def _said(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


def _plan(place: Place) -> Config:
    """Return a plan of two targets, named `no` and `yes` for whether they are asked over TLS."""
    way = Way(proxy="none", ca=place.ca)

    def target(name: str, endpoint: str) -> Target:
        return Target(
            name=name, provider="openai-compatible", cloud="self-hosted", model="truth", model_id="truth",
            endpoint=endpoint, group=name, path=way, simulated=True,
        )  # fmt: skip

    targets = (
        target("no", f"http://127.0.0.1:{place.port}/v1"),
        target("yes", f"https://127.0.0.1:{place.tls_port}/v1"),
    )
    return Config(vantage="loopback", state_dir="", targets=targets, probes=(), objectives=())


def _none(results: list[ProbeResult]) -> str:
    failed = [result for result in results if result.outcome is not Outcome.OK]
    if failed:
        return f"the truth server was not heard: {failed[0].error or failed[0].outcome.value}"
    reasons = sorted({reason for result in results for reason in result.quality_reasons})
    return f"no sample is to be trusted ({', '.join(reasons)}): give the agent more CPU"
