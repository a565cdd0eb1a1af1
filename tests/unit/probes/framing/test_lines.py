"""Each `data:` line is an event, wherever the reads cut it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.framing.base import FramingError
from probes.framing.lines import LineReader

BODY = b": ping\r\ndata: one\r\ndata:two\n\nevent: x\nid: 3\ndata: thr\xc3\xa9e\n\ndata: last"


def texts(pieces: list[bytes]) -> list[str]:
    reader = LineReader()
    found = [event.data for piece in pieces for event in reader.feed(piece)]
    return found + [event.data for event in reader.flush()]


def test_events_need_no_blank_line_between_them() -> None:
    for at in range(len(BODY) + 1):
        assert texts([BODY[:at], BODY[at:]]) == ["one", "two", "thrée", "last"]


@given(st.lists(st.sampled_from([b"data: a", b"\n", b"\r\n", b"da", b"ta:", b"\xff"]), max_size=12))
def test_no_cut_changes_what_is_found(pieces: list[bytes]) -> None:
    assert texts(pieces) == texts([b"".join(pieces)])


def test_a_line_and_a_number_of_lines_have_limits() -> None:
    with pytest.raises(FramingError, match="longer than 8 bytes"):
        list(LineReader(8).feed(b"data: 123"))
    with pytest.raises(FramingError, match="more than 2 lines"):
        list(LineReader(lines=2).feed(b"\n\n\n"))
