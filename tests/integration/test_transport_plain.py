"""The wire against scripted servers, on both loops."""

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
import uvloop

from probes.base import WIRE
from probes.result import Outcome
from probes.target import Path
from probes.timing import Marks
from probes.transport import errors, wire
from probes.transport.resolver import Resolver
from probes.transport.wire import WireTransport
from support.wireclient import ask, asking
from support.wireserver import Peer, WireServer, always, answer, chunk, head, once, refusing

Scenario = Callable[[WireTransport], Awaitable[None]]
CHUNKED = head({"Transfer-Encoding": "chunked", "Content-Type": "text/event-stream"})


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Run a scenario with a transport on either loop, and close the transport behind it."""

    async def whole(scenario: Scenario) -> None:
        transport = WireTransport()
        try:
            await scenario(transport)
        finally:
            await transport.aclose()

    def start(scenario: Scenario) -> None:
        main: Callable[[Coroutine[Any, Any, None]], None] = request.param
        main(whole(scenario))

    return start


async def at_hand(go: asyncio.Event, peer: Peer, *pieces: bytes) -> None:
    """Send pieces, each after the client has read the one before."""
    for piece in pieces:
        await peer.send(piece)
        await go.wait()
        go.clear()


def test_an_answer_comes_whole_with_its_marks_and_wire(run: Callable[[Scenario], None]) -> None:
    """Status, headers, body; the phases in order; who answered."""

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(always(answer(b"pong", headers={"X-A": "1"}))) as server:
            told = await ask(transport, asking(server.url + "/v1/chat?x=1"))
            assert (told.status, told.headers["x-a"], told.body) == (200, "1", b"pong")
            assert (told.wire.peer, told.wire.reused) == (f"127.0.0.1:{server.port}", False)
            assert told.wire.tls_expires_s is None
            assert told.phases == ["connect_start", "connect_end", "sent", "first_byte"]
            assert told.marks.at["first_byte"] <= told.reads[0].at_ns

    run(scenario)


def test_a_cold_request_says_that_it_closes_and_a_kept_one_does_not(run: Callable[[Scenario], None]) -> None:
    """What reaches the server is the request as it was made."""
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.send(answer())

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(script) as server:
            await ask(transport, asking(server.url + "/a?b=c", headers={"X-Mine": "1"}, content=b"[1]"))
            await ask(transport, asking(server.url, keep="name"))
        assert (seen[0].method, seen[0].target, seen[0].body) == ("POST", "/a?b=c", b"[1]")
        assert (seen[0].headers["x-mine"], seen[0].headers["connection"]) == ("1", "close")
        assert "connection" not in seen[1].headers

    run(scenario)


def test_every_read_with_body_bytes_is_one_chunk_and_one_entry(run: Callable[[Scenario], None]) -> None:
    """What the chunked coding split is joined; a read without body bytes leaves nothing."""

    async def scenario(transport: WireTransport) -> None:
        go = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await at_hand(go, peer, CHUNKED + chunk(b"one"), chunk(b"two") + chunk(b"three"))
            await at_hand(go, peer, chunk(b"four")[:5], chunk(b"four")[5:], chunk(b""))

        async with WireServer(script) as server:
            response = await transport.handle_async_request(asking(server.url))
            reads = response.extensions["nephoscope.reads"]
            chunks = []
            async for data in response.stream:  # type: ignore[union-attr]  # ours is asynchronous
                chunks.append(data)
                assert len(reads) == len(chunks)
                go.set()
            assert chunks == [b"one", b"twothree", b"fo", b"ur"]
            assert [read.at_ns for read in reads] == sorted(read.at_ns for read in reads)
            for read, later in itertools.pairwise(reads):
                assert later.after_ns is not None
                assert later.after_ns <= later.at_ns
                # A stamp of our own is taken after the read, the drained instant before it: of the kernel's, the
                # first reads of a busy machine may have none.
                assert read.at_ns < later.after_ns or not read.kernel
            go.set()

    run(scenario)


def test_informational_answers_are_skipped(run: Callable[[Scenario], None]) -> None:
    """100 and 103 are no answer, and the first byte is the final head's."""

    async def scenario(transport: WireTransport) -> None:
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        async with WireServer(once(b"HTTP/1.1 100 Continue\r\n\r\n" + hint, answer(b"hi"))) as server:
            told = await ask(transport, asking(server.url))
            assert (told.status, told.body) == (200, b"hi")
            assert "link" not in told.headers

    run(scenario)


