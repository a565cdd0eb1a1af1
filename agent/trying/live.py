"""`nephoscope check --live`: everything that a configuration names is tried at once, within seconds."""

import asyncio

import uvloop

from agent.asking.lag import LagMonitor
from agent.asking.machine import Machine
from agent.asking.manual import ask_all
from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.secrets import Secrets
from agent.trying import services, targets
from agent.trying.base import Trial
from agent.trying.looking import LookingTransport
from agent.wiring.probing import exchange


def trials(config: Config, secrets: Secrets) -> list[Trial]:
    """Return what each trial came to: the targets in the order of the plan, then what the agent leans on."""
    return uvloop.run(_trials(config, secrets))


async def _trials(config: Config, secrets: Secrets) -> list[Trial]:
    clock = SystemClock()
    lag, machine = LagMonitor(clock), Machine(clock)
    transport = LookingTransport()
    probe = exchange(config, secrets, transport, clock, lag.max_lag, machine.suffered)
    lag.start()
    machine.sample()
    try:
        asked, database, collector, heartbeat, witnesses = await asyncio.gather(
            ask_all(probe, clock, targets.cheapest(config), config.limits.in_flight, lambda _: None),
            asyncio.to_thread(services.database, config, secrets),
            services.collector(config, transport),
            services.heartbeat(config, secrets, transport),
            services.witnesses(config, secrets, transport),
        )
    finally:
        lag.stop()
        await transport.aclose()
    tried = [
        targets.trial(result, target, transport.seen, secrets)
        for result, target in zip(asked, config.targets, strict=True)
    ]
    return [*tried, *witnesses, *(one for one in (database, collector, heartbeat) if one is not None)]
