"""TLS on the wire: good certificates, bad ones, servers that do not speak it."""

import asyncio
import contextlib
import datetime as dt
import pathlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from probes.result import Outcome
from probes.target import Path
from probes.timing import Marks
from probes.transport import errors
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.wireclient import Told, ask, asking
from support.wireserver import Peer, WireServer, always, answer, chunk, head, once

EXPIRED = dt.datetime(2024, 5, 6, 7, 8, tzinfo=dt.UTC)
STREAM = head({"Transfer-Encoding": "chunked"}) + chunk(b"one") + chunk(b"two") + chunk(b"")


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Either loop."""
    return request.param  # type: ignore[no-any-return]  # pytest's params are Any


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


async def asked_once(url: str, path: Path, marks: Marks | None = None, *, connect_s: float = 5.0) -> Told:
    transport = WireTransport()
    try:
        return await ask(transport, asking(url, path=path, marks=marks, connect_s=connect_s))
    finally:
        await transport.aclose()


async def refusal(server: WireServer, path: Path, **options: Any) -> errors.TlsFailed:
    with pytest.raises(errors.TlsFailed) as caught:
        await asked_once(server.url, path, **options)
    assert caught.value.outcome is Outcome.TLS
    return caught.value


def test_a_trusted_server_answers_and_its_certificates_end_is_known(
    run: Callable[..., None], authority: Authority
) -> None:
    """The handshake is marked; the end of the certificate is on the wire's record, reused or not."""

    async def scenario() -> None:
        end = dt.datetime(2033, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
        path = Path(proxy="none", ca=authority.ca)
        transport = WireTransport()
        transport.warm_up([path])
        async with WireServer(always(STREAM), tls=authority.server(not_after=end)) as server:
            told = [await ask(transport, asking(server.url, path=path, keep="name")) for _ in range(2)]
            assert [(each.body, each.wire.reused) for each in told] == [(b"onetwo", False), (b"onetwo", True)]
            assert {each.wire.tls_expires_s for each in told} == {int(end.timestamp())}
            order = ["connect_start", "connect_end", "tls_start", "tls_end", "sent", "first_byte"]
            assert told[0].phases == order
            await transport.aclose()

    run(scenario())


def test_a_body_over_many_records_and_reads_comes_whole(
    run: Callable[..., None], authority: Authority
) -> None:
    """Records of 16 KiB, reads of 64 KiB: one chunk and one stamp a read that carried text."""

    async def scenario() -> None:
        body = bytes(range(256)) * 4_000
        async with WireServer(once(answer(body)), tls=authority.server()) as server:
            told = await asked_once(server.url, Path(proxy="none", ca=authority.ca))
            assert told.body == body
            assert len(told.chunks) == len(told.reads)

    run(scenario())


def test_a_large_request_goes_through_tls(run: Callable[..., None], authority: Authority) -> None:
    """More than any buffer holds."""
    sizes = []

    async def script(peer: Peer) -> None:
        sizes.append(len((await peer.request()).body))
        await peer.send(answer(b"ok"))

    async def scenario() -> None:
        transport = WireTransport()
        path = Path(proxy="none", ca=authority.ca)
        async with WireServer(script, tls=authority.server()) as server:
            await ask(transport, asking(server.url, path=path, content=b"x" * 3_000_000))
        await transport.aclose()
        assert sizes == [3_000_000]

    run(scenario())


def test_an_expired_certificate_says_when_it_ended(run: Callable[..., None], authority: Authority) -> None:
    """Expired: the date stands in the sentence and on the record; the handshake has a start and no end."""

    async def scenario() -> None:
        tls = authority.server(not_before=EXPIRED - dt.timedelta(days=90), not_after=EXPIRED)
        marks = Marks()
        async with WireServer(once(answer()), tls=tls) as server:
            failed = await refusal(server, Path(proxy="none", ca=authority.ca), marks=marks)
        assert failed.reason == "expired"
        assert "has expired on 2024-05-06 at 07:08 UTC: renew it on the server" in str(failed)
        assert failed.wire is not None
        assert failed.wire.tls_expires_s == EXPIRED.timestamp()
        assert "tls_start" in marks.at
        assert "tls_end" not in marks.at

    run(scenario())


def test_a_certificate_for_another_name_names_the_setting(
    run: Callable[..., None], authority: Authority
) -> None:
    """Other name; `server_name` mends it, and both SNI and the check use it."""

    async def scenario() -> None:
        tls = authority.server("model.bank.example")
        asked_for: list[str | None] = []
        tls.sni_callback = lambda _, name, __: asked_for.append(name)
        path = Path(proxy="none", ca=authority.ca)
        mended = Path(proxy="none", ca=authority.ca, server_name="model.bank.example")
        async with WireServer(once(answer(b"hi")), tls=tls) as server:
            failed = await refusal(server, path)
            assert failed.reason == "other name"
            assert "tls.server_name" in str(failed)
            assert failed.wire is not None
            assert failed.wire.tls_expires_s is not None
            assert (await asked_once(server.url, mended)).body == b"hi"
            assert (await asked_once(server.url, path=mended)).wire.tls_expires_s == failed.wire.tls_expires_s
        # An address is never sent as a name; the refused handshake was looked at once more.
        assert asked_for == [None, None, "model.bank.example", "model.bank.example"]

    run(scenario())


def test_an_unknown_issuer_names_the_setting(run: Callable[..., None], authority: Authority) -> None:
    """Unknown issuer: the way out is tls.ca."""

    async def scenario() -> None:
        async with WireServer(once(answer()), tls=authority.server()) as server:
            failed = await refusal(server, Path(proxy="none"))
        assert failed.reason == "unknown issuer"
        assert "set tls.ca to the PEM file" in str(failed)

    run(scenario())


def test_a_client_certificate_opens_what_it_should(run: Callable[..., None], authority: Authority) -> None:
    """With it an answer, without it a sentence that names tls.cert and tls.key."""

    def serve(server: socket.socket, context: ssl.SSLContext) -> None:
        # A blocking server, since asyncio's closes without the alert that OpenSSL sends.
        for _ in range(2):
            plain, _ = server.accept()
            with (
                plain,
                contextlib.suppress(ssl.SSLError),
                context.wrap_socket(plain, server_side=True) as secured,
            ):
                secured.recv(65_536)
                secured.sendall(answer(b"hi"))

    async def scenario() -> None:
        cert, key = authority.client()
        held = Path(proxy="none", ca=authority.ca, cert=cert, key=key)
        with socket.create_server(("127.0.0.1", 0)) as server:
            serving = asyncio.create_task(
                asyncio.to_thread(serve, server, authority.server(want_client=True))
            )
            url = f"https://127.0.0.1:{server.getsockname()[1]}"
            assert (await asked_once(url, held)).body == b"hi"
            with pytest.raises(errors.ClientRefused, match=r"tls\.cert and tls\.key") as caught:
                await asked_once(url, Path(proxy="none", ca=authority.ca))
            assert caught.value.reason == "client certificate"
            await serving

    run(scenario())


def test_a_port_that_does_not_speak_tls_says_so(run: Callable[..., None], authority: Authority) -> None:
    """https:// to a plain port, and a server that hangs up."""

    async def plain(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(answer(status="400 Bad Request"))

    async def gone(peer: Peer) -> None:
        await peer.reader.read(1)

    async def scenario() -> None:
        for script, reason in ((plain, "not tls"), (gone, "closed")):
            async with WireServer(script) as server:
                with pytest.raises(errors.TlsFailed) as caught:
                    await asked_once(f"https://127.0.0.1:{server.port}", Path(proxy="none", ca=authority.ca))
                assert caught.value.reason == reason

    run(scenario())


def test_a_handshake_that_hangs_is_given_up(run: Callable[..., None], authority: Authority) -> None:
    """The limit of a step on the way holds for it."""

    async def silent(peer: Peer) -> None:
        while await peer.reader.read(65_536):
            pass

    async def scenario() -> None:
        async with WireServer(silent) as server:
            with pytest.raises(errors.TlsFailed, match=r"took more than 0\.05 s") as caught:
                await asked_once(f"https://127.0.0.1:{server.port}", Path(proxy="none"), connect_s=0.05)
            assert caught.value.reason == "timeout"
            await server.idle()

    run(scenario())


def test_a_body_cut_under_tls_is_broken(run: Callable[..., None], authority: Authority) -> None:
    """With or without a farewell of TLS."""

    async def rude(peer: Peer) -> None:
        await peer.request()
        await peer.send(head({"Content-Length": "9"}) + b"one")
        peer.reset()

    async def scenario() -> None:
        polite = once(head({"Content-Length": "9"}) + b"one")
        for script in (polite, rude):
            async with WireServer(script, tls=authority.server()) as server:
                with pytest.raises(errors.Broken):
                    await asked_once(server.url, Path(proxy="none", ca=authority.ca))

    run(scenario())


def test_a_kept_connection_that_tls_ended_is_replaced(run: Callable[..., None], authority: Authority) -> None:
    """The farewell of TLS and the close came while it was idle."""

    async def scenario() -> None:
        transport = WireTransport()
        path = Path(proxy="none", ca=authority.ca)
        async with WireServer(once(STREAM), tls=authority.server()) as server:
            await ask(transport, asking(server.url, path=path, keep="name"))
            await server.idle()
            told = await ask(transport, asking(server.url, path=path, keep="name"))
            assert (told.body, told.wire.reused, server.connections) == (b"onetwo", False, 2)
        await transport.aclose()

    run(scenario())


def test_tls_of_the_version_before_works_too(run: Callable[..., None], authority: Authority) -> None:
    """TLS 1.2 is still served by gateways."""

    async def scenario() -> None:
        tls = authority.server()
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        async with WireServer(once(answer(b"hi")), tls=tls) as server:
            assert (await asked_once(server.url, Path(proxy="none", ca=authority.ca))).body == b"hi"

    run(scenario())