@pytest.mark.parametrize("kept", [None, "name"])
def test_answers_without_a_body_end_at_their_head(run: Callable[[Scenario], None], kept: str | None) -> None:
    """204, and the answer to HEAD."""

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
            assert (await ask(transport, asking(server.url, keep=kept))).chunks == []
        sized = head({"Content-Length": "500"})
        async with WireServer(always(sized)) as server:
            assert (await ask(transport, asking(server.url, method="HEAD", keep=kept))).chunks == []

    run(scenario)


def test_a_body_until_the_close_ends_normally(run: Callable[[Scenario], None]) -> None:
    """Without a frame the connection's end is the body's."""

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(once(head({"Content-Type": "text/plain"}), b"all ", b"of it")) as server:
            assert (await ask(transport, asking(server.url))).body == b"all of it"

    run(scenario)


@pytest.mark.parametrize(
    "pieces",
    [(CHUNKED + chunk(b"one"),), (head({"Content-Length": "9"}) + b"one",)],
    ids=["chunked", "sized"],
)
@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_body_is_broken_after_what_came(
    run: Callable[[Scenario], None], pieces: tuple[bytes, ...], *, reset: bool
) -> None:
    """The caller gets every byte that came, then learns that the head had come."""

    async def scenario(transport: WireTransport) -> None:
        go = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.request()
            await at_hand(go, peer, *pieces)
            if reset:
                peer.reset()

        async with WireServer(script) as server:
            response = await transport.handle_async_request(asking(server.url))
            stream = response.stream.__aiter__()  # type: ignore[union-attr]  # ours is asynchronous
            assert await anext(stream) == b"one"
            go.set()
            with pytest.raises(errors.Disconnected, match="ended before the answer did") as caught:
                await anext(stream)
            assert caught.value.after_head
            assert caught.value.outcome is Outcome.TRUNCATED
            assert caught.value.wire == response.extensions[WIRE]

    run(scenario)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 O"])
@pytest.mark.parametrize("reset", [False, True])
def test_an_end_before_the_whole_head_is_disconnected(
    run: Callable[[Scenario], None], said: bytes, *, reset: bool
) -> None:
    """Closed or reset, after nothing or half a head."""

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(said)
            if reset:
                peer.reset()

        async with WireServer(script) as server:
            marks = Marks()
            with pytest.raises(errors.Disconnected) as caught:
                await ask(transport, asking(server.url, marks=marks))
            assert (caught.value.outcome, caught.value.after_head) == (Outcome.DISCONNECTED, False)
            assert f"127.0.0.1:{server.port}" in str(caught.value)
            assert "sent" in marks.at

    run(scenario)


@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", 'HTTP server; it begins "SSH-2.0-OpenSSH_9.2"'),
        (b"<html>hello</html>", 'HTTP server; it begins "<html>hello</html>"'),
        (b"\x00\xff\xfe\x80", "scheme and port are those of its HTTP server"),
        (
            b"\x15\x03\x01\x00\x02\x02\x46",
            "answers in TLS: use https:// in the endpoint, or the port of plain HTTP",
        ),
    ],
)
def test_what_is_not_http_is_malformed_and_shown(
    run: Callable[[Scenario], None], garbage: bytes, words: str
) -> None:
    """The sentence shows how a text begins and no binary noise; nobody waits for the end of nonsense."""

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.send(garbage)
            await peer.reader.read()

        async with WireServer(script) as server:
            with pytest.raises(errors.Malformed) as caught:
                await ask(transport, asking(server.url))
            assert str(caught.value).endswith(words)
            assert caught.value.status is None

    run(scenario)


