import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.calibrating import answers
from agent.calibrating.answers import BadRequest, Request
from probes.dialects.openai_chat import OpenAIChat
from probes.result import StreamVerdict
from probes.target import Workload
from probes.transport.http1 import ResponseParser


def asking(body: object, **query: str) -> Request:
    return Request(
        "POST", "/", {name: [value] for name, value in query.items()}, {}, json.dumps(body).encode()
    )


def test_a_stream_is_what_the_real_dialect_takes_for_whole() -> None:
    """The writer's bytes through the reader that probes use: the opening event is no unit, each token is one."""
    parser = ResponseParser(bodiless=False)
    data = answers.head("a-1") + answers.TOKEN * 3 + answers.ending(3)
    body = parser.feed(data)
    reader = OpenAIChat().read(Workload(name="chat"), {"content-type": "text/event-stream"}, 1_000_000)
    assert len(list(reader.feed(body))) == 3
    reading = reader.finish(closed=True)
    assert (reading.stream, reading.finish_reason) == (StreamVerdict.COMPLETE, "stop")
    assert reading.output_tokens == 3
    assert parser.done
    assert (b"X-Request-Id", b"a-1") in parser.headers


@given(st.binary(max_size=200).filter(lambda rest: b"\r\n\r\n" not in rest), st.integers(0, 300))
def test_a_request_is_cut_off_wherever_it_is_split(body: bytes, at: int) -> None:
    data = b"POST /v1 HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    received = bytearray(data[:at])
    early = answers.cut(received)
    received += data[at:]
    request = early or answers.cut(received)
    assert request is not None
    assert request.body == body
    assert not received


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"a" * 70_000,
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest):
        answers.cut(bytearray(data))


@pytest.mark.parametrize("body", [[], "x", {"tokens": "many"}, {"first_ms": -1}, {"gap_ms": 1e300}])
def test_what_is_no_order_is_refused(body: object) -> None:
    with pytest.raises(BadRequest):
        answers.order(asking(body))


def test_the_query_wins_over_the_body_and_a_cap_over_both() -> None:
    ordered = answers.order(asking({"tokens": 5, "max_completion_tokens": 7}, tokens="9", first_ms="0"))
    assert (ordered.tokens, ordered.first_ns, ordered.gap_ns) == (7, 0, 20_000_000)


def test_the_truth_tells_the_ending_apart_and_none_before_it_was_sent() -> None:
    assert answers.truth("a", 1, [2, 3, 4, 5], 1) == {
        "id": "a", "received_ns": 1, "writes": [(2, 3)], "end": (4, 5),
    }  # fmt: skip
    assert answers.truth("a", 1, [2, 3], 1)["end"] is None
