"""The demo: every fault that it can play shows in `once` and on /metrics as what it is."""

from collections.abc import Callable, Iterator, Mapping

import httpx
import pytest

from agent.demo.scenario import BEGINS_AFTER_S, SCENARIOS
from agent.demo.vendors import CLOUDS
from support.demo import Demo, Page, Row, demo

AZURE, AWS, GOOGLE = "azure-eastus2", "aws-us-east-1", "google-europe-west4"


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    """One demo for all, its clouds asked often; the seed keeps calm's rare failures alike."""
    with demo("--every", "2s", "--seed", "7") as started:
        yield started


@pytest.fixture
def ready(running: Demo) -> Iterator[Demo]:
    running.until(lambda page: page.good(CLOUDS), "every cloud good")
    yield running
    running.calm()


def late(page: Page, target: str) -> float:
    return page.metric("sli_events_total", target=target, objective="quick", result="bad")


SHOWN: Mapping[str, tuple[str, Callable[[Page, str], bool]]] = {
    "outage": ("nim", lambda page, it: page.state(it) == "down" and page.outcomes(it, "overloaded") > 0),
    "brownout": (AZURE, lambda page, it: late(page, it) > 0),
    "hang": (AWS, lambda page, it: page.state(it) == "down" and page.outcomes(it, "first_token_timeout") > 0),
    "throttled": (
        "openai",
        lambda page, it: (
            page.state(it) == "degraded"
            and page.outcomes(it, "throttled") > 0
            and page.metric("ratelimit_limit_requests", quota=it) > 0
            and page.metric("ratelimit_remaining_requests", quota=it) == 0
        ),
    ),
    "truncation": (GOOGLE, lambda page, it: page.state(it) == "down" and page.outcomes(it, "truncated") > 0),
    "reroute": ("mistral", lambda page, it: page.metric("probe_backend", target=it, backend="edge=AMS") > 0),
}
"""Fault -> a cloud to give it to, and how the page shows it there."""

PATIENCE_S = 180.0
"""Within a minute on a quiet machine; on one whose CPU is stolen, samples without a latency take their time."""

TOLD: Mapping[str, str] = {
    "outage": " ago overloaded, ",
    "brownout": "degraded ",
    "hang": " ago first_token_timeout, ",
    "throttled": " ago throttled, ",
    "truncation": " ago truncated, ",
    "reroute": "Central US, fp_",
    "own-network-down": " ago connect_refused, ",
}
"""Scenario -> what the status page says of its cloud."""

IN_ONCE: Mapping[str, Callable[[Row], bool]] = {
    "outage": lambda row: row["outcome"] == "overloaded",
    "brownout": lambda row: row["outcome"] == "ok" and row["ttft_s"] > 2.5 * CLOUDS[AZURE].latency.ttft_s,
    "hang": lambda row: row["outcome"] == "first_token_timeout",
    "throttled": lambda row: (
        row["outcome"] == "throttled"
        and row["ratelimit"]["remaining_requests"] == row["ratelimit"]["remaining_tokens"] == 0
        and row["retry_after_s"] > 0
    ),
    "truncation": lambda row: row["outcome"] == row["stream"] == "truncated",
    "reroute": lambda row: row["outcome"] == "ok" and row["backend"] == {"edge": "AMS"},
}
"""Fault -> how a row of `once` shows it; chance may let the first of a brownout's fail, or come early."""


def at(cloud: str, shows: Callable[[Page, str], bool]) -> Callable[[Page], bool]:
    """Return whether a page shows a trouble at a cloud."""
    return lambda page: shows(page, cloud)


