"""What an alert says, and to whom it is routed: numbers beside the usual, ids, labels, what ends soon, what speaks for what."""

import dataclasses
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.config.model import ProbePlan
from agent.slo.alerts import NAMES, Alert, Finding
from agent.slo.burning import Window
from agent.slo.quiet import Quiet
from agent.slo.spent import Counted, single
from agent.slo.windows import counted
from agent.telling import notices
from agent.telling.alert_rows import revived
from agent.telling.notices import notice
from exporters.told import facts
from probes.base import SigningError
from probes.result import Fault, Outcome
from probes.target import Path, Workload
from storage.readings import SliCounts
from support.alerting import Told, estate, work
from support.secrets import token
from support.told import SECOND_NS, START_NS

DAY_NS = 86_400 * SECOND_NS


def burning(told: Told, target: str, objective: int = 0, bad: int = 9, came: float = 1.0) -> Counted:
    """Return an objective of the plan of which in every window so many events were bad; `came` is the share of due ones."""
    one = told.config.objectives[objective]
    windows = {
        name: Window(
            counts=SliCounts(good=round(length_s / 30 * came) - bad, bad=bad), expected=round(length_s / 30)
        )
        for name, length_s in counted(one.window_s).items()
    }
    return Counted(objective=one, target=target, probe="chat", every_s=30.0, windows=windows)


def well(told: Told, slots: range, *targets: str, **fields: Any) -> None:
    for slot in slots:
        for target in targets:
            told.settle(slot, target, connect_s=0.012, ttft_s=0.42, **fields)


def test_a_target_that_is_down_says_how_many_failed_in_what_and_what_is_usual_there() -> None:
    told = Told(estate("aws", "azure"))
    well(told, range(4), "aws", "azure")
    for slot in range(4, 8):
        told.settle(slot, "aws", Outcome.CONNECT_TIMEOUT, id=uuid.UUID(int=slot))
    well(told, range(4, 8), "azure")
    told.look(240)
    (ticket,) = told.notices
    assert ticket.summary == (
        "Target aws has been down since 2027-01-15 08:02:00 UTC: "
        "all of the last 4 probes, confirmations too, failed in connect (timed out, usually 12 ms)"
    )
    assert ticket.detail == (
        "fault: target aws; aws has no other target; service nano has 1 of 2 clouds well and needs 1; healthy: azure"
    )
    assert ticket.facts["trace_id"] == uuid.UUID(int=7).hex
    assert ticket.facts["outcome"] == "connect_timeout"
    assert ticket.page == "http://127.0.0.1:9464/"


def both_probes(*targets: str) -> Told:
    """Return an estate in which each target is asked by two probes that serve the service."""
    config = estate(*targets)
    names = tuple(target.name for target in config.targets)
    (nano,) = config.services
    members = tuple(
        dataclasses.replace(one, probe=probe) for one in nano.members for probe in ("chat", "long")
    )
    probes = (*config.probes, ProbePlan(workload=Workload(name="long"), targets=names))
    services = (dataclasses.replace(nano, members=members),)
    return Told(dataclasses.replace(config, probes=probes, services=services))


def test_of_several_probes_of_a_target_a_ticket_names_the_one_that_fails_and_those_that_do_not() -> None:
    told = both_probes("aws", "azure")
    for target in ("aws", "azure"):
        told.settle(0, target)
        told.settle(0, target, probe="long")
    told.settle(1, "aws", Outcome.OVERLOADED, http_status=503)
    told.look(41)
    (ticket,) = told.notices
    assert ticket.summary.endswith(
        ": the last run of probe chat, confirmations too, failed in the answer (HTTP 503)"
    )
    assert (
        "service nano has 2 of 2 clouds well and needs 1, aws is still well by probe long; " in ticket.detail
    )


def test_a_service_names_each_target_once_however_many_probes_ask_it() -> None:
    told = both_probes("aws", "azure")
    told.settle(0, "aws", probe="long")
    for target, probe in (("azure", "chat"), ("azure", "long"), ("aws", "chat")):
        told.settle(0, target, Outcome.OVERLOADED, probe=probe)
    told.config = dataclasses.replace(
        told.config, services=(dataclasses.replace(told.config.services[0], at_least=2),)
    )
    told.look(11)
    page = told.notices[-1]
    assert page.facts["failing"] == "aws, azure"
    assert page.detail.endswith("; healthy: none")


