"""The installed command against a real LiteLLM proxy in front of a real model, of mocks and of servers that fail."""

import asyncio
import dataclasses
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.clock import SystemClock
from probes import target
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import MANUAL, Outcome, ProbeResult
from probes.transport.wire import WireTransport
from support.daemon import folder
from support.endpoint import Endpoint, endpoint
from support.gateways import MASTER_KEY, litellm, needs_litellm, probed
from support.llm import free_port, real_model
from support.secrets import FakeSecrets

pytestmark = [pytest.mark.heavy, needs_litellm, pytest.mark.timeout(600)]

MOCKS = {
    "mocked": "pong",
    "m429": "litellm.RateLimitError",
    "m500": "litellm.InternalServerError",
    "mlong": "litellm.ContextWindowExceededError",
}
BEHIND = ("401", "429", "503", "cut", "torn")


@dataclasses.dataclass(frozen=True)
class Gateway:
    """A running proxy, the model behind it, and the servers behind it that fail."""

    url: str
    model: str
    behind: Endpoint
    home: Path

    def ask(self, *models: str, kinds: tuple[str, ...] = ("chat",), key: str = "${GATEWAY_KEY}") -> Any:
        targets = [
            f'{{name: "{name}", provider: litellm, endpoint: "{self.url}", model: {name}, '
            f'proxy: none, credentials: {{api_key: "{key}"}}}}'
            for name in models
        ]
        return probed(self.home, targets, *kinds)


def configuration(model: str, behind: Endpoint) -> str:
    def deployment(name: str, base: str, more: str = "") -> str:
        return f'  - {{model_name: {name}, litellm_params: {{model: openai/tiny, api_base: "{base}", api_key: none{more}}}}}\n'

    deployments = deployment("real", f"{model}/v1")
    for name, mock in MOCKS.items():
        deployments += deployment(name, "http://127.0.0.1:1", f', mock_response: "{mock}"')
    for mode in BEHIND:
        deployments += deployment(f"up{mode}", f"{behind.base(mode)}/v1")
    deployments += deployment("gone", f"http://127.0.0.1:{free_port()}/v1")
    deployments += deployment("hangs", f"{behind.base('hang')}/v1", ", timeout: 1, stream_timeout: 1")
    deployments += deployment("falls", f"{behind.base('503')}/v1")
    deployments += deployment("cooled", f"{behind.base('503')}/v1") + deployment(
        "cooled", f"{behind.base('503')}/again"
    )
    return (
        f"model_list:\n{deployments}"
        "litellm_settings: {cache: true, cache_params: {type: local}}\n"
        "router_settings: {allowed_fails: 0, cooldown_time: 300, fallbacks: [{falls: [mocked]}]}\n"
        f"general_settings: {{master_key: {MASTER_KEY}}}\n"
    )


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with (
        folder() as home,
        real_model() as model,
        endpoint() as behind,
        litellm(home, configuration(model, behind)) as url,
    ):
        yield Gateway(url, model, behind, home)


def test_a_model_behind_it_is_measured_and_named(gateway: Gateway) -> None:
    """Streamed, whole and listed; with tokens, with who served, and with what the gateway took for itself."""
    rows = gateway.ask("real", kinds=("chat", "chat-sync", "models"))
    assert {row["outcome"] for row in rows.values()} == {"ok"}, rows
    chat, whole = rows["real", "chat"], rows["real", "chat-sync"]
    for row in (chat, whole):
        assert row["input_tokens"] > 5
        assert 1 <= row["output_tokens"] <= 256
        assert row["backend"].items() >= {
            "group": "real",
            "model": "openai/tiny",
            "upstream": f"{gateway.model}/v1",
            "retries": "0",
            "fallbacks": "0",
        }.items()  # fmt: skip
        assert re.fullmatch(r"[0-9a-f]{64}", row["backend"]["deployment"])
        assert row["backend"]["version"][0].isdigit()
        assert 0 < row["gateway_s"] < row["server_s"] <= row["total_s"]
        assert row["provider_request_id"] == row["id"]
        assert "gateway_cache" not in row["quality_reasons"]
    assert chat["stream"] == "complete"
    assert 0 < chat["ttfb_s"] <= chat["ttft_s"] <= chat["total_s"]
    assert chat["output_tokens"] <= 16


FAILING = {
    # model group: outcome, error code, where it failed
    "m429": ("throttled", "RateLimitError", "gateway"),
    "m500": ("server_error", "InternalServerError", "gateway"),
    "mlong": ("config", "ContextWindowExceededError", "gateway"),
    "up401": ("config", "AuthenticationError", "upstream"),
    "up429": ("throttled", "RateLimitError", "upstream"),
    "up503": ("overloaded", "ServiceUnavailableError", "upstream"),
    "gone": ("server_error", "InternalServerError", "unreached"),
    "hangs": ("server_error", "Timeout", "unreached"),
    "unknown": ("config", "invalid_request_error", "gateway"),
}


