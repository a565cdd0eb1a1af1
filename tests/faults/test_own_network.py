"""Our own way out is cut, for real: no cloud is blamed, and the alert is about us."""

import json
from collections.abc import Iterator

import pytest

from support.daemon import FEED, Daemon, daemon, nephoscope
from support.endpoint import endpoint
from support.far import Far, far

CONFIG = """
alerts: {page: {after: 1s, warm_up: 0s}}
networks: {internet: {proxy: none, witnesses: [{tcp: "WITNESS"}]}}
probes: [{name: chat, every: 2s, first_token: 1s, stall: 1s, timeout: 2s}]
targets:
  - {name: one, provider: vllm, cloud: a, model: nano, endpoint: "ONE"}
  - {name: two, provider: vllm, cloud: b, model: nano, endpoint: "TWO"}
"""


@pytest.fixture
def beyond() -> Iterator[Far]:
    with far() as made:
        yield made


def alerts(running: Daemon) -> list[tuple[str, str, str]]:
    """Return what is alive: name, severity and whether it is quiet."""
    done = nephoscope("alerts", "list", "--json", "-c", str(running.file))
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["name"], row["severity"], "firing" if row["quiet_ns"] is None else "quiet") for row in rows]


def events(running: Daemon, result: str) -> float:
    return running.metric("nephoscope_sli_events_total", objective="available", result=result)


@pytest.mark.heavy
def test_our_own_network_cut_is_one_alert_about_us_and_ends_when_it_is_mended(beyond: Far) -> None:
    """Two clouds and a witness at the far end of one link: packets into it are lost, as behind a dead router."""
    there = beyond.host, beyond.enter
    with endpoint(*there) as one, endpoint(*there) as two, endpoint(*there) as neighbour:
        config = CONFIG.replace("ONE", one.base("ok")).replace("TWO", two.base("ok"))
        config = config.replace("WITNESS", f"{beyond.host}:{neighbour.port}")
        with daemon(FEED + config) as running:
            running.until(lambda: running.metric("nephoscope_witness_up") == 1, "the witness is reached")
            running.until(lambda: events(running, "good") >= 4, "both clouds answer")
            assert alerts(running) == []

            beyond.cut()
            running.until(lambda: "PAGE Our own network" in running.get("/").text, "a page about us", 75)
            running.until(lambda: events(running, "invalid") >= 8, "more is lost")
            assert alerts(running) == [("NetworkDown", "page", "firing")]
            assert running.metric("nephoscope_witness_up") == 0
            assert events(running, "bad") == 0, "a cloud was charged for our own outage"

            before = events(running, "good")
            beyond.mend()
            running.until(lambda: events(running, "good") >= before + 2, "they answer again", 90)
            running.until(lambda: alerts(running) == [("NetworkDown", "page", "quiet")], "it is over", 30)
            assert events(running, "bad") == 0
            assert running.stop() == 0, running.said()
