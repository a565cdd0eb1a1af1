"""Witnesses over the real wire: reached or not, by name or address, through proxies, and why not."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path as File
from typing import Any

import pytest

from probes import reaching
from probes.base import Tried
from probes.reaching import Reaching
from probes.target import Path, Witness
from probes.transport.resolver import Resolver
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.llm import free_port
from support.proxyserver import ProxyLog, http_proxy, socks_proxy
from support.secrets import FakeSecrets
from support.wireserver import Peer, WireServer


async def silent(peer: Peer) -> None:
    await peer.reader.read()


async def resetting(peer: Peer) -> None:
    peer.reset()


async def tried(
    witness: Witness, path: Path, look_up: Callable[..., Sequence[Any]] = socket.getaddrinfo
) -> Tried:
    transport = WireTransport(resolver=Resolver(look_up))
    try:
        return await Reaching(transport, FakeSecrets({"PASS": "hush"})).attempt(witness, path)
    finally:
        await transport.aclose()


def tcp(port: int, host: str = "127.0.0.1") -> Witness:
    return Witness(kind="tcp", host=host, port=port)


DIRECT = Path(proxy="none")


def test_a_port_that_takes_connections_is_reached_and_told_nothing() -> None:
    async def main() -> Tried:
        async with WireServer(silent) as server:
            found = await tried(tcp(server.port), DIRECT)
            assert found.says == f"reached at 127.0.0.1:{server.port}"
            return found

    assert asyncio.run(main())[:2] == (True, None)


def test_a_port_that_refuses_is_not_reached() -> None:
    found = asyncio.run(tried(tcp(free_port()), DIRECT))
    assert found[:2] == (False, None)
    assert "Connection refused" in found.says


def test_a_tls_witness_wants_a_handshake_and_a_certificate_that_the_way_trusts(tmp_path: File) -> None:
    authority = Authority(tmp_path)

    async def main() -> None:
        async with WireServer(silent, tls=authority.server("localhost")) as server:
            witness = Witness(kind="tls", host="localhost", port=server.port)
            assert (await tried(witness, Path(proxy="none", ca=authority.ca)))[:2] == (True, True)
            assert (await tried(witness, DIRECT))[:2] == (False, True)
        async with WireServer(resetting) as server:
            found = await tried(Witness(kind="tls", host="127.0.0.1", port=server.port), DIRECT)
            assert found[:2] == (False, None)

    asyncio.run(main())


def test_one_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TLS witness that takes the connection and says nothing."""
    monkeypatch.setattr(reaching, "LIMIT_S", 0.2)

    async def main() -> Tried:
        async with WireServer(silent) as server:
            return await tried(Witness(kind="tls", host="127.0.0.1", port=server.port), DIRECT)

    assert asyncio.run(main())[:2] == (False, None)


@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_it_is_reached_behind_the_proxy_and_not_by_the_proxy(kind: str, tmp_path: File) -> None:
    """A proxy that is up and leads nowhere is no way out."""
    authority = Authority(tmp_path)

    async def main(log: ProxyLog, scheme: str, *, up: bool) -> Tried:
        secured = authority.server("witness.example") if kind == "tls" else None
        proxy = http_proxy(log) if scheme == "http" else socks_proxy(log)
        refusing = (
            http_proxy(log, status="502 Bad Gateway") if scheme == "http" else socks_proxy(log, reply=4)
        )
        async with WireServer(silent, tls=secured) as server, WireServer(proxy if up else refusing) as gate:
            witness = Witness(kind=kind, host="witness.example", port=server.port)  # type: ignore[arg-type] # of two
            way = Path(proxy=f"{scheme}://127.0.0.1:{gate.port}", ca=authority.ca)
            found = await tried(witness, way)
            assert log.asked == [
                f"{'CONNECT' if scheme == 'http' else 'SOCKS'} witness.example:{server.port}"
            ]
            return found

    for scheme in ("http", "socks5h"):
        assert asyncio.run(main(ProxyLog(), scheme, up=True))[:2] == (True, None)
        assert asyncio.run(main(ProxyLog(), scheme, up=False))[:2] == (False, None)


def test_a_name_is_resolved_or_not_and_a_way_may_say_to_what() -> None:
    def nowhere(*_: object, **__: object) -> Sequence[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    name = Witness(kind="dns", host="witness.example")
    assert asyncio.run(tried(name, DIRECT, nowhere))[:2] == (False, False)
    assert asyncio.run(tried(Witness(kind="dns", host="localhost"), DIRECT))[:2] == (True, True)
    assert asyncio.run(tried(Witness(kind="tcp", host="witness.example", port=1), DIRECT, nowhere))[:2] == (
        False,
        False,
    )
    put = Path(proxy="none", resolve={"witness.example": "127.0.0.1"})
    assert asyncio.run(tried(name, put, nowhere))[:2] == (True, None)


def test_a_resolver_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "LIMIT_S", 0.2)

    def hanging(*_: object, **__: object) -> Sequence[Any]:
        time.sleep(1)
        return ()

    name = Witness(kind="dns", host="witness.example")
    assert asyncio.run(tried(name, DIRECT, hanging))[:2] == (False, False)


def test_what_is_said_of_a_proxy_holds_no_password() -> None:
    way = Path(proxy=f"http://user:${{PASS}}@127.0.0.1:{free_port()}")
    found = asyncio.run(tried(tcp(1), way))
    assert not found.reached
    assert "hush" not in found.says
