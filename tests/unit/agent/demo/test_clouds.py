"""The simulated clouds speak as their vendors do, and ail as the board says; our own dialects are the judges."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from agent.demo.clouds import Clouds
from agent.demo.latency import Latency, Pareto
from agent.demo.switchboard import Switchboard
from agent.demo.vendors import CLOUDS, Cloud, Limits
from probes import headers
from probes.base import Reading
from probes.catalog import PROVIDERS
from probes.result import StreamVerdict
from probes.target import Kind, Workload

AT_ONCE = Latency(ttft_s=0.0, ttft_sigma=0.0, token_s=0.0, tail=Pareto(share=0.0))
QUICK = [dataclasses.replace(cloud, latency=AT_ONCE) for cloud in CLOUDS.values()]
EVERY = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=list(CLOUDS))
PONG = "Reply with the single word: pong"


class Bench:
    """The clouds over a board, without their latencies; the seed keeps calm's rare failures out."""

    def __init__(self, cloud: str = "", fault: str = "calm", clouds: list[Cloud] = QUICK) -> None:
        self.board = Switchboard()
        if cloud:
            self.board.switch(cloud, fault)
        self.client = TestClient(Clouds(self.board, 7, clouds).app())

    def ask(self, cloud: Cloud, prompt: str = PONG, *, stream: bool = True, **more: Any) -> httpx2.Response:
        message = {"role": "user", "content": prompt}
        asked = {"model": cloud.model, "messages": [message], "stream": stream, **more}
        return self.client.post(f"/{cloud.name}/v1/chat/completions", json=asked)


def read(cloud: Cloud, answer: httpx2.Response, *, stream: bool = True) -> Reading:
    """Return what the dialect of the cloud's catalogue row makes of an answer."""
    kind: Kind = "chat" if stream else "chat-sync"
    reader = (
        PROVIDERS[cloud.provider]
        .api(None, None)
        .calls[kind]
        .dialect.read(Workload(name="w", kind=kind), dict(answer.headers), 1 << 16)
    )
    reader.feed(answer.content)
    return reader.finish(closed=True)


@EVERY
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_is_complete_with_its_usage(cloud: Cloud, *, stream: bool) -> None:
    """Whatever a vendor sends before and after, the answer is in the middle."""
    reading = read(cloud, Bench().ask(cloud, stream=stream), stream=stream)
    assert (reading.stream, reading.text, reading.finish_reason) == (StreamVerdict.COMPLETE, "pong", "stop")
    assert (reading.input_tokens, reading.output_tokens) == (6, 2)
    assert reading.response_model == cloud.model


@EVERY
def test_an_answer_is_as_long_as_was_asked_for_and_allowed(cloud: Cloud) -> None:
    bench = Bench()
    whole = read(cloud, bench.ask(cloud, "Describe a cloud in 500 words", max_tokens=600))
    cut = read(cloud, bench.ask(cloud, "Describe a cloud in 500 words", max_completion_tokens=100))
    assert (whole.output_tokens, whole.finish_reason) == (500, "stop")
    assert (cut.output_tokens, cut.finish_reason) == (100, "length")


@EVERY
def test_models_are_listed(cloud: Cloud) -> None:
    answer = Bench().client.get(f"/{cloud.name}/v1/models")
    assert [model["id"] for model in answer.json()["data"]] == [cloud.model]


