"""nephoscope as a client: the whole exchange as the daemon asks, its lag monitor included."""

import asyncio
import time
import uuid
from typing import Any

from asking import Ask, Close, Order
from errors import Reported

from agent.asking.lag import LagMonitor
from agent.clock import SystemClock
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import MANUAL, Outcome
from probes.target import Path, Target, Workload
from probes.timing import SENT
from probes.transport.wire import WireTransport


class Plain:
    """Secrets for targets without any."""

    def resolve(self, text: str) -> str:
        return text

    def resolve_url(self, text: str) -> str:
        return text

    def forget(self) -> None:
        """Nothing: there is nothing on disk."""

    def learn(self, secret: str) -> None:
        """Nothing: nobody has any."""

    def redact(self, text: str) -> str:
        return text


def make(order: Order) -> tuple[Ask, Close]:
    secure = order.client.endswith("TLS")
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
            str(result.id),
            sent_ns,
            tokens,
            sent_ns + round(result.total_s * 1e9),
            trusted=result.trusted,
            inter_token_s=result.itl_s,
            inter_token_told=result.itl_s is not None,
        )

    async def close() -> None:
        lag.stop()
        await transport.aclose()

    return ask, close
