"""The exchange over the real wire, against servers that misbehave on loopback."""

import asyncio
import dataclasses
import datetime as dt
import json
import re
import uuid
from pathlib import Path as File

import pytest

from agent.clock import SystemClock
from agent.config.secrets import Secrets
from probes.base import Slot
from probes.exchange import Exchange
from probes.framing.sse import write_comment, write_event
from probes.result import Outcome, ProbeResult, StreamVerdict
from probes.target import Path, Workload
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.mounted import Mounted
from support.pieces import TARGET
from support.secrets import FakeSecrets
from support.wireserver import Peer, Script, WireServer, answer, chunk, head

PATIENT = Workload(name="chat", first_token_s=10.0, stall_s=10.0, timeout_s=20.0)
HASTY = dataclasses.replace(PATIENT, first_token_s=0.5, stall_s=0.5, timeout_s=1.5)
STREAM = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}


def delta(content: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return write_event(json.dumps({"id": "c", "model": "tiny-1", "choices": [choice]}))


DONE = write_event("[DONE]")
WHOLE = head(STREAM) + b"".join(
    chunk(event) for event in (delta(""), delta("po"), delta("ng"), delta("", "stop"), DONE, b"")
)


def exchange(transport: WireTransport) -> Exchange:
    return Exchange(transport, FakeSecrets({}), SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)


async def asked(url: str, workload: Workload = PATIENT, path: Path | None = None) -> ProbeResult:
    transport = WireTransport()
    try:
        target = dataclasses.replace(TARGET, endpoint=url, path=path or TARGET.path)
        return await exchange(transport).ask(target, workload, Slot(1, 0))
    finally:
        await transport.aclose()


def ask(script: Script, workload: Workload = PATIENT) -> ProbeResult:
    async def run() -> ProbeResult:
        async with WireServer(script) as server:
            return await asked(server.url, workload)

    return asyncio.run(run())


def sending(*pieces: bytes, hang: bool = False) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*pieces)
        if hang:
            await peer.reader.read()

    return script


def test_a_good_answer_has_every_phase_in_order() -> None:
    result = ask(sending(WHOLE))
    assert (result.outcome, result.stream, result.error) == (Outcome.OK, StreamVerdict.COMPLETE, None)
    assert (result.reused, result.server_address, result.response_model) == (False, "127.0.0.1", "tiny-1")
    assert result.peer == f"127.0.0.1:{result.server_port}"
    offsets = [offset for _, offset in result.marks]
    assert offsets == sorted(offsets)
    phases = (result.connect_s, result.ttfb_s, result.ttft_s, result.last_token_s, result.total_s)
    assert all(phase is not None and phase >= 0 for phase in phases)
    assert result.dns_s is None


def test_a_warm_probe_finds_its_connection_again() -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(WHOLE)

    async def run() -> list[ProbeResult]:
        async with WireServer(script) as server:
            transport = WireTransport()
            target = dataclasses.replace(TARGET, endpoint=server.url)
            warm = dataclasses.replace(PATIENT, connection="warm")
            found = [await exchange(transport).ask(target, warm, Slot(1, 0)) for _ in range(2)]
            await transport.aclose()
            assert server.connections == 1
            return found

    cold, warm = asyncio.run(run())
    assert (cold.outcome, cold.reused, warm.outcome, warm.reused) == (Outcome.OK, False, Outcome.OK, True)
    assert (warm.connect_s, warm.tls_s) == (None, None)