@EVERY
def test_a_wrong_key_is_refused(cloud: Cloud) -> None:
    answer = Bench().client.get(f"/{cloud.name}/v1/models", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert "Incorrect API key provided" in answer.text


def test_there_are_no_other_clouds() -> None:
    assert Bench().client.get("/nimbus/v1/models").status_code == 404


def test_azure_begins_with_its_prompt_filter() -> None:
    """Its first chunk has no choices: nothing that may count as a first token."""
    first = Bench().ask(CLOUDS["azure-eastus2"]).text.split("\n")[0]
    assert '"choices":[]' in first
    assert "prompt_filter_results" in first


@pytest.mark.parametrize("name", ["openai", "azure-eastus2", "mistral"])
def test_the_rate_limit_counts_down_in_the_vendors_own_headers(name: str) -> None:
    """A request and the tokens of its cap at a time, as our reader of headers understands them."""
    cloud, bench = CLOUDS[name], Bench()
    first, second = (headers.ratelimit(bench.ask(cloud, max_tokens=50).headers) for _ in range(2))
    assert first["limit_requests"] - 1 == first["remaining_requests"] == second["remaining_requests"] + 1
    assert first["limit_tokens"] - 50 == first["remaining_tokens"] == second["remaining_tokens"] + 50


def test_a_limit_that_is_used_up_throttles_in_the_best_of_times() -> None:
    small = dataclasses.replace(CLOUDS["openai"], latency=AT_ONCE, limits=Limits(2, 1_000_000))
    bench = Bench(clouds=[small])
    assert [bench.ask(small).status_code for _ in range(3)] == [200, 200, 429]


@EVERY
@pytest.mark.parametrize(("fault", "status"), [("outage", 503), ("throttled", 429)])
def test_a_refusal_comes_with_its_status_and_a_message(cloud: Cloud, fault: str, status: int) -> None:
    answer = Bench(cloud.name, fault).ask(cloud)
    assert answer.status_code == status
    assert "please try again later" in answer.text


@EVERY
def test_who_throttles_says_when_to_come_again_and_that_nothing_is_left(cloud: Cloud) -> None:
    said = Bench(cloud.name, "throttled").ask(cloud).headers
    assert 1 <= (headers.retry_after_s(said, 0.0) or 0) <= 60
    left = headers.ratelimit(said)
    assert [left[what] for what in ("remaining_requests", "remaining_tokens") if what in left] == (
        [0, 0] if cloud.limits else []
    )


@EVERY
def test_a_truncated_answer_has_begun_and_does_not_end(cloud: Cloud) -> None:
    """In both ways, over some answers: there is text, and no end mark."""
    bench = Bench(cloud.name, "truncation")
    texts = set()
    for _ in range(16):
        answer = bench.ask(cloud, "Describe a cloud in 40 words")
        reading = read(cloud, answer)
        assert reading.stream is StreamVerdict.TRUNCATED
        assert "[DONE]" not in answer.text
        texts.add(len(reading.text))
    assert min(texts) > 0
    assert len(texts) > 2


def test_a_cut_answer_cuts_the_connection_and_one_without_an_end_mark_ends_in_order() -> None:
    """Only the one lacks the last piece of its body."""
    bench = Bench("openai", "truncation")
    ends = [messages[-1]["more_body"] for _ in range(8) if (messages := sent(bench.client.app))]
    assert set(ends) == {True, False}


@EVERY
def test_a_reroute_changes_who_serves_and_nothing_else(cloud: Cloud) -> None:
    usual, rerouted = Bench().ask(cloud), Bench(cloud.name, "reroute").ask(cloud)
    names = PROVIDERS[cloud.provider].backend
    before, after = (headers.backend(answer.headers, names) for answer in (usual, rerouted))
    assert before.keys() == after.keys()
    assert (before != after) == bool(cloud.served_from[0])
    readings = [read(cloud, answer) for answer in (usual, rerouted)]
    assert readings[0].fingerprint != readings[1].fingerprint
    assert {reading.stream for reading in readings} == {StreamVerdict.COMPLETE}


def test_one_clouds_fault_leaves_the_others_alone() -> None:
    bench = Bench("openai", "outage")
    assert {cloud.name for cloud in QUICK if bench.ask(cloud).status_code != 200} == {"openai"}


def test_a_fault_that_is_switched_off_is_gone() -> None:
    bench = Bench("openai", "outage")
    bench.board.switch("openai", "calm")
    assert bench.ask(CLOUDS["openai"]).status_code == 200


def test_the_same_seed_fails_the_same_requests() -> None:
    """Whatever the other clouds were asked in between."""
    alone, among = Bench("vllm", "brownout"), Bench("vllm", "brownout")

    def statuses(bench: Bench, other: str) -> Iterator[int]:
        for _ in range(40):
            bench.ask(CLOUDS[other])
            yield bench.ask(CLOUDS["vllm"]).status_code

    assert [*statuses(alone, "nim")] == (seen := [*statuses(among, "ray")])
    assert set(seen) == {200, 500, 503}


def test_who_hangs_says_nothing_before_the_asker_goes() -> None:
    """Not one byte, be it a status."""
    bench = Bench("openai", "hang")
    assert sent(bench.client.app) == []


def sent(app: Any) -> list[Message]:
    """Ask a cloud on the level of ASGI and return what it sent before the asker left."""
    body = b'{"messages":[{"role":"user","content":"In 40 words, please"}],"stream":true}'
    messages: list[Message] = []
    gone = asyncio.Event()
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        if message := next(asked, None):
            return message
        if not messages:
            gone.set()
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        if not gone.is_set():
            messages.append(message)

    path = "/openai/v1/chat/completions"
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode()}
    scope |= {"query_string": b"", "headers": [], "http_version": "1.1", "scheme": "http", "root_path": ""}
    scope |= {"asgi": {"version": "3.0", "spec_version": "2.4"}}
    asyncio.run(app(scope, receive, send))
    return messages
