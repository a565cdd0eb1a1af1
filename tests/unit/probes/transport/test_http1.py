import gc
import itertools
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.transport import errors
from probes.transport.http1 import ResponseParser, serialise

CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    b"HTTP/1.1 200 Fine by me\r\nX-Empty:\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"9\r\ndata: a\n\n\r\n1;ext=1\r\nb\r\n0\r\nTrailer: t\r\n\r\n"
)
SIZED = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"
BODILESS = b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"
CUT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"
BROKEN = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"
BARE_LF = b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"
GARBAGE = b"SSH-2.0-OpenSSH_9.2\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
EVERYTHING = [CHUNKED, SIZED, UNTIL_CLOSE, BODILESS, CUT, BROKEN, BARE_LF, GARBAGE, SWITCHED]


def parsed(pieces: list[bytes], *, bodiless: bool = False) -> tuple[Any, ...]:
    """What a response says once its pieces and then the end of the connection were fed."""
    parser = ResponseParser(bodiless=bodiless)
    body = b"".join(parser.feed(piece) for piece in pieces)
    reusable = parser.reusable
    done = parser.end()
    return (
        parser.status,
        parser.reason,
        parser.headers,
        body,
        parser.head_done,
        done,
        parser.failure,
        reusable,
    )


@pytest.mark.parametrize("response", EVERYTHING, ids=lambda response: response[:20].decode())
def test_a_response_split_at_any_position_parses_to_the_same(response: bytes) -> None:
    """Where reads cut a response must not change what it says: every single cut, and byte by byte."""
    whole = parsed([response])
    for cut in range(1, len(response)):
        assert parsed([response[:cut], response[cut:]]) == whole
    assert parsed([bytes([byte]) for byte in response]) == whole


@settings(max_examples=60, deadline=None)
@given(response=st.sampled_from(EVERYTHING), cuts=st.lists(st.integers(0, 260), max_size=12))
def test_a_response_split_at_many_positions_parses_to_the_same(response: bytes, cuts: list[int]) -> None:
    """Any number of cuts at once leaves the same answer."""
    at = sorted({0, len(response), *(cut for cut in cuts if cut < len(response))})
    pieces = [response[start:end] for start, end in itertools.pairwise(at)]
    assert parsed(pieces) == parsed([response])


@given(
    body=st.binary(max_size=300),
    sizes=st.lists(st.integers(1, 40), max_size=20),
    cuts=st.lists(st.integers(0, 900), max_size=8),
)
def test_any_body_comes_through_any_chunks_and_reads(body: bytes, sizes: list[int], cuts: list[int]) -> None:
    """The chunked coding is undone, whatever its chunks and the reads are."""
    coded, rest = b"", body
    for size in sizes:
        if rest:
            coded += b"%x\r\n%b\r\n" % (len(rest[:size]), rest[:size])
            rest = rest[size:]
    if rest:
        coded += b"%x\r\n%b\r\n" % (len(rest), rest)
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"
    at = sorted({0, len(response), *(cut for cut in cuts if cut < len(response))})
    found = parsed([response[start:end] for start, end in itertools.pairwise(at)])
    assert found[3] == body
    assert found[5] is True


def test_informational_heads_are_skipped_and_leave_nothing() -> None:
    """Only the final head's status, reason and headers remain."""
    status, reason, headers, body, *_ = parsed([CHUNKED])
    assert (status, reason, body) == (200, b"Fine by me", b"data: a\n\nb")
    assert [name for name, _ in headers] == [b"X-Empty", b"Content-Type", b"Transfer-Encoding"]


