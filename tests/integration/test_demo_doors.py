"""The listener of the simulated clouds goes and comes back, as a network does."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agent.demo.doors import Doors
from support.llm import free_port


class Bench:
    """Doors over an app that answers at `/` and keeps who asks for `/wait` waiting."""

    def __init__(self) -> None:
        self.port = free_port()
        self.waiting = asyncio.Event()
        self.doors = Doors(Starlette(routes=[Route("/", self._ok), Route("/wait", self._wait)]), self.port)

    async def _ok(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def _wait(self, request: Request) -> Response:
        self.waiting.set()
        while (await request.receive())["type"] != "http.disconnect":
            pass
        return Response()

    async def get(self, path: str = "/") -> str:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            return (await client.get(f"http://127.0.0.1:{self.port}{path}")).text


def run(story: Callable[[Bench], Awaitable[None]]) -> None:
    async def told() -> None:
        bench = Bench()
        await bench.doors.set_open(wanted=True)
        try:
            await story(bench)
        finally:
            await bench.doors.set_open(wanted=False)

    asyncio.run(told())


def test_closed_doors_refuse_and_open_again() -> None:
    async def story(bench: Bench) -> None:
        for _ in range(2):
            assert await bench.get() == "ok"
            await bench.doors.set_open(wanted=False)
            with pytest.raises(httpx.ConnectError):
                await bench.get()
            await bench.doors.set_open(wanted=True)
        assert await bench.get() == "ok"

    run(story)


def test_what_waits_for_an_answer_is_cut_when_they_close() -> None:
    async def story(bench: Bench) -> None:
        asking = asyncio.create_task(bench.get("/wait"))
        await bench.waiting.wait()
        await bench.doors.set_open(wanted=False)
        with pytest.raises(httpx.TransportError):
            await asking

    run(story)


def test_doors_that_are_told_twice_do_nothing_twice() -> None:
    async def story(bench: Bench) -> None:
        await bench.doors.set_open(wanted=True)
        assert await bench.get() == "ok"

    run(story)


def test_a_port_that_was_taken_meanwhile_is_an_error_and_can_be_tried_again() -> None:
    async def story(bench: Bench) -> None:
        await bench.doors.set_open(wanted=False)
        with socket.create_server(("127.0.0.1", bench.port)), pytest.raises(OSError, match="in use"):
            await bench.doors.set_open(wanted=True)
        await bench.doors.set_open(wanted=True)
        assert await bench.get() == "ok"

    run(story)
