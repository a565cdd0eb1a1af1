"""What is told of what is not seen: absence, answers that say nothing, throttling, and an agent that is blind."""

import dataclasses

import pytest

from agent.config.model import ProbePlan
from agent.slo.alerts import HOLD_NS
from agent.slo.findings import Ways
from agent.slo.quiet import Quiet
from agent.telling.blind import Ourselves
from agent.telling.others import Heard, asks
from agent.telling.ours import own_findings
from agent.telling.sights import View
from agent.telling.standings import Standings
from agent.telling.verdict import verdicts
from probes.result import Fault, Outcome, SlotKey
from probes.target import Network, Path, Workload
from storage.readings import StandingRow
from storage.records import Skipped
from support.alerting import Told, estate, work
from support.told import EVERY_NS, SECOND_NS, START_NS


def go_on(told: Told, slots: range, **outcomes: Outcome) -> None:
    """Let the asker beat and bring a result of each target named in each of the slots."""
    for slot in slots:
        told.beat(slot * 30)
        for target, outcome in outcomes.items():
            told.settle(slot, target, outcome, confirmed=False)


def test_a_probe_that_brings_nothing_while_others_do_is_a_ticket() -> None:
    told = Told(estate("aws", "azure"))
    go_on(told, range(2), aws=Outcome.OK, azure=Outcome.OK)
    go_on(told, range(2, 30), azure=Outcome.OK)
    assert told.look(370) == [], "five minutes, and the time that a result may take"
    assert told.look(376) == [("NoResults", "ticket", "aws")]
    (ticket,) = told.notices
    assert ticket.since_ns == START_NS + 30 * SECOND_NS
    assert ticket.summary.startswith("Target aws has brought no results since 2027-01-15 08:00:30 UTC")
    assert "fault: agent here; the agent is alive and asks, and this probe brings nothing" in ticket.detail
    go_on(told, range(30, 31), aws=Outcome.OK, azure=Outcome.OK)
    told.look(900)
    go_on(told, range(31, 51), aws=Outcome.OK, azure=Outcome.OK)
    assert told.look(900 + HOLD_NS / SECOND_NS) == []


def test_a_target_that_never_brought_anything_is_told_of_too() -> None:
    told = Told(estate("aws", "azure"))
    go_on(told, range(14), azure=Outcome.OK)
    assert told.look(390) == [("NoResults", "ticket", "aws")]


def test_slots_that_are_skipped_are_no_results_and_say_why_unless_the_budget_wants_it_so() -> None:
    for reason, alerts in (("in_flight", [("NoResults", "ticket", "aws")]), ("budget", [])):
        told = Told(estate("aws", "azure"))
        go_on(told, range(14), azure=Outcome.OK)
        told.standings.skip(
            Skipped(slot=SlotKey("aws", "chat", "here", START_NS + 13 * EVERY_NS), reason=reason)
        )
        assert told.look(391) == alerts
        if alerts:
            assert "its slots are skipped: in_flight" in told.notices[0].detail


def test_a_probe_of_ten_minutes_is_waited_for_as_long_as_three_of_them() -> None:
    config = estate("aws", "azure")
    slow = ProbePlan(workload=Workload(name="slow", every_s=600.0), targets=("aws",))
    told = Told(dataclasses.replace(config, probes=(*config.probes, slow)))
    go_on(told, range(61), aws=Outcome.OK, azure=Outcome.OK)
    assert told.look(1810) == []
    go_on(told, range(61, 63), aws=Outcome.OK, azure=Outcome.OK)
    assert told.look(1860) == [("NoResults", "ticket", "aws")]
    assert told.notices[0].labels["probe"] == "slow"


def test_nothing_at_all_is_one_alert_about_us_and_none_about_the_targets() -> None:
    told = Told(estate("aws", "azure", "gcp"))
    go_on(told, range(2), aws=Outcome.OK, azure=Outcome.OK, gcp=Outcome.OK)
    go_on(told, range(2, 14))
    assert told.look(391) == [("AgentBlind", "page", "here")]
    assert "the agent is alive and asks, and no probe brings a result" in told.notices[0].detail


