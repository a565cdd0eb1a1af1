"""An embedding is a list of finite numbers, or it is told what it is instead."""

import json
from typing import Any

import pytest

from probes.base import Reading
from probes.dialects.embeddings import Embeddings
from probes.result import StreamVerdict
from probes.target import Target, Workload

WORKLOAD = Workload(name="embeddings", kind="embeddings")
TARGET = Target(
    name="t",
    provider="openai",
    cloud="openai",
    model="m",
    model_id="embed-3",
    endpoint="https://h",
    group="m",
)
COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY


def read(body: bytes, *, closed: bool = True) -> Reading:
    """Read a body at every split, which must not matter, and return what it said."""
    readings = []
    for at in range(len(body) + 1):
        reader = Embeddings().read(WORKLOAD, {}, 1000)
        assert [*reader.feed(body[:at]), *reader.feed(body[at:])] == []
        assert not reader.done
        readings.append(reader.finish(closed=closed))
    assert all(reading == readings[0] for reading in readings)
    return readings[0]


def of(*vectors: Any, **more: Any) -> bytes:
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    return json.dumps({"object": "list", "data": data, "model": "embed-3-small", **more}).encode()


def test_the_question_is_the_prompt_with_its_nonce_and_nothing_that_only_generating_needs() -> None:
    request = Embeddings().request("https://h/v1/embeddings", TARGET, WORKLOAD, "n0nce")
    assert (request.method, request.url, request.streamed) == ("POST", "https://h/v1/embeddings", False)
    assert json.loads(request.body) == {
        "model": "embed-3",
        "input": "[n0nce] Reply with the single word: pong",
    }


def test_a_list_of_numbers_is_an_answer_with_its_usage_and_no_token_generated() -> None:
    reading = read(of([0.5, -1, 3e-3], usage={"prompt_tokens": 7, "total_tokens": 7}))
    assert (reading.stream, reading.input_tokens, reading.output_tokens) == (COMPLETE, 7, 0)
    assert reading.response_model == "embed-3-small"
    assert reading.text == ""


def test_without_usage_no_tokens_are_made_up() -> None:
    reading = read(of([0.5]))
    assert (reading.stream, reading.input_tokens, reading.output_tokens) == (COMPLETE, None, None)


@pytest.mark.parametrize(
    ("body", "stream", "malformed"),
    [
        (of(), EMPTY, False),
        (of([]), EMPTY, False),
        (of([0.5], []), EMPTY, False),
        (b"", EMPTY, False),
        (of("AAAAPw=="), TRUNCATED, True),
        (of([0.5, "1"]), TRUNCATED, True),
        (of([0.5, True]), TRUNCATED, True),
        (of([0.5, None]), TRUNCATED, True),
        (of([float("nan")]), TRUNCATED, True),
        (of([float("-inf")]), TRUNCATED, True),
        (of([10**400]), TRUNCATED, True),
        (of({"0": 1}), TRUNCATED, True),
        (of(None), TRUNCATED, True),
        (b'{"data":{}}', TRUNCATED, True),
        (b'{"choices":[]}', TRUNCATED, True),
        (b"[0.5]", TRUNCATED, True),
        (b"<html>", TRUNCATED, True),
        (b'{"error":{"message":"no","code":"insufficient_quota"}}', ERRORED, False),
    ],
)
def test_what_is_no_embedding_is_empty_malformed_or_an_error(
    body: bytes, stream: StreamVerdict, *, malformed: bool
) -> None:
    reading = read(body)
    assert (reading.stream, reading.malformed) == (stream, malformed)
    assert bool(reading.error) == (malformed or stream is ERRORED)


def test_a_broken_connection_is_truncated() -> None:
    reading = read(of([0.5]), closed=False)
    assert (reading.stream, reading.malformed) == (TRUNCATED, False)
