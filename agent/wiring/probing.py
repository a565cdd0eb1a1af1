"""Which parts a probe is made of."""

import contextlib
import functools
from collections.abc import Callable, Sequence

import httpx

from agent.asking.calibrate import Calibrator, NotingTransport
from agent.config.model import Config
from agent.config.secrets import Secrets as NoSecrets
from agent.ids import uuid7
from probes.base import Clock, Secrets
from probes.exchange import Exchange
from probes.transport.errors import WireError
from probes.transport.wire import WireTransport

Disturbed = Callable[[int, int], Sequence[str]]


def calibrator(clock: Clock, lag: Callable[[int, int], float], disturbed: Disturbed) -> Calibrator:
    """Return what measures our own error, with a probe made of the parts that every probe is made of."""
    transport = NotingTransport()
    return Calibrator(
        transport, lambda plan: exchange(plan, NoSecrets({}), transport, clock, lag, disturbed), clock
    )


def exchange(
    config: Config,
    secrets: Secrets,
    transport: WireTransport,
    clock: Clock,
    lag: Callable[[int, int], float],
    disturbed: Disturbed,
    through: httpx.AsyncBaseTransport | None = None,
) -> Exchange:
    """Return the probe of a plan, its transport warmed up for the plan's paths; `through` is what stands before it."""
    for path in {repr(target.path): target.path for target in config.targets}.values():
        with contextlib.suppress(WireError):  # the probes of that target say so, in each result
            transport.warm_up([path])
    return Exchange(
        through or transport,
        secrets,
        clock,
        functools.partial(uuid7, clock),
        config.vantage,
        lag,
        event_bytes=config.limits.event_bytes,
        body_bytes=config.limits.body_bytes,
        disturbed=disturbed,
    )
