"""A tiny budget, spent within seconds: what may stop stops, what tells of availability goes on, and /metrics says so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import FEED, Daemon, daemon, good, nephoscope
from support.endpoint import Endpoint, endpoint

CAP = 0.05
PROBES = """
probes:
  - {name: chat, every: 2s, first_token: 1s, stall: 1s, timeout: 2s, max_tokens: 2, targets: cheap}
  - {name: sync, kind: chat-sync, every: 1s, timeout: 2s, max_tokens: 2, targets: dear}
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def configuration(served: Endpoint, usd_per_day: float = CAP) -> str:
    """An answer of the dear target takes 11 tokens, 0.011 USD; a day of chat with the cheap one 0.0002 USD."""
    targets = "\n".join(
        f'  - {{name: {name}, provider: openai-compatible, endpoint: "{served.base(mode)}", model: tiny-1, '
        f"price: {{input: {price}, output: {price}}}}}"
        for name, mode, price in (("cheap", "ok", 0.0001), ("dear", "whole", 1000))
    )
    budget = f"budget: {{usd_per_day: {usd_per_day}, tokens_per_day: 20000000, shed: [chat-sync]}}"
    return f"{FEED}{PROBES}targets:\n{targets}\n{budget}\n"


def skipped(running: Daemon) -> float:
    return running.metric("nephoscope_agent_runs_skipped_total", reason="budget")


@pytest.mark.heavy
def test_over_the_budget_the_dear_kind_stops_and_availability_goes_on_over_a_crash_and_a_restart(
    served: Endpoint,
) -> None:
    with daemon(configuration(served)) as running:
        running.until(lambda: skipped(running) >= 3, "slots are skipped for the budget")
        asked = served.asked["whole"]
        assert asked == 4, "the fifth answer would pass the cap"
        so_far = good(running)
        running.until(
            lambda: running.metric("nephoscope_agent_budget_used_ratio", scope="day", unit="usd") > 0.85,
            "4/5",
        )
        left = running.metric("nephoscope_agent_budget_remaining_usd")
        assert left == pytest.approx(CAP - 0.044, abs=0.001)
        assert 19_999_000 < running.metric("nephoscope_agent_budget_remaining_tokens") < 20_000_000
        assert running.metric("nephoscope_probe_estimated_cost_usd_total", target="dear") == pytest.approx(
            0.044
        )
        running.until(lambda: good(running) >= so_far + 2, "availability goes on")
        assert "budget.warned" in running.said(20_000)
        assert "budget.shed" in running.said(20_000)

        saved = running.state / "budget.json"
        running.until(
            lambda: saved.exists() and '["probe","sync",0.044' in saved.read_text(), "it is written down"
        )
        running.kill_child("asker")
        so_far, before = good(running), skipped(running)
        running.until(lambda: good(running) >= so_far + 2, "probing goes on after a crash")
        running.until(lambda: skipped(running) > before, "and the budget holds")
        assert served.asked["whole"] == asked

        richer = running.file.read_text().replace(f"usd_per_day: {CAP}", f"usd_per_day: {CAP + 0.012}")
        (running.home / "richer.yaml").write_text(richer)
        (running.home / "richer.yaml").rename(running.file)
        running.until(lambda: served.asked["whole"] == asked + 1, "a higher cap holds by a reload")
        assert running.stop() == 0, running.said()
        (day,) = [spent for _, spent in json.loads(saved.read_text())["days"]]
        assert ["probe", "sync", pytest.approx(0.055), 55.0] in day, "the end is written down too"


def test_a_plan_whose_availability_alone_passes_the_cap_is_refused_by_check_and_by_run(
    served: Endpoint, tmp_path: Path
) -> None:
    text = configuration(served, 0.0001)
    file = tmp_path / "nephoscope.yaml"
    file.write_text(text.replace("{state}", str(tmp_path / "state")).replace("{listen}", "127.0.0.1:0"))
    for command in ("check", "run"):
        done = nephoscope(command, "-c", str(file))
        assert done.returncode == 2
        assert "budget.usd_per_day: availability probes are never slowed" in done.stderr
        assert "over the cap of 0.0001 USD" in done.stderr
        assert "a longer interval" in done.stderr
