"""A run judges what answers say, where they were served, and how they came; the database agrees with the metrics."""

import asyncio
import json
from typing import Any

import pytest

from support.daemon import FEED, Daemon, daemon, query
from support.wireserver import Peer, WireServer, head

THINKS_S = {"home": 0.02, "away": 0.6, "mute": 0.02}
"""How long each endpoint thinks before its first word."""

REGIONS = {"home": "Sweden Central", "away": "US East"}
WORDS = {"home": ("po", "ng"), "away": ("pi", "ng"), "mute": ("po", "ng")}

CONFIG = """
probes: [{name: chat, every: 2s, timeout: 5s, expect: {contains: pong}}]
objectives:
  - {name: available, sli: availability, percent: 99, window: 7d}
  - {name: shown, sli: ttfo, percent: 95, window: 7d, under: 450ms}
  - {name: smooth, sli: itl, percent: 95, window: 7d, under: 200ms, probes: chat}
  - {name: right, sli: correctness, percent: 95, window: 7d}
  - {name: home, sli: residency, percent: 95, window: 7d}
"""
OBJECTIVES = ("available", "shown", "smooth", "right", "home")


async def script(peer: Peer) -> None:
    """Think first, then answer in two words, which are three chunks of a token each."""
    manner = (await peer.request()).target[1:].partition("/")[0]
    region = {"x-litellm-model-region": REGIONS[manner]} if manner in REGIONS else {}
    await peer.send(head({"Content-Type": "text/event-stream", "Connection": "close", **region}))
    await peer.send(_delta({"reasoning_content": "Hm."}))
    await asyncio.sleep(THINKS_S[manner])
    for word in WORDS[manner]:
        await peer.send(_delta({"content": word}))
        await asyncio.sleep(0.01)
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    await peer.send(_delta({}, "stop"), _event({"id": "c", "choices": [], "usage": usage}))
    await peer.send(b"data: [DONE]\n\n")


def _delta(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({"id": "c", "model": "m", "choices": [choice]})


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def target(name: str, server: WireServer) -> str:
    endpoint = f"'{server.url}/{name}/v1'"
    return f"  - {{name: {name}, provider: litellm, endpoint: {endpoint}, model: m, served_in: [swedencentral]}}\n"


@pytest.mark.heavy
def test_every_sli_is_counted_from_the_answer_to_the_database() -> None:
    """A right answer from home, a wrong and slow one from away, and a right one from nobody knows where."""

    async def run() -> None:
        async with WireServer(script) as server:
            targets = "".join(target(name, server) for name in THINKS_S)
            await asyncio.to_thread(_watched, f"{FEED}targets:\n{targets}{CONFIG}")

    asyncio.run(run())


def _watched(config: str) -> None:
    with daemon(config) as running:

        def events(of: str, objective: str, result: str) -> float:
            labels = {"target": of, "objective": objective, "result": result}
            return running.metric("nephoscope_sli_events_total", **labels)

        for objective in OBJECTIVES:
            wanted = {
                "home": "good",
                "away": "good" if objective == "available" else "bad",
                "mute": "invalid" if objective == "home" else "good",
            }
            for name, result in wanted.items():
                at = name, objective, result
                running.until(lambda at=at: events(*at) >= 1, f"{result} {objective} at {name}")  # type: ignore[misc]  # bound now
                others = {"good", "bad", "excluded"} - {result}
                assert [events(name, objective, other) for other in others] == [0.0] * len(others), objective
        for name, right, home in (
            ("home", "good", "good"),
            ("away", "bad", "bad"),
            ("mute", "good", "unknown"),
        ):
            running.until(lambda at=(name, "right", right): _state(running, *at), f"{name} is {right}")  # type: ignore[misc]  # bound now
            running.until(lambda at=(name, "home", home): _state(running, *at), f"{name} is {home} at home")  # type: ignore[misc]  # bound now
        assert running.stop() == 0, running.said()
        stored = query(
            running,
            "select t.name, r.outcome, r.checked, b.name::jsonb ->> 'region', count(*) > 0 from results r"
            " join targets t on t.id = r.target_id left join backends b on b.id = r.backend_id"
            " where r.outcome in ('ok', 'mismatch') group by 1, 2, 3, 4 order by 1",
        )
    assert stored == [
        ("away", "mismatch", True, "US East", True),
        ("home", "ok", True, "Sweden Central", True),
        ("mute", "ok", True, None, True),
    ]


def _state(running: Daemon, target: str, objective: str, state: str) -> bool:
    """Return whether the objective was found so when it was evaluated from stored rows."""
    labels = {"target": target, "objective": objective, "state": state}
    return running.metric("nephoscope_slo_state", **labels) == 1.0
