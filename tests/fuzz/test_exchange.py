"""Whatever bytes an endpoint sends over the real wire: a result in time, within the limits, and never an exception."""

import asyncio
import dataclasses
import itertools
import pathlib
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.result import Outcome, ProbeResult
from probes.target import Kind
from support.pieces import PATIENT, Answer, answered, asked
from support.wireserver import Peer, chunk, head

HASTY = dataclasses.replace(PATIENT, first_token_s=0.05, stall_s=0.05, timeout_s=0.1)
STREAMS = [
    path.read_bytes() for path in sorted((pathlib.Path(__file__).parents[1] / "streams").glob("*.sse"))
]
KINDS: tuple[Kind, ...] = ("chat", "chat-sync", "models")
LIMITS: dict[str, Any] = {"event_bytes": 1000, "body_bytes": 3000}

HEADS = st.sampled_from(
    [
        b"",
        head({}),
        head({"Content-Type": "text/event-stream"}),
        head({"Content-Type": "text/html"}),
        head({"Transfer-Encoding": "chunked"}),
        head({"Content-Length": "300"}),
        head({"Content-Encoding": "gzip"}),
        head({"Retry-After": "soon", "x-ratelimit-reset-requests": "1h\xff"}, status="429 Slow"),
        head({"Location": "\xff"}, status="302 Found"),
        head({}, status="503 No"),
        head({}, status="100 Continue"),
        head({}, status="101 Switching"),
        head({}, status="204 None"),
        head({}, status="000 Nothing"),
        head({}, status="999 Much"),
    ]
)
WORDS = st.sampled_from(
    [
        b"data: ",
        b"data: [DONE]\n\n",
        b'data: {"choices":[{"delta":{"content":"po\\ud800\\u0000"},"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":{"0":null},"usage":[1e999,NaN]}\n\n',
        b'data: {"error":{"code":' + b"9" * 5000 + b"}}\n\n",
        b'data: {"error":{"status":[],"message":{"a":' + b"[" * 400 + b"\n\n",
        b"event: error\ndata: {}\n\n",
        b": ping\n\n",
        b"[" * 300,
        b'{"data":[]}',
        b'{"choices":[{"message":{"content":["pong"]}}],"usage":{"completion_tokens":-1}}',
        b"5\r\n: pin\r\n",
        b"0\r\n\r\n",
        b"\r\n",
        b"\xff\xfe",
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Return fragments, or a recorded stream of which something is cut out, doubled, or spoiled."""
    if draw(st.booleans()):
        return b"".join(draw(st.lists(WORDS | st.binary(max_size=20), max_size=8)))
    stream = draw(st.sampled_from(STREAMS))
    start, end = sorted((draw(st.integers(0, len(stream))), draw(st.integers(0, len(stream)))))
    return stream[:start] + draw(st.binary(max_size=4) | st.just(stream[start:end] * 2)) + stream[end:]


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    body = draw(bodies())
    framed = b"".join(chunk(part) for part in (body[:100], body[100:], b"")) if draw(st.booleans()) else body
    whole = draw(HEADS) + framed
    cuts = draw(st.lists(st.integers(0, len(whole)), max_size=5))
    edges = [0, *sorted(cuts), len(whole)]
    pieces = [whole[start:end] for start, end in itertools.pairwise(edges) if end > start]
    return Answer(pieces, draw(st.sampled_from(["close", "close", "reset", "hang"])))


def endures(result: ProbeResult) -> None:
    """Check what holds for every result, whatever came."""
    assert result.outcome is not Outcome.AGENT_FAULT, result.error
    assert (result.error is None) == (result.outcome is Outcome.OK)
    assert ProbeResult.decode(result.encode()) == result
    durations = [value for field, value in dataclasses.asdict(result).items() if field.endswith("_s")]
    assert all(value is None or value >= 0 for value in durations)


@pytest.mark.parametrize("kind", KINDS)
@given(answer=answers())
def test_any_answer_becomes_a_result_in_time(kind: Kind, answer: Answer) -> None:
    workload = dataclasses.replace(HASTY, kind=kind)

    async def run() -> ProbeResult:
        async with asyncio.timeout(60):  # never reached: the deadlines of the probe are a tenth of a second
            [told] = await answered([answer], workload, **LIMITS)
            return told.result

    endures(asyncio.run(run()))


def endless(start: bytes, more: bytes) -> Any:
    """Return a script that never stops sending, and the count of bytes that it got rid of."""
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(more)
            sent += len(more)

    return script, lambda: sent


STREAM = {"Content-Type": "text/event-stream"}
CHUNKED = head({"Transfer-Encoding": "chunked"})
EVENT = b'data: {"choices":[{"delta":{"content":"po"}}]}\n\n'
PIECE = 32_768


@pytest.mark.parametrize(
    ("start", "more", "kind", "expected"),
    [
        (b"", b"x" * PIECE, "chat", Outcome.MALFORMED),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * PIECE, "chat", Outcome.MALFORMED),
        (head(STREAM), b"data: " + b"x" * PIECE, "chat", Outcome.MALFORMED),
        (head(STREAM), b"data: x\n" * 1000, "chat", Outcome.MALFORMED),
        (head(STREAM), b": ping\n\n" * 1000, "chat", Outcome.MALFORMED),
        (head(STREAM), EVENT * 500, "chat", Outcome.MALFORMED),
        (CHUNKED, b"1\r\nx\r\n" * 1000, "chat-sync", Outcome.MALFORMED),
        (CHUNKED + b"5;name=", b"v" * PIECE, "chat-sync", Outcome.MALFORMED),
        (CHUNKED + b"0\r\nX: ", b"y" * PIECE, "chat", Outcome.MALFORMED),
        (head({}), b" " * PIECE, "models", Outcome.MALFORMED),
        (head({}, status="503 No"), b"x" * PIECE, "chat", Outcome.OVERLOADED),
    ],
    ids=[
        "no HTTP",
        "a header",
        "a line",
        "an event",
        "comments",
        "tokens",
        "a whole answer",
        "a chunk extension",
        "a trailer",
        "a list",
        "a refusal",
    ],
)
def test_what_never_ends_is_left_at_a_limit(start: bytes, more: bytes, kind: Kind, expected: Outcome) -> None:
    """By its size, long before its deadline, and without being gathered."""
    script, sent = endless(start, more)
    limits: dict[str, Any] = {"event_bytes": 2**18, "body_bytes": 2**20}
    workload = dataclasses.replace(PATIENT, kind=kind)
    tracemalloc.start()
    try:
        [result] = asyncio.run(asked(script, workload=workload, **limits))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.outcome is expected, result.error
    endures(result)
    assert sent() < 2**25  # what the kernel's buffers took included
    assert peak < 2**25
