"""Server-sent events survive every way of cutting them."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.framing.base import Event, FramingError
from probes.framing.sse import EventReader, write_comment, write_event

TRAPS = (
    b"\xef\xbb\xbfdata:without a space\n\n"
    b": keep-alive\n\n"
    b"event: delta\r\ndata: crlf\r\n\r\n"
    b"data: bare cr\r\r"
    b"data: first\ndata:\ndata: third\n\n"
    b"id: 7\nretry: 10\n: note\ndata: among others\n\n"
    b"event: nothing in it\n\n"
    b"data\n\n"
    b"data: \xc3\xa9t\xc3\xa9: a colon\n\n"
)
EVENTS = [
    Event("without a space"),
    Event("crlf", "delta"),
    Event("bare cr"),
    Event("first\n\nthird"),
    Event("among others"),
    Event(""),
    Event("été: a colon"),
]


def read(*pieces: bytes, limit: int = 1 << 20) -> list[Event]:
    reader = EventReader(limit)
    return [event for piece in pieces for event in reader.feed(piece)]


def test_every_framing_trap_is_read() -> None:
    assert read(TRAPS) == EVENTS


def test_a_cut_anywhere_changes_nothing() -> None:
    for at in range(len(TRAPS) + 1):
        assert read(TRAPS[:at], TRAPS[at:]) == EVENTS


def test_single_bytes_and_empty_pieces_change_nothing() -> None:
    assert read(*(piece for at in range(len(TRAPS)) for piece in (TRAPS[at : at + 1], b""))) == EVENTS


@given(
    st.lists(st.tuples(st.text(), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()), max_size=8),
    st.lists(st.integers(min_value=0, max_value=400), max_size=12),
)
def test_what_is_written_is_read_however_it_is_cut(
    events: list[tuple[str, str, bool]], cuts: list[int]
) -> None:
    """The writer is the reader's inverse, for any line ending, comments between, and any cuts."""
    body = b"".join(
        (write_comment("ping", newline) if comment else b"") + write_event(data, newline=newline)
        for data, newline, comment in events
    )
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
    expected = [data.replace("\r\n", "\n").replace("\r", "\n") for data, _, _ in events]
    assert [event.data for event in read(*pieces)] == expected


def test_an_event_is_there_at_the_carriage_return_that_ends_it() -> None:
    """A CR alone ends a line at once: waiting for a possible LF would stamp the event a read late."""
    reader = EventReader()
    assert list(reader.feed(b"data: x\r\n\r")) == [Event("x")]
    assert list(reader.feed(b"\ndata: y\n\n")) == [Event("y")]


def test_a_line_over_64_kib_in_small_pieces_is_one_event() -> None:
    body = write_event("x" * 300_000)
    pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    assert [len(event.data) for event in read(*pieces)] == [300_000]


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: " + b"x" * 200],
        [b"data: " + b"x" * 60 + b"\n", b"data: " + b"x" * 60 + b"\n"],
        [b": " + b"x" * 200],
        [b"x"] * 200,
    ],
    ids=["one line", "many lines", "a comment without end", "no line at all"],
)
def test_an_event_past_the_limit_is_refused(pieces: list[bytes]) -> None:
    with pytest.raises(FramingError, match="longer than 100 bytes"):
        read(*pieces, limit=100)


def test_the_events_before_one_past_the_limit_are_not_lost() -> None:
    found: list[Event] = []
    with pytest.raises(FramingError):
        found.extend(EventReader(100).feed(b"data: good\n\ndata: " + b"x" * 200))
    assert found == [Event("good")]


def test_mixed_line_ends_are_each_one_line() -> None:
    assert read(b"data: a\r", b"\n", b"\n", b"data: b\n\r") == [Event("a"), Event("b")]


def test_more_lines_than_are_allowed_are_refused_after_their_events() -> None:
    found: list[Event] = []
    with pytest.raises(FramingError, match="more than 3 lines"):
        found.extend(EventReader(lines=3).feed(b":\n:\ndata: a\n\n"))
    assert found == [Event("a")]


def test_keep_alive_comments_do_not_add_up_to_the_limit() -> None:
    assert read(*[b": keep-alive\n"] * 100, b"data: x\n\n", limit=100) == [Event("x")]


def test_a_body_that_ends_without_its_last_blank_line_is_flushed() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: a\n\ndata: [DONE]")) == [Event("a")]
    assert list(reader.flush()) == [Event("[DONE]")]
    assert list(reader.flush()) == []


BARE = b'{\n  "error": {\n    "code": 503\n  }\n}\n'


def bare(*pieces: bytes, limit: int = 1 << 16) -> list[Event]:
    reader = EventReader(limit, bare=True)
    found = [event for piece in pieces for event in reader.feed(piece)]
    return [*found, *reader.flush()]


def test_what_breaks_off_a_stream_without_being_an_event_is_told_at_its_end_where_it_is_wanted() -> None:
    body = b": ping\ndata: a\n\n: ping\nid: 3\n" + BARE
    for at in range(len(body) + 1):
        first, last = bare(body[:at], body[at:])
        assert (first, last.failed, json.loads(last.data)) == (Event("a"), True, {"error": {"code": 503}})
    assert read(body) == [Event("a")]


def test_a_body_that_never_was_a_stream_holds_no_event_though_bare_text_is_wanted() -> None:
    assert bare(BARE) == []


def test_bare_text_is_limited_too() -> None:
    with pytest.raises(FramingError, match="no event is longer than 100 bytes"):
        bare(b"data: a\n\n", *[b"<p>" * 9 + b"\n"] * 4, limit=100)
