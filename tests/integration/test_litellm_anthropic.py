"""A real model that a real LiteLLM proxy lets speak as Anthropic does and in OpenAI's responses, probed in both."""

import asyncio
import base64
import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from agent.clock import SystemClock
from probes import catalog
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import MANUAL, Outcome, ProbeResult, StreamVerdict
from probes.target import Kind, Path, Target, Workload
from probes.transport.wire import WireTransport
from support.daemon import folder
from support.endpoint import Endpoint, endpoint
from support.gateways import MASTER_KEY, litellm, needs_litellm
from support.llm import real_model
from support.oracles import consult, needs
from support.secrets import FakeSecrets

pytestmark = [pytest.mark.heavy, needs_litellm, pytest.mark.timeout(600)]

TARGET = Target(
    name="t",
    provider="litellm",
    api="anthropic",
    cloud="self-hosted",
    model="real",
    model_id="real",
    endpoint="",
    group="real",
    credentials={"api_key": "${KEY}"},
    path=Path(proxy="none"),
)


@dataclasses.dataclass(frozen=True)
class Gateway:
    """A running proxy, and the servers behind it that fail."""

    url: str
    behind: Endpoint

    def ask(
        self, kind: Kind = "chat", model: str = "real", api: str = "anthropic", **more: Any
    ) -> ProbeResult:
        async def run() -> ProbeResult:
            wire = WireTransport()
            secrets = FakeSecrets({"KEY": MASTER_KEY})
            exchange = Exchange(wire, secrets, SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)
            workload = Workload(
                name=kind, kind=kind, first_token_s=60.0, stall_s=60.0, timeout_s=90.0, **more
            )
            target = dataclasses.replace(TARGET, api=api, endpoint=self.url, model_id=model)
            result = await exchange.ask(target, workload, Slot(0, MANUAL))
            await wire.aclose()
            return result

        return asyncio.run(run())


def configuration(model: str, behind: Endpoint) -> str:
    bases = {"real": f"{model}/v1"} | {
        f"up{mode}": f"{behind.base(mode)}/v1" for mode in ("429", "503", "torn")
    }
    deployments = "".join(
        f'  - {{model_name: {name}, litellm_params: {{model: openai/tiny, api_base: "{base}", api_key: none}}}}\n'
        for name, base in bases.items()
    )
    return f"model_list:\n{deployments}general_settings: {{master_key: {MASTER_KEY}}}\n"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with (
        folder() as home,
        real_model() as model,
        endpoint() as behind,
        litellm(home, configuration(model, behind)) as url,
    ):
        yield Gateway(url, behind)


def test_a_stream_is_timed_counted_and_ends_with_its_own_mark(gateway: Gateway) -> None:
    result = gateway.ask(max_tokens=24)
    assert (result.outcome, result.stream, result.error) == (Outcome.OK, StreamVerdict.COMPLETE, None)
    assert 0 < (result.ttfb_s or 0) <= (result.ttft_s or 0) <= (result.last_token_s or 0)
    assert (result.input_tokens or 0) > 20, "what was cached of the prompt is a part of it"
    assert 1 <= (result.output_tokens or 0) <= 24
    assert len(result.chunks) > 1
    assert (result.response_model, result.finish_reason) == ("real", "stop")
    assert result.backend.items() >= {"group": "real", "model": "openai/tiny", "retries": "0"}.items()


def test_an_answer_in_one_piece_is_read(gateway: Gateway) -> None:
    result = gateway.ask("chat-sync", max_tokens=24)
    assert (result.outcome, result.finish_reason) == (Outcome.OK, "stop")
    assert 1 <= (result.output_tokens or 0) <= 24


@pytest.mark.parametrize(
    ("kind", "codes"), [("tools", {"no_tool_call", "bad_arguments"}), ("json", {"no_json", "bad_json"})]
)
def test_a_tool_is_put_to_it_and_an_effort_that_it_would_refuse_is_not(
    gateway: Gateway, kind: Kind, codes: set[str]
) -> None:
    """What is asked is taken, and what comes is the protocol; so small a model need not do it, and then it is told."""
    result = gateway.ask(kind, max_tokens=24, reasoning="low")
    assert (result.http_status, result.stream) == (200, StreamVerdict.COMPLETE)
    assert result.backend.items() >= {"group": "real", "model": "openai/tiny", "retries": "0"}.items()
    assert 1 <= (result.output_tokens or 0) <= 24
    judged = {(Outcome.OK, None), *((Outcome.MISMATCH, code) for code in codes)}
    assert (result.outcome, result.error_code) in judged


@pytest.mark.skipif(
    "responses" not in catalog.PROVIDERS["litellm"].apis["openai"].calls, reason="needs the kind responses"
)
def test_the_same_model_answers_in_openais_responses(gateway: Gateway) -> None:
    result = gateway.ask("responses", api="openai", max_tokens=24)
    assert (result.outcome, result.stream, result.error) == (Outcome.OK, StreamVerdict.COMPLETE, None)
    assert (result.input_tokens or 0) > 20
    assert 1 <= (result.output_tokens or 0) <= 24
    assert len(result.chunks) > 1


def test_models_are_listed(gateway: Gateway) -> None:
    assert gateway.ask("models").outcome is Outcome.OK


@pytest.mark.parametrize(
    ("model", "outcome", "code", "place"),
    [
        ("up429", Outcome.THROTTLED, "RateLimitError", "upstream"),
        ("up503", Outcome.OVERLOADED, "ServiceUnavailableError", "upstream"),
        ("uptorn", Outcome.SERVER_ERROR, "api_error", "upstream"),
        ("unknown", Outcome.CONFIG, "invalid_request_error", "gateway"),
    ],
)
def test_a_failing_behind_it_has_its_name_and_place(
    gateway: Gateway, model: str, outcome: Outcome, code: str, place: str
) -> None:
    asked = gateway.behind.asked[model.removeprefix("up")]
    result = gateway.ask(model=model)
    assert (result.outcome, result.error_code, result.backend["failed_at"]) == (outcome, code, place)
    assert gateway.behind.asked[model.removeprefix("up")] == asked + (model != "unknown")


@needs("anthropic")
def test_its_stream_says_the_same_to_anthropics_own_sdk(gateway: Gateway) -> None:
    """A server of others, judged by the vendor's parser: what it sends is the protocol indeed."""
    answered = httpx.post(
        f"{gateway.url}/v1/messages",
        headers={"authorization": f"Bearer {MASTER_KEY}", "anthropic-version": "2023-06-01"},
        json={
            "model": "real",
            "max_tokens": 16,
            "stream": True,
            "messages": [{"role": "user", "content": "hi"}],
        },
        timeout=60,
        trust_env=False,
    )
    question = {"body": base64.b64encode(answered.content).decode(), "framing": "sse"}
    (said,) = consult("anthropic", [question])
    assert (said["ended"], said["stop_reason"]) == (True, "end_turn")
    assert said["text"]
