"""The wire through proxies of our own: forwarding, CONNECT, SOCKS5, and their refusals."""

import asyncio
import datetime as dt
import pathlib

import pytest

from probes.result import Outcome
from probes.target import Path
from probes.timing import Marks
from probes.transport import errors
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.proxyserver import ProxyLog, http_proxy, socks_proxy
from support.wireclient import Told, ask, asking
from support.wireserver import Peer, Script, WireServer, always, answer, once, refusing


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


async def asked(url: str, path: Path, *, marks: Marks | None = None, connect_s: float = 5.0) -> Told:
    transport = WireTransport()
    try:
        return await ask(transport, asking(url, path=path, marks=marks, connect_s=connect_s))
    finally:
        await transport.aclose()


async def refused(script: Script, proxy: str, url: str = "https://model.example") -> errors.WireError:
    """What a request through a proxy at `{port}` fails with."""
    async with WireServer(script) as gate:
        with pytest.raises(errors.WireError) as caught:
            await asked(url, Path(proxy=proxy.format(port=gate.port)))
        assert f"127.0.0.1:{gate.port}" in str(caught.value)
    return caught.value


def test_a_plain_request_is_forwarded_with_its_whole_url() -> None:
    """The proxy resolves the name, and is shown the credentials that its URL holds."""

    async def scenario() -> None:
        log = ProxyLog()
        async with WireServer(once(answer(b"hi"))) as server, WireServer(http_proxy(log)) as gate:
            url = f"http://model.example:{server.port}/v1/chat?x=1"
            told = await asked(url, Path(proxy=f"http://user:p%40ss@127.0.0.1:{gate.port}"))
            assert told.body == b"hi"
            assert told.wire.peer == f"127.0.0.1:{gate.port}"
            assert log.asked == [f"POST {url}"]
            assert log.headers[0]["proxy-authorization"] == "Basic dXNlcjpwQHNz"
            assert log.headers[0]["host"] == f"model.example:{server.port}"
            assert "proxy_start" not in told.marks.at

    asyncio.run(scenario())


def test_tls_goes_through_a_tunnel_whose_dialog_is_timed_apart(authority: Authority) -> None:
    """CONNECT; the credentials are the proxy's and never reach the server."""
    heard = []

    async def script(peer: Peer) -> None:
        heard.append((await peer.request()).headers)
        await peer.send(answer(b"hi"))

    async def scenario() -> None:
        log = ProxyLog()
        tls = authority.server("model.example")
        async with WireServer(script, tls=tls) as server, WireServer(http_proxy(log)) as gate:
            path = Path(proxy=f"http://user:word@127.0.0.1:{gate.port}", ca=authority.ca)
            told = await asked(f"https://model.example:{server.port}/v1", path)
            assert told.body == b"hi"
            assert log.asked == [f"CONNECT model.example:{server.port}"]
            assert "proxy-authorization" in log.headers[0]
            assert "proxy-authorization" not in heard[0]
            order = ["connect_end", "proxy_start", "proxy_end", "tls_start", "tls_end", "sent"]
            assert told.phases[1:-1] == order
            assert told.wire.tls_expires_s is not None

    asyncio.run(scenario())


def test_a_kept_tunnel_carries_the_next_request(authority: Authority) -> None:
    """Warm probes through a proxy."""

    async def scenario() -> None:
        log = ProxyLog()
        transport = WireTransport()
        tls = authority.server("model.example")
        async with WireServer(always(answer(b"hi")), tls=tls) as server, WireServer(http_proxy(log)) as gate:
            path = Path(proxy=f"http://127.0.0.1:{gate.port}", ca=authority.ca)
            url = f"https://model.example:{server.port}"
            told = [await ask(transport, asking(url, path=path, keep="name")) for _ in range(2)]
            assert [each.wire.reused for each in told] == [False, True]
            assert len(log.asked) == 1
            await transport.aclose()

    asyncio.run(scenario())


def test_a_proxy_that_speaks_tls_itself_is_taken(authority: Authority) -> None:
    """TLS to the proxy, and TLS within it."""

    async def scenario() -> None:
        log = ProxyLog()
        inner = authority.server("model.example")
        async with (
            WireServer(once(answer(b"hi")), tls=inner) as server,
            WireServer(http_proxy(log), tls=authority.server()) as gate,
        ):
            path = Path(proxy=f"https://127.0.0.1:{gate.port}", ca=authority.ca)
            assert (await asked(f"https://model.example:{server.port}", path)).body == b"hi"
            assert log.asked == [f"CONNECT model.example:{server.port}"]

    asyncio.run(scenario())


def test_an_expired_certificate_behind_a_proxy_says_when_it_ended(authority: Authority) -> None:
    """The second look takes the same way as the first."""
    end = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

    async def scenario() -> None:
        log = ProxyLog()
        tls = authority.server("model.example", not_before=end - dt.timedelta(days=9), not_after=end)
        async with WireServer(once(answer()), tls=tls) as server, WireServer(http_proxy(log)) as gate:
            path = Path(proxy=f"http://127.0.0.1:{gate.port}", ca=authority.ca)
            with pytest.raises(errors.TlsFailed, match="expired on 2024-01-01"):
                await asked(f"https://model.example:{server.port}", path)
            assert len(log.asked) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_leads_to_a_name_that_the_proxy_resolves(scheme: str) -> None:
    """No lookup of ours for the host."""

    async def scenario() -> None:
        log = ProxyLog()
        async with (
            WireServer(once(answer(b"hi"))) as server,
            WireServer(socks_proxy(log, credentials=("user", "p@ss"))) as gate,
        ):
            path = Path(proxy=f"{scheme}://user:p%40ss@127.0.0.1:{gate.port}")
            told = await asked(f"http://model.example:{server.port}/x", path)
            assert told.body == b"hi"
            assert log.asked == [f"SOCKS model.example:{server.port}"]
            assert "proxy_end" in told.marks.at
            assert "dns_start" not in told.marks.at

    asyncio.run(scenario())


