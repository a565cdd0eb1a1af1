"""How the app is served: a listening socket of our own, no signal handlers, and no patience with slow clients."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTIONS = 256
"""Beyond it an answer is 503 at once: scrapers and probes of a platform are few."""

HEAD_S = 5.0
"""How long a client may take to send a request's head: it is one packet."""

PATIENCE_S = 30.0
"""How long a client may take its time over the answer: a page of 500 targets has 6 MB."""

KEEP_ALIVE_S = 5
STOP_S = 1


class WebServer:
    """Serves one app on one listening socket until stopped."""

    def __init__(self, app: Starlette, listening: socket.socket) -> None:
        self._listening = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOP_S,
            )
        )

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    async def serve(self) -> None:
        await self._server.serve(sockets=[self._listening])

    def stop(self) -> None:
        """Let `serve` return within a second."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to whoever owns the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(HttpToolsProtocol):
    """Cuts a connection whose head does not come within 5 s, or whose answer is not taken within 30 s.

    Without this, a few hundred such clients would keep every connection there is.
    """

    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._be_patient(HEAD_S)

    def on_headers_complete(self) -> None:
        self._be_patient(PATIENCE_S)
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)

    def _be_patient(self, seconds: float) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = self.loop.call_later(seconds, self._abort)

    def _abort(self, *_: Any) -> None:
        self.transport.abort()