@pytest.mark.heavy
def test_faults_of_many_clouds_show_as_what_each_is(ready: Demo) -> None:
    """All at once, one a cloud; who has none stays good, and who is mended is good again."""
    clouds = {fault: cloud for fault, (cloud, _) in SHOWN.items()}
    before = ready.once_until("mistral", lambda row: row["outcome"] == "ok")
    assert before["backend"] == {"edge": "CDG"}
    for fault, cloud in clouds.items():
        ready.switch(f"{cloud}/{fault}")

    rows = ready.once(*clouds.values())
    assert all(row["simulated"] for row in rows.values())
    for fault, cloud in clouds.items():
        if not IN_ONCE[fault](rows[cloud]):
            rows[cloud] = ready.once_until(cloud, IN_ONCE[fault])
    assert rows["mistral"]["fingerprint"] != before["fingerprint"]

    for fault, (cloud, shows) in SHOWN.items():
        ready.until(at(cloud, shows), f"{fault} on /metrics")
    ready.until(lambda page: page.good(CLOUDS.keys() - clouds.values()), "the others good")
    throttled = {"target": "openai", "objective": "available"}
    assert ready.page().metric("sli_events_total", result="excluded", **throttled) > 0

    ready.calm()
    ready.until(lambda page: page.good(CLOUDS), "every cloud good again")


@pytest.mark.heavy
def test_our_own_network_gone_refuses_everywhere_and_comes_back(ready: Demo) -> None:
    """At once and at every cloud; the control endpoint is still there to end it."""
    ready.switch("scenario/own-network-down")
    rows = ready.once("all")
    assert {row["outcome"] for row in rows.values()} == {"connect_refused"}
    assert {row["blame"] for row in rows.values()} == {"network"}
    assert rows.keys() == CLOUDS.keys()
    ready.until(
        lambda page: all(page.outcomes(cloud, "connect_refused") > 0 for cloud in CLOUDS),
        "a refusal by every cloud",
    )
    ready.calm()
    ready.until(lambda page: page.good(CLOUDS), "every cloud good again")


def test_everything_is_asked_and_said_to_be_simulated(running: Demo) -> None:
    """On the first line, and in what stands behind every target."""
    assert "SIMULATED" in running.running.said(200_000)
    probes = ("chat", "long", "models")
    running.until(
        lambda page: all(
            page.metric("probe_results_total", target=cloud, probe=probe, outcome="ok") > 0
            for cloud in CLOUDS
            for probe in probes
        ),
        "a good answer to every probe of every cloud",
    )
    page = running.page()
    assert all(page.metric("target_info", target=cloud, simulated="true") == 1 for cloud in CLOUDS)


def test_our_own_error_is_told_when_it_is_known(running: Demo) -> None:
    said = "nephoscope demo: our own error: "
    running.running.until(lambda: said in running.running.log.read_text(), "our own error")
    assert running.page().metric("agent_calibration_error_seconds", stat="p99") >= 0


def test_a_signal_ends_it_and_nothing_stays_behind(running: Demo) -> None:
    """No process and no listener, although a cloud hangs. It ends this file's demo, so it comes last."""
    daemon = running.running
    children = [daemon.process_of("agent.demo.simulator"), daemon.child("asker"), daemon.child("teller")]
    children += daemon.backends()
    running.switch("openai/hang")
    assert daemon.stop() == 0, daemon.said()
    daemon.until_gone(children, seconds=5)
    with pytest.raises(httpx.ConnectError):
        running.calm()


@pytest.mark.heavy
@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "calm"])
def test_a_scenario_shows_within_a_minute_of_its_beginning(scenario: str) -> None:
    """As a user starts it, with nothing set: first all is good, then it is there."""
    ((target, fault),) = SCENARIOS[scenario].faults.items() or [("ray", "")]
    with demo("--scenario", scenario) as started:
        started.until(lambda page: page.outcomes(target, "ok") > 0, "good first")

        def shows(page: Page) -> bool:
            if scenario == "own-network-down":
                return all(page.outcomes(cloud, "connect_refused") > 0 for cloud in CLOUDS)
            if scenario == "reroute":
                served = "deployment=nano-prod,region=Central US"
                return page.metric("probe_backend", target=target, backend=served) > 0
            return SHOWN[fault][1](page, target)

        started.until(shows, f"{scenario} on /metrics", BEGINS_AFTER_S + PATIENCE_S)
        if scenario == "own-network-down":
            started.running.until(
                lambda: "Our own network" in started.running.get("/").text, "our own alert", PATIENCE_S
            )
            told = [
                line
                for line in started.running.get("/").text.splitlines()
                if line.startswith(("PAGE", "TICKET"))
            ]
            assert len(told) == 1, told
            assert started.page().metric("witness_up") == 0
        started.until(
            lambda _: TOLD[scenario] in started.told(target), f"{scenario} on the status page", PATIENCE_S
        )
