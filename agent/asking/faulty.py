"""A transport that fails as an endpoint would, and sends nothing to anybody: for drills."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

import httpx

from probes import timing
from probes.base import MARKS, Clock
from probes.transport.errors import Broken, ConnectRefused

SAID: Final = "a drill: nothing was sent, and it failed as it was asked to"


class FaultyTransport(httpx.AsyncBaseTransport):
    """Answers every request by one fault, named as in `FAULTS`."""

    def __init__(self, fault: str, clock: Clock) -> None:
        self._fail = FAULTS[fault]
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._fail(request.extensions[MARKS], self._clock)


Fault = Callable[[timing.Marks, Clock], Awaitable[httpx.Response]]


async def _refused(_marks: timing.Marks, _clock: Clock) -> httpx.Response:
    raise ConnectRefused(f"the connection was refused ({SAID})")


async def _outage(marks: timing.Marks, clock: Clock) -> httpx.Response:
    return _error(503, "overloaded_error", marks, clock)


async def _throttled(marks: timing.Marks, clock: Clock) -> httpx.Response:
    return _error(429, "rate_limit_error", marks, clock)


def _error(status: int, kind: str, marks: timing.Marks, clock: Clock) -> httpx.Response:
    marks.mark(timing.SENT, clock.mono_ns())
    marks.mark(timing.FIRST_BYTE, clock.mono_ns())
    body = json.dumps({"error": {"message": SAID, "type": kind}}).encode()
    return httpx.Response(status, headers={"content-type": "application/json"}, stream=_Body(body))


async def _hang(marks: timing.Marks, clock: Clock) -> httpx.Response:
    marks.mark(timing.SENT, clock.mono_ns())
    await asyncio.Event().wait()
    raise AssertionError  # pragma: no cover - the probe's deadline ends it


async def _truncation(marks: timing.Marks, clock: Clock) -> httpx.Response:
    marks.mark(timing.SENT, clock.mono_ns())
    marks.mark(timing.FIRST_BYTE, clock.mono_ns())
    return httpx.Response(
        200, headers={"content-type": "text/event-stream"}, stream=_Body(b": so far\n\n", broken=True)
    )


FAULTS: Final[Mapping[str, Fault]] = {
    "outage": _outage,
    "refused": _refused,
    "hang": _hang,
    "throttled": _throttled,
    "truncation": _truncation,
}


class _Body(httpx.AsyncByteStream):
    """A whole body, or one that is cut."""

    def __init__(self, data: bytes, *, broken: bool = False) -> None:
        self._data = data
        self._broken = broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data
        if self._broken:
            raise Broken(f"the answer was cut ({SAID})")

    async def aclose(self) -> None:
        """Nothing is held."""
