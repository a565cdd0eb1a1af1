"""`nephoscope run` on clouds that fail: what becomes a ticket, what a page, who is told, and what `alerts list` says."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.alertmanager import alertmanagers, needs_alertmanager
from support.daemon import FEED, daemon, nephoscope, query
from support.endpoint import Endpoint, endpoint

CONFIG = (
    FEED
    + """
alerts:
  page: {{after: 1s, warm_up: 0s}}
  receivers: [{{name: hook, kind: webhook, url: "{hook}", secret: a-loopback-secret}}]
probes: [{{name: chat, every: 2s, first_token: 1s, timeout: 2s}}]
targets:
  - {{name: well, provider: vllm, cloud: a, model: nano, endpoint: "{well}"}}
  - {{name: failing, provider: vllm, cloud: b, model: nano, endpoint: "{failing}"}}
  - {{name: alone, provider: vllm, cloud: b, model: large, endpoint: "{failing}"}}
"""
)


@contextlib.contextmanager
def hooked() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the address of a webhook, and what it is told."""
    told: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def test_a_part_that_fails_is_a_ticket_and_a_service_that_is_down_a_page(served: Endpoint) -> None:
    config = CONFIG.replace("{well}", served.base("ok")).replace("{failing}", served.base("503"))
    with (
        hooked() as (hook, heard),
        daemon(config.replace("{hook}", hook).replace("{{", "{").replace("}}", "}")) as running,
    ):

        def listed() -> list[dict[str, object]]:
            done = nephoscope("alerts", "list", "--json", "-c", str(running.file))
            assert done.returncode == 0, done.stderr
            return [json.loads(line) for line in done.stdout.splitlines()]

        running.until_ready()
        running.until(
            lambda: "page" in running.get("/").text and "PAGE" in running.get("/").text, "a page", 90
        )
        expected = {
            ("TargetDown", "ticket", "failing"),
            ("TargetDown", "ticket", "alone"),
            ("ServiceDown", "page", "large"),
        }
        # A ticket may wait for whoever could show a wider fault, and come after the page.
        running.until(
            lambda: {(row["name"], row["severity"], row["subject"]) for row in listed()} == expected,
            "two tickets and a page",
            90,
        )
        page = running.get("/").text
        assert "PAGE Service large has been down since " in page
        assert ": 0 of 1 cloud is well, and it needs 1" in page
        shown = nephoscope("alerts", "list", "-c", str(running.file)).stdout
        assert shown.splitlines()[0].split() == ["SEVERITY", "ALERT", "ID", "SINCE", "STATE", "WHAT"]
        running.until(lambda: len(heard) >= 3, "three notices")
        assert {(one["name"], one["severity"], one["state"]) for one in heard} == {
            ("TargetDown", "ticket", "firing"),
            ("ServiceDown", "page", "firing"),
        }
        running.until(
            lambda: (
                running.metric("nephoscope_agent_notifications_total", receiver="hook", state="sent") == 3
            ),
            "three notices that are counted",
        )
        assert running.stop() == 0, running.said()


FOUR = """
alerts:
  page: {warm_up: 0s, hold: 20s}
  receivers: [{name: am, kind: alertmanager, urls: ["ALERTMANAGER"]}]
probes: [{name: chat, every: 5s, first_token: 2s, timeout: 4s}]
targets:
  - {name: a, provider: vllm, cloud: a, model: nano, endpoint: "STEADY"}
  - {name: b, provider: vllm, cloud: b, model: nano, endpoint: "STEADY"}
  - {name: c, provider: vllm, cloud: c, model: nano, endpoint: "FAULTY"}
  - {name: d, provider: vllm, cloud: d, model: nano, endpoint: "FAULTY"}
services: [{name: assist, members: all, healthy_when: {at_least: 3, of: cloud}}]
"""