def test_the_end_of_a_burn_does_not_say_that_a_service_is_well() -> None:
    """It may be down all the while: only its outage knows that."""
    burn = Finding(key="k", name="ServiceBudgetBurn", severity="page", subject="nano", since_ns=0)
    over = Alert(finding=burn, fired_ns=SECOND_NS, quiet_ns=90 * SECOND_NS, ended_ns=690 * SECOND_NS)
    assert notice(over, 2).summary == "Service nano keeps to its error budget again after 1m30s"


def test_what_was_well_before_an_outage_or_excluded_in_it_is_not_counted() -> None:
    told = Told(estate("aws", "azure", at_least=2))
    well(told, range(10), "aws", "azure")
    for slot in range(10, 13):
        told.settle(slot, "aws", Outcome.STALLED)
    told.settle(13, "aws", Outcome.THROTTLED)
    told.settle(14, "aws", Outcome.STALLED, maintained=True)
    well(told, range(10, 15), "azure")
    told.look(440)
    assert "all of the last 3 probes, confirmations too, failed in the stream (stalled)" in next(
        one.summary for one in told.notices if one.name == "TargetDown"
    )
    assert "; all of the last 3 probes failed in the stream (stalled); " in next(
        one.detail for one in told.notices if one.name == "ServiceDown"
    )


def test_there_are_words_for_every_alert_and_no_others() -> None:
    assert set(notices._WHAT) == set(NAMES)


def test_our_own_network_counts_what_failed_since_it_was_cut() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(8):
        told.settle(slot, "aws", Outcome.OVERLOADED, http_status=503)
        told.settle(slot, "azure")
    for target in ("aws", "azure"):
        told.settle(8, target, Outcome.CONNECT_REFUSED, fault=Fault.OURS)
    told.beat(251, tls="down")
    told.look(251)
    (page,) = told.notices
    assert page.name == "NetworkDown"
    assert page.summary.endswith(": all of the last 2 probes failed in connect (refused)")


def test_a_service_that_is_down_counts_the_failures_of_all_its_members_and_names_the_vendors_id() -> None:
    told = Told(estate("aws", "azure"))
    well(told, range(2), "aws", "azure")
    for target in ("aws", "azure"):
        told.settle(2, target, Outcome.OVERLOADED, http_status=503, provider_request_id=f"req-{target}")
        told.settle(3, target, Outcome.STALLED if target == "aws" else Outcome.OVERLOADED, http_status=503)
    told.look(101)
    page = told.notices[-1]
    assert page.name == "ServiceDown"
    assert "; all of the last 4 probes failed, 3 of them in the answer (HTTP 503); " in page.detail
    assert page.detail.endswith("healthy: none")
    told = Told(estate("aws"))
    told.settle(0, "aws", Outcome.OVERLOADED, http_status=503, provider_request_id="req-1")
    told.look(11)
    assert told.notices[0].facts["request_id"] == "req-1"


def test_tickets_of_targets_carry_their_labels_for_the_routes() -> None:
    config = estate("aws", "azure")
    named = tuple(
        dataclasses.replace(
            target,
            team="assist",
            region=f"{target.name}-1",
            model_class="fast",
            labels={"env": "prod", "probe": "mine"},
        )
        for target in config.targets
    )
    told = Told(dataclasses.replace(config, targets=named))
    for target in ("aws", "azure"):
        told.settle(0, target, Outcome.SERVER_ERROR)
    told.look(11)
    ticket, _, page = told.notices
    assert ticket.labels == {
        "env": "prod",
        "team": "assist",
        "class": "fast",
        "cloud": "aws",
        "region": "aws-1",
        "model": "nano",
        "target": "aws",
        "probe": "chat",
        "severity": "ticket",
    }
    assert page.labels == {
        "service": "nano",
        "env": "prod",
        "probe": "mine",
        "team": "assist",
        "class": "fast",
        "model": "nano",
        "severity": "page",
    }


