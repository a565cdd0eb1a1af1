"""The verdict on a stream through the real transport: recorded bytes, cut at every possible position.

Each trap was a real defect in a well-known monitor.
"""

import asyncio
import dataclasses
import itertools
import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.framing.sse import write_comment, write_event
from probes.result import Outcome, ProbeResult, StreamVerdict
from probes.target import Workload
from support.pieces import PATIENT, Answer, Told, answered, asked, verdict
from support.wireserver import Peer, answer, chunk, head

STREAMS = pathlib.Path(__file__).parents[1] / "streams"
HASTY = dataclasses.replace(PATIENT, first_token_s=0.5, stall_s=0.5, timeout_s=1.5)
CLOSING = head({"Content-Type": "text/event-stream"})
CHUNKED = head({"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})

RECORDED = sorted(path.stem for path in STREAMS.glob("*.sse"))
OK, ERROR, MALFORMED = Outcome.OK, Outcome.SERVER_ERROR, Outcome.MALFORMED
COMPLETE, ERRORED = StreamVerdict.COMPLETE, StreamVerdict.ERRORED

SMALL: dict[str, tuple[Outcome, StreamVerdict | None, int]] = {
    # recorded stream: outcome, verdict on the stream, generated chunks
    "no_space": (OK, COMPLETE, 2),
    "crlf_multiline": (OK, COMPLETE, 1),
    "bare_cr_no_last_blank": (OK, COMPLETE, 1),
    "comments_between": (OK, COMPLETE, 2),
    "only_comments": (Outcome.TRUNCATED, StreamVerdict.TRUNCATED, 0),
    "error_event": (ERROR, ERRORED, 1),
    "json_error_at_200": (Outcome.OVERLOADED, ERRORED, 0),
    "litellm_throttled": (Outcome.THROTTLED, ERRORED, 0),
    "done_without_finish": (Outcome.TRUNCATED, StreamVerdict.TRUNCATED, 1),
    "usage_on_every_chunk": (OK, COMPLETE, 2),
    "usage_without_choices": (OK, COMPLETE, 1),
    "usage_with_empty_choice": (OK, COMPLETE, 1),
    "json_array": (MALFORMED, None, 0),
    "html": (MALFORMED, None, 0),
    "nothing": (Outcome.EMPTY, StreamVerdict.EMPTY, 0),
}


def body(name: str) -> bytes:
    return (STREAMS / f"{name}.sse").read_bytes()


def sliced(whole: bytes, size: int) -> list[bytes]:
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def delta(content: str, finish: str | None = None) -> bytes:
    return write_event(json.dumps({"choices": [{"delta": {"content": content}, "finish_reason": finish}]}))


def tell(*answers: Answer, workload: Workload = PATIENT) -> list[Told]:
    return asyncio.run(answered(answers, workload))


def result(*pieces: bytes, workload: Workload = PATIENT, end: str = "close") -> ProbeResult:
    return tell(Answer(pieces, end), workload=workload)[0].result


def test_the_pieces_of_an_answer_do_come_apart() -> None:
    """What the tests below stand on: each piece is a read of its own."""
    pieces = [CLOSING, *sliced(body("no_space"), 10)]
    assert tell(Answer(pieces))[0].reads == len(pieces) - 1


@pytest.mark.parametrize("name", SMALL)
def test_a_cut_at_any_position_changes_nothing(name: str) -> None:
    """Head and body alike."""
    whole = CLOSING + body(name)
    first, *others = tell(Answer([whole]), *(Answer([whole[:at], whole[at:]]) for at in range(1, len(whole))))
    said = verdict(first.result)
    assert (said["outcome"], said["stream"], said["units"]) == SMALL[name]
    assert [at for at, told in enumerate(others, 1) if verdict(told.result) != said] == []


@given(
    name=st.sampled_from(RECORDED),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=8),
    cuts=st.lists(st.integers(0, 2500), max_size=6),
)
def test_no_chunks_and_no_cuts_change_a_verdict(name: str, sizes: list[int], cuts: list[int]) -> None:
    """Any recorded stream, in any chunks of the chunked coding, over any reads."""
    left, framed, sizing = body(name), CHUNKED, itertools.cycle(sizes)
    while left:
        size = next(sizing)
        framed, left = framed + chunk(left[:size]), left[size:]
    framed += chunk(b"")
    edges = [0, *sorted(min(cut, len(framed)) for cut in cuts), len(framed)]
    pieces = [framed[start:end] for start, end in itertools.pairwise(edges) if end > start]
    whole, cut = tell(Answer([CLOSING + body(name)]), Answer(pieces))
    assert verdict(cut.result) == verdict(whole.result)


def test_tls_changes_no_verdict(tmp_path: pathlib.Path) -> None:
    """Every recorded stream over TLS, in pieces of 50 bytes, each a record of its own."""
    plain = [Answer([CLOSING + body(name)]) for name in RECORDED]
    pieces = [Answer([CLOSING, *sliced(body(name), 50)]) for name in RECORDED]
    expected = [verdict(told.result) for told in tell(*plain)]
    secured = asyncio.run(answered(pieces, folder=tmp_path))
    assert [verdict(told.result) for told in secured] == expected


PHASES = ("dns_s", "connect_s", "tls_s", "ttfb_s", "ttft_s", "ttfo_s", "last_token_s", "total_s", "itl_s")
PO, STOP, DONE = delta("po"), delta("", "stop"), write_event("[DONE]")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), Outcome.FIRST_TOKEN_TIMEOUT),
        ((delta(""),), Outcome.FIRST_TOKEN_TIMEOUT),
        ((PO,), Outcome.STALLED),
    ],
    ids=["before anything", "after the role", "after a token"],
)
def test_comments_put_no_deadline_off(before: tuple[bytes, ...], expected: Outcome) -> None:
    """A keep-alive every 20 ms for longer than the whole probe may take: the limit strikes all the same."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CLOSING, *before)
        while True:
            await peer.send(write_comment("keep-alive"))
            await asyncio.sleep(0.02)

    [told] = asyncio.run(asked(script, workload=HASTY))
    assert told.outcome is expected


def test_a_line_over_64_kib_is_one_event() -> None:
    """Longer than any one read, and than the buffers that others read lines into."""
    long = delta("x" * 300_000)
    told = result(CLOSING, long, STOP, DONE)
    assert (told.outcome, len(told.chunks)) == (Outcome.OK, 1)


def test_several_events_in_one_read_are_all_counted() -> None:
    """Each event is a chunk, though they share an instant."""
    told = result(CLOSING, PO + PO + PO + STOP + DONE)
    assert (told.outcome, len(told.chunks), len(set(told.chunks))) == (Outcome.OK, 3, 1)


def test_a_refusal_is_timed_and_has_no_first_token() -> None:
    """Neither a latency of zero nor one for what never came."""
    told = result(answer(b'{"error":{"message":"slow down"}}', status="429 Too Many Requests"))
    assert told.outcome is Outcome.THROTTLED
    assert (told.ttft_s, told.ttfo_s, told.last_token_s, told.itl_s, told.chunks) == (
        None,
        None,
        None,
        None,
        (),
    )
    assert told.ttfb_s is not None
    assert told.total_s is not None
    assert told.total_s >= told.ttfb_s > 0


@pytest.mark.parametrize(
    ("pieces", "seen"),
    [
        ((b"",), {"connect_s"}),
        ((b"HTTP/1.1 200 OK\r\nContent-",), {"connect_s", "ttfb_s"}),
        ((CHUNKED, b"5\r\n: pin"), {"connect_s", "ttfb_s"}),
        ((CHUNKED, chunk(PO)), {"connect_s", "ttfb_s", "ttft_s", "ttfo_s", "last_token_s"}),
    ],
    ids=["no answer", "half a head", "no event", "cut after a token"],
)
def test_a_phase_that_was_not_observed_is_absent_and_never_zero(
    pieces: tuple[bytes, ...], seen: set[str]
) -> None:
    """On failure above all: there is no total of an answer that did not end."""
    told = result(*pieces)
    assert not told.meaning.good
    timed = {name: value for name in PHASES if (value := getattr(told, name)) is not None}
    assert set(timed) == seen
    assert all(value > 0 for value in timed.values())


def test_a_failure_is_told_and_not_tried_again() -> None:
    """The second connection would have been answered well: nobody opens it."""
    connections = 0

    async def script(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        await peer.request()
        if connections > 1:
            await peer.send(CLOSING + PO + STOP + DONE)

    [told] = asyncio.run(asked(script))
    assert told.outcome is Outcome.DISCONNECTED
    assert connections == 1


def test_each_probe_has_a_deadline_of_its_own() -> None:
    """One that hung for its whole time leaves the next one all of its own."""

    async def slowly(peer: Peer) -> None:
        request = await peer.request()
        if request.target.startswith("/hang"):
            await peer.reader.read()
        await asyncio.sleep(0.5)
        await peer.send(CLOSING + PO + STOP + DONE)

    own = dataclasses.replace(HASTY, first_token_s=0.9)
    found = asyncio.run(asked(slowly, ["/hang", "/answer"], own))
    assert [told.outcome for told in found] == [Outcome.FIRST_TOKEN_TIMEOUT, Outcome.OK]