@pytest.mark.parametrize(("warm_up_s", "severity"), [(0.0, "page"), (3600.0, "ticket")])
def test_a_silent_asker_is_told_of_once_after_two_minutes(warm_up_s: float, severity: str) -> None:
    told = Told(estate("aws", "azure", warm_up_s=warm_up_s))
    go_on(told, range(2), aws=Outcome.OK, azure=Outcome.OK)
    assert told.look(31) == []
    assert told.look(150) == []
    assert told.look(152) == [("AgentBlind", severity, "here")]
    (alert,) = told.notices
    assert alert.summary == "Our own agent (here) has been blind since 2027-01-15 08:00:31 UTC"
    assert "the asker gives no sign of life, or the journal is not read" in alert.detail
    assert told.look(3000) == [("AgentBlind", severity, "here")]


def test_a_journal_that_is_replayed_is_no_silence() -> None:
    """Its beats are old, and they move on."""
    told = Told(estate("aws"))
    for seconds in range(0, 600, 60):
        told.beat(seconds / 10)
        assert told.look(86_400 + seconds) == []


def test_a_silence_outlasts_a_restart_of_the_teller() -> None:
    told = Told(estate("aws"))
    go_on(told, range(3), aws=Outcome.OK)
    told.look(61)
    told.look(200)
    kept = Standings()
    kept.plan(told.config)
    kept.restore(told.standings.snapshot())
    again = Told(told.config, told.rows, kept)
    again.look(210)
    assert again.look(331) == [("AgentBlind", "page", "here")]


def test_a_clock_that_is_set_forward_is_no_silence() -> None:
    told = Told(estate("aws"))
    go_on(told, range(121), aws=Outcome.OK)
    assert told.look(3601) == []
    told.set_ns = 600 * SECOND_NS
    assert told.look(4202) == [], "the next beat is not read yet"
    told.beat(4203)
    assert told.look(4204) == []


def test_a_network_that_is_cut_after_the_clock_was_set_back_is_told_of() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(130):
        for target in ("aws", "azure"):
            told.settle(slot, target)
    told.beat(3900, tls="up")
    told.look(3901)
    told.set_ns = -3600 * SECOND_NS
    told.beat(301, tls="up")
    assert told.look(301) == []
    for slot in (11, 12):
        for target in ("aws", "azure"):
            told.settle(slot, target, Outcome.CONNECT_TIMEOUT, fault=Fault.OURS)
    told.beat(380, tls="down")
    assert told.look(380) == [("NetworkDown", "page", "internet")]


def test_what_is_throttled_after_the_clock_was_set_back_is_told_of() -> None:
    """What was seen by the clock of before is not taken for newer than what comes now."""
    told = Told(estate("aws", "azure"))
    go_on(told, range(100, 130), aws=Outcome.OK, azure=Outcome.OK)
    told.set_ns = -3600 * SECOND_NS
    go_on(told, range(10, 20), aws=Outcome.THROTTLED, azure=Outcome.OK)
    assert told.look(571) == [("Throttled", "ticket", "target aws")]
    assert "10 of the last 10 answers were throttled" in told.notices[0].detail


def test_an_asker_that_was_away_is_not_held_against_the_targets() -> None:
    told = Told(estate("aws", "azure"))
    go_on(told, range(3), aws=Outcome.OK, azure=Outcome.OK)
    go_on(told, range(100, 102), azure=Outcome.OK)
    assert told.look(3061) == []


def test_losses_on_our_own_way_that_confirmations_found_whole_again_are_a_blind_agent() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(10):
        told.beat(slot * 30, tls="up")
        told.settle(slot, "azure")
        outcome = Outcome.CONNECT_TIMEOUT if slot % 2 else Outcome.OK
        told.settle(slot, "aws", outcome, fault=Fault.OURS, confirmed=False)
    assert told.look(299) == [("AgentBlind", "page", "here")]
    assert "25% of the probes of the last 5 minutes failed on our own way out" in told.notices[0].detail
    assert told.notices[0].facts["reason"] == "egress"


def test_an_evaluation_that_fails_for_five_minutes_is_a_blind_agent_that_hides_nothing() -> None:
    """Budgets are judged by what was counted last; what targets bring is seen as ever."""
    told = Told(estate("aws", "azure"))
    for slot in range(12):
        told.beat(slot * 30, tls="up")
        told.settle(slot, "azure")
        told.settle(slot, "aws", Outcome.CONFIG)
    told.uncounted_ns = 300 * SECOND_NS
    assert ("AgentBlind", "page", "here") not in told.look(331)
    told.uncounted_ns += 1
    found = told.look(332)
    assert found == [("NothingValid", "ticket", "aws"), ("AgentBlind", "page", "here")]
    page = next(one for one in told.notices if one.name == "AgentBlind")
    assert page.facts["reason"] == "evaluation"
    assert "no evaluation of history succeeds" in page.detail
    told.uncounted_ns = 0
    told.look(333)
    assert next(one for one in told.notices if one.name == "AgentBlind").quiet_ns is not None


