"""`nephoscope once` against a real language model, and against everything that can go wrong."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import embedded
from support.certificates import Authority
from support.daemon import ask, folder, lines, nephoscope
from support.endpoint import GOOD, Endpoint, endpoint
from support.llm import free_port, real_model
from support.wireserver import WireServer, always

DOCUMENTED = """id probe kind target provider cloud region model vantage labels scheduled_at started_at lateness_s attempt
    outcome blame good http_status error_code error auth_s dns_wait_s dns_s proxy_s connect_s tls_s ttfb_s ttft_s
    ttfo_s itl_s gap_max_s last_token_s total_s tokens_per_s reused peer tls_expires_at stream finish_reason input_tokens
    output_tokens reasoning_tokens cached_tokens cost_usd price_source response_model fingerprint service_tier backend
    provider_request_id server_s gateway_s ratelimit retry_after_s quality quality_reasons stamp stamp_uncertainty_s loop_lag_s
    trace_id simulated"""


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with real_model() as base:
        yield base


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def test_once_prints_every_documented_field_with_plausible_numbers(model: str, tmp_path: Path) -> None:
    """The three kinds against llama.cpp's server: streamed, in one piece, and the list of models."""
    config = tmp_path / "nephoscope.yaml"
    config.write_text(f"""
vantage: test
state_dir: {tmp_path / "state"}
targets:
  - {{name: llama, provider: openai-compatible, endpoint: "{model}/v1", model: smollm2}}
probes:
  - {{name: chat, kind: chat, max_tokens: 32, first_token: 30s, timeout: 60s}}
  - {{name: sync, kind: chat-sync, max_tokens: 32, timeout: 60s}}
  - {{name: list, kind: models}}
""")
    done = nephoscope("once", "-c", str(config), "--json", timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr.splitlines()[-1].startswith("our own error: ")
    by_probe = {row["probe"]: row for row in lines(done.stdout)}
    assert set(by_probe) == {"chat", "sync", "list"}
    for row in by_probe.values():
        assert set(row) >= set(DOCUMENTED.split())
        assert row["outcome"] == "ok"
        assert row["good"] is True
        assert row["http_status"] == 200
        assert row["vantage"] == "test"
        assert row["attempt"] == -1
        assert row["trace_id"] == row["id"].replace("-", "")
        assert row["peer"].startswith("127.0.0.1:")
        assert row["simulated"] is False
    chat = by_probe["chat"]
    assert chat["stream"] == "complete"
    assert 0 < chat["ttfb_s"] <= chat["ttft_s"] <= chat["last_token_s"] <= chat["total_s"] < 60
    assert chat["input_tokens"] > 5
    assert 1 <= chat["output_tokens"] <= 32
    assert chat["finish_reason"] in {"stop", "length"}
    assert by_probe["sync"]["ttft_s"] is None
    assert by_probe["list"]["output_tokens"] is None


def _once(tmp_path: Path, *targets: str, key: str = "sk-test-0123456789abcdef") -> dict[str, dict[str, Any]]:
    config = tmp_path / "bad.yaml"
    config.write_text(
        f"vantage: test\nstate_dir: {tmp_path / 'state'}\ntargets:\n"
        + "".join(f"  - {target}\n" for target in targets)
        + "probes: [{name: chat, first_token: 2s, stall: 1s, timeout: 4s}]\n"
    )
    done = nephoscope("once", "-c", str(config), "--json", env={"TEST_KEY": key})
    assert done.returncode == 1, done.stderr
    assert key not in done.stdout + done.stderr
    return {row["target"]: row for row in lines(done.stdout)}


def test_each_misbehaving_endpoint_is_its_own_outcome_with_a_remedy(served: Endpoint, tmp_path: Path) -> None:
    """One bad endpoint each, all asked at once: none disturbs another, a dead resolver included."""
    expected = {
        "ok": "ok",
        "401": "config",
        "404": "config",
        "429": "throttled",
        "503": "overloaded",
        "html": "malformed",
        "garbage": "malformed",
        "cut": "truncated",
        "hang": "first_token_timeout",
        "stall": "stalled",
        "endless": "total_timeout",
    }
    targets = [
        f'{{name: "{mode}", provider: openai, endpoint: "{served.base(mode)}", model: tiny-1, credentials: {{api_key: "${{TEST_KEY}}"}}}}'
        for mode in expected
    ]
    targets.append(
        '{name: nowhere, provider: openai-compatible, endpoint: "http://no-such-host.invalid/v1", model: m}'
    )
    targets.append(
        f'{{name: refused, provider: openai-compatible, endpoint: "http://127.0.0.1:{free_port()}/v1", model: m}}'
    )
    rows = _once(tmp_path, *targets)
    found = {name: row["outcome"] for name, row in rows.items()}
    assert found == expected | {"nowhere": "dns", "refused": "connect_refused"}
    for name, row in rows.items():
        if name != "ok":
            assert row["error"], f"{name} has no sentence"
            assert len(row["error"]) <= 300
    assert rows["ok"]["ttft_s"] < 1.0, "a dead resolver or a hang must not delay a good probe"


def test_missing_credentials_are_told_before_anything_is_asked(tmp_path: Path) -> None:
    """An unset variable is the configuration's fault: exit 2 and its name."""
    config = tmp_path / "nephoscope.yaml"
    config.write_text(
        'targets: [{name: a, provider: openai, model: gpt-5-nano, credentials: {api_key: "${NEPHOSCOPE_UNSET}"}}]'
    )
    done = nephoscope("once", "-c", str(config))
    assert done.returncode == 2
    assert "NEPHOSCOPE_UNSET" in done.stderr
    assert "Traceback" not in done.stderr


def test_five_hundred_targets_at_once_show_no_error_of_our_own(served: Endpoint, tmp_path: Path) -> None:
    """One core, one burst: whatever fails must be the server's doing, and this server fails nothing."""
    config = tmp_path / "many.yaml"
    targets = "\n".join(
        f'  - {{name: t{number}, provider: openai-compatible, endpoint: "{served.base("ok")}", model: tiny-1}}'
        for number in range(500)
    )
    config.write_text(f"vantage: test\nstate_dir: {tmp_path / 'state'}\ntargets:\n{targets}\n")
    done = nephoscope("once", "-c", str(config), "--json", timeout=120)
    outcomes = [json.loads(line)["outcome"] for line in done.stdout.splitlines()]
    assert outcomes == ["ok"] * 500, done.stderr[-2000:]
    assert done.returncode == 0


def test_once_prints_a_table_for_people(served: Endpoint, tmp_path: Path) -> None:
    """Without --json: one line a target, the outcome in words, and no traceback for a failure."""
    config = tmp_path / "nephoscope.yaml"
    config.write_text(f"""
vantage: test
state_dir: {tmp_path / "state"}
targets:
  - {{name: fine, provider: openai-compatible, endpoint: "{served.base("ok")}", model: tiny-1}}
  - {{name: broken, provider: openai-compatible, endpoint: "{served.base("503")}", model: tiny-1}}
""")
    done = nephoscope("once", "-c", str(config))
    assert done.returncode == 1
    assert "fine" in done.stdout
    assert "ok" in done.stdout
    assert "overloaded" in done.stdout


@pytest.mark.heavy
def test_stored_results_are_in_the_database(served: Endpoint) -> None:
    """`once --store` brings its own server where none runs, migrates it, and leaves nothing behind."""
    with folder() as home:
        config = home / "nephoscope.yaml"
        config.write_text(f"""
vantage: test
state_dir: {home / "state"}
targets: [{{name: fine, provider: openai-compatible, endpoint: "{served.base("ok")}", model: tiny-1}}]
""")
        assert nephoscope("migrate", "-c", str(config)).returncode == 0
        for _ in range(2):
            done = nephoscope("once", "-c", str(config), "--store")
            assert done.returncode == 0, done.stderr
        server = embedded.Server(home / "state" / "postgres")
        assert not server.alive()
        server.start()
        try:
            assert ask(server.url, "select attempt, outcome from results") == [(-1, "ok"), (-1, "ok")]
        finally:
            server.stop()


def test_a_bad_certificate_is_told_with_its_reason(tmp_path: Path) -> None:
    """Expired, for another name, of an unknown issuer: each says which, and what to do."""
    authority = Authority(tmp_path)
    stranger = Authority(tmp_path, "stranger")
    now = datetime.now(UTC)
    served = {
        "expired": authority.server(
            "localhost", not_before=now - timedelta(days=9), not_after=now - timedelta(days=2)
        ),
        "other-name": authority.server("elsewhere.example"),
        "stranger": stranger.server("localhost"),
        "fine": authority.server("localhost"),
    }

    async def ask_all() -> dict[str, dict[str, Any]]:
        async with contextlib.AsyncExitStack() as stack:
            targets = []
            for name, context in served.items():
                server = await stack.enter_async_context(WireServer(always(GOOD), tls=context))
                targets.append(
                    f'{{name: {name}, provider: openai-compatible, endpoint: "https://localhost:{server.port}/v1", '
                    f"model: tiny-1, tls: {{ca: {authority.ca}}}}}"
                )
            return await asyncio.to_thread(_once, tmp_path, *targets)

    rows = asyncio.run(ask_all())
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "expired": "tls", "other-name": "tls", "stranger": "tls", "fine": "ok",
    }  # fmt: skip
    assert "expired" in rows["expired"]["error"]
    assert rows["fine"]["tls_s"] > 0
    assert rows["fine"]["tls_expires_at"] is not None