@pytest.mark.heavy
@needs_alertmanager
def test_a_fault_in_two_of_four_clouds_reaches_a_real_alertmanager_as_one_page_and_ends_there(
    tmp_path: Path,
) -> None:
    """Within a minute of its beginning; what the two clouds are by themselves are tickets. All end with the fault."""
    with (
        endpoint() as steady,
        endpoint() as faulty,
        alertmanagers(tmp_path, "http://127.0.0.1:9/", replicas=1) as (alertmanager,),
    ):
        config = FEED + FOUR.replace("STEADY", steady.base("ok")).replace("FAULTY", faulty.base("ok"))
        with daemon(config.replace("ALERTMANAGER", alertmanager.url)) as running:
            running.until_ready()
            running.until(lambda: steady.asked["ok"] > 4 and faulty.asked["ok"] > 4, "all of them asked")
            faulty.failing = True

            def pages() -> list[str]:
                told = [one["labels"] for one in alertmanager.alerts()]
                return [one["subject"] for one in told if one["severity"] == "page"]

            running.until(lambda: bool(pages()), "a page", 60)
            running.until(lambda: len(alertmanager.alerts()) == 3, "two tickets beside it", 30)
            assert pages() == ["assist"]
            tickets = {one["labels"]["subject"] for one in alertmanager.alerts()} - {"assist"}
            assert tickets == {"c", "d"}
            faulty.failing = False
            running.until(lambda: alertmanager.alerts() == [], "all of it resolved there", 90)
            assert running.stop() == 0, running.said()


DRILLED = """
alerts:
  page: {warm_up: 1h}
  receivers: [{name: hook, kind: webhook, url: "HOOK", secret: a-loopback-secret}]
probes: [{name: chat, every: 2s, first_token: 1s, timeout: 2s}]
targets:
  - {name: a, provider: vllm, cloud: a, model: nano, endpoint: "STEADY"}
  - {name: b, provider: vllm, cloud: b, model: nano, endpoint: "STEADY"}
"""

COUNTED = """
    select (select count(*) from results where attempt < 0 or outcome <> 'ok'), (select count(*) from verdicts),
           (select count(*) from drills where attempt = -2), (select count(*) from drills where attempt < -2)
"""


@pytest.mark.heavy
def test_a_drill_goes_all_the_way_is_taken_in_hand_and_nothing_of_it_is_counted(served: Endpoint) -> None:
    """From a command to a receiver and back to well, marked at every step, while real probes go on."""
    with (
        hooked() as (hook, heard),
        daemon(FEED + DRILLED.replace("STEADY", served.base("ok")).replace("HOOK", hook)) as running,
    ):

        def command(*words: str) -> str:
            done = nephoscope(*words, "-c", str(running.file))
            assert done.returncode == 0, done.stderr
            return done.stdout

        def events(result: str) -> float:
            return running.metric("nephoscope_sli_events_total", objective="available", result=result)

        def states() -> list[str]:
            return [one["state"] for one in heard]

        running.until_ready()
        running.until(lambda: events("good") > 3, "events that are good")
        said = command("alerts", "drill", "--target", "a", "--severity", "page", "--for", "45s")
        assert said.startswith("a fails (outage) beside its real probes until ")
        running.until(lambda: bool(heard), "a notice", 60)
        (first,) = heard
        assert (first["name"], first["severity"], first["subject"], first["drill"]) == (
            "TargetDown",
            "page",
            "a",
            True,
        )
        assert first["facts"]["drill"].startswith("outage of a, asked for by ")
        assert "DRILL: Target a has been down since " in command("alerts", "list")
        assert "PAGE DRILL: Target a has been down since " in running.get("/").text
        command("alerts", "ack", "drill/target-down/a", "--reason", "we are practising", "--author", "ada")
        running.until(lambda: states() == ["firing", "firing"], "a notice of who has it in hands")
        assert heard[1]["acknowledged"]["by"] == "ada"
        running.until(lambda: states() == ["firing", "firing", "resolved"], "its end", 60)
        assert {one["key"] for one in heard} == {first["key"]}
        assert command("alerts", "list") == "Nothing is wrong.\n"
        explained = command("explain", "drill/target-down/a")
        for part in (
            "fired (page)",
            "acknowledged (page)",
            "ended (page)",
            "ada took it",
            "drill 2",
            "a drill:",
        ):
            assert part in explained, explained
        assert (events("bad"), events("invalid"), events("excluded")) == (0, 0, 0)
        assert running.metric("nephoscope_probe_results_total", outcome="overloaded") == 0
        assert running.stop() == 0, running.said()
        ((not_good, verdicts, slots, confirmations),) = query(running, COUNTED)
        assert (not_good, verdicts) == (0, 0)
        assert slots > 3
        assert confirmations >= 3
