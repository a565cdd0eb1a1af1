"""A response's body as it arrives: one chunk a read, each with its stamp, to the end that its framing promised."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self

import httpx

from probes.base import Read
from probes.transport import errors
from probes.transport.dial import Connection
from probes.transport.http1 import ResponseParser
from probes.transport.sockets import Arrival

# The frame's end mostly comes with the protocol's own end mark or right behind it.
_DRAIN_S = 0.25


class Body(httpx.AsyncByteStream):
    """Yields bytes, its `reads` one entry ahead; gives the connection back once the end has come.

    Raises `Broken` where the connection ends too early and `Malformed` where the framing makes no sense.
    """

    def __init__(
        self,
        connection: Connection,
        parser: ResponseParser,
        first: Arrival | None,
        keep: Callable[[Connection], None] | None,
    ) -> None:
        self.reads: list[Read] = []
        self._connection: Connection | None = connection
        self._wire = connection.wire
        self._host = str(connection.route)
        self._parser = parser
        self._first = first
        self._keep = keep

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            arrival, self._first = self._first or await self._next(), None
        except BaseException:
            self._drop()
            raise
        if arrival is None:
            self._release()
            raise StopAsyncIteration
        self.reads.append(arrival.read)
        return arrival.data

    async def aclose(self) -> None:
        """End the body here; a kept connection is given the moment that the frame's end may still take."""
        try:
            if self._keep is not None and self._connection is not None:
                with contextlib.suppress(errors.WireError, TimeoutError):
                    async with asyncio.timeout(_DRAIN_S):
                        while await self._next():
                            pass
        finally:
            self._release()

    async def _next(self) -> Arrival | None:
        while True:
            if self._parser.failure:
                raise errors.Malformed(
                    f"the answer of {self._host} breaks HTTP's framing ({self._parser.failure}): "
                    "look at the server, or at a proxy or gateway on the way",
                    wire=self._wire,
                )
            if self._parser.done or self._connection is None:
                return None
            try:
                data, read = await self._connection.channel.read()
            except OSError as error:
                raise self._broken(error.strerror or str(error)) from error
            if data:
                if body := self._parser.feed(data):
                    return Arrival(body, read._replace(trailing=True) if self._parser.done else read)
            elif not self._parser.end():
                raise self._broken("closed")

    def _broken(self, reason: str) -> errors.Broken:
        return errors.Broken(
            f"the connection to {self._host} ended before the answer did ({reason}): "
            "look at the server's own limits and those of the gateways and proxies on the way",
            wire=self._wire,
        )

    def _release(self) -> None:
        connection = self._connection
        if connection is not None and self._keep is not None and self._parser.reusable and self._parser.done:
            self._connection = None
            self._keep(connection)
        self._drop()

    def _drop(self) -> None:
        self._parser.end()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
