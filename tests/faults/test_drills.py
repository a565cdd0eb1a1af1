"""A drill of each fault, from the command to a receiver of each kind on loopback: marked as one in every format."""

import contextlib
import json
from collections.abc import Callable, Mapping
from email import message_from_string
from email.policy import default
from typing import Any

import pytest

from agent.drill_file import FAULTS
from support.daemon import FEED, PROBES, daemon, nephoscope
from support.endpoint import endpoint
from support.notices import Receiver, mail_server, receiver

TAKEN = {
    "webhook": (204, ""),
    "pagerduty": (202, '{"status": "success", "message": "Event processed"}'),
    "slack": (200, "ok"),
    "teams": (202, ""),
    "jsm": (202, '{"result": "Request will be processed", "requestId": "r"}'),
    "alertmanager": (200, ""),
}

MARKED: Mapping[str, Callable[[Any], bool]] = {
    "webhook": lambda sent: sent["drill"] is True,
    "pagerduty": lambda sent: sent["payload"]["summary"].startswith("[DRILL TICKET] "),
    "slack": lambda sent: "[DRILL TICKET] " in json.dumps(sent),
    "teams": lambda sent: "[DRILL TICKET] " in json.dumps(sent),
    "jsm": lambda sent: sent["message"].startswith("[DRILL TICKET] ") and "drill" in sent["tags"],
    "alertmanager": lambda sent: (
        sent[0]["labels"]["drill"] == "true" and sent[0]["annotations"]["summary"].startswith("DRILL: ")
    ),
}
"""What says in each format that it is a drill, so that nobody runs."""


def configuration(steady: str, hooks: Mapping[str, Receiver], mail_port: int) -> str:
    urls = {kind: f"{hook.url}/{kind}" for kind, hook in hooks.items()}
    return f"""{FEED}{PROBES}
alerts:
  page: {{warm_up: 1h}}
  receivers:
    - {{name: webhook, kind: webhook, url: "{urls["webhook"]}", secret: a-loopback-secret}}
    - {{name: pagerduty, kind: pagerduty, url: "{urls["pagerduty"]}", routing_key: a-loopback-key}}
    - {{name: slack, kind: slack, url: "{urls["slack"]}"}}
    - {{name: teams, kind: teams, url: "{urls["teams"]}"}}
    - {{name: jsm, kind: jsm, url: "{urls["jsm"]}", api_key: a-loopback-key}}
    - {{name: alertmanager, kind: alertmanager, urls: ["{urls["alertmanager"]}"]}}
    - {{name: mail, kind: email, smtp: "smtp://127.0.0.1:{mail_port}", to: [sre@bank.example]}}
targets:
  - {{name: a, provider: vllm, cloud: a, model: nano, endpoint: "{steady}"}}
  - {{name: b, provider: vllm, cloud: b, model: nano, endpoint: "{steady}"}}
"""


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_a_drill_of_each_fault_reaches_every_kind_of_receiver_marked_as_one() -> None:
    with contextlib.ExitStack() as stack:
        steady = stack.enter_context(endpoint())
        hooks = {kind: stack.enter_context(receiver()) for kind in TAKEN}
        for kind, answer in TAKEN.items():
            hooks[kind].answer(*answer)
        box = stack.enter_context(mail_server())
        running = stack.enter_context(daemon(configuration(steady.base("ok"), hooks, box.port)))
        running.until_ready()
        running.until(lambda: steady.asked["ok"] > 6, "real probes")

        def told() -> list[tuple[str, str]]:
            """Return what was drilled, and what the webhook heard of it."""
            sent = [one.json for one in list(hooks["webhook"].asked)]
            return [(one["facts"]["drill"].partition(" of ")[0], one["state"]) for one in sent]

        for nth, fault in enumerate(FAULTS, 1):
            words = (
                "alerts",
                "drill",
                "-c",
                str(running.file),
                "--target",
                "a",
                "--fault",
                fault,
                "--for",
                "25s",
            )
            done = nephoscope(*words)
            assert done.returncode == 0, done.stderr
            running.until(lambda fault=fault: (fault, "firing") in told(), f"a notice of {fault}")  # type: ignore[misc]
            running.until(lambda fault=fault: (fault, "resolved") in told(), f"the end of {fault}")  # type: ignore[misc]
            running.until(lambda nth=nth: len(box.mails) >= 2 * nth, "the mails of it")  # type: ignore[misc]
        assert running.stop() == 0, running.said()

    names = [one.json["name"] for one in hooks["webhook"].asked if one.json["state"] == "firing"]
    assert names == ["Throttled" if fault == "throttled" else "TargetDown" for fault in FAULTS]
    for kind, is_marked in MARKED.items():
        sent = [one.json for one in hooks[kind].asked]
        assert is_marked(sent[0]), (kind, sent[0])
    subjects = [message_from_string(mail, policy=default)["Subject"].strip() for mail in box.mails]
    assert [one for one in subjects if not one.startswith("[DRILL ")] == []