def test_each_head_counts_so_that_the_final_ones_first_byte_can_be_told() -> None:
    """`begun` rises with every head."""
    parser = ResponseParser(bodiless=False)
    parser.feed(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert (parser.begun, parser.head_done) == (1, False)
    parser.feed(b"H")
    assert parser.begun == 2


@pytest.mark.parametrize(
    ("response", "reusable"),
    [(CHUNKED, True), (SIZED, True), (BODILESS, True), (UNTIL_CLOSE, False), (CUT, True)],
)
def test_a_connection_may_be_kept_as_its_response_says(response: bytes, *, reusable: bool) -> None:
    """`Connection: close` and a body until the close end the connection, the rest does not."""
    assert parsed([response])[-1] is reusable


@pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n"])
@pytest.mark.parametrize("apart", [False, True])
def test_what_follows_a_response_is_not_looked_at_and_spoils_the_connection(
    more: bytes, *, apart: bool
) -> None:
    """Surplus bytes are nobody's answer: the response stands, its connection goes."""
    pieces = [SIZED, more] if apart else [SIZED + more]
    status, _, headers, body, _, done, failure, reusable = parsed(pieces)
    assert (status, headers, body, done, failure) == (201, [(b"Content-Length", b"5")], b"hello", True, None)
    assert reusable is False


def test_a_response_to_head_has_no_body_whatever_its_length_says() -> None:
    """HEAD answers with the length that GET would have."""
    found = parsed([b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"], bodiless=True)
    assert found[3:6] == (b"", True, True)


def test_bytes_before_a_framing_error_are_given_out_first() -> None:
    """What was read truly was read; the failure stands beside it."""
    parser = ResponseParser(bodiless=False)
    assert parser.feed(BROKEN) == b"hello"
    assert parser.failure


@pytest.mark.parametrize("response", [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", CUT])
def test_a_framed_body_that_ends_early_is_not_whole(response: bytes) -> None:
    """The end of the connection ends only bodies that have no frame."""
    assert parsed([response])[5] is False


def test_a_head_without_end_is_refused() -> None:
    """64 KiB are enough for any head; the informational ones count in."""
    parser = ResponseParser(bodiless=False)
    parser.feed(b"HTTP/1.1 200 OK\r\n")
    for _ in range(70):
        parser.feed(b"X-Filler: " + b"x" * 1000 + b"\r\n")
    assert parser.failure == "a head of more than 64 KiB"
    assert not parser.head_done


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"HTTP/1.1 503 No\r\nContent-Length: -1\r\n\r\n", 503),
        (b"HTTP/1.1 101 Over\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 101),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/9.9 200 OK\r\n\r\n", 0),
        (b"HTTP/1.1 2x0 Odd\r\n\r\n", 0),
        (GARBAGE, 0),
    ],
)
def test_of_a_broken_head_the_status_and_the_beginning_are_kept(head: bytes, status: int) -> None:
    """The status only where its line was read; the beginning whole, however it came."""
    parser = ResponseParser(bodiless=False)
    for byte in head:
        if not parser.failure:
            parser.feed(bytes([byte]))
    assert parser.failure
    assert parser.status == status
    assert parser.start
    assert head.startswith(parser.start)


def test_a_status_below_100_is_none_of_http() -> None:
    """It would be skipped as informational, and its body taken for the next one's."""
    assert parsed([b"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nhi"])[6] == "99 is no status of HTTP"


def test_chunks_win_over_a_length_beside_them() -> None:
    """RFC 9112, section 6.3: some gateways send both, and their users' clients read them."""
    response = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    assert parsed([response])[3:6] == (b"hello", True, True)


def test_a_finished_parser_is_no_circle_for_the_collector() -> None:
    """Collections are the tail of the late reader: a response must free itself."""
    gc.collect()
    gc.disable()
    try:
        for response in (SIZED, GARBAGE, UNTIL_CLOSE):
            parsed([response])
        assert gc.collect() == 0
    finally:
        gc.enable()


def request(**headers: str) -> httpx.Request:
    return httpx.Request("POST", "http://host.example/v1/chat?x=1", headers=headers, content=b"{}")


def test_a_request_is_one_piece_of_bytes() -> None:
    """The caller's headers as they stand, ours in place of theirs, the body behind."""
    sent = request(connection="keep-alive", authorization="Bearer k")
    written = serialise(sent, b"/v1/chat?x=1", [(b"Connection", b"close")], b"{}")
    head, _, body = written.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/chat?x=1 HTTP/1.1"
    assert set(lines[1:]) == {
        b"Host: host.example",
        b"authorization: Bearer k",
        b"Content-Length: 2",
        b"Connection: close",
    }
    assert body == b"{}"


@pytest.mark.parametrize("value", ["sk-hush\n", "sk-hush\r\nX: y", "sk-\0hush"])
def test_a_header_that_would_break_its_line_is_named_without_its_value(value: str) -> None:
    """A key with a line break at its end is a common slip, and the key must not show up."""
    with pytest.raises(errors.Misconfigured, match="header authorization holds a line break") as caught:
        serialise(request(authorization=value), b"/", [], b"")
    assert "hush" not in str(caught.value)
