"""A response out of any bytes: an answer or a failure in words, the same however it is cut, and little held."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.transport.http1 import ResponseParser

WORDS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 204 None\r\n\r\n",
        b"HTTP/1.1 999 ",
        b"HTTP/2 200\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Connection: keep-alive\r\n",
        b"Connection: close\r\n",
        b"X: \xff\r\n",
        b": no name\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\n",
        b"5\r\nhello\r\n",
        b"5;name=value\r\nhello\r\n",
        b"ffffffffffffffff\r\n",
        b"0\r\n",
        b"Trailer: x\r\n",
        b"hello",
        b"\0",
    ]
)
ANSWERS = st.lists(WORDS | st.binary(max_size=8), max_size=14)


def parse(pieces: list[bytes]) -> tuple[object, ...]:
    """Return all that a parser says once the connection has ended."""
    parser, body = ResponseParser(bodiless=False), b""
    for piece in pieces:
        if parser.done or parser.failure:
            break
        body += parser.feed(piece)
    failed = bool(parser.failure)
    return parser.end(), parser.head_done, parser.status, parser.headers, body, failed


@given(ANSWERS, st.lists(st.integers(0, 500), max_size=12))
@example([b"HTTP/1.1 200 OK\r\n", b"Connection: keep-alive\r\n", b"HTTP/1.1 200 OK\r\n"], [42])
def test_any_bytes_parse_alike_however_they_are_cut(words: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(words)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    assert parse([whole[start:end] for start, end in itertools.pairwise(edges) if end > start]) == parse(
        [whole]
    )


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_random_bytes_break_nothing(pieces: list[bytes]) -> None:
    parse(pieces)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"", b"x" * 1000),
        (b"HTTP/1.1 200 ", b"O" * 1000),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
        (CHUNKED + b"5;name=", b"v" * 1000),
        (CHUNKED + b"0\r\n", b"X: y\r\n" * 100),
        (CHUNKED + b"0\r\nX: ", b"y" * 1000),
    ],
    ids=["nothing", "reason", "headers", "a header", "continue", "extension", "trailers", "a trailer"],
)
def test_what_goes_on_without_a_body_fails_soon(start: bytes, more: bytes) -> None:
    """Heads, trailers and chunk extensions have no end of their own: the parser gathers them, and they are no body."""
    parser = ResponseParser(bodiless=False)
    parser.feed(start)
    for _ in range(200):
        assert parser.feed(more) == b""
        if parser.failure:
            return
    pytest.fail("it would go on for ever")