def test_however_many_answers_come_their_share_is_that_of_five_minutes() -> None:
    told = Told(estate(*(f"cloud-{number}" for number in range(200))))
    for slot in range(10):
        told.beat(slot * 30)
        for at, target in enumerate(told.config.targets):
            at_ns = START_NS + slot * EVERY_NS + at * SECOND_NS // 10
            for probe in range(6):
                outcome = Outcome.OK if (at + probe) % 3 else Outcome.AGENT_FAULT
                told.settle(slot, target.name, outcome, scheduled_ns=at_ns + probe, started_ns=at_ns + probe)
    assert told.look(299) == [("AgentBlind", "page", "here")], "12,000 answers in five minutes"


def test_deadlines_that_pass_while_our_delay_begins_are_no_targets_fault() -> None:
    told = Told(estate(*(f"cloud-{number}" for number in range(12))))
    for slot in range(12):
        told.beat(slot * 30)
        for at, target in enumerate(told.config.targets):
            slow = slot > 9
            outcome = Outcome.AGENT_FAULT if slow and at % 2 else Outcome.OK
            outcome = Outcome.FIRST_TOKEN_TIMEOUT if slow and at == 0 else outcome
            told.settle(slot, target.name, outcome)
    assert told.look(341) == [], "one in eleven of the last five minutes, and half of the last one"


def test_answers_that_our_own_delay_spoilt_hide_no_outage_that_servers_tell_of() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(12):
        for target in ("aws", "azure"):
            told.settle(slot, target, Outcome.OK if slot % 3 else Outcome.AGENT_FAULT)
        told.beat(slot * 30)
    assert told.look(360) == [("AgentBlind", "page", "here")]
    for slot in range(12, 18):
        for target in ("aws", "azure"):
            told.settle(slot, target, Outcome.SERVER_ERROR if slot % 3 else Outcome.AGENT_FAULT)
        told.beat(slot * 30)
    assert ("ServiceDown", "page", "nano") in told.look(540)


# -- answers that say nothing


def test_answers_that_say_nothing_for_five_minutes_are_a_ticket_with_their_reason() -> None:
    told = Told(estate("aws", "azure"))
    go_on(told, range(1), aws=Outcome.CONTENT_FILTER, azure=Outcome.OK)
    go_on(told, range(1, 10), aws=Outcome.CONTENT_FILTER, azure=Outcome.OK)
    assert told.look(290) == []
    go_on(told, range(10, 12), aws=Outcome.CONTENT_FILTER, azure=Outcome.OK)
    assert told.look(331) == [("NothingValid", "ticket", "aws")]
    assert "answers in a row say nothing of it: 11 content_filter" in told.notices[0].detail
    go_on(told, range(12, 13), aws=Outcome.OK, azure=Outcome.OK)
    told.look(361)
    (row,) = told.rows.alive("here")
    assert row.quiet_ns == told.now_ns


def test_a_wrong_configuration_that_never_worked_is_told_of() -> None:
    """`CredentialsRefused` asks for a time when it was accepted."""
    told = Told(estate("aws", "azure"))
    go_on(told, range(12), aws=Outcome.CONFIG, azure=Outcome.OK)
    assert told.look(331) == [("NothingValid", "ticket", "aws")]


