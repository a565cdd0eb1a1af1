"""What one probe costs our core, beside httpx in the same run: CPU milliseconds a probe, and their ratio.

A server in a process of its own answers 20-token streams at once; each client asks with so many requests in
flight. CPU is the client process's own (user and system), so a busy machine changes it little.
"""

import asyncio
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable

import httpx
import uvloop

from agent.clock import SystemClock
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import MANUAL, Outcome
from probes.target import Target, Workload
from probes.transport.wire import WireTransport

STREAMS = (1, 50, 200)
ROUNDS = 5
TOKENS = 20

SERVER = f"""
import asyncio, json, sys
def chunk(delta, finish=None):
    body = {{"id": "c", "object": "chat.completion.chunk", "choices": [{{"index": 0, "delta": delta, "finish_reason": finish}}]}}
    return b"data: " + json.dumps(body).encode() + b"\\n\\n"
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\n\\r\\n"
async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\\r\\n") if line.lower().startswith(b"content-length"))
    await reader.readexactly(length)
    writer.write(HEAD)
    for _ in range({TOKENS}):
        writer.write(chunk({{"content": "a"}}))
        await writer.drain()
        await asyncio.sleep(0.02)
    writer.write(chunk({{}}, "stop") + b"data: [DONE]\\n\\n")
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""

Ask = Callable[[], Awaitable[None]]


class Plain:
    """Secrets for targets without any."""

    def resolve(self, text: str) -> str:
        return text

    def resolve_url(self, text: str) -> str:
        return text

    def redact(self, text: str) -> str:
        return text


def nephoscope(port: int) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    transport = WireTransport()
    exchange = Exchange(transport, Plain(), SystemClock(), uuid.uuid4, "bench", lambda _since, _until: 0.0)
    target = Target(
        name="t", provider="openai-compatible", cloud="bench", model="m", model_id="m",
        endpoint=f"http://127.0.0.1:{port}/v1", group="t",
    )  # fmt: skip

    async def ask() -> None:
        result = await exchange.ask(target, Workload(name="chat"), Slot(time.time_ns(), MANUAL))
        assert result.outcome is Outcome.OK, result

    return ask, transport.aclose


def one_client_each(port: int) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    context = ssl.create_default_context()  # built once, or it would be most of what is measured

    async def ask() -> None:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60, verify=context) as client,
            client.stream(
                "POST", f"http://127.0.0.1:{port}/v1/chat/completions", json={"stream": True}
            ) as response,
        ):
            async for _ in response.aiter_lines():
                pass

    async def close() -> None:
        pass

    return ask, close


def shared_client(port: int) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    client = httpx.AsyncClient(trust_env=False, timeout=60, limits=httpx.Limits(max_connections=None))

    async def ask() -> None:
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        async with client.stream("POST", url, json={"stream": True}) as response:
            async for _ in response.aiter_lines():
                pass

    return ask, client.aclose


async def measure(ask: Ask, streams: int) -> float:
    """Return CPU milliseconds a probe over the rounds, after one that is discarded."""
    await asyncio.gather(*(ask() for _ in range(streams)))
    before = time.process_time()
    for _ in range(ROUNDS):
        await asyncio.gather(*(ask() for _ in range(streams)))
    return (time.process_time() - before) * 1e3 / (ROUNDS * streams)


async def compare(port: int) -> None:
    print(f"{'client':<28}" + "".join(f"{streams:>12}" for streams in STREAMS) + "   streams, CPU ms a probe")
    first: list[float] = []
    for name, make in (
        ("nephoscope, whole exchange", nephoscope),
        ("httpx, one client each", one_client_each),
        ("httpx, one shared client", shared_client),
    ):
        ask, close = make(port)
        costs = [await measure(ask, streams) for streams in STREAMS]
        await close()
        first = first or costs
        ratios = " ".join(f"{cost / own:.1f}x" for cost, own in zip(costs, first, strict=True))
        print(f"{name:<28}" + "".join(f"{cost:>12.2f}" for cost in costs) + f"   {ratios}", flush=True)


def main() -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        uvloop.run(compare(int(server.stdout.readline())))
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
