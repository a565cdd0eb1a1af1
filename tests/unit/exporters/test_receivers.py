"""Every kind of receiver over real sockets: what it is sent, and what becomes of what it answers."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from exporters import posting, slack, teams
from exporters.base import DeliveryError, Notifier
from exporters.memory import MemoryNotifier
from exporters.receivers import KINDS
from exporters.signals import Acknowledged, Notice
from support.certificates import Authority
from support.llm import free_port
from support.notices import FIRED_NS, SECRETS, Receiver, a_notice, ended, options, receiver

TAKEN = {
    "alertmanager": (200, ""),
    "pagerduty": (202, '{"status": "success", "message": "Event processed", "dedup_key": "k"}'),
    "slack": (200, "ok"),
    "teams": (202, ""),
    "jsm": (202, '{"result": "Request will be processed", "took": 0.1, "requestId": "r"}'),
    "webhook": (204, ""),
}
HTTP = sorted(TAKEN)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def opened(kind: str, url: str, **more: Any) -> Notifier:
    """Return a notifier of a kind that tells a server of ours, its secrets by reference."""
    base: dict[str, dict[str, Any]] = {
        "alertmanager": {"urls": (url,)},
        "pagerduty": {"url": f"{url}/v2/enqueue", "routing_key": "${KEY}"},
        "slack": {"url": f"{url}/services/${{TOKEN}}"},
        "teams": {"url": f"{url}/workflows/${{TOKEN}}"},
        "jsm": {"url": f"{url}/v2/alerts", "api_key": "${KEY}"},
        "webhook": {"url": f"{url}/hook", "secret": "${KEY}"},
    }
    return KINDS[kind].opened(options(**{**base[kind], **more}))


def tell(notifier: Notifier, *notices: Notice) -> str:
    return asyncio.run(notifier.tell(notices))


def refusal(notifier: Notifier, *notices: Notice) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        tell(notifier, *notices)
    for secret in SECRETS.values():
        assert secret not in str(raised.value)
    return raised.value


# -- what each is sent


def test_alertmanager_gets_labels_a_start_and_an_end_in_the_future(server: Receiver) -> None:
    """It ends an alert at `endsAt`: four refreshes ahead, as Prometheus does it."""
    server.answer(*TAKEN["alertmanager"])
    assert tell(opened("alertmanager", server.url), a_notice()) == "1 of 1 replicas took it"
    (asked,) = server.asked
    assert asked.path == "/api/v2/alerts"
    (alert,) = asked.json
    assert alert["labels"] == {
        "alertname": "ServiceDown",
        "severity": "page",
        "subject": "chat",
        "service": "chat",
        "team": "assist",
    }
    assert alert["annotations"]["summary"] == a_notice().summary
    assert alert["annotations"]["runbook_url"] == "https://runbooks.example/llm/chat"
    assert (alert["startsAt"], alert["endsAt"]) == (
        "2027-01-15T07:59:40.000000000Z",
        "2027-01-15T08:04:01.000000000Z",
    )
    assert alert["generatorURL"] == "http://127.0.0.1:9464/"


def test_alertmanager_is_told_the_end_under_the_same_labels(server: Receiver) -> None:
    server.answer(*TAKEN["alertmanager"])
    notifier = opened("alertmanager", server.url)
    tell(notifier, a_notice())
    tell(notifier, ended(a_notice()))
    first, second = (asked.json[0] for asked in server.asked)
    assert first["labels"] == second["labels"]
    assert second["endsAt"] == "2027-01-15T08:05:00.000000000Z"


def test_a_ticket_that_rose_to_a_page_ends_as_a_ticket(server: Receiver) -> None:
    """Its severity is a label, so Alertmanager takes the page for another alert."""
    server.answer(*TAKEN["alertmanager"])
    tell(opened("alertmanager", server.url), a_notice(seq=2))
    page, ticket = server.asked[0].json
    assert (page["labels"]["severity"], ticket["labels"]["severity"]) == ("page", "ticket")
    assert ticket["endsAt"] < page["endsAt"]


def test_every_replica_is_told_and_one_that_takes_it_is_enough(server: Receiver) -> None:
    """What another missed comes with the next refresh; the answer says which missed it."""
    server.answer(*TAKEN["alertmanager"])
    with receiver() as other:
        notifier = opened("alertmanager", "", urls=(server.url, other.url))
        other.answer(200, "")
        assert tell(notifier, a_notice()) == "2 of 2 replicas took it"
        other.answer(500, "no")
        assert tell(notifier, a_notice()).startswith("1 of 2 replicas took it; pager answered HTTP 500")
        server.answer(400, "bad label")
        assert not refusal(notifier, a_notice()).permanent
        other.answer(400, "bad label")
        assert refusal(notifier, a_notice()).permanent


def test_pagerduty_triggers_and_resolves_under_one_key(server: Receiver) -> None:
    server.answer(*TAKEN["pagerduty"])
    notifier = opened("pagerduty", server.url)
    assert tell(notifier, a_notice()) == "HTTP 202: Event processed"
    tell(notifier, ended(a_notice()))
    first, second, ticket = (asked.json for asked in server.asked)
    assert first["routing_key"] == SECRETS["KEY"]
    assert (first["event_action"], second["event_action"]) == ("trigger", "resolve")
    assert first["dedup_key"] == second["dedup_key"] == f"{a_notice().key}/page"
    assert (ticket["event_action"], ticket["dedup_key"]) == ("resolve", a_notice().key)
    assert first["payload"]["severity"] == "critical"
    assert first["payload"]["summary"].startswith("[PAGE] Service chat has been down")
    assert first["payload"]["custom_details"]["fault"] == "this cloud azure"
    assert {link["text"] for link in first["links"]} == {"Runbook", "Status page"}


@pytest.mark.parametrize(
    ("marks", "head", "summary"),
    [
        ({"drill": True}, "[DRILL PAGE] Service", "DRILL: Service"),
        ({"drill": True, "trial": True}, "[TRIAL PAGE] Service", "TRIAL: Service"),
        ({"simulated": True}, "[SIMULATED PAGE] Service", "Service"),
    ],
)
def test_what_is_not_real_says_so_in_its_first_word(
    server: Receiver, marks: dict[str, bool], head: str, summary: str
) -> None:
    server.answer(*TAKEN["slack"])
    tell(opened("slack", server.url), a_notice(**marks))
    assert server.asked[0].json["text"].startswith(head)
    server.answer(*TAKEN["alertmanager"])
    tell(opened("alertmanager", server.url), a_notice(**marks))
    assert server.asked[1].json[0]["annotations"]["summary"].startswith(summary)


IN_HANDS = Acknowledged(by="ada", reason="rolling back", at_ns=FIRED_NS + 60_000_000_000)


TICKET = a_notice(severity="ticket")
ROSE = a_notice(seq=2)


def at_pagerduty(server: Receiver) -> list[tuple[str, str]]:
    return [
        (asked.json["event_action"], asked.json["dedup_key"].removeprefix(TICKET.key))
        for asked in server.asked
    ]


def at_jsm(server: Receiver) -> list[tuple[str, str]]:
    """Return what was asked of which alert; an alert is created by a path without its alias."""
    found = []
    for asked in server.asked:
        alias, _, what = asked.path.removeprefix("/v2/alerts").removeprefix("/").rpartition("/")
        known = unquote(alias) or asked.json["alias"]
        found.append((what.removesuffix("?identifierType=alias"), known.removeprefix(TICKET.key)))
    return found


def test_a_ticket_that_rises_pages_at_pagerduty_under_a_key_of_its_own(server: Receiver) -> None:
    """A trigger of a key that is open already pages nobody; each repetition names the same keys."""
    server.answer(*TAKEN["pagerduty"])
    for notice in (TICKET, ROSE, ROSE, ended(ROSE)):
        tell(opened("pagerduty", server.url), notice)
    rise = [("trigger", "/page"), ("resolve", "")]
    assert at_pagerduty(server) == [("trigger", ""), *rise, *rise, ("resolve", "/page"), ("resolve", "")]
    assert server.asked[1].json["payload"]["severity"] == "critical"


def test_a_ticket_that_rises_is_an_alert_of_its_own_at_jira(server: Receiver) -> None:
    """Creating an alias that is open already only counts it up."""
    server.answer(*TAKEN["jsm"])
    for notice in (TICKET, ROSE, ROSE, ended(ROSE)):
        tell(opened("jsm", server.url), notice)
    rise = [("", "/page"), ("close", "")]
    assert at_jsm(server) == [("", ""), *rise, *rise, ("close", "/page"), ("close", "")]
    assert server.asked[1].json["priority"] == "P1"


def test_a_ticket_that_ends_as_one_has_its_own_key_alone(server: Receiver) -> None:
    server.answer(*TAKEN["pagerduty"])
    for notice in (TICKET, ended(TICKET)):
        tell(opened("pagerduty", server.url), notice)
    assert at_pagerduty(server) == [("trigger", ""), ("resolve", "")]


def test_a_page_was_taken_though_the_ticket_that_it_was_cannot_be_closed() -> None:
    """What may be closed later is tried again, and what is refused is told of in the answer."""

    async def close(*, permanent: bool) -> str:
        raise DeliveryError("HTTP 404", permanent=permanent)

    said = asyncio.run(posting.closing("taken", close(permanent=True)))
    assert said == "taken; the ticket that it was stays open: HTTP 404"
    with pytest.raises(DeliveryError):
        asyncio.run(posting.closing("taken", close(permanent=False)))


def test_what_is_in_hands_is_acknowledged_at_pagerduty_until_it_is_over(server: Receiver) -> None:
    server.answer(*TAKEN["pagerduty"])
    notifier = opened("pagerduty", server.url)
    taken = a_notice(seq=2, severity="ticket", acknowledged=IN_HANDS)
    for notice in (taken, a_notice(seq=3, severity="ticket"), ended(taken)):
        tell(notifier, notice)
    first, second, last = (asked.json for asked in server.asked)
    assert first == {
        "routing_key": SECRETS["KEY"],
        "event_action": "acknowledge",
        "dedup_key": a_notice().key,
    }
    assert (second["event_action"], last["event_action"]) == ("trigger", "resolve")


def test_a_page_in_hands_is_acknowledged_under_its_own_key(server: Receiver) -> None:
    server.answer(*TAKEN["pagerduty"])
    tell(opened("pagerduty", server.url), a_notice(seq=2, acknowledged=IN_HANDS))
    assert at_pagerduty(server) == [("acknowledge", "/page"), ("resolve", "")]


def test_what_is_in_hands_is_acknowledged_at_jira_by_its_alias(server: Receiver) -> None:
    server.answer(*TAKEN["jsm"])
    tell(opened("jsm", server.url), a_notice(seq=2, acknowledged=IN_HANDS))
    asked, _ = server.asked
    assert asked.path.endswith(
        f"/v2/alerts/service-down%2Fchat%40{FIRED_NS}%2Fpage/acknowledge?identifierType=alias"
    )
    assert asked.json["note"].endswith("by ada at 2027-01-15T08:01:00Z: rolling back")


def test_alertmanager_is_refreshed_with_who_has_it_in_hands(server: Receiver) -> None:
    """Its labels stay, and so does the alert: it is not silenced."""
    server.answer(*TAKEN["alertmanager"])
    notifier = opened("alertmanager", server.url)
    tell(notifier, a_notice(seq=1))
    tell(notifier, a_notice(seq=1, acknowledged=IN_HANDS))
    first, second = (asked.json[0] for asked in server.asked)
    assert first["labels"] == second["labels"]
    assert "acknowledged" not in first["annotations"]
    assert second["annotations"]["acknowledged"] == "by ada at 2027-01-15T08:01:00Z: rolling back"


def test_everybody_else_reads_in_the_first_line_that_it_is_in_hands(server: Receiver) -> None:
    server.answer(*TAKEN["slack"])
    notice = a_notice(seq=2, acknowledged=IN_HANDS)
    tell(opened("slack", server.url), notice)
    assert server.asked[0].json["text"].startswith("[PAGE ACKNOWLEDGED] Service chat has been down")
    tell(opened("slack", server.url), ended(notice))
    assert server.asked[1].json["text"].startswith("[RESOLVED] ")


def test_why_nobody_was_reached_is_said_without_the_address() -> None:
    """The URL may be the secret."""
    for host, why in ((f"127.0.0.1:{free_port()}", "Connection refused"), ("[::1", "cannot be called")):
        said = str(refusal(opened("slack", f"http://{host}/T000/secret"), a_notice()))
        assert why in said
        assert "secret" not in said


def test_a_ticket_is_a_warning_to_pagerduty(server: Receiver) -> None:
    server.answer(*TAKEN["pagerduty"])
    tell(opened("pagerduty", server.url), a_notice(severity="ticket", key="k" * 300))
    event = server.asked[0].json
    assert event["payload"]["severity"] == "warning"
    assert len(event["dedup_key"]) <= 255


def test_slack_gets_blocks_in_which_nothing_calls_a_channel(server: Receiver) -> None:
    """What an endpoint said may hold anything."""
    server.answer(*TAKEN["slack"])
    assert tell(opened("slack", server.url), a_notice(detail="<!channel> said\nso")) == "HTTP 200: ok"
    (asked,) = server.asked
    assert asked.path == f"/services/{SECRETS['TOKEN']}"
    assert asked.json["blocks"][0]["type"] == "header"
    assert "&lt;!channel&gt; said so" in asked.body.decode()
    assert "<!channel>" not in asked.body.decode()


def test_a_message_of_one_alert_says_its_head_once() -> None:
    """Unless it is longer than a title of Slack may be."""
    short, long = (
        a_notice(summary="Service chat is down"),
        a_notice(summary="Service chat is down " + "x" * 150),
    )
    for message in (slack.message([short])["blocks"], teams.message([short])):
        assert json.dumps(message).count("[PAGE] Service chat is down") == 1
    _, said, *_ = slack.message([long])["blocks"]
    assert said["text"]["text"].startswith(f"*[PAGE] {long.summary}*")
    assert json.dumps(slack.message([short, long])["blocks"]).count("[PAGE] Service chat is down") == 3


def test_many_notices_fit_into_one_message_of_slack_and_of_teams(server: Receiver) -> None:
    """Both have limits, and a message over them is refused whole."""
    many = [a_notice(key=f"k{number}", detail="x" * 1000) for number in range(100)]
    server.answer(*TAKEN["slack"])
    tell(opened("slack", server.url), *many)
    blocks = server.asked[0].json["blocks"]
    assert len(blocks) <= 50
    assert "and 84 more" in json.dumps(blocks[-1])
    server.answer(*TAKEN["teams"])
    tell(opened("teams", server.url), *many)
    assert len(server.asked[1].body) < 28_000
    assert "more" in server.asked[1].body.decode()


def test_teams_gets_an_adaptive_card_of_plain_runs(server: Receiver) -> None:
    """No Markdown: a bracket in what an endpoint said would be a link."""
    server.answer(*TAKEN["teams"])
    assert tell(opened("teams", server.url), a_notice(drill=True, trial=True)) == "HTTP 202"
    message = server.asked[0].json
    (attachment,) = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert {part["type"] for part in card["body"]} == {"RichTextBlock"}
    assert card["body"][0]["inlines"][0]["text"].startswith("[TRIAL PAGE]")
    assert [action["title"] for action in card["actions"]] == ["Runbook", "Status page"]


def test_a_card_of_one_notice_is_cut_value_by_value() -> None:
    huge = a_notice(facts={str(number): "y" * 5000 for number in range(20)})
    assert len(json.dumps(teams.message([huge]))) < 28_000


def test_jsm_creates_and_closes_by_alias(server: Receiver) -> None:
    server.answer(*TAKEN["jsm"])
    notifier = opened("jsm", server.url)
    assert tell(notifier, a_notice(summary="z" * 200)) == "HTTP 202: Request will be processed"
    tell(notifier, ended(a_notice()))
    created, closed, ticket = server.asked
    assert created.path == "/v2/alerts"
    assert created.headers["authorization"] == f"GenieKey {SECRETS['KEY']}"
    assert (created.json["alias"], created.json["priority"]) == (f"{a_notice().key}/page", "P1")
    assert len(created.json["message"]) <= 130
    assert closed.path == f"/v2/alerts/service-down%2Fchat%40{FIRED_NS}%2Fpage/close?identifierType=alias"
    assert ticket.path == f"/v2/alerts/service-down%2Fchat%40{FIRED_NS}/close?identifierType=alias"


def test_a_webhook_is_signed_over_its_timestamp_and_body(server: Receiver) -> None:
    """As docs/alerts.md tells the site to check it."""
    server.answer(*TAKEN["webhook"])
    tell(opened("webhook", server.url), a_notice())
    (asked,) = server.asked
    timestamp = asked.headers["x-nephoscope-timestamp"]
    wanted = hmac.new(SECRETS["KEY"].encode(), timestamp.encode() + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["x-nephoscope-signature"] == f"sha256={wanted}"
    assert timestamp == str(FIRED_NS // 10**9 + 1)
    assert (asked.json["key"], asked.json["seq"], asked.json["ended_at"]) == (a_notice().key, 1, None)


def test_a_repeated_webhook_has_the_same_idempotency_key_and_the_end_another(server: Receiver) -> None:
    server.answer(*TAKEN["webhook"])
    notifier = opened("webhook", server.url)
    tell(notifier, a_notice())
    tell(notifier, a_notice(), ended(a_notice()))
    first, second, third = (asked.headers["idempotency-key"] for asked in server.asked)
    assert first == second != third


# -- what becomes of answers


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (302, 400, 401, 404, 410)),
        *((status, False) for status in (408, 425, 429, 500, 502, 503)),
    ],
)
def test_a_refusal_is_permanent_where_trying_again_cannot_help(
    server: Receiver,
    kind: str,
    status: int,
    permanent: bool,  # noqa: FBT001 - a parameter of the table above
) -> None:
    server.answer(status, '{"message": "no"}', location="http://127.0.0.1:9/elsewhere")
    failure = refusal(opened(kind, server.url), a_notice())
    assert failure.permanent is permanent
    assert str(status) in str(failure)
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", HTTP)
def test_a_receiver_may_ask_to_be_left_alone(server: Receiver, kind: str) -> None:
    server.answer(429, "slow down", retry_after="120")
    assert refusal(opened(kind, server.url), a_notice()).retry_after_s == 120.0


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("status", [200, 503])
def test_html_is_somebody_else_and_may_be_over_later(server: Receiver, kind: str, status: int) -> None:
    """A login page says 200, and nobody was told."""
    server.answer(status, "<html><title>Sign in</title></html>")
    failure = refusal(opened(kind, server.url), a_notice())
    assert not failure.permanent
    assert "<html>" not in str(failure)


@pytest.mark.parametrize("kind", ["pagerduty", "slack", "jsm"])
@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"status": "fine"}'])
def test_what_does_not_speak_the_vendors_words_took_nothing(server: Receiver, kind: str, body: str) -> None:
    server.answer(200, body)
    assert not refusal(opened(kind, server.url), a_notice()).permanent


@pytest.mark.parametrize("kind", HTTP)
def test_a_receiver_that_hangs_is_given_up(
    server: Receiver, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.2)
    server.hangs = True
    failure = refusal(opened(kind, server.url), a_notice())
    assert not failure.permanent
    assert "took too long" in str(failure)


@pytest.mark.parametrize("kind", HTTP)
def test_a_receiver_that_is_not_there_may_be_there_later(kind: str) -> None:
    with receiver() as gone:
        url = gone.url
    assert not refusal(opened(kind, url), a_notice()).permanent


def test_a_receiver_that_repeats_our_secret_does_not_bring_it_into_a_message(server: Receiver) -> None:
    server.answer(400, json.dumps({"errors": [f"bad routing key {SECRETS['KEY']}"]}))
    assert "bad routing key ***" in str(refusal(opened("pagerduty", server.url), a_notice()))


def test_an_answer_is_told_as_one_short_line(server: Receiver) -> None:
    server.answer(400, "a\r\nb\x1b[31m" + "c" * 100_000)
    said = str(refusal(opened("webhook", server.url), a_notice()))
    assert said.isprintable()
    assert len(said) < 300


def test_a_url_that_cannot_be_called_is_permanent_and_not_quoted() -> None:
    failure = refusal(opened("webhook", "ftp://${TOKEN}"), a_notice())
    assert failure.permanent


def test_tls_is_checked_against_whom_the_receiver_trusts(tmp_path: Path) -> None:
    """A site's own authority is named by `ca`."""
    authority = Authority(tmp_path)
    with receiver(authority.server()) as server:
        server.answer(*TAKEN["webhook"])
        url = f"https://127.0.0.1:{server.port}"
        assert "`ca`" in str(refusal(opened("webhook", url), a_notice()))
        tell(opened("webhook", url, ca=authority.ca), a_notice())
        assert len(server.asked) == 1


def test_each_kind_says_whether_it_gathers_and_wants_refreshing() -> None:
    """Only Alertmanager forgets what it does not hear again."""
    found = {kind: opened(kind, "http://127.0.0.1:9") for kind in HTTP}
    assert {kind for kind, one in found.items() if one.gathers} == {"alertmanager", "slack", "teams"}
    assert {kind for kind, one in found.items() if one.refresh_s} == {"alertmanager"}


def test_the_notifier_of_tests_remembers_and_fails_as_it_is_told() -> None:
    notifier = MemoryNotifier()
    tell(notifier, a_notice())
    notifier.failure = DeliveryError("no", permanent=True)
    assert refusal(notifier, a_notice()).permanent
    assert (len(notifier.told), notifier.tried) == (1, 2)