@pytest.mark.parametrize(
    ("pieces", "expected", "words"),
    [
        ((b"",), Outcome.DISCONNECTED, "gave no answer"),
        ((b"HTTP/1.1 200 OK\r\nContent-Ty",), Outcome.DISCONNECTED, "within the head"),
        ((b"SSH-2.0-OpenSSH\r\n",), Outcome.MALFORMED, "not HTTP/1.1"),
        ((head(STREAM), chunk(delta("po"))), Outcome.TRUNCATED, "before the answer did"),
        ((head(STREAM), chunk(delta("po")), chunk(b"")), Outcome.TRUNCATED, "end mark"),
        ((head(STREAM), b"zz\r\n"), Outcome.MALFORMED, "framing"),
        (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",),
            Outcome.MALFORMED,
            "Duplicate Content-Length",
        ),
        (
            (answer(b"<html>Sign in</html>", headers={"Content-Type": "text/html"}),),
            Outcome.MALFORMED,
            "HTML",
        ),
        (
            (answer(b"", status="307 Elsewhere", headers={"Location": "https://x/v1"}),),
            Outcome.CONFIG,
            "https://x/v1",
        ),
        ((answer(b'{"error":{"message":"no"}}', status="503 No"),), Outcome.OVERLOADED, "no"),
        (
            (head({"Content-Length": "99"}, status="404 No") + b"gone",),
            Outcome.CONFIG,
            "model tiny is unknown",
        ),
    ],
    ids=[
        "no answer",
        "half a head",
        "another protocol",
        "a cut stream",
        "no end mark",
        "bad chunks",
        "two lengths",
        "HTML",
        "a redirection",
        "overloaded",
        "a refusal cut short",
    ],
)
def test_each_misbehaviour_has_its_outcome(pieces: tuple[bytes, ...], expected: Outcome, words: str) -> None:
    result = ask(sending(*pieces))
    assert result.outcome is expected
    assert words in (result.error or "")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((), Outcome.FIRST_TOKEN_TIMEOUT),
        ((head(STREAM), chunk(delta(""))), Outcome.FIRST_TOKEN_TIMEOUT),
        ((head(STREAM), chunk(delta("po")), chunk(write_comment())), Outcome.STALLED),
        ((head({"Content-Length": "99"}, status="429 Slow"),), Outcome.THROTTLED),
    ],
    ids=["no head", "no unit", "no more units", "no body of a refusal"],
)
def test_an_endpoint_that_hangs_meets_its_deadline(pieces: tuple[bytes, ...], expected: Outcome) -> None:
    assert ask(sending(*pieces, hang=True), HASTY).outcome is expected


