"""The dialogs with a proxy that end in a tunnel: CONNECT and SOCKS5."""

import ipaddress

import httpx
from socksio import ProtocolError, socks5

from probes.transport import errors
from probes.transport.http1 import ResponseParser, serialise
from probes.transport.proxies import Proxy
from probes.transport.sockets import Channel

_DENIED = "correct the user and password in the proxy's URL (escaped: @ is %40)"


async def connect(channel: Channel, proxy: Proxy, host: str, port: int) -> None:
    """Ask an HTTP proxy for a tunnel; raises `ProxyRefused`, `ProxyDenied`, OSError."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    request = httpx.Request("CONNECT", f"http://{authority}", headers={"Host": authority})
    await channel.send(serialise(request, authority.encode("ascii"), proxy.authorization, b""))
    parser = ResponseParser(bodiless=True)
    while not parser.head_done:
        data, _ = await channel.read()
        parser.feed(data)
        if parser.failure or not data:
            parser.end()
            raise errors.ProxyRefused(
                f"the proxy {proxy} does not answer a CONNECT to {authority} in HTTP "
                f"({parser.failure or 'it closed the connection'}): check its scheme, host and port"
            )
    if parser.status == 407:
        raise errors.ProxyDenied(f"the proxy {proxy} wants other credentials (407): {_DENIED}")
    if not 200 <= parser.status < 300:
        reason = parser.reason.decode("ascii", "replace")
        raise errors.ProxyRefused(
            f"the proxy {proxy} refused a CONNECT to {authority} ({parser.status} {reason}): "
            "ask its operators to allow that host and port"
        )


async def socks(channel: Channel, proxy: Proxy, host: str, port: int) -> None:
    """Ask a SOCKS5 proxy for a tunnel; it resolves the name. Raises `ProxyRefused`, `ProxyDenied`, OSError."""
    try:
        await _socks(channel, proxy, host, port)
    except OverflowError as error:
        raise errors.Misconfigured(
            f"the user or password for the proxy {proxy} is longer than the 255 bytes that SOCKS5 carries: {_DENIED}"
        ) from error
    except (ProtocolError, EOFError) as error:
        raise errors.ProxyRefused(
            f"the proxy {proxy} does not answer in SOCKS5 ({error}): check its scheme, host and port"
        ) from error


async def _socks(channel: Channel, proxy: Proxy, host: str, port: int) -> None:
    dialog = socks5.SOCKS5Connection()
    reader = _Exactly(channel)
    none, password = socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED, socks5.SOCKS5AuthMethod.USERNAME_PASSWORD
    dialog.send(socks5.SOCKS5AuthMethodsRequest([none, password] if proxy.username else [none]))
    await channel.send(dialog.data_to_send())
    chosen = dialog.receive_data(await reader.read(2))
    if chosen == socks5.SOCKS5AuthReply(password) and proxy.username:
        dialog.send(socks5.SOCKS5UsernamePasswordRequest(proxy.username.encode(), proxy.password.encode()))
        await channel.send(dialog.data_to_send())
        if dialog.receive_data(await reader.read(2)) != socks5.SOCKS5UsernamePasswordReply(success=True):
            raise errors.ProxyDenied(f"the proxy {proxy} wants other credentials: {_DENIED}")
    elif chosen != socks5.SOCKS5AuthReply(none):
        raise errors.ProxyDenied(f"the proxy {proxy} wants credentials: {_DENIED}")
    dialog.send(_command(host, port))
    await channel.send(dialog.data_to_send())
    reply = dialog.receive_data(await _reply(reader))
    if isinstance(reply, socks5.SOCKS5Reply) and reply.reply_code != socks5.SOCKS5ReplyCode.SUCCEEDED:
        words = reply.reply_code.name.lower().replace("_", " ")
        raise errors.ProxyRefused(
            f"the proxy {proxy} does not lead to {host}:{port} ({words}): "
            "check the host, and ask the proxy's operators to allow it"
        )


def _command(host: str, port: int) -> socks5.SOCKS5CommandRequest:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        kind, packed = socks5.SOCKS5AType.DOMAIN_NAME, host.encode("ascii")
    else:
        v4 = address.version == 4
        kind = socks5.SOCKS5AType.IPV4_ADDRESS if v4 else socks5.SOCKS5AType.IPV6_ADDRESS
        packed = address.packed
    return socks5.SOCKS5CommandRequest(socks5.SOCKS5Command.CONNECT, kind, packed, port)


async def _reply(reader: "_Exactly") -> bytes:
    """Return one whole reply: version, code, 0, address type, address, port (RFC 1928, section 6)."""
    head = await reader.read(4)
    if head[3] == 3:
        size = await reader.read(1)
        return head + size + await reader.read(size[0] + 2)
    return head + await reader.read({1: 4, 4: 16}.get(head[3], 0) + 2)


class _Exactly:
    """Reads a channel by counts of bytes."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held = b""

    async def read(self, count: int) -> bytes:
        while len(self._held) < count:
            data, _ = await self._channel.read()
            if not data:
                raise EOFError("it closed the connection")
            self._held += data
        taken, self._held = self._held[:count], self._held[count:]
        return taken
