"""The transport under httpx: one connection a request in flight, no shared pool, every step and read stamped."""

import contextlib
import dataclasses
import ssl
import time
from collections.abc import Iterable
from urllib.request import getproxies

import httpx

from probes.base import KEEP, MARKS, PATH, READS, WIRE, Wire
from probes.loose import glimpse
from probes.target import Path
from probes.timing import FIRST_BYTE, SENT, SENT_BY, Marks
from probes.transport import errors, proxies, tls
from probes.transport.body import Body
from probes.transport.contexts import Contexts
from probes.transport.dial import Connection, Dialer, Route
from probes.transport.http1 import ResponseParser, serialise
from probes.transport.resolver import Resolver
from probes.transport.sockets import Arrival
from probes.transport.stamps import Stamps

_CONNECT_S = 5.0
# A connection that was closed while idle shows it within a round trip; an end that comes later is that of a
# server which took the request and failed, and a second try would hide it.
_STALE_NS = 1_000_000_000
# What every TLS server says to plain HTTP: the record of an alert, or of a handshake.
_TLS = (b"\x15\x03", b"\x16\x03")
_CLOSE = (b"Connection", b"close")


class _Unanswered(errors.Disconnected):
    """Not one byte of an answer came: a kept connection may simply have been closed while idle."""


class WireTransport(httpx.AsyncBaseTransport):
    """Carries requests as HTTP/1.1, and reads the extensions that `probes.base` names.

    Every failing is an `errors.WireError`. The timeout extension's `connect` limits each step on the way to
    a connection (lookup, each address, proxy, handshake); all later deadlines are the caller's. One transport
    serves one loop.
    """

    def __init__(self, resolver: Resolver | None = None, stamps: Stamps | None = None) -> None:
        self._resolver = resolver or Resolver()
        self._stamps = stamps or Stamps()
        self._contexts = Contexts()
        self._dialer = Dialer(self._resolver, self._contexts, self._stamps)
        self._environment = proxies.Environment(getproxies())
        self._kept: dict[str, Connection] = {}

    def warm_up(self, paths: Iterable[Path]) -> None:
        """Build the TLS contexts that the paths will want, so that no probe waits for one, and have the kernel stamp.

        Raises `errors.Misconfigured` for files that cannot be read.
        """
        self._stamps.open()
        for path in paths:
            self._contexts.get(path)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response once the head has come; the stream reads on."""
        self._stamps.open()
        asked = request.extensions
        marks: Marks = asked.get(MARKS) or Marks()
        keep: str | None = asked.get(KEEP)
        limit_s: float | None = asked.get("timeout", {}).get("connect", _CONNECT_S)
        route = self._route(request.url, asked.get(PATH) or Path())
        data = await _data(request, route, cold=keep is None)
        if keep is not None and (kept := self._take(keep, route)):
            try:
                return await self._ask(kept, request, data, marks, keep)
            except _Unanswered:
                if time.monotonic_ns() - marks.at.get(SENT, time.monotonic_ns()) > _STALE_NS:
                    raise
                for mark in (SENT, SENT_BY):  # a request that nobody took was not sent
                    marks.at.pop(mark, None)
        connection = await self._dialer.open(route, marks, limit_s)
        return await self._ask(connection, request, data, marks, keep)

    async def reach(self, url: httpx.URL, path: Path, marks: Marks, limit_s: float | None) -> Wire:
        """Go the whole way to a URL's host, TLS included, say nothing and let go; raises a `WireError`."""
        self._stamps.open()
        connection = await self._dialer.open(self._route(url, path), marks, limit_s)
        connection.close()
        return connection.wire

    async def connect(self, host: str, port: int, path: Path, marks: Marks, limit_s: float | None) -> Wire:
        """Go the whole way to a host and port, through the path's proxy, say nothing and let go; as `reach`."""
        self._stamps.open()
        proxy = proxies.choose(path, httpx.URL(scheme="https", host=host, port=port), port, self._environment)
        connection = await self._dialer.open(
            Route(secure=False, host=host, port=port, path=path, proxy=proxy, raw=True), marks, limit_s
        )
        connection.close()
        return connection.wire

    async def look_up(self, host: str, path: Path, marks: Marks, limit_s: float | None) -> None:
        """Look a name up as for a connection; raises `errors.ResolveFailed`."""
        route = Route(secure=False, host=host, port=0, path=path, proxy=None)
        await self._resolver.resolve(route.address, 0, marks, limit_s)

    async def aclose(self) -> None:
        """Close the kept connections and let the resolver's threads go."""
        while self._kept:
            self._kept.popitem()[1].close()
        self._resolver.close()
        self._stamps.close()

    def _route(self, url: httpx.URL, path: Path) -> Route:
        host = url.raw_host.decode("ascii")
        if url.scheme not in {"http", "https"} or not host:
            raise errors.Misconfigured(
                f"the endpoint {url.scheme}://{host} cannot be asked: write it as https://host or http://host"
            )
        port = url.port or (443 if url.scheme == "https" else 80)
        proxy = proxies.choose(path, url, port, self._environment)
        return Route(url.scheme == "https", host, port, path, proxy)

    def _take(self, name: str, route: Route) -> Connection | None:
        connection = self._kept.pop(name, None)
        if connection is None:
            return None
        connection.socket.unpark()
        if connection.route != route or not connection.socket.open:
            connection.close()
            return None
        connection.wire = dataclasses.replace(connection.wire, reused=True)
        return connection

    def _put(self, name: str, connection: Connection) -> None:
        if (older := self._kept.pop(name, None)) is not None:
            older.close()
        connection.socket.park()
        if connection.channel.open:
            self._kept[name] = connection
        else:
            connection.close()

    async def _ask(
        self, connection: Connection, request: httpx.Request, data: bytes, marks: Marks, keep: str | None
    ) -> httpx.Response:
        parser = ResponseParser(bodiless=request.method == "HEAD")
        try:
            first = await _head(connection, data, parser, marks)
        except BaseException:
            parser.end()
            connection.close()
            raise
        kept = None if keep is None else lambda given: self._put(keep, given)
        body = Body(connection, parser, first, kept)
        return httpx.Response(
            parser.status,
            headers=parser.headers,
            stream=body,
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": parser.reason,
                READS: body.reads,
                WIRE: connection.wire,
            },
            request=request,
        )