@pytest.mark.parametrize(
    ("broken", "reason", "status"),
    [
        (b"200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "Duplicate Content-Length", 200),
        (b"503 No\r\nContent-Length: -5\r\n\r\n", "Invalid character in Content-Length", 503),
        (b"200 OK\r\nX-A: a\x01b\r\n\r\n", "Invalid header value char", 200),
        (b"200 OK\r\n" + b"X-Pad: aaaa\r\n" * 6000, "a head of more than 64 KiB", 200),
        (b"101 Over\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "it switches to another protocol", 101),
        (b"099 Odd\r\nContent-Length: 0\r\n\r\n", "99 is no status of HTTP", None),
        (b"2x0 Odd\r\n\r\n", "Invalid status code", None),
        (b"100 Continue\r\n\r\nHTTP/9.9 200 OK\r\n", "Invalid HTTP version", None),
    ],
    ids=["two lengths", "negative", "control", "long", "switched", "99", "no status", "after continue"],
)
def test_a_broken_head_of_http_points_to_what_is_on_the_way(
    broken: bytes, reason: str, status: int | None
) -> None:
    """Scheme and port are right: an HTTP server answered, and of its head only the fault is told."""
    result = ask(sending(b"HTTP/1.1 " + broken, hang=True))
    assert (result.outcome, result.http_status, result.stream) == (Outcome.MALFORMED, status, None)
    told = result.error or ""
    assert told.startswith("target t: the answer of 127.0.0.1:")
    assert f"within its head ({reason}" in told
    assert told.endswith("look at the server, or at a proxy or gateway on the way")
    assert "X-" not in told


def test_a_flood_of_units_is_left_soon() -> None:
    """A million units would hold our loop up for many seconds: what is read of them is bounded by a count."""
    flood = chunk(delta("a") * 500)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(STREAM))
        for _ in range(2000):
            await peer.send(flood)

    result = ask(script)
    assert (result.outcome, result.stream) == (Outcome.MALFORMED, None)
    assert "256 tokens at most were asked for" in (result.error or "")
    assert len(result.chunks) <= 10_001


def test_a_stall_shorter_than_the_first_tokens_limit_strikes_at_its_own_time() -> None:
    """Long before the limit that was armed when the token came."""
    workload = dataclasses.replace(PATIENT, first_token_s=600, stall_s=0.2, timeout_s=1200)

    async def run() -> ProbeResult:
        async with WireServer(sending(head(STREAM), chunk(delta("po")), hang=True)) as server:
            async with asyncio.timeout(60):
                return await asked(server.url, workload)

    assert asyncio.run(run()).outcome is Outcome.STALLED


def test_an_answer_without_end_meets_the_total_deadline() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(head(STREAM))
        while True:
            await peer.send(chunk(delta("more ")))
            await asyncio.sleep(0.01)

    result = ask(script, dataclasses.replace(HASTY, timeout_s=0.8))
    assert (result.outcome, result.stream) == (Outcome.TOTAL_TIMEOUT, None)
    assert result.ttft_s is not None


def test_a_port_that_refuses_and_a_host_that_is_not_there() -> None:
    async def run() -> list[ProbeResult]:
        async with WireServer(sending()) as server:
            gone = server.url
        nowhere = "http://nowhere.invalid"
        return [await asked(url) for url in (gone, nowhere)]

    refused, unknown = asyncio.run(run())
    assert (refused.outcome, unknown.outcome) == (Outcome.CONNECT_REFUSED, Outcome.DNS)
    for told in (refused.error, unknown.error):
        assert re.fullmatch(r"target t: [a-z].*[^.]", told or "")


def test_tls_is_timed_and_an_expired_certificate_is_told(tmp_path: File) -> None:
    authority = Authority(tmp_path)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    path = Path(proxy="none", ca=authority.ca)

    async def run() -> list[ProbeResult]:
        found = []
        for context in (
            authority.server(),
            authority.server(not_before=past, not_after=past + dt.timedelta(9)),
        ):
            async with WireServer(sending(WHOLE), tls=context) as server:
                found.append(await asked(server.url, path=path))
        return found

    good, expired = asyncio.run(run())
    assert (good.outcome, expired.outcome) == (Outcome.OK, Outcome.TLS)
    assert good.tls_s is not None
    assert good.tls_expires_at is not None
    assert (expired.error_code, expired.tls_expires_at) == ("expired", past + dt.timedelta(9))


@pytest.mark.parametrize("key", ["api_key", "token_file"])
def test_a_mounted_secret_that_is_swapped_while_a_request_is_under_way_makes_no_bad_row(
    tmp_path: File, key: str
) -> None:
    """The server takes the new key from the moment of the swap on: a refusal, then the answer, in one attempt."""
    mounted = Mounted(tmp_path / "openai", key="sk-first-key\n")
    reference = "${secret:openai/key}" if key == "api_key" else str(tmp_path / "openai" / "key")
    sent = []

    async def script(peer: Peer) -> None:
        sent.append((await peer.request()).headers["authorization"])
        if mounted.swaps == 0:
            mounted.swap(key="sk-second-key\n")
        refusal = answer(b'{"error": {"message": "Incorrect API key"}}', status="401 Unauthorized")
        await peer.send(WHOLE if sent[-1] == "Bearer sk-second-key" else refusal)

    async def run() -> ProbeResult:
        async with WireServer(script) as server:
            transport = WireTransport()
            target = dataclasses.replace(TARGET, endpoint=server.url, credentials={key: reference})
            secrets = Secrets({}, folder=str(tmp_path))
            probe = Exchange(transport, secrets, SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)
            try:
                return await probe.ask(target, PATIENT, Slot(1, 0))
            finally:
                await transport.aclose()

    result = asyncio.run(run())
    assert sent == ["Bearer sk-first-key", "Bearer sk-second-key"]
    assert (result.outcome, result.http_status, result.error) == (Outcome.OK, 200, None)
    offsets = dict(result.marks)
    assert offsets["auth_start"] < offsets["auth_end"] <= offsets["connect_start"] < offsets["sent"]


def test_a_server_that_never_speaks_tls_is_a_tls_failing() -> None:
    async def silent(peer: Peer) -> None:
        await peer.reader.read()

    async def run() -> ProbeResult:
        async with WireServer(silent) as server:
            return await asked(server.url.replace("http:", "https:"), HASTY)

    assert asyncio.run(run()).outcome is Outcome.TLS


def test_many_at_once_do_not_disturb_each_other() -> None:
    """A hundred good answers beside a hundred hanging ones: each has its own outcome."""

    async def script(peer: Peer) -> None:
        request = await peer.request()
        if request.target.startswith("/hang"):
            await peer.reader.read()
        await peer.send(WHOLE)

    async def run() -> list[ProbeResult]:
        async with WireServer(script) as server:
            transport = WireTransport()
            probe = exchange(transport)
            asking = []
            for nth in range(200):
                hangs = nth % 2 == 0
                target = dataclasses.replace(TARGET, endpoint=f"{server.url}/hang" if hangs else server.url)
                workload = dataclasses.replace(PATIENT, first_token_s=0.5) if hangs else PATIENT
                asking.append(probe.ask(target, workload, Slot(1, 0)))
            found = await asyncio.gather(*asking)
            await transport.aclose()
            return found

    found = asyncio.run(run())
    assert {result.outcome for result in found[::2]} == {Outcome.FIRST_TOKEN_TIMEOUT}
    assert {result.outcome for result in found[1::2]} == {Outcome.OK}
