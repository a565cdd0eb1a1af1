"""The installed command against Portkey's real gateway in front of a real model and of servers that fail."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.daemon import folder
from support.endpoint import Endpoint, endpoint
from support.gateways import needs_portkey, portkey, probed
from support.llm import free_port, real_model

pytestmark = [pytest.mark.heavy, needs_portkey]


@dataclasses.dataclass(frozen=True)
class Gateway:
    """A running gateway, the model behind it, and the servers behind it that fail."""

    url: str
    model: str
    behind: Endpoint
    home: Path

    def ask(self, targets: Mapping[str, Mapping[str, str]], *kinds: str) -> Any:
        """Return the rows of targets, each given by its headers."""
        entries = [
            f'{{name: "{name}", provider: portkey, endpoint: "{self.url}", model: smollm2, proxy: none, '
            f'credentials: {{api_key: "${{GATEWAY_KEY}}"}}, headers: {json.dumps(headers)}}}'
            for name, headers in targets.items()
        ]
        return probed(self.home, entries, *kinds)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with folder() as home, real_model() as model, endpoint() as behind, portkey(home) as url:
        yield Gateway(url, model, behind, home)


def to(base: str, **more: str) -> dict[str, str]:
    """Return the headers that send a request to an OpenAI-like server."""
    return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{base}/v1", **more}


def by(**config: Any) -> dict[str, str]:
    """Return the header that holds a configuration of the gateway's own."""
    return {"x-portkey-config": json.dumps(config)}


def server(base: str) -> dict[str, str]:
    return {"provider": "openai", "api_key": "none", "custom_host": f"{base}/v1"}


def test_a_model_behind_it_is_measured_and_named(gateway: Gateway) -> None:
    """Streamed, whole and listed; with tokens, and with who served."""
    rows = gateway.ask({"real": to(gateway.model)}, "chat", "chat-sync", "models")
    assert {row["outcome"] for row in rows.values()} == {"ok"}, rows
    for kind in ("chat", "chat-sync"):
        row = rows["real", kind]
        assert row["input_tokens"] > 5
        assert 1 <= row["output_tokens"] <= 256
        assert row["backend"] == {
            "upstream": "openai",
            "option": "config",
            "retries": "0",
            "cache": "DISABLED",
        }
        assert row["provider_request_id"] == row["id"]
        assert "gateway_cache" not in row["quality_reasons"]
    chat = rows["real", "chat"]
    assert chat["stream"] == "complete"
    assert 0 < chat["ttfb_s"] <= chat["ttft_s"] <= chat["total_s"]
    assert chat["output_tokens"] <= 16


def test_a_failing_is_told_with_its_place(gateway: Gateway) -> None:
    """Of the provider, of the gateway, or between the two; each with its sentence."""
    behind = gateway.behind
    asked = {
        "401": to(behind.base("401")),
        "429": to(behind.base("429")),
        "503": to(behind.base("503")),
        "gone": to(f"http://127.0.0.1:{free_port()}"),
        "hangs": to(behind.base("hang"), **{"x-portkey-request-timeout": "1000"}),
        "nobody": {},
        "stranger": {"x-portkey-provider": "no-such-provider"},
        "broken": {"x-portkey-config": "{"},
    }
    rows = gateway.ask(asked)
    found = {name: (row["outcome"], row["backend"].get("failed_at")) for (name, _), row in rows.items()}
    assert found == {
        "401": ("config", "upstream"),
        "429": ("throttled", "upstream"),
        "503": ("overloaded", "upstream"),
        "gone": ("server_error", "unreached"),
        "hangs": ("server_error", "unreached"),
        "nobody": ("config", "gateway"),
        "stranger": ("config", "gateway"),
        "broken": ("config", "gateway"),
    }
    said = {name: row["error"] for (name, _), row in rows.items()}
    assert "credentials.api_key of target 401" in said["401"], "its key is the provider's, and ours to mend"
    assert "ECONNREFUSED" in said["gone"]
    assert "Invalid provider passed" in said["stranger"]
    assert rows["429", "chat"]["error_code"] == "rate_limit_exceeded"


def test_a_hang_and_a_cut_behind_it_are_what_they_are(gateway: Gateway) -> None:
    """The gateway adds no end mark to an answer that has none, and waits with us where nobody told it how long."""
    rows = gateway.ask({"cut": to(gateway.behind.base("cut")), "stall": to(gateway.behind.base("stall"))})
    assert rows["cut", "chat"]["outcome"] == "truncated"
    assert rows["stall", "chat"]["outcome"] == "stalled"


def test_a_fallback_and_a_retry_are_seen(gateway: Gateway) -> None:
    """Both are what the target's own headers asked for; of a retry that did not help it says -1."""
    down = server(gateway.behind.base("503"))
    before = gateway.behind.asked["503"]
    rows = gateway.ask(
        {
            "falls": by(strategy={"mode": "fallback"}, targets=[down, server(gateway.model)]),
            "tries": by(**down, retry={"attempts": 1}),
        }
    )
    assert gateway.behind.asked["503"] == before + 3
    falls, tries = rows["falls", "chat"], rows["tries", "chat"]
    assert (falls["outcome"], falls["backend"]["option"]) == ("ok", "config.targets[1]")
    assert (tries["outcome"], tries["backend"]["retries"]) == ("overloaded", "-1")