def test_a_failing_is_told_with_its_place(gateway: Gateway) -> None:
    """Of the provider, of the gateway, or between the two; each with its sentence."""
    rows = gateway.ask("mocked", *FAILING)
    found = {
        name: (row["outcome"], row["error_code"], row["backend"].get("failed_at"))
        for (name, _), row in rows.items()
    }
    assert found == FAILING | {"mocked": ("ok", None, None)}
    said = {name: row["error"] for (name, _), row in rows.items()}
    assert "check the key that the gateway holds" in said["up401"]
    assert "check the address that the gateway has for it" in said["gone"]
    assert "Invalid model name" in said["unknown"]


def test_a_failure_behind_it_is_asked_once(gateway: Gateway) -> None:
    """Its own two retries, on by default, would hide the first failure and treble the load."""
    before = gateway.behind.asked["503"]
    gateway.ask("up503")
    assert gateway.behind.asked["503"] == before + 1


def test_a_cut_behind_it_is_told_where_the_gateway_notices(gateway: Gateway) -> None:
    """A broken connection it reports inside the answer; one that closed in order it takes for the end (docs/gateways.md)."""
    rows = gateway.ask("uptorn", "upcut")
    torn, mended = rows["uptorn", "chat"], rows["upcut", "chat"]
    assert (torn["outcome"], torn["error_code"], torn["stream"]) == (
        "server_error",
        "APIConnectionError",
        "errored",
    )
    assert torn["backend"]["failed_at"] == "upstream"
    assert torn["ttft_s"] is not None
    assert (mended["outcome"], mended["finish_reason"]) == ("ok", "stop")
    assert mended["output_tokens"] is not None, "it counts for itself what the server never told"


def test_a_fallback_is_seen(gateway: Gateway) -> None:
    """The answer is good for who asked, and was not given by whom one asked for."""
    row = gateway.ask("falls")["falls", "chat"]
    assert (row["outcome"], row["backend"]["fallbacks"], row["backend"]["group"]) == ("ok", "1", "mocked")


def test_a_group_whose_servers_all_failed_is_down_and_not_throttled(gateway: Gateway) -> None:
    """LiteLLM answers 429 from then on, and asks nobody: excluded, it would hide the outage."""
    for _ in range(2):
        posted(gateway, "cooled")
    row = gateway.ask("cooled")["cooled", "chat"]
    assert (row["http_status"], row["outcome"], row["error_code"]) == (
        429,
        "overloaded",
        "all_deployments_in_cooldown",
    )
    assert row["backend"] == {"failed_at": "gateway"}


def posted(gateway: Gateway, model: str) -> None:
    refused = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        headers={"authorization": f"Bearer {MASTER_KEY}", "x-litellm-num-retries": "0"},
        json={"model": model, "messages": [{"role": "user", "content": "hi"}]},
        timeout=60,
        trust_env=False,
    )
    assert refused.status_code == 503


def test_a_wrong_key_is_the_configurations_fault_and_the_gateways_word(gateway: Gateway) -> None:
    """Without a database it knows its master key alone, and says of any other that it has none."""
    row = gateway.ask("mocked", key="sk-00000000000000000000000000000000")["mocked", "chat"]
    assert (row["outcome"], row["error_code"]) == ("config", "no_db_connection")
    assert row["backend"] == {"failed_at": "gateway"}


def twice(gateway: Gateway, provider: str, nonce: str) -> list[ProbeResult]:
    """Ask the same thing twice, word for word, which no prompt with a nonce of its own does."""

    async def ask() -> list[ProbeResult]:
        wire = WireTransport()
        exchange = Exchange(
            wire,
            FakeSecrets({"KEY": MASTER_KEY}),
            SystemClock(),
            uuid.uuid4,
            "v",
            lambda _start, _end: 0.0,
            nonce=lambda: nonce,
        )
        asked = target.Target(
            name="t",
            provider=provider,
            cloud="self-hosted",
            model="mocked",
            model_id="mocked",
            endpoint=gateway.url,
            group="mocked",
            credentials={"api_key": "${KEY}"},
            path=target.Path(proxy="none"),
        )
        workload = target.Workload(name="chat", first_token_s=30.0, timeout_s=60.0)
        found = [await exchange.ask(asked, workload, Slot(0, MANUAL)) for _ in range(2)]
        await wire.aclose()
        return found

    return asyncio.run(ask())


def test_its_cache_is_not_asked_and_where_it_answers_that_is_seen(gateway: Gateway) -> None:
    """The row says no-cache; one that does not gets a hit, kept as good and trusted for no latency."""
    fresh, fresh_too = twice(gateway, "litellm", "n1")
    first, hit = twice(gateway, "openai-compatible", "n2")
    assert {told.outcome for told in (fresh, fresh_too, first, hit)} == {Outcome.OK}
    assert ["gateway_cache" in told.quality_reasons for told in (fresh, fresh_too, first, hit)] == [
        False,
        False,
        False,
        True,
    ]
