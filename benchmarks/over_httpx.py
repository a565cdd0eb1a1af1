"""httpx as its users use it: one client for all, or one for each request."""

import ssl
import time
import uuid

import httpx
from asking import BODY, Ask, Close, Order, heard
from errors import Reported


async def ask_once(client: httpx.AsyncClient, order: Order) -> Reported:
    identity, start_ns = str(uuid.uuid4()), time.monotonic_ns()
    headers = {"x-request-id": identity}
    async with client.stream("POST", order.url, json=BODY, headers=headers) as response:
        return await heard(identity, start_ns, response.aiter_lines())


def shared(order: Order) -> tuple[Ask, Close]:
    limits = httpx.Limits(max_connections=None)
    client = httpx.AsyncClient(trust_env=False, timeout=120, limits=limits)
    return lambda: ask_once(client, order), client.aclose


def each(order: Order) -> tuple[Ask, Close]:
    context = ssl.create_default_context()  # built once, or it would be most of what is measured

    async def ask() -> Reported:
        async with httpx.AsyncClient(trust_env=False, timeout=120, verify=context) as client:
            return await ask_once(client, order)

    async def close() -> None:
        pass

    return ask, close


def make(order: Order) -> tuple[Ask, Close]:
    return (shared if order.client.endswith("shared") else each)(order)
