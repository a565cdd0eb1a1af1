"""A transport that plays a script on a fake clock and keeps the promises of probes.base."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import httpx

from probes import timing
from probes.base import MARKS, READS, WIRE, Read, Wire
from support.clock import FakeClock

HANG = object()
"""In a script: nothing comes any more."""

Step = tuple[float, bytes | Exception | object]
"""Seconds after the last step, and what happens: bytes arrive, the wire breaks, or nothing comes."""


class ScriptedTransport(httpx.AsyncBaseTransport):
    """Answers every request alike: sent 10 ms after the start, the head 10 ms later, then the steps."""

    def __init__(
        self,
        clock: FakeClock,
        steps: Sequence[Step] = (),
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        before: Exception | object | None = None,
        kernel: bool = False,
        wire: Wire | None = None,
    ) -> None:
        self.requests: list[httpx.Request] = []
        self.closed = 0
        self.hanging = asyncio.Event()
        self._clock = clock
        self._steps = steps
        self._status = status
        self._headers = headers or {"content-type": "text/event-stream"}
        self._before = before
        self._kernel = kernel
        self._wire = wire or Wire("10.0.0.7:443", reused=False, tls_expires_s=1_900_000_000)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        marks: timing.Marks = request.extensions[MARKS]
        if self._before is not None:
            marks.mark(timing.CONNECT_START, self._clock.mono_ns())
            await self._happen(self._before)
        self._clock.advance(0.010)
        marks.mark(timing.SENT, self._clock.mono_ns())
        self._clock.advance(0.010)
        marks.mark(timing.FIRST_BYTE, self._clock.mono_ns())
        reads: list[Read] = []
        stream = _Script(self._play(reads), self)
        extensions = {READS: reads, WIRE: self._wire}
        return httpx.Response(
            self._status, headers=dict(self._headers), stream=stream, extensions=extensions, request=request
        )

    async def _play(self, reads: list[Read]) -> AsyncIterator[bytes]:
        after_ns = self._clock.mono_ns()
        for seconds, what in self._steps:
            self._clock.advance(seconds)
            if isinstance(what, bytes):
                reads.append(Read(self._clock.mono_ns(), self._kernel, after_ns))
                after_ns = self._clock.mono_ns()
                yield what
            else:
                await self._happen(what)

    async def _happen(self, what: object) -> None:
        if isinstance(what, Exception):
            raise what
        self.hanging.set()
        await asyncio.get_running_loop().create_future()


class _Script(httpx.AsyncByteStream):
    def __init__(self, pieces: AsyncIterator[bytes], transport: ScriptedTransport) -> None:
        self._pieces = pieces
        self._transport = transport

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        self._transport.closed += 1
        await self._pieces.aclose()  # type: ignore[attr-defined]  # the script is a generator
