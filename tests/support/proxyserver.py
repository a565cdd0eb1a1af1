"""Proxies on loopback, as scripts for a `WireServer`: HTTP (forwarding, CONNECT, intercepting) and SOCKS5."""

import asyncio
import contextlib
import socket
import ssl
from urllib.parse import urlsplit

from support.certificates import Authority
from support.wireserver import Asked, Peer, Script, WireServer


class ProxyLog:
    """What the proxy was asked for: `GET http://...`, `CONNECT host:port`, `SOCKS host:port`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.inside: list[Asked] = []
        """What an intercepting proxy read within TLS."""


def http_proxy(log: ProxyLog, *, status: str = "200 OK") -> Script:
    """Return a proxy that forwards and tunnels; any other status is what it answers instead."""

    async def script(peer: Peer) -> None:
        asked = await peer.request()
        log.asked.append(f"{asked.method} {asked.target}")
        log.headers.append(dict(asked.headers))
        if not status.startswith("2"):
            await peer.send(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        elif asked.method == "CONNECT":
            host, _, port = asked.target.rpartition(":")
            await _joined(
                peer, host.strip("[]"), int(port), b"", b"HTTP/1.1 200 Connection established\r\n\r\n"
            )
        else:
            parts = urlsplit(asked.target)
            assert parts.hostname
            await _joined(peer, parts.hostname, parts.port or 80, _rewritten(asked, parts.path), b"")

    return script


def intercepting_proxy(log: ProxyLog, own: Authority, theirs: Authority) -> Script:
    """Return a proxy that ends TLS itself, as `own` bids, and encrypts anew to hosts that `theirs` vouches for."""

    async def script(peer: Peer) -> None:
        asked = await peer.request()
        log.asked.append(f"{asked.method} {asked.target}")
        host, _, port = asked.target.rpartition(":")

        async def inside(peer: Peer) -> None:
            read = await peer.request()
            log.inside.append(read)
            trusting = ssl.create_default_context(cafile=theirs.ca)
            way = asyncio.open_connection("127.0.0.1", int(port), ssl=trusting, server_hostname=host)
            reader, writer = await way
            writer.write(_rewritten(read, read.target))
            await _relay(reader, peer.writer)
            writer.close()

        async with WireServer(inside, tls=own.server(host)) as inner:
            await _joined(peer, "127.0.0.1", inner.port, b"", b"HTTP/1.1 200 Connection established\r\n\r\n")

    return script


def socks_proxy(log: ProxyLog, *, credentials: tuple[str, str] | None = None, reply: int = 0) -> Script:
    """Return a SOCKS5 proxy (RFC 1928, RFC 1929); a reply but 0 is its refusal."""

    async def script(peer: Peer) -> None:
        read = peer.reader.readexactly
        methods = await read((await read(2))[1])
        method = 2 if credentials else 0
        if method not in methods:
            await peer.send(b"\x05\xff")
            return
        await peer.send(bytes([5, method]))
        if credentials:
            name = await read((await read(2))[1])
            password = await read((await read(1))[0])
            good = (name.decode(), password.decode()) == credentials
            await peer.send(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        host, port = await _destination(peer)
        log.asked.append(f"SOCKS {host}:{port}")
        # Answered in two pieces with a name as the bound address: replies have no fixed length.
        answer = bytes([5, reply, 0, 3, 4]) + b"gate" + b"\x04\x38"
        if reply:
            await peer.send(answer)
        else:
            await _joined(peer, host, port, b"", answer)

    return script


async def _destination(peer: Peer) -> tuple[str, int]:
    read = peer.reader.readexactly
    kind = (await read(4))[3]
    if kind == 3:
        host = (await read((await read(1))[0])).decode()
    elif kind == 1:
        host = socket.inet_ntop(socket.AF_INET, await read(4))
    else:
        host = socket.inet_ntop(socket.AF_INET6, await read(16))
    return host, int.from_bytes(await read(2), "big")


def _rewritten(asked: Asked, path: str) -> bytes:
    headers = {name: value for name, value in asked.headers.items() if not name.startswith("proxy-")}
    lines = [f"{asked.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + asked.body


async def _joined(peer: Peer, host: str, port: int, first: bytes, greeting: bytes) -> None:
    """Connect onwards (names of this house lead to loopback) and relay both ways to the end of either."""
    reader, writer = await asyncio.open_connection("127.0.0.1" if host.endswith(".example") else host, port)
    try:
        if greeting:
            await peer.send(greeting[:3], greeting[3:])
        writer.write(first)
        ways = [
            asyncio.ensure_future(_relay(peer.reader, writer)),
            asyncio.ensure_future(_relay(reader, peer.writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
