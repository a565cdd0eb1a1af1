"""A target probed through the real transport against a scripted cloud on loopback."""

import asyncio
import dataclasses
import uuid
from collections.abc import Mapping

from agent.clock import SystemClock
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import ProbeResult
from probes.target import Path, Target, Workload
from probes.transport.wire import WireTransport
from support.secrets import FakeSecrets
from support.wireserver import Script, WireServer

PATIENT = Workload(name="chat", first_token_s=20.0, stall_s=20.0, timeout_s=30.0)


def probed(
    script: Script,
    target: Target,
    *workloads: Workload,
    secrets: Mapping[str, str] | None = None,
    root: str = "",
) -> list[ProbeResult]:
    """Return what a target said to each workload in turn; `root` stands behind the server's address in its endpoint."""

    async def run() -> list[ProbeResult]:
        wire = WireTransport()
        exchange = Exchange(
            wire, FakeSecrets(secrets or {}), SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0
        )
        async with WireServer(script) as server:
            asked = dataclasses.replace(target, endpoint=server.url + root, path=Path(proxy="none"))
            results = [await exchange.ask(asked, workload, Slot(1, 0)) for workload in workloads]
        await wire.aclose()
        return results

    return asyncio.run(run())
