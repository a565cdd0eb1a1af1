"""Probes through a network's way out, over the real wire: what they find, and what the facts say of it."""

import asyncio
import dataclasses
import datetime as dt
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path as File
from typing import Literal

import pytest
import trustme

from agent.clock import SystemClock
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import Outcome, ProbeResult
from probes.target import Path, Workload
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.endpoint import GOOD
from support.pieces import TARGET
from support.proxyserver import ProxyLog, http_proxy, intercepting_proxy, socks_proxy
from support.secrets import FakeSecrets
from support.wireserver import Peer, Script, WireServer, once

CHAT = Workload(name="chat", first_token_s=10.0, stall_s=10.0, timeout_s=20.0)
END = dt.datetime(2041, 2, 3, tzinfo=dt.UTC)


@pytest.fixture
def vendor(tmp_path: File) -> Authority:
    (tmp_path / "vendor").mkdir()
    return Authority(tmp_path / "vendor")


@pytest.fixture
def gatekeeper(tmp_path: File) -> Authority:
    """Whose certificates an intercepting proxy shows."""
    (tmp_path / "gatekeeper").mkdir()
    return Authority(tmp_path / "gatekeeper")


async def probed(
    url: str, path: Path, *, times: int = 1, connection: Literal["cold", "warm"] = "cold"
) -> list[ProbeResult]:
    transport = WireTransport()
    exchange = Exchange(
        transport, FakeSecrets({}), SystemClock(), uuid.uuid4, "fra-1", lambda _start, _end: 0.0
    )
    target = dataclasses.replace(TARGET, endpoint=url, path=path)
    workload = dataclasses.replace(CHAT, connection=connection)
    try:
        return [await exchange.ask(target, workload, Slot(1, 0)) for _ in range(times)]
    finally:
        await transport.aclose()


async def through(
    proxy: Script, server: WireServer, scheme: str, **way: object
) -> tuple[ProbeResult, WireServer]:
    """Return what a probe of `model.example` finds that goes through a proxy, and the proxy."""
    async with WireServer(proxy) as gate:
        url = f"{'https' if server.url.startswith('https') else 'http'}://model.example:{server.port}"
        (result,) = await probed(url, Path(proxy=f"{scheme}127.0.0.1:{gate.port}", **way))  # type: ignore[arg-type]  # a test names any
        return result, gate


def answering(times: int = 1) -> Script:
    async def script(peer: Peer) -> None:
        for _ in range(times):
            await peer.request()
            await peer.send(GOOD)

    return script


def test_each_proxy_is_timed_apart_and_the_certificate_is_the_vendors(vendor: Authority) -> None:
    """CONNECT with and without credentials, SOCKS5: the phases add up, the peer is the proxy, TLS is the host's."""

    async def scenario() -> None:
        async with WireServer(answering(), tls=vendor.server("model.example", not_after=END)) as server:
            for proxy, scheme in (
                (http_proxy(ProxyLog()), "http://"),
                (http_proxy(ProxyLog()), "http://user:word@"),
                (socks_proxy(ProxyLog()), "socks5://"),
                (socks_proxy(ProxyLog(), credentials=("user", "word")), "socks5h://user:word@"),
            ):
                result, gate = await through(proxy, server, scheme, ca=vendor.ca)
                assert (result.outcome, result.error) == (Outcome.OK, None)
                assert result.peer == f"127.0.0.1:{gate.port}"
                phases = (result.connect_s, result.proxy_s, result.tls_s, result.ttfb_s)
                assert all(phase is not None and phase > 0 for phase in phases)
                assert result.dns_s is None, "the proxy resolves"
                assert result.tls_expires_at == END
                assert "tls_intercepted" not in result.backend

    asyncio.run(scenario())


def test_a_plain_request_that_is_forwarded_has_no_tunnel_and_no_certificate() -> None:
    async def scenario() -> None:
        async with WireServer(once(GOOD)) as server:
            result, gate = await through(http_proxy(ProxyLog()), server, "http://", intercepted=True)
        assert (result.outcome, result.peer) == (Outcome.OK, f"127.0.0.1:{gate.port}")
        assert (result.proxy_s, result.tls_s, result.tls_expires_at) == (None, None, None)
        assert "tls_intercepted" not in result.backend, "there was no TLS to intercept"

    asyncio.run(scenario())


def test_intercepted_tls_is_said_so_and_its_certificate_is_not_taken_for_the_vendors(
    vendor: Authority, gatekeeper: Authority
) -> None:
    """The request is read on the way; connect and TLS end at the proxy, and the row says so."""

    async def scenario() -> None:
        log = ProxyLog()
        proxy = intercepting_proxy(log, gatekeeper, vendor)
        async with WireServer(answering(), tls=vendor.server("model.example", not_after=END)) as server:
            result, gate = await through(proxy, server, "http://", ca=gatekeeper.ca, intercepted=True)
            assert log.asked == [f"CONNECT model.example:{server.port}"]
        assert log.inside[0].headers["x-request-id"] == str(result.id)
        assert (result.outcome, result.error) == (Outcome.OK, None)
        assert result.backend["tls_intercepted"] == "true"
        assert result.public()["backend"]["tls_intercepted"] == "true"
        assert (result.tls_expires_at, result.peer) == (None, f"127.0.0.1:{gate.port}")
        phases = (result.connect_s, result.proxy_s, result.tls_s, result.ttfb_s, result.ttft_s)
        assert all(phase is not None and phase > 0 for phase in phases)

    asyncio.run(scenario())


