"""Receivers, routes and the engine: what is taken, what is refused with a sentence, and what deserves a second look."""

import json
from pathlib import Path

import pytest

from agent.config import shown
from agent.config.model import Config, Receiver, Route
from agent.config.schema_alerts import ReceiverSection
from agent.config.secrets import Secrets
from exporters.receivers import KINDS
from support.configuration import LOCAL, findings, loaded

ENVIRON = {
    "PD": "pagerduty-key-0123456789",
    "SLACK": "https://hooks.slack.invalid/services/T0/B0/x1y2z3",
    "PASSWORD": "m@il/p4ssword",
    "SIGN": "signing-secret-0123",
}
ALL = (
    f"targets: [{LOCAL[:-1]}, team: assist}}]"
    """
alerts:
  receivers:
    - {name: am, kind: alertmanager, urls: ["http://am-0:9093", "http://am-1:9093"]}
    - {name: pager, kind: pagerduty, routing_key: "${PD}"}
    - {name: chat, kind: slack, url: "${SLACK}"}
    - {name: cards, kind: teams, url: "${SLACK}"}
    - {name: mail, kind: email, smtp: "smtps://sre:${PASSWORD}@mail.bank.example", to: [sre@bank.example], from: n@bank.example}
    - {name: jira, kind: jsm, api_key: "${PD}"}
    - {name: hook, kind: webhook, url: "https://hook.bank.example/n", secret: "${SIGN}"}
  routes:
    - {when: {team: assist, severity: page}, to: [pager, chat], group_by: [service], repeat: 4h}
    - {to: [am, cards, mail, jira, hook]}
"""
)
L = f"targets: [{LOCAL}]\n"
AM = '{name: am, kind: alertmanager, urls: ["http://am:9093"]}'


def told(text: str) -> list[str]:
    return findings(L + text, ENVIRON)


def warned(text: str) -> tuple[str, ...]:
    return loaded(L + text, ENVIRON).warnings


def test_every_kind_of_receiver_is_read_with_its_references_unresolved() -> None:
    found = loaded(ALL, ENVIRON)
    assert found.warnings == ()
    config = found.config
    assert [receiver.kind for receiver in config.receivers] == list(KINDS)
    assert config.receivers[1] == Receiver(name="pager", kind="pagerduty", routing_key="${PD}")
    assert config.receivers[4].sender == "n@bank.example"
    assert config.routes[0] == Route(
        to=("pager", "chat"),
        when=(("team", ("assist",)), ("severity", ("page",))),
        group_by=("service",),
        repeat_s=4 * 3600.0,
    )
    assert Config.decode(config.encode()) == config
    for secret in ENVIRON.values():
        assert secret not in config.encode().decode()


def test_every_option_of_a_kind_is_a_key_of_the_file() -> None:
    for kind in KINDS.values():
        assert {*kind.needs, *kind.takes} <= ReceiverSection.options()