def test_a_service_keeps_its_labels_while_a_member_is_in_maintenance() -> None:
    """Of another team, whose absence makes the outage no matter of the first team alone."""
    config = estate("aws", "azure", "gcp", at_least=2)
    teams = {"aws": "assist", "azure": "assist", "gcp": "search"}
    owned = tuple(dataclasses.replace(target, team=teams[target.name]) for target in config.targets)
    told = Told(dataclasses.replace(config, targets=owned))
    for slot in (0, 1):
        well(told, range(slot, slot + 1), "gcp")
        for target in ("aws", "azure"):
            told.settle(slot, target, Outcome.SERVER_ERROR)
        told.look(slot * 30 + 11)
        (page,) = (one for one in told.notices if one.name == "ServiceDown")
        assert page.labels == {"service": "nano", "model": "nano", "severity": "page"}
        told.quiet = Quiet((), [work("gcp", 20, 3600)])


def test_a_ticket_about_an_agent_that_lacks_slots_keeps_its_labels_whichever_targets_lack_them() -> None:
    config = estate("aws", "azure", "gcp")
    teams = {"aws": "assist", "azure": "assist", "gcp": "search"}
    owned = tuple(dataclasses.replace(target, team=teams[target.name]) for target in config.targets)
    told = Told(dataclasses.replace(config, targets=owned))
    for lacking in ({"aws", "azure"}, {"aws", "azure", "gcp"}):
        parts = [burning(told, name, bad=0, came=0.5 if name in lacking else 1.0) for name in teams]
        told.alerting.counted(told.config, {}, told.now_ns, [single(part) for part in parts])
        told.look(11)
        (ticket,) = told.notices
        assert ticket.facts["targets"] == ", ".join(sorted(lacking))
        assert ticket.labels == {"severity": "ticket"}


@pytest.mark.parametrize(
    ("outcome", "name"), [(Outcome.CONFIG, "CredentialsRefused"), (Outcome.QUOTA, "QuotaSpent")]
)
def test_a_refused_identity_carries_what_all_targets_asked_with_it_share(outcome: Outcome, name: str) -> None:
    """By whichever of them it is found: labels name an alert for ever, and a team is told by them."""
    config = estate("one", "two", "other")
    teams = {"one": ("assist", "eu"), "two": ("assist", "us"), "other": ("search", "eu")}
    keyed = tuple(
        dataclasses.replace(
            target,
            cloud="aws",
            team=teams[target.name][0],
            region=teams[target.name][1],
            credentials={"api_key": f"${{{teams[target.name][0].upper()}}}"},
        )
        for target in config.targets
    )
    told = Told(dataclasses.replace(config, targets=keyed))
    well(told, range(1), "one", "two", "other")
    for slot in (1, 2, 3):
        told.settle(slot, "one", outcome)
        well(told, range(slot, slot + 1), "two", "other")
    told.look(91)
    (ticket,) = told.notices
    assert ticket.name == name
    assert ticket.labels == {"team": "assist", "cloud": "aws", "model": "nano", "severity": "ticket"}


def test_a_burn_says_how_fast_how_long_it_lasts_and_how_slow_answers_are() -> None:
    told = Told(estate("aws", "azure"))
    well(told, range(31), "aws", "azure")
    for slot in range(31, 41):
        told.settle(slot, "aws", ttft_s=4.2)
    told.alerting.counted(told.config, {}, told.now_ns, [single(burning(told, "aws", objective=1, bad=100))])
    assert told.look(1300) == [("BudgetBurn", "ticket", "aws-chat-quick")]
    (ticket,) = told.notices
    assert ticket.summary == (
        "Objective aws-chat-quick spends its error budget more than 13.4 times as fast as its objective allows "
        "(window 1h/5m)"
    )
    assert ticket.detail.startswith(
        "fault: undetermined; it goes 83.3 times as fast: 100 of 120 were bad in 1h; first token now 4.20 s, usually 420 ms; "
    )
    assert "87 % of the budget of 28d is left, for " in ticket.detail


