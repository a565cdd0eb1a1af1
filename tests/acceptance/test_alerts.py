"""`nephoscope run` on clouds that fail: what becomes a ticket, what a page, and what `alerts list` says of it."""

import json
from collections.abc import Iterator

import pytest

from support.daemon import FEED, daemon, nephoscope
from support.endpoint import Endpoint, endpoint

CONFIG = (
    FEED
    + """
alerts: {{page: {{after: 1s, warm_up: 0s}}}}
probes: [{{name: chat, every: 2s, first_token: 1s, timeout: 2s}}]
targets:
  - {{name: well, provider: vllm, cloud: a, model: nano, endpoint: "{well}"}}
  - {{name: failing, provider: vllm, cloud: b, model: nano, endpoint: "{failing}"}}
  - {{name: alone, provider: vllm, cloud: b, model: large, endpoint: "{failing}"}}
"""
)


@pytest.fixture(scope="module")
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


def test_a_part_that_fails_is_a_ticket_and_a_service_that_is_down_a_page(served: Endpoint) -> None:
    config = CONFIG.replace("{well}", served.base("ok")).replace("{failing}", served.base("503"))
    with daemon(config.replace("{{", "{").replace("}}", "}")) as running:

        def listed() -> list[dict[str, object]]:
            done = nephoscope("alerts", "list", "--json", "-c", str(running.file))
            assert done.returncode == 0, done.stderr
            return [json.loads(line) for line in done.stdout.splitlines()]

        running.until_ready()
        running.until(
            lambda: "page" in running.get("/").text and "PAGE" in running.get("/").text, "a page", 90
        )
        told = {(row["name"], row["severity"], row["subject"]) for row in listed()}
        assert told == {
            ("TargetDown", "ticket", "failing"),
            ("TargetDown", "ticket", "alone"),
            ("ServiceDown", "page", "large"),
        }
        page = running.get("/").text
        assert "PAGE Service large is down since " in page
        assert ": 0 of 1 clouds are well, and it needs 1" in page
        shown = nephoscope("alerts", "list", "-c", str(running.file)).stdout
        assert shown.splitlines()[0].split() == ["SEVERITY", "ALERT", "SINCE", "STATE", "WHAT"]
        assert running.stop() == 0, running.said()
