"""Events out of any bytes: nothing but `FramingError`, and never more held than one event may have."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from probes.framing.base import Event, FramingError
from probes.framing.sse import EventReader

LIMIT = 64
BYTES = st.lists(
    st.sampled_from([b"data:", b"data: ", b"event:", b"id:", b":", b"\n", b"\r", b"\r\n", b"x" * 40, b"\0"])
    | st.binary(max_size=12),
    max_size=40,
)


def read(pieces: list[bytes]) -> tuple[list[Event], bool]:
    """Return the events up to the end or the error, and whether there was one."""
    reader, events = EventReader(LIMIT), list[Event]()
    try:
        for piece in pieces:
            events.extend(reader.feed(piece))
            assert held(reader) <= LIMIT
        events.extend(reader.flush())
    except FramingError:
        return events, True
    return events, False


def held(reader: EventReader) -> int:
    return len(reader._partial) + sum(len(line) for line in reader._data) + len(reader._name or "")


@given(BYTES)
def test_any_bytes_are_events_or_a_framing_error_and_little_is_held(pieces: list[bytes]) -> None:
    events, _ = read(pieces)
    assert all(len(event.data) <= LIMIT for event in events)


@given(BYTES, st.lists(st.integers(0, 600), max_size=20))
def test_no_cut_changes_an_event_or_the_verdict(pieces: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(pieces)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    assert read([whole[start:end] for start, end in itertools.pairwise(edges)]) == read([whole])