def test_a_target_that_is_down_speaks_for_its_burn_and_a_page_for_those_of_its_members() -> None:
    told = Told(estate("aws", "azure"))
    told.settle(0, "azure")
    told.settle(0, "aws", Outcome.SERVER_ERROR)
    parts = [single(burning(told, target)) for target in ("aws", "azure")]
    told.alerting.counted(told.config, {}, told.now_ns, parts)
    assert told.look(11) == [
        ("TargetDown", "ticket", "aws"),
        ("BudgetBurn", "ticket", "azure-chat-available"),
    ]
    assert told.notices[0].facts["covers"] == "budget-burn/aws/chat/available"
    paged = Told(estate("aws", "azure"))
    for target in ("aws", "azure"):
        paged.settle(0, target)
    series = {(target, "chat"): burning(paged, target).windows for target in ("aws", "azure")}
    paged.alerting.counted(paged.config, series, paged.now_ns, parts)
    assert paged.look(11) == [("ServiceBudgetBurn", "page", "nano")]
    assert (
        "it goes 75 times as fast: 18 of 240 were bad in 1h; 88 % of the budget of 28d is left, for "
        in paged.notices[0].detail
    )


def test_the_end_of_an_outage_is_no_ticket_for_its_burn_before_the_next_evaluation() -> None:
    told = Told(estate("aws", "azure"))
    well(told, range(1), "aws", "azure")
    told.settle(1, "aws", Outcome.SERVER_ERROR)
    told.alerting.counted(told.config, {}, told.now_ns, [single(burning(told, "aws"))])
    assert told.look(41) == [("TargetDown", "ticket", "aws")]
    well(told, range(2, 3), "aws", "azure")
    assert told.look(62) == [("TargetDown", "ticket", "aws")]
    told.alerting.counted(told.config, {}, told.now_ns, [single(burning(told, "aws"))])
    assert told.look(71) == [("TargetDown", "ticket", "aws")], "the outage is over, and was told of"


def test_a_spent_budget_says_what_was_spent() -> None:
    told = Told(estate("aws"))
    told.settle(0, "aws")
    one = burning(told, "aws", bad=0)
    gone = Window(counts=SliCounts(good=80_000, bad=100), expected=80_640)
    spent = dataclasses.replace(one, windows={**one.windows, "28d": gone})
    told.alerting.counted(told.config, {}, 0, [single(spent)])
    assert told.look(1) == [("BudgetExhausted", "ticket", "aws-chat-available")]
    assert told.notices[0].summary.endswith(": 100 of 80,100 were bad in 28d")
    told.alerting.counted(told.config, {}, 0, [single(one)])
    told.look(2)
    (row,) = told.rows.alive("here")
    assert row.quiet_ns == told.now_ns


def test_a_certificate_that_ends_within_two_weeks_is_one_ticket_for_its_host() -> None:
    told = Told(estate("aws", "azure", "gcp"))
    for target, days in (("aws", 13), ("azure", 13), ("gcp", 15)):
        ends = datetime.fromtimestamp(START_NS / 1e9 + days * 86_400, UTC)
        host = "gcp.example" if target == "gcp" else "gateway.example"
        told.settle(0, target, tls_expires_at=ends, server_address=host)
    assert told.look(1) == [("CertificateExpires", "ticket", "gateway.example")]
    (ticket,) = told.notices
    assert ticket.summary == "The certificate of gateway.example expires at 2027-01-28 08:00:00 UTC"
    assert "it ends in 12 d 23 h; targets: aws, azure" in ticket.detail
    renewed = datetime.fromtimestamp(START_NS / 1e9 + 90 * 86_400, UTC)
    for target in ("aws", "azure"):
        told.settle(1, target, tls_expires_at=renewed, server_address="gateway.example")
    told.look(31)
    assert [row.quiet_ns for row in told.rows.alive("here")] == [told.now_ns]


