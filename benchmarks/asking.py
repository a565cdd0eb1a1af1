"""What every client is told, and how those that know nothing of tokens read a stream."""

import dataclasses
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from errors import Reported

Ask = Callable[[], Awaitable[Reported]]
Close = Callable[[], Awaitable[None]]

BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Say pong."}]}


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
