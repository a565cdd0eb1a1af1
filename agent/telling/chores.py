"""Side work that goes on for ever: what is repeated, and what is insisted on until the database takes it."""

import asyncio
from collections.abc import Callable

from agent.telling.follow import backoff
from storage.base import StoreUnavailableError

AGAIN_S = 30.0
"""How soon a chore is tried again that found the database away."""


async def repeat(chore: Callable[[], None], every_s: float, done: Callable[[], None]) -> None:
    """Do blocking work in a thread now and every so often, for ever; any other failure ends it loudly."""
    while True:
        try:
            await asyncio.to_thread(chore)
        except StoreUnavailableError:
            await asyncio.sleep(min(every_s, AGAIN_S))
        else:
            done()
            await asyncio.sleep(every_s)


async def insist(chore: Callable[[], None], jitter: Callable[[float, float], float]) -> None:
    """Do blocking work in a thread, again and again until the database takes it."""
    for delay_s in backoff(jitter):
        try:
            return await asyncio.to_thread(chore)
        except StoreUnavailableError:
            await asyncio.sleep(delay_s)
    raise AssertionError("the back-off never ends")
