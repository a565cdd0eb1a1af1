"""What every dialect of every catalogue row promises, whatever bytes come."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.base import Dialect, Reading, Unit
from probes.catalog import PROVIDERS
from probes.result import StreamVerdict
from probes.target import Kind, Target, Workload

KINDS: tuple[Kind, ...] = ("chat", "chat-sync", "models")
ROWS = [(name, kind) for name in PROVIDERS for kind in KINDS]
TARGET = Target(
    name="t",
    provider="vllm",
    cloud="c",
    model="m",
    model_id="the-model",
    endpoint="http://h",
    group="m",
    compartment="c-1",
)

FRAGMENTS = st.sampled_from(
    [
        b"data: ",
        b'{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}',
        b'{"type":"content-delta","delta":{"message":{"content":{"text":"x"}}}}',
        b'{"message":{"content":[{"type":"TEXT","text":"x"}]},"finishReason":"stop"}',
        b'{"apiFormat":"COHERE","text":"x"}',
        b'{"code":"1","message":"no"}',
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
        b"{}",
    ]
)


def read(
    dialect: Dialect, workload: Workload, pieces: list[bytes], *, closed: bool
) -> tuple[list[Unit], Reading]:
    reader = dialect.read(workload, {"content-type": ""}, 1 << 16)
    units = list(itertools.chain.from_iterable(reader.feed(piece) for piece in pieces))
    return units, reader.finish(closed=closed)


@pytest.mark.parametrize(("provider", "kind"), ROWS)
def test_a_request_goes_where_it_is_told_and_names_its_model(provider: str, kind: Kind) -> None:
    workload = Workload(name="w", kind=kind)
    call = PROVIDERS[provider].api(None, None).calls[kind]
    request = call.dialect.request("http://h/path", TARGET, workload, "n0nce")
    assert request.url == "http://h/path"
    assert request.streamed == (kind == "chat")
    named = b"the-model" in request.body or bool({"{model}", "{name}"} & set(re.findall(r"{\w+}", call.path)))
    assert (named, b"n0nce" in request.body) == (named if kind == "models" else True, kind != "models")
    assert not {"authorization", "api-key", "host"} & {name.lower() for name in request.headers}


@pytest.mark.parametrize("provider", ["openai", "oci", "cohere"])
@pytest.mark.parametrize("kind", KINDS)
@given(pieces=st.lists(FRAGMENTS | st.binary(max_size=20), max_size=12))
def test_no_bytes_break_a_reader_and_no_cut_changes_what_it_says(
    provider: str, kind: Kind, pieces: list[bytes]
) -> None:
    dialect, workload = PROVIDERS[provider].api(None, None).calls[kind].dialect, Workload(name="w", kind=kind)
    whole = read(dialect, workload, [b"".join(pieces)], closed=True)
    assert read(dialect, workload, pieces, closed=True) == whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_broke_before_its_end_is_never_complete(kind: Kind) -> None:
    dialect, workload = PROVIDERS["openai"].api(None, None).calls[kind].dialect, Workload(name="w", kind=kind)
    for body in (b"", b'{"data":[]}', b'{"choices":[]}', b'data: {"choices":[{"finish_reason":"stop"}]}\n\n'):
        assert read(dialect, workload, [body], closed=False)[1].stream is StreamVerdict.TRUNCATED