def test_a_private_issuer_alone_is_no_proof_of_interception(vendor: Authority, gatekeeper: Authority) -> None:
    """An endpoint of one's own has a private issuer too: what is not said is not guessed."""

    async def scenario() -> None:
        proxy = intercepting_proxy(ProxyLog(), gatekeeper, vendor)
        async with WireServer(answering(), tls=vendor.server("model.example")) as server:
            result, _ = await through(proxy, server, "http://", ca=gatekeeper.ca)
        assert result.outcome is Outcome.OK
        assert result.tls_expires_at is not None
        assert "tls_intercepted" not in result.backend

    asyncio.run(scenario())


def test_an_intercepting_proxy_that_is_not_trusted_is_named_as_such(
    vendor: Authority, gatekeeper: Authority
) -> None:
    """The remedy is the network's own trust; not even a refused certificate's end is taken for the vendor's."""

    async def scenario() -> None:
        proxy = intercepting_proxy(ProxyLog(), gatekeeper, vendor)
        async with WireServer(answering(), tls=vendor.server("model.example")) as server:
            result, _ = await through(proxy, server, "http://", ca=vendor.ca, intercepted=True)
        assert (result.outcome, result.error_code) == (Outcome.TLS, "unknown issuer")
        assert "the certificate that the intercepting proxy shows for model.example" in (result.error or "")
        assert "set the network's ca" in (result.error or "")
        assert (result.tls_expires_at, result.backend["tls_intercepted"]) == (None, "true")

    asyncio.run(scenario())


def test_a_probe_leaves_by_its_networks_source_address() -> None:
    sources = []

    async def script(peer: Peer) -> None:
        sources.append(peer.writer.get_extra_info("peername")[0])
        await peer.request()
        await peer.send(GOOD)

    async def scenario() -> list[ProbeResult]:
        async with WireServer(script) as server:
            return [
                (await probed(server.url, Path(proxy="none", source_address=address)))[0]
                for address in ("127.0.0.5", "192.0.2.9")
            ]

    good, elsewhere = asyncio.run(scenario())
    assert (good.outcome, sources) == (Outcome.OK, ["127.0.0.5"])
    assert (elsewhere.outcome, elsewhere.error_code) == (Outcome.AGENT_FAULT, "source_address")
    assert "source_address 192.0.2.9 is not an address of this machine: name one" in (elsewhere.error or "")
    assert elsewhere.meaning.good is None


@contextmanager
def demanding(context: ssl.SSLContext) -> Iterator[str]:
    """Yield the URL of a server that wants a client certificate, and says by an alert what is wrong with it.

    It blocks in a thread, because asyncio's server closes without the alert that OpenSSL has for the client.
    """

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
                secured.recv(65_536)
                secured.sendall(GOOD)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,))
        serving.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_mutual_tls_works_and_each_way_in_which_it_does_not_is_told(
    tmp_path: File, vendor: Authority, version: ssl.TLSVersion
) -> None:
    """With the pair a good probe; without it, with a stranger's or an expired one a refused identity, not an outage."""
    (tmp_path / "strange").mkdir()
    cert, key = vendor.client()
    strange = Authority(tmp_path / "strange").client()
    past = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    ended = vendor.client(not_before=past - dt.timedelta(9), not_after=past, stem="ended")
    tls = vendor.server(want_client=True)
    tls.minimum_version = tls.maximum_version = version

    def ask(cert: str | None = None, key: str | None = None) -> ProbeResult:
        return asyncio.run(probed(url, Path(proxy="none", ca=vendor.ca, cert=cert, key=key)))[0]

    with demanding(tls) as url:
        good, without, stranger, expired = ask(cert, key), ask(), ask(*strange), ask(*ended)
    assert (good.outcome, good.error) == (Outcome.OK, None)
    assert good.tls_expires_at is not None
    told = [(each.outcome, each.error_code) for each in (without, stranger, expired)]
    assert told[1:] == [
        (Outcome.CONFIG, "client certificate refused"),
        (Outcome.CONFIG, "client certificate expired"),
    ]
    if version is ssl.TLSVersion.TLSv1_3:
        assert told[0] == (Outcome.CONFIG, "client certificate")
    else:  # TLS 1.2 has no alert of its own for it
        assert told[0] == (Outcome.TLS, "sslv3 alert handshake failure")
    assert "tls.cert and tls.key" in (without.error or "").replace(
        "tls.cert, tls.key", "tls.cert and tls.key"
    )
    assert f"does not take the client certificate {strange[0]}" in (stranger.error or "")
    assert f"says that the client certificate {ended[0]} has expired: renew it" in (expired.error or "")


def test_a_pair_that_does_not_belong_together_is_never_offered(tmp_path: File, vendor: Authority) -> None:
    """Found before anything is connected, and again at each probe until the files are mended."""
    cert, key = vendor.client()
    right = File(key).read_bytes()
    File(key).write_bytes(trustme.CA().issue_cert("a@b.example").private_key_pem.bytes())
    path = Path(proxy="none", ca=vendor.ca, cert=cert, key=key)

    async def scenario() -> None:
        async with WireServer(answering(), tls=vendor.server(want_client=True)) as server:
            transport = WireTransport()
            exchange = Exchange(
                transport, FakeSecrets({}), SystemClock(), uuid.uuid4, "fra-1", lambda _start, _end: 0.0
            )
            target = dataclasses.replace(TARGET, endpoint=server.url, path=path)
            refused = await exchange.ask(target, CHAT, Slot(1, 0))
            assert server.connections == 0
            File(key).write_bytes(right)  # noqa: ASYNC240 - a few hundred bytes, in a test
            mended = await exchange.ask(target, CHAT, Slot(2, 0))
            await transport.aclose()
        assert (refused.outcome, mended.outcome) == (Outcome.CONFIG, Outcome.OK)
        assert f"the client key {key} does not belong to the client certificate {cert}" in (
            refused.error or ""
        )

    asyncio.run(scenario())
