"""What an agent finds wrong is remembered as rows before it is told, over restarts and without a database."""

import dataclasses

import pytest

from agent.slo.alerts import HOLD_NS
from agent.slo.burning import Window
from agent.telling.standings import Standings
from probes.result import Fault, Outcome
from probes.target import Network, Path
from storage.base import StoreUnavailableError
from storage.readings import SliCounts
from support.alerting import WITNESSES, Rows, Told, estate, service
from support.told import SECOND_NS, START_NS, beat

GONE, OURS = Outcome.CONNECT_TIMEOUT, Fault.OURS


def down(told: Told, slot: int, *targets: str) -> None:
    for target in targets:
        told.settle(slot, target, Outcome.SERVER_ERROR)


def test_a_part_tickets_and_the_whole_pages() -> None:
    told = Told(estate("aws", "azure"))
    for target in ("aws", "azure"):
        told.settle(0, target)
    assert told.look(1) == []
    down(told, 1, "aws")
    assert told.look(41) == [("TargetDown", "ticket", "aws")]
    down(told, 2, "azure")
    assert told.look(71) == [
        ("TargetDown", "ticket", "aws"),
        ("TargetDown", "ticket", "azure"),
        ("ServiceDown", "page", "nano"),
    ]
    page = told.notices[-1]
    assert page.summary.startswith("Service nano is down since ")
    assert page.summary.endswith(": 0 of 2 clouds are well, and it needs 1")
    assert page.detail.startswith("failing: aws, azure; fault: ")
    assert page.detail.endswith("; healthy: none")


def test_a_blip_that_a_confirmation_answered_is_nothing() -> None:
    told = Told(estate("aws"))
    told.settle(0, "aws", Outcome.SERVER_ERROR, confirmed=False)
    assert told.look(41) == []


def test_an_only_member_pages_after_two_minutes_and_a_new_one_never() -> None:
    for warm_up_s, severity in ((0.0, "page"), (3600.0, "ticket")):
        told = Told(estate("aws", warm_up_s=warm_up_s))
        for slot in range(5):
            down(told, slot, "aws")
        assert told.look(119) == [("TargetDown", "ticket", "aws")]
        assert told.look(130)[-1] == ("ServiceDown", severity, "nano")


def test_an_alert_is_held_ends_once_and_is_remembered() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws", "azure")
    told.look(11)
    for target in ("aws", "azure"):
        told.settle(1, target)
    assert len(told.look(31)) == 3
    assert told.look(31 + HOLD_NS / SECOND_NS - 1) != []
    assert told.look(31 + HOLD_NS / SECOND_NS) == []
    rows = told.rows.lately("here", 0, 9)
    assert {(row.name, row.seq, row.ended_ns) for row in rows} == {
        ("TargetDown", 2, told.now_ns),
        ("ServiceDown", 2, told.now_ns),
    }


def test_a_restart_neither_fires_anew_nor_forgets_the_end() -> None:
    rows, standings = Rows(), Standings()
    first = Told(estate("aws", "azure"), rows, standings)
    down(first, 0, "aws", "azure")
    first.look(11)
    kept = Standings()
    kept.plan(first.config)
    kept.restore(standings.snapshot())
    second = Told(estate("aws", "azure"), rows, kept)
    assert second.look(12) == [(one.name, one.severity, one.subject) for one in first.notices]
    assert {row.seq for row in rows.alive("here")} == {1}
    for target in ("aws", "azure"):
        second.settle(1, target)
    second.look(31)
    second.beat(700)
    assert second.look(700) == []
    assert rows.alive("here") == []


def test_without_a_database_nothing_changes_and_nothing_is_lost() -> None:
    told = Told(estate("aws", "azure"))
    told.look(0)
    told.rows.away = True
    down(told, 0, "aws", "azure")
    with pytest.raises(StoreUnavailableError):
        told.look(11)
    assert told.notices == []
    told.rows.away = False
    assert len(told.look(15)) == 3


