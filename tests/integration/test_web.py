import asyncio
import dataclasses
import signal
import socket
import threading
from collections.abc import Awaitable, Callable

import httpx
import pytest

from agent.errors import ConfigError
from agent.web import serve
from agent.web.app import Views, create_app
from agent.web.listening import listen
from agent.web.serve import WebServer

BIG = b"x" * 8 * 1024**2
PAGE = b"<!doctype html>"
READY = Views(page=lambda _: ("text/html", PAGE), metrics=lambda _: ("text/plain", BIG), unready=list)


def address(server: WebServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def serving(talk: Callable[[WebServer], Awaitable[None]], views: Views = READY) -> None:
    """Serve on a free loopback port while a client talks."""

    async def go() -> None:
        server = WebServer(create_app(views), listen("127.0.0.1", 0))
        task = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(20):
                await talk(server)
        finally:
            server.stop()
            await task

    asyncio.run(go())


def test_all_pages_are_served_over_one_port() -> None:
    async def talk(server: WebServer) -> None:
        async with httpx.AsyncClient(base_url=address(server), trust_env=False) as client:
            for path in ("/", "/healthz", "/readyz"):
                assert (await client.get(path)).status_code == 200
            answer = await client.get("/metrics")
            assert answer.content == BIG
            assert "server" not in answer.headers

    serving(talk)


def test_signals_stay_with_whoever_owns_the_process() -> None:
    owned = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM)}

    async def talk(server: WebServer) -> None:
        async with httpx.AsyncClient(base_url=address(server), trust_env=False) as client:
            await client.get("/healthz")
        assert {signal.getsignal(one) for one in owned} == {signal.SIG_IGN}

    try:
        serving(talk)
    finally:
        for one, handler in owned.items():
            signal.signal(one, handler)


def test_health_answers_while_a_page_is_being_rendered() -> None:
    rendering, release = threading.Event(), threading.Event()

    def slow(_: str) -> tuple[str, bytes]:
        rendering.set()
        release.wait(10)
        return "text/plain", b""

    async def talk(server: WebServer) -> None:
        async with httpx.AsyncClient(base_url=address(server), trust_env=False) as client:
            scrapes = [asyncio.create_task(client.get("/metrics")) for _ in range(5)]
            await asyncio.to_thread(rendering.wait)
            assert (await client.get("/healthz")).status_code == 200
            release.set()
            assert {scrape.status_code for scrape in await asyncio.gather(*scrapes)} == {200}

    serving(talk, dataclasses.replace(READY, metrics=slow))


@pytest.mark.parametrize("said", [b"", b"GET /metrics HT", b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"])
def test_a_client_that_says_nothing_or_takes_nothing_is_cut(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent connection, half a request, a page of 8 MiB that is never read."""
    monkeypatch.setattr(serve, "HEAD_S", 0.2)
    monkeypatch.setattr(serve, "PATIENCE_S", 0.2)

    async def talk(server: WebServer) -> None:
        connections = server._server.server_state.connections
        with socket.create_connection(("127.0.0.1", server.port)) as slow:
            slow.sendall(said)
            while not connections:  # noqa: ASYNC110 - uvicorn tells a set, not an event
                await asyncio.sleep(0.01)
            while connections:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=address(server), trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200

    serving(talk)


def test_too_many_connections_are_answered_at_once_with_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "CONNECTIONS", 3)

    async def talk(server: WebServer) -> None:
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
        async with httpx.AsyncClient(base_url=address(server), trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 503
            for each in idle:
                each.close()

    serving(talk)


def test_a_port_in_use_is_a_sentence_with_the_remedy() -> None:
    with listen("127.0.0.1", 0) as held:
        port = held.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}.*export\.listen"):
            listen("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_a_sentence_too() -> None:
    with pytest.raises(ConfigError, match=r"export\.listen"):
        listen("192.0.2.1", 9464)
    with pytest.raises(ConfigError, match=r"export\.listen"):
        listen("no-such-host.invalid", 9464)
    with pytest.raises(ConfigError, match=r"export\.listen"):
        listen("no..host", 9464)
