"""One client in a process of its own: keeps so many streams open, and says what it saw of each and what it cost.

`python benchmarks/clients.py '{"client": "nephoscope", "streams": 50, ...}'`, one JSON line out.
"""

import asyncio
import dataclasses
import gc
import json
import os
import resource
import ssl
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path as File
from typing import Any

import curl
import httpx
import uvloop
from errors import Reported

from agent.asking.lag import LagMonitor
from agent.clock import SystemClock
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import MANUAL, Outcome
from probes.target import Path, Target, Workload
from probes.timing import SENT
from probes.transport.wire import WireTransport

Ask = Callable[[], Awaitable[Reported]]
Close = Callable[[], Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class Order:
    """What to run: `rounds` streams one after another in each of `streams` places, each some `lasts_s` long."""

    client: str
    streams: int
    rounds: int
    lasts_s: float
    query: str
    port: int
    tls_port: int
    ca: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions?{self.query}"


class Plain:
    """Secrets for targets without any."""

    def resolve(self, text: str) -> str:
        return text

    def resolve_url(self, text: str) -> str:
        return text

    def redact(self, text: str) -> str:
        return text


def nephoscope(order: Order, *, secure: bool, connection: str = "cold") -> tuple[Ask, Close]:
    """Ask as the daemon does: the whole exchange, with its lag monitor."""
    clock = SystemClock()
    lag, transport = LagMonitor(clock), WireTransport()
    lag.start()
    origins: dict[asyncio.Task[Any] | None, int] = {}

    def lagged(since_ns: int, until_ns: int) -> float:
        origins[asyncio.current_task()] = since_ns  # a result's marks count from the attempt's beginning
        return lag.max_lag(since_ns, until_ns)

    exchange = Exchange(transport, Plain(), clock, uuid.uuid4, "bench", lagged)
    path = Path(proxy="none", ca=order.ca if secure else None)
    transport.warm_up([path])
    scheme, port = ("https", order.tls_port) if secure else ("http", order.port)
    endpoint = f"{scheme}://127.0.0.1:{port}/v1?{order.query}"
    target = Target(
        name="t", provider="openai-compatible", cloud="bench", model="m", model_id="m", group="t",
        endpoint=endpoint, path=path,
    )  # fmt: skip

    async def ask() -> Reported:
        workload = Workload(name="chat", first_token_s=60, timeout_s=120)
        result = await exchange.ask(target, workload, Slot(time.time_ns(), MANUAL))
        if result.outcome is not Outcome.OK or result.total_s is None:
            raise RuntimeError(result.error)
        sent_ns = origins.pop(asyncio.current_task()) + dict(result.marks)[SENT]
        tokens = [sent_ns + round(at_s * 1e9) for at_s in result.chunks]
        return Reported(
            str(result.id), sent_ns, tokens, sent_ns + round(result.total_s * 1e9), trusted=result.trusted
        )

    async def close() -> None:
        lag.stop()
        await transport.aclose()

    return ask, close


async def heard(identity: str, start_ns: int, lines: AsyncIterator[str]) -> Reported:
    """Read a stream as its users do: parse each event, and look at the clock where one brings a token."""
    tokens, end_ns = [], None
    async for line in lines:
        if line.startswith("data: [DONE]"):
            end_ns = time.monotonic_ns()
        elif line.startswith("data: "):
            choices = json.loads(line[6:])["choices"]
            if choices and choices[0]["delta"].get("content"):
                tokens.append(time.monotonic_ns())
    return Reported(identity, start_ns, tokens, end_ns)


BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Say pong."}]}


async def over_httpx(client: httpx.AsyncClient, order: Order) -> Reported:
    identity, start_ns = str(uuid.uuid4()), time.monotonic_ns()
    headers = {"x-request-id": identity}
    async with client.stream("POST", order.url, json=BODY, headers=headers) as response:
        return await heard(identity, start_ns, response.aiter_lines())


def httpx_shared(order: Order) -> tuple[Ask, Close]:
    limits = httpx.Limits(max_connections=None)
    client = httpx.AsyncClient(trust_env=False, timeout=120, limits=limits)
    return lambda: over_httpx(client, order), client.aclose


def httpx_each(order: Order) -> tuple[Ask, Close]:
    context = ssl.create_default_context()  # built once, or it would be most of what is measured

    async def ask() -> Reported:
        async with httpx.AsyncClient(trust_env=False, timeout=120, verify=context) as client:
            return await over_httpx(client, order)

    return ask, _nothing


def over_aiohttp(order: Order) -> tuple[Ask, Close]:
    import aiohttp  # only this client's process pays for it

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def ask() -> Reported:
        identity, start_ns = str(uuid.uuid4()), time.monotonic_ns()
        headers = {"x-request-id": identity}
        async with session.post(order.url, json=BODY, headers=headers) as response:
            lines = (line.decode() async for line in response.content)
            return await heard(identity, start_ns, lines)

    return ask, session.close


def over_curl(order: Order) -> tuple[Ask, Close]:
    async def ask() -> Reported:
        identity = str(uuid.uuid4())
        return await curl.ask(order.url, identity, BODY)

    return ask, _nothing


async def _nothing() -> None:
    pass


CLIENTS: Mapping[str, Callable[[Order], tuple[Ask, Close]]] = {
    "nephoscope": lambda order: nephoscope(order, secure=False),
    "nephoscope TLS": lambda order: nephoscope(order, secure=True),
    "httpx shared": httpx_shared,
    "httpx each": httpx_each,
    "aiohttp": over_aiohttp,
    "curl": over_curl,
}


async def run(order: Order) -> dict[str, Any]:
    """Warm up with one round that is discarded, then measure the others in the steady state between them."""
    ask, close = CLIENTS[order.client](order)
    told: list[Reported] = []

    async def place(nth: int, rounds: int) -> None:
        await asyncio.sleep(order.lasts_s * nth / order.streams)
        for _ in range(rounds):
            told.append(await ask())

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
    status = File("/proc/self/status")
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
