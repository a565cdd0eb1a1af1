"""`nephoscope run` while a target is worked on: what the commands say is obeyed by page, alerts and metrics."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from support.daemon import FEED, daemon, nephoscope
from support.endpoint import Endpoint, endpoint

CONFIG = (
    FEED
    + """
alerts: {page: {after: 1s, warm_up: 0s}}
probes: [{name: chat, every: 1s, first_token: 1s, timeout: 1s}]
targets:
  - {name: well, provider: vllm, cloud: a, model: nano, endpoint: "WELL"}
  - {name: failing, provider: vllm, cloud: b, model: nano, endpoint: "FAILING"}
maintenance: [{targets: well, start: "2090-11-29T02:00", timezone: Europe/Berlin, for: 2h, reason: far away}]
"""
)


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


@pytest.mark.heavy
def test_a_failing_target_in_maintenance_is_excluded_quiet_and_marked(served: Endpoint) -> None:
    """And what it failed before is taken out by a correction, of which a gauge tells."""
    config = CONFIG.replace("WELL", served.base("ok")).replace("FAILING", served.base("503"))
    with daemon(config) as running:

        def command(*words: str) -> str:
            done = nephoscope(*words, "-c", str(running.file))
            assert done.returncode == 0, done.stderr
            return done.stdout

        def events(result: str) -> float:
            return running.metric("nephoscope_sli_events_total", slo="failing-chat-available", result=result)

        running.until_ready()
        running.until(lambda: "TICKET Target failing has been down" in running.get("/").text, "a ticket", 60)
        assert events("excluded") == 0
        told = command("maintenance", "start", "--targets", "failing", "--for", "1h", "--reason", "new disks")
        assert told.startswith("Maintenance ")
        running.until(lambda: "maintenance until " in running.get("/").text, "the mark on the page", 20)
        assert "UTC: new disks" in running.get("/").text
        running.until(lambda: events("excluded") > 0, "excluded events", 30)
        bad = events("bad")
        excluded = events("excluded")
        running.until(lambda: events("excluded") > excluded, "more of them", 30)
        assert events("bad") == bad
        (row,) = map(json.loads, command("maintenance", "list", "--json").splitlines())
        assert (row["targets"], row["reason"]) == (["failing"], "new disks")
        command("maintenance", "stop", row["key"])
        running.until(lambda: "maintenance until " not in running.get("/").text, "no mark any more", 20)
        running.until(lambda: events("bad") > bad, "events that count again", 30)
        assert running.metric("nephoscope_slo_corrected_events", slo="failing-chat-available") == 0
        now = datetime.now(UTC)
        stretch = ("--since", (now - timedelta(hours=1)).isoformat(), "--until", now.isoformat())
        command(
            "correct", "--target", "failing", *stretch, "--as", "excluded", "--reason", "the new disks too"
        )
        running.until(
            lambda: running.metric("nephoscope_slo_corrected_events", slo="failing-chat-available") >= bad,
            "what was corrected",
            30,
        )
        again = ("correct", "--target", "failing", *stretch, "--as", "good", "--reason", "no")
        refused = nephoscope(*again, "-c", str(running.file))
        assert refused.returncode == 2
        assert "correction 1 says already what failing counts as" in refused.stderr
        assert running.stop() == 0, running.said()