async def _data(request: httpx.Request, route: Route, *, cold: bool) -> bytes:
    body = await request.aread()
    url, target, extra = request.url, request.url.raw_path, []
    if route.forwarded and route.proxy is not None:
        target = url.raw_scheme + b"://" + url.netloc + target
        extra += route.proxy.authorization
    if cold:
        extra.append(_CLOSE)
    return serialise(request, target, extra, body)


async def _head(connection: Connection, data: bytes, parser: ResponseParser, marks: Marks) -> Arrival | None:
    """Send, read up to the end of the head, and return what of the body came along."""
    with contextlib.suppress(OSError):  # it may have answered before it closed: the reads will tell
        handed = await connection.channel.send(data)
        marks.mark(SENT, handed.at_ns)
        marks.mark(SENT_BY, handed.by_ns)
    begun = 0
    body, read = b"", None
    while not parser.head_done:
        piece, read = await _read(connection, parser)
        body = parser.feed(piece)
        if parser.begun != begun:  # again for each head: the final one's wins over the informational ones'
            begun = parser.begun
            marks.mark(FIRST_BYTE, read.at_ns)
        if parser.failure and not parser.head_done:
            raise _misframed(connection, parser)
    return Arrival(body, read) if body and read else None


async def _read(connection: Connection, parser: ResponseParser) -> Arrival:
    """Return a read that holds bytes, or raise what its lack means before the head's end."""
    try:
        arrival = await connection.channel.read()
    except ssl.SSLError as error:
        route = connection.route
        failed = tls.failure(error, str(route), route.path, connection.wire.tls_expires_s)
        failed.wire = connection.wire
        raise failed from error
    except OSError as error:
        raise _gone(connection, parser, error.strerror or str(error)) from error
    if not arrival.data:
        raise _gone(connection, parser, "closed")
    return arrival


def _misframed(connection: Connection, parser: ResponseParser) -> errors.Malformed:
    """Return what a head means that cannot be read: one of HTTP that is broken, or something else altogether."""
    start = parser.start.lstrip(b"\r\n")
    if start.startswith(b"HTTP/"):
        sentence = (
            f"the answer of {connection.route} breaks HTTP/1.1 within its head ({parser.failure}): "
            "look at the server, or at a proxy or gateway on the way"
        )
    elif start.startswith(_TLS):
        sentence = (
            f"{connection.route} answers in TLS: use https:// in the endpoint, or the port of plain HTTP"
        )
    else:
        text = glimpse(start)
        begins = (
            f'; it begins "{text}"' if text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text else ""
        )
        sentence = (
            f"what {connection.route} answers is not HTTP/1.1: "
            f"check that the endpoint's scheme and port are those of its HTTP server{begins}"
        )
    return errors.Malformed(sentence, status=parser.status or None, wire=connection.wire)


def _gone(connection: Connection, parser: ResponseParser, reason: str) -> errors.Disconnected:
    kind: type[errors.Disconnected] = _Unanswered
    did = "took the request and gave no answer"
    if parser.fed:
        kind = errors.Disconnected
        did = "broke off within the head of its answer"
    return kind(
        f"{connection.route} {did} ({reason}): look at the server, or at the gateway before it",
        wire=connection.wire,
    )
