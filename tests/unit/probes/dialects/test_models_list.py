"""A list of models is a list, or it is malformed."""

import dataclasses

import pytest

from probes.dialects.models_list import ModelsList
from probes.result import StreamVerdict
from probes.target import Target, Workload

WORKLOAD = Workload(name="models", kind="models")
TARGET = Target(
    name="t", provider="openai", cloud="openai", model="m", model_id="m", endpoint="https://h", group="m"
)


def test_the_question_is_a_get_without_a_body() -> None:
    request = ModelsList().request("https://h/v1/models", TARGET, WORKLOAD, "nonce")
    assert (request.method, request.url, request.body) == ("GET", "https://h/v1/models", b"")


@pytest.mark.parametrize(("version", "sent"), [(None, "usual"), ("newer", "newer")])
def test_the_version_is_told_where_a_vendor_wants_it(version: str | None, sent: str) -> None:
    target = dataclasses.replace(TARGET, api_version=version)
    request = ModelsList(version=("x-version", "usual")).request("https://h", target, WORKLOAD, "nonce")
    assert request.headers == {"accept": "application/json", "x-version": sent}


@pytest.mark.parametrize(
    ("body", "closed", "stream", "malformed"),
    [
        (b'{"object":"list","data":[{"id":"m"}]}', True, StreamVerdict.COMPLETE, False),
        (b'{"data":[]}', True, StreamVerdict.COMPLETE, False),
        (b'{"data":{}}', True, StreamVerdict.TRUNCATED, True),
        (b'[{"id":"m"}]', True, StreamVerdict.TRUNCATED, True),
        (b"<html>Sign in</html>", True, StreamVerdict.TRUNCATED, True),
        (b"", True, StreamVerdict.EMPTY, False),
        (b'{"error":{"code":"429"}}', True, StreamVerdict.ERRORED, False),
        (b'{"data":[', False, StreamVerdict.TRUNCATED, False),
    ],
)
def test_an_answer_is_a_list_cut_short_or_something_else(
    body: bytes, *, closed: bool, stream: StreamVerdict, malformed: bool
) -> None:
    reader = ModelsList().read(WORKLOAD, {}, 1000)
    assert list(reader.feed(body[:5])) + list(reader.feed(body[5:])) == []
    assert not reader.done
    reading = reader.finish(closed=closed)
    assert (reading.stream, reading.malformed) == (stream, malformed)


@pytest.mark.parametrize("body", [b'[{"id":"m"}]', b"[]", b'{"data":[]}'])
def test_a_bare_list_stands_for_itself_where_a_row_says_so(body: bytes) -> None:
    reader = ModelsList(bare=True).read(WORKLOAD, {}, 1000)
    assert list(reader.feed(body)) == []
    assert reader.finish(closed=True).stream is StreamVerdict.COMPLETE