def test_burning_is_what_the_last_evaluation_counted() -> None:
    told = Told(estate("aws", "azure"))
    for target in ("aws", "azure"):
        told.settle(0, target)
    bad = {
        name: Window(counts=SliCounts(good=due - 9, bad=9), expected=due)
        for name, due in (
            ("5m", 10),
            ("30m", 60),
            ("1h", 120),
            ("2h", 240),
            ("6h", 720),
            ("1d", 2880),
            ("3d", 8640),
        )
    }
    series = {("aws", "chat"): bad, ("azure", "chat"): bad}
    told.alerting.counted(told.config, series, told.now_ns)
    assert told.look(1) == [("ServiceBudgetBurn", "page", "nano")]
    assert "spends its error budget more than" in told.notices[0].summary
    told.alerting.counted(told.config, {}, told.now_ns)
    told.look(2)
    assert told.look(700) == []


def test_the_fault_and_its_evidence_are_told_and_no_secret_with_it() -> None:
    config = estate("aws", "azure", "gcp")
    told = Told(
        dataclasses.replace(
            config,
            targets=tuple(
                dataclasses.replace(target, credentials={"api_key": "sk-spelled-out"})
                for target in config.targets
            ),
            services=(service("aws", "azure", "gcp", at_least=3),),
        )
    )
    told.settle(0, "gcp")
    down(told, 0, "aws", "azure")
    told.look(11)
    by_name = {notice.key.split("@")[0]: notice for notice in told.notices}
    assert by_name["target-down/aws/chat"].fault == "target aws"
    page = by_name["service-down/nano"]
    assert page.fault == "target aws, target azure"
    assert page.detail.endswith("healthy: gcp")
    assert "sk-spelled-out" not in repr(told.notices)


def test_what_the_plan_no_longer_names_is_no_trouble_any_more() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws", "azure")
    told.look(11)
    told.config = estate("gcp")
    told.standings.plan(told.config)
    told.look(20)
    assert told.look(20 + HOLD_NS / SECOND_NS) == []


# -- ours


def lose(told: Told, slot: int, *targets: str, outcome: Outcome = GONE) -> None:
    for target in targets:
        told.settle(slot, target, outcome, fault=OURS)


def test_our_own_network_down_is_one_alert_about_us_and_none_about_a_cloud() -> None:
    told = Told(estate("aws", "azure", "gcp"))
    for target in ("aws", "azure", "gcp"):
        told.settle(0, target)
    told.beat(30, tls="up")
    assert told.look(30) == []
    lose(told, 1, "aws", "azure")
    told.beat(41, tls="down")
    assert told.look(41) == [("NetworkDown", "page", "internet")]
    (page,) = told.notices
    assert page.key.startswith("network-down/internet@")
    assert page.since_ns == START_NS + 30 * SECOND_NS
    assert page.fault == "network internet"
    assert page.summary.startswith("Our own network (internet) is down since ")
    assert "failing: aws, azure" in page.detail
    assert "the witnesses of network internet are not reached" in page.detail
    assert page.detail.endswith("services: nano")
    told.beat(600, tls="down")
    for slot in range(2, 20):
        lose(told, slot, "aws", "azure", "gcp")
    assert told.look(600) == [("NetworkDown", "page", "internet")]


def test_it_is_over_once_a_witness_or_any_target_of_the_network_answers() -> None:
    for mended in ("witness", "target"):
        told = Told(estate("aws", "azure"))
        told.beat(0, tls="down", tcp="down")
        lose(told, 0, "aws", "azure")
        assert told.look(11) != []
        if mended == "witness":
            told.beat(20, tls="down", tcp="up")
        else:
            told.settle(1, "aws")
        assert told.look(31) != []
        assert told.notices[0].state == "firing", "it is held against flapping"
        told.beat(30 + HOLD_NS / SECOND_NS, tls="up")
        assert told.look(31 + HOLD_NS / SECOND_NS) == []
        (row,) = told.rows.lately("here", 0, 9)
        assert (row.name, row.quiet_ns) == ("NetworkDown", START_NS + 31 * SECOND_NS)


def test_a_cold_start_on_a_dead_network_never_pages() -> None:
    told = Told(estate("aws", "azure", warm_up_s=3600.0))
    told.beat(0, tls="down")
    lose(told, 0, "aws", "azure")
    assert told.look(11) == [("NetworkDown", "ticket", "internet")]


