"""Side work that is repeated for ever, whether the database is there or not."""

import asyncio
from collections.abc import Callable

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