def test_a_head_without_end_is_malformed(run: Callable[[Scenario], None]) -> None:
    """64 KiB are the limit."""

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                await peer.send(b"X-Filler: " + b"x" * 1000 + b"\r\n")

        async with WireServer(script) as server:
            with pytest.raises(errors.Malformed, match="more than 64 KiB"):
                await ask(transport, asking(server.url))

    run(scenario)


def test_broken_framing_is_malformed_after_what_came(run: Callable[[Scenario], None]) -> None:
    """A chunk size that is none."""

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(once(CHUNKED + chunk(b"one") + b"zz\r\n")) as server:
            response = await transport.handle_async_request(asking(server.url))
            stream = response.stream.__aiter__()  # type: ignore[union-attr]  # ours is asynchronous
            assert await anext(stream) == b"one"
            with pytest.raises(errors.Malformed, match="framing"):
                await anext(stream)

    run(scenario)


def test_a_kept_connection_carries_the_next_request(run: Callable[[Scenario], None]) -> None:
    """The second request has no lookup and no handshake, and says so."""

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(always(CHUNKED + chunk(b"hi") + chunk(b""))) as server:
            told = [await ask(transport, asking(server.url, keep="name")) for _ in range(3)]
            assert [each.wire.reused for each in told] == [False, True, True]
            assert told[1].phases == ["sent", "first_byte"]
            assert server.connections == 1

    run(scenario)


def test_connections_are_kept_by_name_and_way(run: Callable[[Scenario], None]) -> None:
    """Another name, another way and a second request in flight each take a connection of their own."""

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(always(answer(b"hi"))) as server, WireServer(always(answer(b"ho"))) as other:
            await ask(transport, asking(server.url, keep="a"))
            assert not (await ask(transport, asking(server.url, keep="b"))).wire.reused
            elsewhere = await ask(transport, asking(other.url, keep="a"))
            assert (elsewhere.wire.reused, elsewhere.body) == (False, b"ho")
            both = await asyncio.gather(*(ask(transport, asking(server.url, keep="b")) for _ in range(2)))
            assert sorted(told.wire.reused for told in both) == [False, True]

    run(scenario)


@pytest.mark.parametrize("reset", [False, True])
def test_a_kept_connection_that_died_idle_is_replaced(
    run: Callable[[Scenario], None], *, reset: bool
) -> None:
    """The server closed it meanwhile: a fresh one, flagged as such."""

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(answer(b"hi"))
            await peer.reader.read(0)
            if reset:
                peer.reset()

        async with WireServer(script) as server:
            await ask(transport, asking(server.url, keep="name"))
            await server.idle()
            told = await ask(transport, asking(server.url, keep="name"))
            assert (told.body, told.wire.reused, server.connections) == (b"hi", False, 2)

    run(scenario)


def test_a_kept_connection_that_dies_under_the_request_is_replaced_once(
    run: Callable[[Scenario], None],
) -> None:
    """Closed before any byte of an answer: one more try, over a fresh connection; a second end is an error."""

    async def scenario(transport: WireTransport) -> None:
        answered = 0

        async def script(peer: Peer) -> None:
            nonlocal answered
            await peer.request()
            if answered < 2:
                answered += 1
                await peer.send(answer(b"hi"))
                await peer.request()

        async with WireServer(script) as server:
            await ask(transport, asking(server.url, keep="name"))
            told = await ask(transport, asking(server.url, keep="name"))
            assert (told.body, told.wire.reused, server.connections) == (b"hi", False, 2)
            assert "connect_end" in told.marks.at
            with pytest.raises(errors.Disconnected):
                await ask(transport, asking(server.url, keep="name"))
            assert server.connections == 3

    run(scenario)