def test_socks_carries_addresses_and_tls(authority: Authority) -> None:
    """An address goes out as one, also where the path put it in the name's place."""

    async def scenario() -> None:
        log = ProxyLog()
        tls = authority.server("model.example")
        async with WireServer(once(answer(b"hi")), tls=tls) as server, WireServer(socks_proxy(log)) as gate:
            path = Path(
                proxy=f"socks5h://127.0.0.1:{gate.port}",
                ca=authority.ca,
                resolve={"model.example": "127.0.0.1"},
            )
            assert (await asked(f"https://model.example:{server.port}", path)).body == b"hi"
            assert log.asked == [f"SOCKS 127.0.0.1:{server.port}"]

    asyncio.run(scenario())


def test_the_environment_leads_to_a_proxy_and_no_proxy_past_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the usual variables say when the transport is made."""

    async def scenario() -> None:
        log = ProxyLog()
        async with WireServer(always(answer(b"hi"))) as server, WireServer(http_proxy(log)) as gate:
            for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy", "https_proxy"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{gate.port}")
            await asked(f"http://model.example:{server.port}/a", Path())
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            await asked(f"http://127.0.0.1:{server.port}/b", Path())
            assert log.asked == [f"POST http://model.example:{server.port}/a"]

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_proxy_that_cannot_be_reached_is_named(kind: str) -> None:
    """Refused port, unknown name: connect_refused, with the proxy in the sentence."""

    async def scenario() -> None:
        async with refusing() as port:
            for place in (f"127.0.0.1:{port}", f"proxy.invalid:{port}"):
                with pytest.raises(
                    errors.ProxyRefused, match=f"proxy {kind}://{place} on the way to"
                ) as caught:
                    await asked("https://model.example", Path(proxy=f"{kind}://user:hush@{place}"))
                assert caught.value.outcome is Outcome.CONNECT_REFUSED
                assert "hush" not in str(caught.value)

    asyncio.run(scenario())


def test_a_proxys_refusal_is_told_in_its_words() -> None:
    """A status that is no success: connect_refused, with the status."""
    error = asyncio.run(
        refused(http_proxy(ProxyLog(), status="403 Not on the list"), "http://127.0.0.1:{port}")
    )
    assert error.outcome is Outcome.CONNECT_REFUSED
    assert "CONNECT to model.example:443 (403 Not on the list)" in str(error)
    error = asyncio.run(refused(socks_proxy(ProxyLog(), reply=2), "socks5://127.0.0.1:{port}"))
    assert error.outcome is Outcome.CONNECT_REFUSED
    assert "connection not allowed by ruleset" in str(error)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:{port}", "socks5://user:hush@127.0.0.1:{port}"])
def test_credentials_that_a_socks_proxy_wants_are_a_matter_of_configuration(proxy: str) -> None:
    """Missing or wrong."""
    error = asyncio.run(refused(socks_proxy(ProxyLog(), credentials=("user", "right")), proxy))
    assert error.outcome is Outcome.CONFIG
    assert "correct the user and password" in str(error)
    assert "hush" not in str(error)


def test_credentials_that_an_http_proxy_wants_are_a_matter_of_configuration() -> None:
    """407."""
    script = http_proxy(ProxyLog(), status="407 Proxy Authentication Required")
    error = asyncio.run(refused(script, "http://user:hush@127.0.0.1:{port}"))
    assert error.outcome is Outcome.CONFIG
    assert "hush" not in str(error)


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:{port}", "socks5://127.0.0.1:{port}", "https://127.0.0.1:{port}"]
)
@pytest.mark.parametrize("said", [b"", b"HI! I am no proxy of any kind that you know"])
def test_what_is_no_proxy_is_found_out(proxy: str, said: bytes) -> None:
    """A server that closes or talks nonsense, asked in each way."""

    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(said)

    error = asyncio.run(refused(script, proxy))
    assert error.outcome is Outcome.CONNECT_REFUSED
    assert "check its scheme, host and port" in str(error)


def test_a_proxy_that_hangs_is_given_up_and_named() -> None:
    """The limit of a step holds for the dialog."""

    async def silent(peer: Peer) -> None:
        while await peer.reader.read(65_536):
            pass

    async def scenario() -> None:
        async with WireServer(silent) as gate:
            proxy = f"http://127.0.0.1:{gate.port}"
            with pytest.raises(
                errors.ProxyRefused, match=r"did not lead to model\.example:443 within 0\.05 s"
            ):
                await asked("https://model.example", Path(proxy=proxy), connect_s=0.05)
            await gate.idle()

    asyncio.run(scenario())


def test_a_password_longer_than_socks_carries_is_a_matter_of_configuration() -> None:
    """RFC 1929 has one byte for the length."""
    script = socks_proxy(ProxyLog(), credentials=("user", "x"))
    error = asyncio.run(refused(script, f"socks5://user:{'x' * 300}@127.0.0.1:{{port}}"))
    assert error.outcome is Outcome.CONFIG
