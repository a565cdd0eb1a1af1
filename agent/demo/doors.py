"""The listener of the simulated clouds: closed, they are as far away as with our own network gone."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Final

import uvicorn
from starlette.applications import Starlette

BACKLOG: Final = 2048


async def set_all(doors: Sequence["Doors"], *, wanted: bool) -> None:
    """Open doors in their order, or close them the other way round.

    So a witness that stands last is reached only while the clouds before it are: a stream that is cut while it still
    answers would be a cloud's fault.
    """
    for each in doors if wanted else reversed(doors):
        await each.set_open(wanted=wanted)


class Doors:
    """Serves an app on a loopback port while it is open; opened and closed any number of times."""

    def __init__(self, app: Starlette, port: int) -> None:
        self._app = app
        self._port = port
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def set_open(self, *, wanted: bool) -> None:
        """Open or close; raises OSError where another process took the port while it was closed."""
        async with self._turn:
            if wanted and self._server is None:
                self._open()
            elif not wanted and self._server is not None:
                await self._close(self._server)

    def _open(self) -> None:
        listening = socket.create_server(("127.0.0.1", self._port), backlog=BACKLOG)
        # What is cut short on purpose would be an error of the app to uvicorn, and logged as one.
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
            )
        )
        # `serve` would take the signals, which the parent owns.
        self._serving = asyncio.create_task(self._server._serve(sockets=[listening]))  # noqa: SLF001 - as said

    async def _close(self, server: uvicorn.Server) -> None:
        """Refuse what comes and cut what runs, as a network does that is gone."""
        for listening in getattr(server, "servers", ()):
            listening.close()
        for connection in [*server.server_state.connections]:
            with contextlib.suppress(AttributeError):  # one that is being made has no transport yet
                connection.transport.abort()
        server.should_exit = server.force_exit = True
        if self._serving is not None:
            await self._serving
        self._server = self._serving = None