def test_a_request_that_a_kept_connection_took_for_long_is_not_tried_again(
    run: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that worked on it and died has failed: a second try would hide that."""
    monkeypatch.setattr(wire, "_STALE_NS", 0)

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(answer(b"hi"))
            await peer.request()

        async with WireServer(script) as server:
            await ask(transport, asking(server.url, keep="name"))
            with pytest.raises(errors.Disconnected) as caught:
                await ask(transport, asking(server.url, keep="name"))
            assert caught.value.wire
            assert (caught.value.wire.reused, server.connections) == (True, 1)

    run(scenario)


def test_a_request_that_a_dead_connection_swallowed_was_not_sent(run: Callable[[Scenario], None]) -> None:
    """Where the fresh connection fails too, no mark of the first try remains."""

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(answer(b"hi"))
            server.stop_listening()
            await peer.request()

        async with WireServer(script) as server:
            await ask(transport, asking(server.url, keep="name"))
            marks = Marks()
            with pytest.raises(errors.ConnectRefused):
                await ask(transport, asking(server.url, keep="name", marks=marks))
            assert list(marks.at) == ["connect_start"]

    run(scenario)


def test_a_kept_connection_that_answers_half_a_head_is_not_tried_again(
    run: Callable[[Scenario], None],
) -> None:
    """A byte of an answer means that the request was taken."""

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.send(answer(b"hi"))
            await peer.request()
            await peer.send(b"HTTP/1.1 2")

        async with WireServer(script) as server:
            await ask(transport, asking(server.url, keep="name"))
            with pytest.raises(errors.Disconnected) as caught:
                await ask(transport, asking(server.url, keep="name"))
            assert caught.value.wire is not None
            assert caught.value.wire.reused
            assert server.connections == 1

    run(scenario)


def test_a_reader_that_stops_at_the_streams_own_end_mark_still_keeps_the_connection(
    run: Callable[[Scenario], None],
) -> None:
    """The frame's end comes a moment later; closing the response waits for it shortly."""

    async def scenario(transport: WireTransport) -> None:
        go = asyncio.Event()

        async def script(peer: Peer) -> None:
            while True:
                await peer.request()
                await at_hand(go, peer, CHUNKED + chunk(b"data: [DONE]\n\n"))
                await peer.send(chunk(b""))

        async with WireServer(script) as server:
            for reused in (False, True):
                response = await transport.handle_async_request(asking(server.url, keep="name"))
                await anext(response.stream.__aiter__())  # type: ignore[union-attr]  # ours is asynchronous
                go.set()
                await response.aclose()
                assert response.extensions[WIRE].reused is reused

    run(scenario)


def test_cancelling_closes_the_socket_at_every_stage(run: Callable[[Scenario], None]) -> None:
    """In the handshake, before the head, in the body: nothing stays open (unclosed sockets are errors here)."""

    async def scenario(transport: WireTransport) -> None:
        async def silent(peer: Peer) -> None:
            await peer.reader.read()

        async def half(peer: Peer) -> None:
            await peer.request()
            await peer.send(CHUNKED + chunk(b"one"))
            await peer.reader.read()

        for script in (silent, half):
            async with WireServer(script) as server:
                asked = asyncio.ensure_future(ask(transport, asking(server.url)))
                while not server.connections:  # noqa: ASYNC110 - any stage will do, and none has an event
                    await asyncio.sleep(0)
                asked.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asked
                await server.idle()  # the server saw the end of the connection

    run(scenario)


def test_a_response_closed_in_mid_body_closes_its_connection(run: Callable[[Scenario], None]) -> None:
    """A caller that has enough leaves nothing behind."""

    async def scenario(transport: WireTransport) -> None:
        async def endless(peer: Peer) -> None:
            await peer.request()
            await peer.send(CHUNKED)
            while True:
                await peer.send(chunk(b"x" * 50_000))

        async with WireServer(endless) as server:
            response = await transport.handle_async_request(asking(server.url))
            await anext(response.stream.__aiter__())  # type: ignore[union-attr]  # ours is asynchronous
            await response.aclose()
            await server.idle()

    run(scenario)


def test_an_answer_before_the_whole_request_was_taken_is_read(run: Callable[[Scenario], None]) -> None:
    """413 and a close in the midst of a large body: the answer counts, not the broken pipe."""

    async def scenario(transport: WireTransport) -> None:
        async def script(peer: Peer) -> None:
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.send(answer(status="413 Content Too Large"))
            peer.writer.write_eof()

        async with WireServer(script) as server:
            told = await ask(transport, asking(server.url, content=b"x" * 8_000_000))
            assert told.status == 413

    run(scenario)


def test_a_refused_port_and_an_unknown_name_say_what_to_check(run: Callable[[Scenario], None]) -> None:
    """Each its own outcome, with the address or the name in the sentence."""

    async def scenario(transport: WireTransport) -> None:
        async with refusing() as port:
            with pytest.raises(
                errors.ConnectRefused, match=f"127.0.0.1:{port}: Connection refused"
            ) as refused:
                await ask(transport, asking(f"http://127.0.0.1:{port}"))
            assert refused.value.outcome is Outcome.CONNECT_REFUSED
        with pytest.raises(errors.ResolveFailed, match=r"looking up does-not-exist\.invalid") as unknown:
            await ask(transport, asking("http://does-not-exist.invalid"))
        assert unknown.value.outcome is Outcome.DNS

    run(scenario)


def test_a_path_puts_an_address_in_a_names_place(run: Callable[[Scenario], None]) -> None:
    """No lookup, and the server still hears the name."""
    hosts = []

    async def script(peer: Peer) -> None:
        hosts.append((await peer.request()).headers["host"])
        await peer.send(answer())

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(script) as server:
            path = Path(proxy="none", resolve={"Model.example": "127.0.0.1"})
            told = await ask(transport, asking(f"http://model.example:{server.port}", path=path))
            assert "dns_start" not in told.marks.at
            assert hosts == [f"model.example:{server.port}"]

    run(scenario)


def test_an_ipv6_literal_is_asked(run: Callable[[Scenario], None]) -> None:
    """Brackets in the URL and in the peer."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 loopback here")

    async def scenario(transport: WireTransport) -> None:
        async with WireServer(always(answer(b"six")), host="::1") as server:
            told = await ask(transport, asking(server.url))
            assert (told.body, told.wire.peer) == (b"six", f"[::1]:{server.port}")

    run(scenario)


def test_an_endpoint_that_is_no_web_address_is_refused(run: Callable[[Scenario], None]) -> None:
    """Before anything is connected."""

    async def scenario(transport: WireTransport) -> None:
        with pytest.raises(errors.Misconfigured, match="write it as https://host"):
            await ask(transport, asking("ftp://host.example/x"))

    run(scenario)


def test_a_resolver_can_be_injected_and_a_dead_name_disturbs_no_other() -> None:
    """A probe of a living host is done while the lookup of a dead one hangs."""

    async def scenario() -> None:
        let_go = asyncio.Event()
        loop = asyncio.get_running_loop()

        def names(host: str, *args: Any, **kwargs: Any) -> Any:
            if host == "dead.example":
                asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result()
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            return socket.getaddrinfo("127.0.0.1", *args, **kwargs)

        transport = WireTransport(Resolver(names))
        async with WireServer(always(answer(b"pong"))) as server:
            dead = asyncio.ensure_future(ask(transport, asking("http://dead.example")))
            told = await ask(transport, asking(f"http://living.example:{server.port}"))
            assert (told.body, dead.done()) == (b"pong", False)
            assert "dns_end" in told.marks.at
            let_go.set()
            with pytest.raises(errors.ResolveFailed, match="name servers"):
                await dead
        await transport.aclose()

    asyncio.run(scenario())
