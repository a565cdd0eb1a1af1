"""A database that is taken away for minutes while targets fail and come back: who is told what of it, and when."""

import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from storage import embedded
from support.alertmanager import alertmanagers, needs_alertmanager
from support.daemon import FEED, PROBES, Daemon, assert_whole_in, daemon, good
from support.endpoint import Endpoint, endpoint
from support.notices import Receiver, receiver
from support.postgres import place

BLIND = "agent-blind/database@"


@contextlib.contextmanager
def database() -> Iterator[tuple[embedded.Server, str]]:
    """Yield a running server of this test's own, and how a configuration names it."""
    with place() as folder:
        server = embedded.Server(Path(folder) / "pg")
        server.start()
        at = make_url(server.url)
        try:
            yield server, f"host: {at.query['host']}, database: {at.database}, user: {at.username}"
        finally:
            server.stop()


def configuration(named: str, hook: str, alertmanager: str, **targets: Endpoint) -> str:
    listed = "\n".join(
        f'  - {{name: {name}, provider: vllm, cloud: {name}, model: nano, endpoint: "{served.base("ok")}"}}'
        for name, served in targets.items()
    )
    return f"""{FEED}{PROBES}
storage: {{{named}}}
alerts:
  page: {{warm_up: 0s, hold: 10s}}
  receivers:
    - {{name: hook, kind: webhook, url: "{hook}", secret: a-loopback-secret}}
    - {{name: am, kind: alertmanager, urls: ["{alertmanager}"]}}
targets:
{listed}
"""


def heard(hook: Receiver, beginning: str) -> list[tuple[str, str]]:
    """Return (id, state) of what a webhook was told of the alerts whose ids begin so."""
    told = [one.json for one in list(hook.asked)]
    return [(one["key"], one["state"]) for one in told if one["key"].startswith(beginning)]


def relayed(relay: Receiver, name: str) -> list[str]:
    """Return what Alertmanager made of an alert, in order."""
    told = [alert for asked in list(relay.asked) for alert in asked.json["alerts"]]
    return [one["status"] for one in told if one["labels"]["alertname"] == name]


def told(running: Daemon, name: str) -> int:
    """Return how often a receiver was told that the agent is blind, as the daemon says."""
    return sum(
        "alert.told" in line and "AgentBlind" in line and f'"receiver": "{name}"' in line
        for line in running.log.read_text().splitlines()
    )


def remembered(running: Daemon) -> set[str]:
    kept = json.loads((running.state / "readers" / "blackout.json").read_bytes())
    return {receiver for receiver, _ in kept["told"]}


@pytest.mark.heavy
@pytest.mark.timeout(600)
@needs_alertmanager
def test_a_database_taken_away_is_told_once_and_what_happened_meanwhile_after_it(tmp_path: Path) -> None:
    """Over a killed teller, too; an alert of before ends under its own key, and no slot is missing."""
    with contextlib.ExitStack() as stack:
        server, named = stack.enter_context(database())
        well, before, during = (stack.enter_context(endpoint()) for _ in range(3))
        hook, relay = (stack.enter_context(receiver()) for _ in range(2))
        (am,) = stack.enter_context(alertmanagers(tmp_path, relay.url, replicas=1))
        config = configuration(named, hook.url, am.url, well=well, before=before, during=during)
        running = stack.enter_context(daemon(config))
        running.until(lambda: good(running) >= 6, "six good results")
        before.failing = True
        running.until(lambda: bool(heard(hook, "target-down/before")), "an alert of before")

        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        running.until(lambda: running.metric("nephoscope_agent_database_up") == 0, "the loss is seen")
        before.failing, during.failing = False, True
        running.until(lambda: bool(heard(hook, BLIND)), "the webhook is told", 180)
        running.until(lambda: relayed(relay, "AgentBlind") == ["firing"], "Alertmanager is told")
        running.until(lambda: remembered(running) == {"am", "hook"}, "it is remembered who was told")

        before_it = told(running, "am")
        running.kill_child("teller")
        running.until(lambda: told(running, "am") > before_it, "a new teller goes on where it was")
        so_far = good(running)
        running.until(lambda: good(running) >= so_far + 12, "probing goes on")
        assert [state for _, state in heard(hook, BLIND)] == ["firing"]
        assert heard(hook, "target-down/during") == []

        server.start()
        running.until(lambda: bool(heard(hook, "target-down/during")), "what happened meanwhile is told")
        running.until(lambda: len(heard(hook, BLIND)) == 2, "it is over")
        running.until(lambda: len(heard(hook, "target-down/before")) == 2, "what ended meanwhile is over")
        running.until(lambda: relayed(relay, "AgentBlind") == ["firing", "resolved"], "Alertmanager hears it")
        assert running.metric("nephoscope_agent_runs_skipped_total") == 0
        assert running.stop() == 0, running.said()
        assert_whole_in(server.url, 2, 3)

    for beginning in (BLIND, "target-down/before"):
        (first, began), (second, ended) = heard(hook, beginning)
        assert (first, began, ended) == (second, "firing", "resolved")
    repeated = Counter(one.headers["idempotency-key"] for one in hook.asked)
    assert set(repeated.values()) == {1}, repeated