def test_what_a_confirmation_answered_is_no_outage_of_ours() -> None:
    told = Told(estate("aws", "azure"))
    told.beat(0, tls="down")
    told.settle(0, "aws", GONE, fault=OURS, confirmed=False)
    assert told.look(11) == []


def test_what_was_well_before_the_way_was_cut_does_not_prove_it() -> None:
    """Else the one that failed first would be to blame until the others' next slot."""
    told = Told(estate("aws", "azure"))
    told.settle(0, "azure")
    lose(told, 1, "aws")
    told.beat(41, tls="down")
    assert told.look(41) == [("NetworkDown", "page", "internet")]
    told.settle(2, "azure")
    told.look(62)
    told.beat(62 + HOLD_NS / SECOND_NS)
    assert told.look(62 + HOLD_NS / SECOND_NS) == []


def test_targets_that_were_down_before_are_not_blamed_while_our_own_network_is() -> None:
    told = Told(estate("aws", "azure"))
    told.beat(0, tls="up")
    down(told, 0, "aws")
    assert told.look(11) == [("TargetDown", "ticket", "aws")]
    lose(told, 1, "aws", "azure")
    told.beat(41, tls="down")
    assert ("NetworkDown", "page", "internet") in told.look(41)
    assert not [one for one in told.notices if one.name == "ServiceDown"]
    told.beat(41 + HOLD_NS / SECOND_NS, tls="down")
    lose(told, 20, "aws", "azure")
    assert told.look(42 + HOLD_NS / SECOND_NS) == [("NetworkDown", "page", "internet")]


def test_a_target_of_another_network_is_judged_by_itself() -> None:
    config = estate("aws", "azure", "gcp", at_least=3)
    moved = tuple(
        dataclasses.replace(target, network="private") if target.name == "gcp" else target
        for target in config.targets
    )
    told = Told(dataclasses.replace(config, targets=moved))
    lose(told, 0, "aws", "azure")
    down(told, 0, "gcp")
    told.beat(11, tls="down")
    assert told.look(11) == [("TargetDown", "ticket", "gcp"), ("NetworkDown", "page", "internet")]


def test_a_target_with_a_proxy_of_its_own_proves_nothing() -> None:
    config = estate("aws", "azure")
    off = tuple(
        dataclasses.replace(target, path=Path(proxy="http://other:1")) if target.name == "azure" else target
        for target in config.targets
    )
    told = Told(dataclasses.replace(config, targets=off, networks=(Network(name="internet"),)))
    lose(told, 0, "aws")
    told.settle(1, "azure")
    told.beat(31, tls="down")
    assert told.look(31) == [("NetworkDown", "page", "internet")]


def test_a_dead_resolver_is_told_as_such() -> None:
    told = Told(estate("aws", "azure"))
    lose(told, 0, "aws", "azure", outcome=Outcome.DNS)
    told.beat(11, tls="down", dns="down")
    assert told.look(11) == [("NetworkDown", "page", "resolver of internet")]
    assert told.notices[0].key.startswith("network-down/internet@")


def test_kept_connections_outlast_a_dead_resolver_and_do_not_prove_it() -> None:
    told = Told(estate("aws", "azure"))
    lose(told, 0, "aws", outcome=Outcome.DNS)
    told.settle(1, "azure")
    told.beat(31, tls="down", dns="down")
    assert told.look(31) == [("NetworkDown", "page", "resolver of internet")]
    told.settle(2, "azure", dns_s=0.01)
    told.look(61)
    (row,) = told.rows.alive("here")
    assert row.quiet_ns == told.now_ns


def test_an_asker_that_is_gone_says_nothing_of_its_witnesses() -> None:
    told = Told(estate("aws", "azure"))
    told.beat(0, tls="down")
    lose(told, 3, "aws", "azure")
    assert told.look(101) == []


def test_answers_that_our_own_delay_spoilt_page_about_the_agent_and_blame_nobody_else() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(10):
        told.settle(slot, "aws", Outcome.AGENT_FAULT if slot % 2 else Outcome.OK)
        down(told, slot, "azure")
    assert told.look(100) == [("TargetDown", "ticket", "azure")], "too early to tell"
    told = Told(told.config, standings=told.standings)
    assert told.look(299) == [("AgentBlind", "page", "here")]
    assert "25% of the answers of the last 5 minutes were spoilt" in told.notices[0].detail