def test_no_secret_of_a_receiver_is_shown_and_each_is_blotted_out() -> None:
    """Neither one that is referred to, nor one that stands in the file."""
    literal = ALL.replace("${PD}", "spelled-out-key").replace("${PASSWORD}", "spelled-out-pw")
    config = loaded(literal, ENVIRON).config
    printed = json.dumps(shown.plain(shown.settings(config)))
    for secret in (*ENVIRON.values(), "spelled-out"):
        assert secret not in printed
    assert "${SLACK}" in printed
    secrets = Secrets.of(config, ENVIRON)
    for secret in (ENVIRON["SLACK"], ENVIRON["SIGN"], "spelled-out-key", "spelled-out-pw"):
        assert secrets.redact(f"a {secret} b") == "a [redacted] b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alerts: {receivers: [{kind: slack}]}", "alerts.receivers[0].name: is missing"),
        ("alerts: {receivers: [{name: a}]}", "alerts.receivers[0].kind: is missing; say what it is: alertmanager"),
        ("alerts: {receivers: [{name: a, kind: pager}]}", "`pager` is not known; write one of alertmanager, pagerduty"),
        ("alerts: {receivers: [{name: a, type: slack}]}", "unknown key `type`, which is called `kind` here"),
        (
            "alerts: {receivers: [{name: a, kind: pagerduty}]}",
            "routing_key: is missing, and a receiver of kind pagerduty needs it; write routing_key:",
        ),
        (
            'alerts: {receivers: [{name: a, kind: slack, url: "${SLACK}", to: [a@b]}]}',
            "to: means nothing to kind slack, which takes url, ca",
        ),
        (
            'alerts: {receivers: [{name: a, kind: slack, url: "hooks.slack.invalid"}]}',
            "alerts.receivers[0].url: is not a URL with a host",
        ),
        (
            'alerts: {receivers: [{name: a, kind: slack, url: "${NOT_SET}"}]}',
            "the environment variable NOT_SET is not set",
        ),
        (
            'alerts: {receivers: [{name: a, kind: alertmanager, urls: ["am:9093"]}]}',
            "alerts.receivers[0].urls[0]: is not a URL with a host",
        ),
        ("alerts: {receivers: [{name: a, kind: alertmanager, urls: []}]}", "a list of texts belongs here"),
        (
            'alerts: {receivers: [{name: a, kind: email, smtp: "http://mail", to: [a@b]}]}',
            "smtp: does not begin with smtp:// or smtps://",
        ),
        (
            'alerts: {receivers: [{name: a, kind: email, smtp: "smtp://mail", to: [the team]}]}',
            "to[0]: is not an address of mail",
        ),
        (
            'alerts: {receivers: [{name: a, kind: slack, url: "${SLACK}", ca: /nowhere.pem}]}',
            "ca: there is no file /nowhere.pem",
        ),
        (f"alerts: {{receivers: [{AM}, {AM}]}}", "alerts.receivers[1].name: `am` is taken"),
        (f"alerts: {{receivers: [{AM.replace('name: am', 'name: heartbeat')}]}}", "choose another"),
        (f"alerts: {{receivers: [{AM}], routes: [{{to: [ma]}}]}}", "there is no receiver `ma`; there are am"),
        ("alerts: {routes: [{to: [am]}]}", "there is no receiver `am`; name it under alerts.receivers"),
        (f"alerts: {{receivers: [{AM}], routes: [{{when: {{team: x}}}}]}}", "to: is missing; say who is told"),
        (f"alerts: {{receivers: [{AM}], routes: [{{to: []}}]}}", "a list of texts belongs here, not an empty one; as in"),
        (
            f"alerts: {{receivers: [{AM}], routes: [{{when: {{taem: x}}, to: [am]}}]}}",
            "alerts have no field `taem`; did you mean `team`?",
        ),
        (
            f"alerts: {{receivers: [{AM}], routes: [{{when: {{severity: critical}}, to: [am]}}]}}",
            "`critical` is no severity; there are page and ticket",
        ),
        (f"alerts: {{receivers: [{AM}], routes: [{{when: {{}}, to: [am]}}]}}", "takes no alert"),
        (f"alerts: {{receivers: [{AM}], routes: [{{to: [am], repeat: 4}}]}}", "4 has no unit"),
        (f"alerts: {{receivers: [{AM}], routes: [{{to: [am], group_by: [clud]}}]}}", "did you mean `cloud`?"),
        ("alerts: {engine: both}", "`both` is not known; write one of agent, prometheus"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence_with_the_remedy(text: str, said: str) -> None:
    found = told(text)
    assert any(said in finding for finding in found), found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "alerts: {receivers: [{name: a, kind: pagerduty, routing_key: 0123456789abcdef}]}",
            "routing_key: is a secret that stands in the file itself",
        ),
        (
            'alerts: {receivers: [{name: a, kind: teams, url: "https://x.example/secret"}]}',
            "url: is a secret that stands in the file itself",
        ),
        (
            f"alerts: {{receivers: [{AM}, {AM.replace('name: am', 'name: b')}], routes: [{{to: [am]}}]}}",
            "no route leads to `b`, so it is told of no alert",
        ),
        (
            f"alerts: {{receivers: [{AM}], routes: [{{when: {{team: x}}, to: [am]}}]}}",
            "what none takes goes to every receiver; end with {to: [am]}",
        ),
        (
            f"alerts: {{receivers: [{AM}], routes: [{{to: [am]}}, {{when: {{team: x}}, to: [am]}}]}}",
            "alerts.routes[0]: has no `when` and takes every alert",
        ),
        (
            f"alerts: {{receivers: [{AM}], routes: [{{to: [am], repeat: 1s}}]}}",
            "alerts.routes[0].repeat: whoever is told of an alert is told again every 1s until it ends; write hours",
        ),
        ("alerts: {engine: agent}", "has nobody to tell"),
        (f"alerts: {{engine: prometheus, receivers: [{AM}]}}", "told of nothing but trials"),
    ],
)
def test_what_looks_wrong_is_a_warning(text: str, said: str) -> None:
    found = warned(text)
    assert len([finding for finding in found if said in finding]) == 1, found
    assert not any("0123456789abcdef" in finding or "x.example" in finding for finding in found)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("{team: assits}", "no alert has team: assits; did you mean `assist`?, or take it out"),
        ("{name: ServiceDwn}", "did you mean `ServiceDown`?"),
        ("{target: [local, zzz*]}", "no alert has target: zzz*; there are local, or take it out"),
        ("{region: eu}", "no alert has region: eu; nothing here has one: write it, or take it out"),
        ("{service: nope}", "no alert has service: nope; there are "),
        ("{team: ass*, name: '*Down', label.anything: x, severity: page, probe: chat}", None),
    ],
)
def test_a_route_that_asks_for_what_no_alert_can_have_is_a_warning(when: str, said: str | None) -> None:
    """A slip in a name would send a page to the route behind."""
    targets = f"targets: [{LOCAL[:-1]}, team: assist}}]\n"
    text = f"{targets}alerts: {{receivers: [{AM}], routes: [{{when: {when}, to: [am]}}, {{to: [am]}}]}}"
    found = [one for one in loaded(text, ENVIRON).warnings if "alerts.routes" in one]
    assert [said is not None and said in one for one in found] == [True] * (said is not None), found


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("", "prometheus"),
        (f"alerts: {{receivers: [{AM}]}}", "agent"),
        (f"alerts: {{engine: prometheus, receivers: [{AM}]}}", "prometheus"),
    ],
)
def test_the_agent_pages_where_there_is_somebody_to_tell(text: str, engine: str) -> None:
    assert loaded(L + text, ENVIRON).config.engine == engine


def test_a_ca_is_found_beside_the_file() -> None:
    text = f"alerts: {{receivers: [{AM[:-1]}, ca: setup.pem}}]}}"
    assert loaded(L + text, no_secrets=True).config.receivers[0].ca == str(Path("setup.pem").absolute())


def test_rules_made_elsewhere_fit_whoever_is_told() -> None:
    """Receivers are of the place: they are not in the hash of the plan."""
    assert loaded(L).config.hash == loaded(L + f"alerts: {{receivers: [{AM}]}}").config.hash