def test_a_certificate_is_no_matter_any_more_of_a_target_that_is_asked_elsewhere() -> None:
    """The new endpoint shows none, so nothing else would speak of another."""
    told = Told(estate("aws"))
    soon = datetime.fromtimestamp(START_NS / 1e9 + 86_400, UTC)
    told.settle(0, "aws", tls_expires_at=soon, server_address="gateway.example")
    moved = tuple(dataclasses.replace(one, endpoint="http://vllm.example") for one in told.config.targets)
    told.config = dataclasses.replace(told.config, targets=moved)
    told.standings.plan(told.config)
    told.settle(1, "aws")
    assert told.look(31) == []


def test_a_client_certificate_that_ends_soon_is_a_ticket_and_its_file_is_read_hourly() -> None:
    config = estate("aws", "azure")
    shown = tuple(dataclasses.replace(one, path=Path(cert="/tls/agent.pem")) for one in config.targets)
    read: list[str] = []
    ends = [START_NS // SECOND_NS + 7 * 86_400]

    def ends_of(file: str) -> int:
        read.append(file)
        return ends[0]

    told = Told(dataclasses.replace(config, targets=shown), certificate_ends=ends_of)
    assert told.look(1) == [("CredentialExpires", "ticket", "/tls/agent.pem")]
    assert told.notices[0].fault == "credentials /tls/agent.pem"
    assert "it ends in 6 d 23 h; targets: aws, azure" in told.notices[0].detail
    ends[0] += 90 * 86_400
    told.look(3599)
    assert read == ["/tls/agent.pem"]
    told.look(3601)
    assert [row.quiet_ns for row in told.rows.alive("here")] == [told.now_ns]


def test_a_token_that_says_when_it_ends_is_a_ticket_by_its_reference_until_it_is_renewed() -> None:
    """In the last tenth of an hour's life, for a token that is renewed in time never comes to that."""
    config = estate("aws", "azure", "gcp")
    keyed = {"aws": "${secret:llm/token}", "azure": "${secret:llm/token}", "gcp": "${KEY}"}
    named = tuple(
        dataclasses.replace(one, credentials={"api_key": keyed[one.name]}) for one in config.targets
    )
    born = START_NS // SECOND_NS
    held = {"${secret:llm/token}": token(iat=born, exp=born + 3600), "${KEY}": "sk-proj-0123456789"}

    def resolved(text: str) -> str:
        if held[text] == "gone":
            raise SigningError("there is no file for it")
        return held[text]

    told = Told(dataclasses.replace(config, targets=named), resolved=resolved)
    assert told.look(3239) == []
    assert told.look(3300) == [("CredentialExpires", "ticket", "credentials.api_key (${secret:llm/token})")]
    (ticket,) = told.notices
    assert ticket.summary == (
        "Identity credentials.api_key (${secret:llm/token}) expires at 2027-01-15 09:00:00 UTC"
    )
    assert "it ends in 5 min; targets: aws, azure" in ticket.detail
    assert held["${secret:llm/token}"] not in repr(ticket)
    for value in (token(iat=born + 3000, exp=born + 6600), "gone"):
        held["${secret:llm/token}"] = value
        told.look(3361)
        assert [row.quiet_ns for row in told.rows.alive("here")] == [told.now_ns]


def test_what_stands_behind_the_two_lines_is_said_once() -> None:
    told = Told(estate("aws", "azure"))
    told.settle(0, "aws", Outcome.OVERLOADED, http_status=503, provider_request_id="req-1")
    told.settle(0, "azure")
    told.look(11)
    names = [name for name, _ in facts(told.notices[0])]
    assert len(names) == len(set(names)), names
    assert {"since", "fault", "evidence", "counts", "impact", "trace_id", "request_id", "id"} <= set(names)


def test_a_part_that_ends_says_so_under_its_own_name() -> None:
    told = Told(estate("aws"))
    for slot in range(10):
        told.settle(slot, "aws", Outcome.THROTTLED)
    told.look(280)
    for slot in range(20, 30):
        told.beat(slot * 30)
        told.settle(slot, "aws")
    told.look(880)
    told.beat(1480)
    told.look(1481)
    (row,) = told.rows.lately("here", 0, 9)
    assert row.ended_ns == told.now_ns
    again = notice(revived(row), 2)
    assert again.summary == "The target aws is let through again after 14m40s"