def test_a_refused_identity_is_a_ticket_after_three_slots_where_it_was_accepted_that_day() -> None:
    for accepted, refusals, alerts in ((True, 2, 0), (True, 3, 1), (False, 9, 0)):
        told = Told(estate("aws", "azure"))
        if accepted:
            told.settle(0, "aws")
        for slot in range(1, refusals + 1):
            told.settle(slot, "aws", Outcome.CONFIG)
            told.settle(slot, "azure")
        assert len(told.look(30 * refusals + 1)) == alerts, (accepted, refusals)
        if alerts:
            (ticket,) = told.notices
            assert (ticket.name, ticket.severity, ticket.fault) == (
                "CredentialsRefused",
                "ticket",
                "credentials aws",
            )
            assert ticket.since_ns == START_NS + 30 * SECOND_NS
            assert ticket.summary.startswith("Identity aws is refused since ")


def test_two_identities_of_one_cloud_refused_at_once_are_the_clouds_fault() -> None:
    config = estate("one", "two")
    keyed = tuple(
        dataclasses.replace(target, cloud="aws", credentials={"api_key": f"${{{target.name.upper()}}}"})
        for target in config.targets
    )
    told = Told(dataclasses.replace(config, targets=keyed))
    for target in ("one", "two"):
        told.settle(0, target)
        for slot in (1, 2, 3):
            told.settle(slot, target, Outcome.CONFIG)
    assert told.look(91) == [("CredentialsRefused", "ticket", "of aws")]
    assert told.notices[0].fault == "cloud aws"


def test_a_spent_quota_is_a_ticket() -> None:
    told = Told(estate("aws"))
    told.settle(0, "aws")
    for slot in (1, 2, 3):
        told.settle(slot, "aws", Outcome.QUOTA)
    assert told.look(91) == [("QuotaSpent", "ticket", "aws")]


def test_a_witness_without_a_vote_is_a_ticket_after_a_while() -> None:
    told = Told(estate("aws"))
    told.beat(0, tls="no_vote", tcp="up")
    told.beat(290, tls="no_vote", tcp="up")
    assert told.look(290) == []
    told.beat(300, tls="no_vote", tcp="down")
    assert told.look(300) == [("WitnessSilent", "ticket", "tls:www.example.com:443 of network internet")]
    assert "stay undetermined" in told.notices[0].detail


def test_what_is_known_of_our_own_faults_outlasts_a_restart() -> None:
    told = Told(estate("aws", "azure"))
    lose(told, 0, "aws", "azure")
    kept = Standings()
    kept.plan(told.config)
    kept.restore(told.standings.snapshot())
    told.standings.beat(beat(11, witnesses={"internet": {WITNESSES["tls"]: "down"}}))
    again = Told(told.config, told.rows, kept)
    again.beat(11, tls="down")
    assert again.look(11) == told.look(11) == [("NetworkDown", "page", "internet")]


def test_a_loss_that_is_settled_after_the_way_was_mended_is_old_news() -> None:
    """Failures are settled 10 s and more after they were seen."""
    told = Told(estate("aws"))
    lose(told, 0, "aws")
    told.settle(1, "aws")
    lose(told, 0, "aws")
    told.beat(31, tls="down")
    assert told.look(31) == []


def test_a_quiet_alert_is_remembered_as_such_and_nothing_is_told_of_it() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws")
    told.look(11)
    told.settle(1, "aws")
    told.look(31)
    (row,) = told.rows.alive("here")
    assert (row.quiet_ns, row.seq) == (START_NS + 31 * SECOND_NS, 1)
    down(told, 2, "aws")
    told.look(71)
    (row,) = told.rows.alive("here")
    assert (row.quiet_ns, row.seq) == (None, 1)


def test_a_snapshot_of_before_witnesses_is_read() -> None:
    told = Told(estate("aws"))
    told.settle(0, "aws")
    kept = Standings()
    kept.restore([[target, probe, plain[:3]] for target, probe, plain in told.standings.snapshot()])
    assert kept.seen()["aws", "chat"].standing == told.standings.seen()["aws", "chat"].standing
