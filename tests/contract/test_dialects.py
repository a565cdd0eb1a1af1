"""What every dialect of every catalogue row promises, whatever bytes come. A new row is covered without being named."""

import itertools
import json
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import tasks
from probes.base import Reading, Unit
from probes.result import StreamVerdict
from support.rows import MODEL, NONCE, Way, readers, ways

WAYS = ways()
READERS = list(readers())
STREAMS = sorted((Path(__file__).parents[1] / "streams").glob("*.*"))
IDENTITY = frozenset(
    {
        "authorization", "api-key", "x-api-key", "x-goog-api-key", "x-amz-date", "x-amz-security-token",
        "x-amz-content-sha256", "x-content-sha256", "date", "host", "cookie",
    }
)  # fmt: skip
"""What a signer adds, or the transport."""

FRAGMENTS = st.sampled_from(
    [
        b"data: ",
        b"event: error\n",
        b"\n\n",
        b"\r",
        b": ping\n",
        b"[DONE]",
        b'{"choices":[',
        b'{"delta":{"content":"x"}}',
        b"]}",
        b'{"data":[]}',
        b'{"error":',
        b"null",
        b"<html>",
        b"\xff",
        b"\xef\xbb\xbf",
        b'"finish_reason":"stop"',
        b'{"type":"message_stop"}',
        b'{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}',
        b'{"type":"content-delta","delta":{"message":{"content":{"text":"x"}}}}',
        b'{"message":{"content":[{"type":"TEXT","text":"x"}]},"finishReason":"stop"}',
        b'{"apiFormat":"COHERE","text":"x"}',
        b'{"code":"1","message":"no"}',
        b'{"candidates":[{"finishReason":"STOP"}]}',
        b"{}",
        b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff",
    ]
)
"""Pieces of several protocols; the last is a whole frame of an event stream, without headers and payload."""
PIECES = st.lists(FRAGMENTS | st.binary(max_size=20), max_size=12)

DIALECTS = {type(way.dialect).__name__: way for way in READERS}
BY_DIALECT = [
    pytest.param(st.sampled_from([way for way in READERS if type(way.dialect).__name__ == name]), id=name)
    for name in DIALECTS
]

every = pytest.mark.parametrize("way", WAYS, ids=str)
every_dialect = pytest.mark.parametrize("ways", BY_DIALECT)
every_reader = pytest.mark.parametrize("way", READERS, ids=str)


def read(way: Way, pieces: list[bytes], *, closed: bool, media: str = "") -> tuple[list[Unit], Reading]:
    reader = way.dialect.read(way.workload, {"content-type": media}, 1 << 16)
    units = list(itertools.chain.from_iterable(reader.feed(piece) for piece in pieces))
    return units, reader.finish(closed=closed)


@every
def test_a_request_goes_where_it_is_told_and_bears_no_identity(way: Way) -> None:
    request = way.request()
    parts = urlsplit(request.url)
    assert (parts.scheme, parts.hostname) == ("https", "llm.example")
    assert "{" not in request.url
    assert request.streamed == way.workload.streamed
    assert not IDENTITY & {name.lower() for name in request.headers}
    assert all(name == name.lower() for name in request.headers)


@every
def test_a_question_names_its_model_and_is_json(way: Way) -> None:
    """In the body, or percent-encoded in the path; a list of models need not."""
    request = way.request()
    assert isinstance(json.loads(request.body or b"{}"), dict)
    if way.kind == "models":
        return
    assert MODEL.encode() in request.body or quote(MODEL, safe="") in urlsplit(request.url).path


@every
def test_what_generates_is_asked_anew_each_time_and_with_a_cap(way: Way) -> None:
    """No cache has seen the nonce, which stands in the prompt."""
    if not way.workload.generates:
        return
    body = way.request(prompt="Say pong", max_tokens=4711).body.decode()
    assert f"[{NONCE}]" in body
    assert "Say pong" in body
    assert "4711" in body


@every
def test_a_tool_is_named_and_a_schema_is_sent_where_the_kind_wants_them(way: Way) -> None:
    body = json.dumps(json.loads(way.request().body or b"{}"))
    assert (tasks.TOOL.name in body) == (way.kind == "tools")
    assert ("celsius" in body) == (way.kind in {"tools", "json"})


@every_dialect
@given(data=st.data(), pieces=PIECES)
def test_no_bytes_break_a_reader_and_no_cut_changes_what_it_says(
    ways: st.SearchStrategy[Way], data: st.DataObject, pieces: list[bytes]
) -> None:
    way = data.draw(ways)
    whole = read(way, [b"".join(pieces)], closed=True)
    assert read(way, pieces, closed=True) == whole


@every_dialect
@given(data=st.data(), pieces=PIECES)
def test_a_body_that_broke_before_its_end_mark_is_never_complete(
    ways: st.SearchStrategy[Way], data: st.DataObject, pieces: list[bytes]
) -> None:
    way = data.draw(ways)
    reader = way.dialect.read(way.workload, {}, 1 << 16)
    for piece in pieces:
        list(reader.feed(piece))
    marked = reader.done
    stream = reader.finish(closed=False).stream
    assert marked or stream is StreamVerdict.TRUNCATED


@every_reader
def test_every_recorded_stream_is_read_alike_however_it_is_cut(way: Way) -> None:
    """Those of other protocols too: they are what a wrong address or a gateway answers with."""
    for file in STREAMS:
        body = file.read_bytes()
        whole = read(way, [body], closed=True)
        for size in (1, 7):
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            assert read(way, pieces, closed=True) == whole, file.name
        if not way.workload.streamed:
            assert read(way, [body], closed=False)[1].stream is StreamVerdict.TRUNCATED, file.name


@every_reader
@pytest.mark.parametrize("body", [b"", b'{"data":[]}', b'{"choices":[]}', b"[]", b"null"])
def test_a_body_that_broke_is_never_complete(way: Way, body: bytes) -> None:
    assert read(way, [body], closed=False)[1].stream is StreamVerdict.TRUNCATED


@every_reader
def test_a_page_in_place_of_an_answer_is_malformed(way: Way) -> None:
    """A captive portal's, a proxy's: whether its header says so or not."""
    page = b"<!doctype html>\n<html><body>Log in</body></html>"
    for media in ("text/html; charset=utf-8", ""):
        _, reading = read(way, [page], closed=True, media=media)
        assert (reading.stream, reading.malformed) == (StreamVerdict.TRUNCATED, True)
        assert reading.error or reading.sentence


@every_reader
def test_an_error_in_place_of_an_answer_is_an_error(way: Way) -> None:
    """A 200 does not make it good; a reader of binary frames may also say that these are none."""
    body = b'{"error":{"message":"no room","type":"server_error","code":"full"}}'
    _, reading = read(way, [body], closed=True, media="application/json")
    binary = any("eventstream" in value for value in way.request().headers.values())
    assert reading.stream is StreamVerdict.ERRORED or (binary and reading.malformed)
    assert "no room" in f"{reading.error}{reading.sentence}"


@every_reader
def test_nothing_at_all_is_empty(way: Way) -> None:
    assert read(way, [], closed=True)[1].stream is StreamVerdict.EMPTY
