"""aiohttp as its users use it: one session for all."""

import time
import uuid

import aiohttp
from asking import BODY, Ask, Close, Order, heard
from errors import Reported


def make(order: Order) -> tuple[Ask, Close]:
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def ask() -> Reported:
        identity, start_ns = str(uuid.uuid4()), time.monotonic_ns()
        headers = {"x-request-id": identity}
        async with session.post(order.url, json=BODY, headers=headers) as response:
            lines = (line.decode() async for line in response.content)
            return await heard(identity, start_ns, lines)

    return ask, session.close