def test_a_refused_identity_speaks_for_answers_that_say_nothing() -> None:
    told = Told(estate("aws", "azure"))
    go_on(told, range(1), aws=Outcome.OK, azure=Outcome.OK)
    go_on(told, range(1, 13), aws=Outcome.CONFIG, azure=Outcome.OK)
    assert told.look(361) == [("CredentialsRefused", "ticket", "aws")]
    assert told.notices[0].facts["covers"] == "nothing-valid/aws/chat"


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.CONFIG, Outcome.THROTTLED, Outcome.SERVER_ERROR])
def test_the_end_of_a_maintenance_is_no_trouble(outcome: Outcome) -> None:
    """Whatever was answered in it: what comes after it is judged by itself."""
    told = Told(estate("aws", "azure"))
    go_on(told, range(10), aws=Outcome.OK, azure=Outcome.OK)
    told.quiet = Quiet((), [work("aws", 300, 7500)])
    for slot in range(10, 250):
        told.settle(slot, "aws", outcome, maintained=True)
        go_on(told, range(slot, slot + 1), azure=Outcome.OK)
    assert told.look(7499) == told.look(7501) == []
    go_on(told, range(250, 259), aws=Outcome.CONTENT_FILTER, azure=Outcome.OK)
    assert told.look(7770) == [], "five minutes after the maintenance are not over"
    go_on(told, range(259, 262), aws=Outcome.CONTENT_FILTER, azure=Outcome.OK)
    assert told.look(7831) == [("NothingValid", "ticket", "aws")]
    assert "12 answers in a row say nothing of it: 12 content_filter" in told.notices[0].detail


# -- capacity


def test_throttling_that_persists_is_one_ticket_for_a_quota() -> None:
    config = estate("aws", "azure", "gcp")
    shared = tuple(
        dataclasses.replace(one, quota=None if one.name == "gcp" else "sre", team="assist")
        for one in config.targets
    )
    told = Told(dataclasses.replace(config, targets=shared))
    limits = {"remaining_requests": 0.0, "limit_requests": 60.0}
    for slot in range(10):
        told.beat(slot * 30)
        for target in ("aws", "azure", "gcp"):
            busy = target != "gcp" and slot % 3 == 0
            outcome = Outcome.THROTTLED if busy else Outcome.OK
            told.settle(slot, target, outcome, ratelimit=limits, retry_after_s=20.0 if busy else None)
    assert told.look(280) == [("Throttled", "ticket", "quota sre")]
    (ticket,) = told.notices
    assert ticket.labels["team"] == "assist"
    assert ticket.labels["quota"] == "sre"
    assert "8 of the last 20 answers were throttled (40%), 0 of 60 requests are left" in ticket.detail
    assert "it asks to be left alone for 20 s" in ticket.detail
    assert "targets: aws, azure" in ticket.detail


def test_a_burst_of_throttling_is_nothing() -> None:
    told = Told(estate("aws"))
    go_on(told, range(8), aws=Outcome.OK)
    go_on(told, range(8, 10), aws=Outcome.THROTTLED)
    assert told.look(280) == []


def test_throttling_speaks_for_answers_that_say_nothing() -> None:
    told = Told(estate("aws", "azure"))
    go_on(told, range(12), aws=Outcome.THROTTLED, azure=Outcome.OK)
    assert told.look(331) == [("Throttled", "ticket", "target aws")]


def test_what_was_seen_lately_outlasts_a_restart() -> None:
    told = Told(estate("aws"))
    go_on(told, range(12), aws=Outcome.THROTTLED)
    kept = Standings()
    kept.plan(told.config)
    kept.restore(told.standings.snapshot())
    assert kept.seen()["aws", "chat"] == told.standings.seen()["aws", "chat"]


def test_two_ways_of_one_network_that_are_cut_are_one_alert_that_names_all_they_lost() -> None:
    """One target goes by a proxy of its own; without a witness, other vantages say that all are well."""
    config = estate("aws", "azure", "gcp")
    by_proxy = dataclasses.replace(config.targets[2], path=Path(proxy="http://proxy.invalid:3128"))
    config = dataclasses.replace(
        config, targets=(*config.targets[:2], by_proxy), networks=(Network(name="internet"),)
    )
    told = Told(config)
    for name in ("aws", "azure", "gcp"):
        told.settle(0, name, Outcome.CONNECT_TIMEOUT, fault=Fault.UNDETERMINED)
    well = [
        StandingRow(vantage="lon-1", target=one.name, asks=asks(one), state="good") for one in config.targets
    ]
    view = View(
        config=config,
        standings=told.standings,
        now_ns=START_NS + 20 * SECOND_NS,
        others=Heard(standings=well),
    )
    found = list(own_findings(view, verdicts(view.scene()), [], Ways(), Ourselves()))
    assert [(one.key, one.subject) for one in found] == [("network-down/internet", "internet")]
    assert found[0].failing == ["aws", "azure", "gcp"]
