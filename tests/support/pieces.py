"""Answers cut at will on their way over loopback: each piece is read before the next one is sent."""

import asyncio
import dataclasses
import uuid
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import httpx

from agent.clock import SystemClock
from probes.base import READS, Read, Slot
from probes.exchange import BODY_BYTES, Exchange
from probes.framing.base import EVENT_BYTES
from probes.result import ProbeResult
from probes.target import Path, Target, Workload
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.secrets import FakeSecrets
from support.wireserver import Peer, Script, WireServer

TARGET = Target(
    name="t",
    provider="vllm",
    cloud="self-hosted",
    model="tiny",
    model_id="tiny",
    endpoint="",
    group="tiny",
    path=Path(proxy="none"),
)
PATIENT = Workload(name="chat", first_token_s=20.0, stall_s=20.0, timeout_s=30.0)
AT_ONCE = 32


class Watched(httpx.AsyncBaseTransport):
    """The real wire; `reads` are those of the last response."""

    def __init__(self, wire: WireTransport) -> None:
        self.reads: list[Read] = []
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._wire.handle_async_request(request)
        self.reads = response.extensions[READS]
        return response


@dataclasses.dataclass(frozen=True)
class Told:
    """What one answer came to, and how many reads its body took."""

    result: ProbeResult
    reads: int


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server sends after a request, and how the connection ends: closed, reset, or not at all."""

    pieces: Sequence[bytes]
    end: str = "close"


class Asker:
    """Asks loopback endpoints over one real transport; the event loop's lag is said to be none."""

    def __init__(
        self,
        workload: Workload,
        *,
        ca: str | None = None,
        provider: str = TARGET.provider,
        event_bytes: int = EVENT_BYTES,
        body_bytes: int = BODY_BYTES,
    ) -> None:
        self._workload = workload
        self._target = dataclasses.replace(TARGET, provider=provider, path=Path(proxy="none", ca=ca))
        self._limits: dict[str, Any] = {"event_bytes": event_bytes, "body_bytes": body_bytes}
        self._wire = WireTransport()

    async def ask(self, url: str) -> Told:
        watched = Watched(self._wire)
        exchange = Exchange(
            watched,
            FakeSecrets({}),
            SystemClock(),
            uuid.uuid4,
            "v",
            lambda _start, _end: 0.0,
            **self._limits,
        )
        target = dataclasses.replace(self._target, endpoint=url)
        return Told(await exchange.ask(target, self._workload, Slot(1, 0)), len(watched.reads))

    async def aclose(self) -> None:
        await self._wire.aclose()


async def answered(
    answers: Sequence[Answer],
    workload: Workload = PATIENT,
    *,
    folder: File | None = None,
    provider: str = TARGET.provider,
    **limits: Any,
) -> list[Told]:
    """Return what each answer came to, over one connection each; with a folder for certificates, over TLS."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        answer = answers[int(request.target.split("/")[1])]
        for piece in answer.pieces:
            await peer.send(piece)
            # Loopback delivers at once, and a loop looks at its sockets before it goes on: two turns are a read.
            for _ in range(3):
                await asyncio.sleep(0)
        if answer.end == "reset":
            peer.reset()
        if answer.end == "hang":
            await peer.reader.read()

    authority = Authority(folder) if folder else None
    asker = Asker(workload, ca=authority.ca if authority else None, provider=provider, **limits)
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(url: str) -> Told:
        async with gate:
            return await asker.ask(url)

    async with WireServer(script, tls=authority.server() if authority else None) as server:
        told = await asyncio.gather(*(ask(f"{server.url}/{nth}") for nth in range(len(answers))))
    await asker.aclose()
    return told


async def asked(
    script: Script, urls: Sequence[str] = ("",), workload: Workload = PATIENT, **limits: Any
) -> list[ProbeResult]:
    """Return what these paths of a scripted server came to, asked one after the other."""
    asker = Asker(workload, **limits)
    async with WireServer(script) as server:
        told = [await asker.ask(server.url + url) for url in urls]
    await asker.aclose()
    return [each.result for each in told]


def verdict(result: ProbeResult) -> dict[str, object]:
    """Return what an answer says that no cut and no clock may change."""
    fields = (
        "outcome",
        "stream",
        "http_status",
        "error_code",
        "error",
        "finish_reason",
        "response_id",
        "response_model",
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
    )
    return {field: getattr(result, field) for field in fields} | {"units": len(result.chunks)}
