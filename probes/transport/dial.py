"""The way to an open connection: proxy or not, name, address, tunnel, TLS, each step marked."""

import asyncio
import contextlib
import dataclasses
import ssl
import time

from probes.base import Wire
from probes.target import Path
from probes.timing import PROXY_END, PROXY_START, TLS_END, TLS_START, Marks
from probes.transport import errors, sockets, tls, tunnels
from probes.transport.contexts import Contexts
from probes.transport.proxies import Proxy
from probes.transport.resolver import Resolver
from probes.transport.sockets import Channel, Socket
from probes.transport.stamps import Stamps


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """Where a connection leads and how; equal routes may share a kept connection."""

    secure: bool
    host: str
    port: int
    path: Path
    proxy: Proxy | None
    raw: bool = False
    """Whether what is said is no HTTP, so that no proxy can forward it."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """Return the host, or what the path's `resolve` puts in its place."""
        names = self.path.resolve
        return next((names[name] for name in names if name.lower() == self.host), self.host)

    @property
    def server_name(self) -> str:
        return self.path.server_name or self.host

    @property
    def forwarded(self) -> bool:
        """Return whether an HTTP proxy reads the request itself, so that it wants the whole URL."""
        return self.proxy is not None and not (self.proxy.is_socks or self.secure or self.raw)


@dataclasses.dataclass(slots=True)
class Connection:
    """An open connection; `wire` tells the truth about the request that it carries now."""

    route: Route
    socket: Socket
    channel: Channel
    wire: Wire

    def close(self) -> None:
        self.socket.close()


class Dialer:
    """Opens connections; every step has `limit_s` at most, None for no limit of its own."""

    def __init__(self, resolver: Resolver, contexts: Contexts, stamps: Stamps) -> None:
        self._resolver = resolver
        self._contexts = contexts
        self._stamps = stamps

    async def open(self, route: Route, marks: Marks, limit_s: float | None) -> Connection:
        """Return a fresh connection, or raise a `WireError` and leave nothing open."""
        # Before anything is timed: the first use of a path's certificates reads files.
        context = self._contexts.get(route.path) if route.secure else None
        socket = await self._reach(route, marks, limit_s)
        try:
            channel = await self._tunnel(route, socket, marks, limit_s)
            wire = Wire(socket.peer, reused=False)
            if context is not None:
                secured = await self._secure(route, channel, context, marks, limit_s)
                channel, wire = secured, _seen(route, socket, secured.expires_s)
            return Connection(route, socket, channel, wire)
        except ssl.SSLCertVerificationError as error:
            socket.close()
            expires_s = await self._look(route, limit_s)
            failed = tls.failure(error, str(route), route.path, expires_s)
            failed.wire = _seen(route, socket, expires_s)
            raise failed from error
        except errors.WireError as error:
            socket.close()
            error.wire = Wire(socket.peer, reused=False)
            raise
        except BaseException:
            socket.close()
            raise

    async def _reach(self, route: Route, marks: Marks, limit_s: float | None) -> Socket:
        """Return a TCP connection to the proxy where there is one, else to the host."""
        proxy, source = route.proxy, route.path.source_address
        if proxy is None:
            addresses = await self._resolver.resolve(route.address, route.port, marks, limit_s)
            return await sockets.connect(addresses, str(route), marks, limit_s, self._stamps, source)
        try:
            addresses = await self._resolver.resolve(proxy.host, proxy.port, marks, limit_s)
            return await sockets.connect(addresses, str(proxy), marks, limit_s, self._stamps, source)
        except (errors.ResolveFailed, errors.ConnectRefused, errors.ConnectTimeout) as error:
            raise errors.ProxyRefused(
                f"the proxy {proxy} on the way to {route} cannot be reached: {error}"
            ) from error

    async def _tunnel(self, route: Route, socket: Socket, marks: Marks, limit_s: float | None) -> Channel:
        """Return the channel to the host, or to the proxy that forwards to it."""
        proxy = route.proxy
        if proxy is None or (route.forwarded and proxy.scheme == "http"):
            return socket
        marks.mark(PROXY_START, time.monotonic_ns())
        try:
            async with asyncio.timeout(limit_s):
                channel = await self._led(route, proxy, socket)
        except TimeoutError as error:
            raise errors.ProxyRefused(
                f"the proxy {proxy} did not lead to {route} within {limit_s} s: "
                "check with its operators that it is up and may reach the host"
            ) from error
        except OSError as error:
            raise errors.ProxyRefused(
                f"the proxy {proxy} on the way to {route} broke off ({error.strerror or error}): "
                "check its scheme, host and port, and tls.ca where it speaks TLS"
            ) from error
        marks.mark(PROXY_END, time.monotonic_ns())
        return channel

    async def _led(self, route: Route, proxy: Proxy, socket: Socket) -> Channel:
        channel: Channel = socket
        if proxy.scheme == "https":
            outer = tls.Tls(socket, self._contexts.get(route.path), proxy.host)
            await outer.handshake()
            channel = outer
        if proxy.is_socks:
            await tunnels.socks(channel, proxy, route.address, route.port)
        elif not route.forwarded:
            await tunnels.connect(channel, proxy, route.address, route.port)
        return channel

    async def _secure(
        self, route: Route, channel: Channel, context: ssl.SSLContext, marks: Marks, limit_s: float | None
    ) -> tls.Tls:
        try:
            secured = tls.Tls(channel, context, route.server_name)
        except ValueError as error:
            raise errors.Misconfigured(
                f"TLS cannot ask {route} for the name {route.server_name!r}: correct tls.server_name"
            ) from error
        marks.mark(TLS_START, time.monotonic_ns())
        try:
            async with asyncio.timeout(limit_s):
                await secured.handshake()
        except ssl.SSLCertVerificationError:
            raise
        except TimeoutError as error:
            raise errors.TlsFailed(
                f"the TLS handshake with {route} took more than {limit_s} s: "
                "check that the port speaks TLS and what stands between (a firewall, a proxy)",
                reason="timeout",
            ) from error
        except OSError as error:
            raise tls.failure(error, str(route), route.path) from error
        marks.mark(TLS_END, time.monotonic_ns())
        return secured

    async def _look(self, route: Route, limit_s: float | None) -> int | None:
        """Return when a certificate that was refused ends, from a second handshake that trusts anybody.

        A failed handshake lets go of the certificate, and its end is what the expired one's owner must see.
        """
        socket = None
        with contextlib.suppress(errors.WireError, OSError):
            try:
                unmarked = Marks()
                socket = await self._reach(route, unmarked, limit_s)
                channel = await self._tunnel(route, socket, unmarked, limit_s)
                return (await self._secure(route, channel, tls.unverified(), unmarked, limit_s)).expires_s
            finally:
                if socket is not None:
                    socket.close()
        return None


def _seen(route: Route, socket: Socket, expires_s: int | None) -> Wire:
    """Return what is known of a connection whose certificate was seen."""
    return Wire(socket.peer, reused=False, tls_expires_s=expires_s, intercepted=route.path.intercepted)
