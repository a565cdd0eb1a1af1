"""`nephoscope check --live`: everything that a configuration names is tried at once, within seconds."""

import asyncio

import uvloop

from agent.asking.lag import LagMonitor
from agent.asking.machine import Machine
from agent.asking.manual import ask_all
from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.secrets import Secrets
from agent.trying import feeds, services, targets
from agent.trying.base import Trial
from agent.trying.looking import LookingTransport, SilentTransport
from agent.wiring.probing import exchange


def trials(config: Config, secrets: Secrets) -> list[Trial]:
    """Return what each trial came to: the targets in the order of the plan, then what the agent leans on."""
    return uvloop.run(_trials(config, secrets))


async def _trials(config: Config, secrets: Secrets) -> list[Trial]:
    clock = SystemClock()
    lag, machine = LagMonitor(clock), Machine(clock)
    transport = LookingTransport()
    parts = config, secrets, transport, clock, lag.max_lag, machine.suffered
    asking, silent = exchange(*parts), exchange(*parts, through=SilentTransport(transport))
    pairs = [(target, targets.workload(target)) for target in config.targets]
    asked = [pair for pair in pairs if pair[1] == targets.CHEAPEST]
    unasked = [pair for pair in pairs if pair[1] != targets.CHEAPEST]
    most = config.limits.in_flight
    lag.start()
    machine.sample()
    try:
        others = asyncio.gather(
            services.witnesses(config, secrets, transport),
            services.receivers(config, secrets, transport),
            feeds.feeds(config, secrets, transport),
        )
        answered, reached, database, collector, heartbeat, (witnesses, receivers, fed) = await asyncio.gather(
            ask_all(asking, clock, asked, most, lambda _: None),
            ask_all(silent, clock, unasked, most, lambda _: None),
            asyncio.to_thread(services.database, config, secrets),
            services.collector(config, transport),
            services.heartbeat(config, secrets, transport),
            others,
        )
    finally:
        lag.stop()
        await transport.aclose()
    results = {result.target: result for result in (*answered, *reached)}
    tried = [
        targets.trial(results[target.name], target, transport.seen, secrets) for target in config.targets
    ]
    services_tried = (one for one in (database, collector, heartbeat) if one is not None)
    return [*tried, *witnesses, *services_tried, *receivers, *fed]
