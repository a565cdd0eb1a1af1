"""What an agent finds wrong is remembered as rows before it is told, over restarts and without a database."""

import dataclasses
import json
from typing import Any

import pytest

from agent.config.model import Receiver, Route
from agent.slo.alerts import HOLD_NS
from agent.slo.burning import Window
from agent.slo.quiet import Quiet
from agent.telling.capacity import rehearsal_s
from agent.telling.standings import Standings
from probes.result import DRILL, Fault, Outcome
from probes.target import Network, Path
from storage.alert_readings import SILENT, AckRow
from storage.base import StoreUnavailableError
from storage.readings import SliCounts
from storage.records import Drilled
from support.alerting import WITNESSES, Rows, Told, apart, estate, service, work
from support.told import SECOND_NS, START_NS, beat, drill, drilled, result

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
    assert page.summary.startswith("Service nano has been down since ")
    assert page.summary.endswith(": 0 of 2 clouds are well, and it needs 1")
    assert page.detail.startswith("failing: aws, azure; fault: ")
    assert page.detail.endswith("; healthy: none")


def test_what_is_in_no_service_is_told_of_all_the_same() -> None:
    """Nobody stands in for it: a ticket at once, and where it is critical a page after its while."""
    told = Told(apart(estate("aws", "own"), "own"))
    told.settle(0, "aws")
    for slot in range(6):
        down(told, slot, "own")
    assert told.look(41) == [("TargetDown", "ticket", "own")]
    (ticket,) = told.notices
    assert ticket.facts["impact"] == "no service has own"
    assert told.look(131) == [("TargetDown", "page", "own")]
    told.settle(6, "own")
    told.look(200)
    assert told.look(200 + HOLD_NS / SECOND_NS) == []
    assert [row.ended_ns for row in told.rows.lately("here", 0, 9)] == [told.now_ns]


def test_what_is_in_no_service_is_quiet_in_maintenance() -> None:
    told = Told(apart(estate("aws", "own"), "own"))
    told.quiet = Quiet((), [work("own", 0, 900)])
    down(told, 4, "own")
    assert told.look(161) == []


def test_what_is_in_no_service_is_cut_off_by_our_own_network_as_all_is() -> None:
    told = Told(apart(estate("aws", "own"), "own"))
    for target in ("aws", "own"):
        told.settle(0, target)
    told.beat(30, tls="up")
    told.look(30)
    lose(told, 1, "aws", "own")
    told.beat(41, tls="down")
    assert told.look(41) == [("NetworkDown", "page", "internet")]
    (page,) = told.notices
    assert page.facts["failing"] == "aws, own"


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


def test_who_is_named_by_other_routes_meanwhile_is_told_of_what_fires_and_of_its_end() -> None:
    """So is who was named before, of the end; what is over is told to nobody anew."""
    receivers = tuple(Receiver(name=name, kind="slack", url="${URL}") for name in ("chat", "mail"))
    config = dataclasses.replace(estate("aws", "azure"), engine="agent", receivers=receivers)
    told = Told(dataclasses.replace(config, routes=(Route(to=("chat",)),)))

    def named() -> list[tuple[str, int]]:
        return [(receiver, seq) for _, receiver, _, seq in told.rows.outbox.kept]

    down(told, 0, "aws")
    told.look(20)
    for kept in told.rows.outbox.kept.values():
        kept.told_ns = told.now_ns
    told.config = dataclasses.replace(config, routes=(Route(to=("mail",)),))
    for restarted in (told, Told(told.config, told.rows, told.standings)):
        restarted.look(21)
        assert named() == [("chat", 1), ("mail", 1)]
    told.settle(1, "aws")
    told.look(40)
    told.look(40 + HOLD_NS / SECOND_NS)
    assert sorted(named()) == [("chat", 1), ("chat", 2), ("mail", 1), ("mail", 2)]
    told.config = config
    told.look(700)
    assert len(named()) == 4


def test_the_row_of_what_fires_keeps_up_with_it_and_nobody_is_told_again() -> None:
    told = Told(dataclasses.replace(estate("aws", "azure", at_least=1), engine="agent"))
    for target in ("aws", "azure"):
        told.settle(0, target)
    down(told, 1, "aws")
    told.look(41)
    for slot in (2, 3):
        down(told, slot, "aws")
        told.look(slot * 30 + 15)
    (row,) = told.rows.alive("here")
    assert row.seq == 1
    assert (
        row.facts["counts"]
        == "all of the last 3 probes, confirmations too, failed in the answer (server error)"
    )
    assert "all of the last 3 probes" in told.notices[0].summary
    told.rows.away = True
    down(told, 4, "aws")
    assert told.look(135) == [("TargetDown", "ticket", "aws")]
    assert "all of the last 4 probes" in told.notices[0].summary
    told.rows.away = False
    told.look(151)
    assert "all of the last 4 probes" in told.rows.alive("here")[0].facts["counts"]


def test_what_is_over_takes_no_room() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(0, 200, 40):
        down(told, slot, "aws")
        told.look(slot * 30 + 20)
        told.settle(slot + 1, "aws")
        told.look(slot * 30 + 50)
        assert told.look(slot * 30 + 50 + HOLD_NS / SECOND_NS) == []
    assert len(told.rows.rows) == 5
    assert told.alerting._seq == {}


def acknowledge(told: Told, until_s: float | None = None) -> None:
    (notice,) = told.notices
    until_ns = None if until_s is None else START_NS + round(until_s * SECOND_NS)
    told.rows.acknowledge(
        AckRow(
            vantage="here",
            alert=notice.key,
            severity=notice.severity,
            author="ada",
            reason="rolling back",
            made_ns=told.now_ns,
            until_ns=until_ns,
        )
    )


def changes(told: Told) -> list[tuple[int, str]]:
    return [(one.seq, one.what) for one in told.rows.changes("here", told.key)]


def test_an_acknowledgement_is_told_once_and_remembered_over_a_restart() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws")
    told.look(20)
    acknowledge(told)
    for seconds in (21, 22):
        told.look(seconds)
    (notice,) = told.notices
    assert notice.seq == 2
    assert notice.detail.startswith("acknowledged by ada: rolling back; fault: ")
    told = Told(told.config, told.rows, told.standings)
    told.look(23)
    assert list(told.notices) == [notice]
    assert changes(told) == [(1, "fired"), (2, "acknowledged")]


def test_an_acknowledgement_that_is_over_is_told() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws")
    told.look(20)
    acknowledge(told, until_s=40)
    told.look(21)
    told.look(40)
    assert changes(told) == [(1, "fired"), (2, "acknowledged"), (3, "unacknowledged")]
    assert told.notices[0].acknowledged is None


def test_who_has_a_ticket_in_hands_hears_of_its_rise_to_a_page() -> None:
    config = estate("aws", "azure")
    critical = tuple(dataclasses.replace(one, critical=one.name == "aws") for one in config.targets)
    told = Told(dataclasses.replace(config, targets=critical))
    down(told, 0, "aws")
    told.settle(0, "azure")
    assert told.look(20) == [("TargetDown", "ticket", "aws")]
    acknowledge(told)
    told.look(21)
    assert told.look(121) == [("TargetDown", "page", "aws")]
    assert changes(told) == [(1, "fired"), (2, "acknowledged"), (3, "rose")]
    assert told.notices[0].acknowledged is None


def test_what_is_in_hands_ends_as_everything_does() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws")
    told.look(20)
    acknowledge(told)
    told.settle(1, "aws")
    told.look(31)
    told.look(31 + HOLD_NS / SECOND_NS)
    assert changes(told) == [(1, "fired"), (2, "acknowledged"), (3, "ended")]


def test_with_the_database_away_it_stays_in_the_hands_that_it_was_in() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws")
    told.look(20)
    acknowledge(told)
    told.look(21)
    told.rows.away = True
    told.look(22)
    assert [notice.acknowledged is not None for notice in told.notices] == [True]


def test_how_long_an_alert_is_held_is_a_setting() -> None:
    config = estate("aws", "azure")
    told = Told(dataclasses.replace(config, paging=dataclasses.replace(config.paging, hold_s=20.0)))
    down(told, 0, "aws")
    told.look(20)
    told.settle(1, "aws")
    assert told.look(31) != []
    assert told.look(50) != []
    assert told.look(51) == []


def rehearse(told: Told, slot: int, **fields: Any) -> None:
    for step in drilled(drill(target="aws", **fields), slot):
        told.standings.drilled(step)


def test_a_drill_is_an_alert_that_is_marked_and_ends_with_it() -> None:
    """No word of it before it is confirmed, none that is held after its end, and none of what is well."""
    told = Told(estate("aws", "azure"))
    for target in ("aws", "azure"):
        told.settle(0, target)
    rehearse(told, 0)
    assert told.look(13) == [("TargetDown", "ticket", "aws")]
    (notice,) = told.notices
    assert notice.drill
    assert notice.labels["drill"] == "true"
    assert notice.key.startswith("drill/target-down/aws@")
    assert notice.facts["drill"] == "outage of aws, asked for by ada"
    assert told.look(599) == [("TargetDown", "ticket", "aws")]
    assert told.look(600) == []
    assert changes(told) == [(1, "fired"), (2, "ended")]


def test_all_that_a_drill_breaks_is_told_as_it_was_ordered() -> None:
    """Also the service whose only member it is."""
    told = Told(estate("aws"))
    told.settle(0, "aws")
    rehearse(told, 0, severity="page")
    assert told.look(119) == [("TargetDown", "page", "aws")]
    assert told.look(121) == [("TargetDown", "page", "aws"), ("ServiceDown", "page", "nano")]
    assert all(notice.drill for notice in told.notices)


def test_a_drill_of_throttling_is_found_as_throttling_is_and_fails_nobody() -> None:
    """Three refused slots are more than a burst; of a target that answers in earnest none of it is seen."""
    told = Told(estate("aws", "azure"))
    order = drill(target="aws", fault="throttled")
    for slot in range(3):
        for target in ("aws", "azure"):
            told.settle(slot, target)
        refused = result(slot, Outcome.THROTTLED, target="aws", attempt=DRILL)
        told.standings.drilled(Drilled(drill=order, result=refused))
        found = told.look(30 * slot + 1)
    assert found == [("Throttled", "ticket", "target aws")]
    (notice,) = told.notices
    assert (notice.drill, notice.key.partition("@")[0]) == (True, "drill/throttled/target/aws")
    assert notice.evidence == ("3 of the last 3 answers were throttled (100%)",)
    assert told.look(600) == []


def test_a_drill_of_throttling_is_no_word_of_a_quota_that_others_fill() -> None:
    """A fifth of what all who share it are answered: one of seven that answer makes no trouble of it."""
    config = estate(*"abcdefg")
    shared = tuple(dataclasses.replace(target, quota="team") for target in config.targets)
    told = Told(dataclasses.replace(config, targets=shared))
    order = drill(target="a", fault="throttled")
    for slot in range(10):
        for target in "bcdefg":
            told.settle(slot, target)
        refused = result(slot, Outcome.THROTTLED, target="a", attempt=DRILL)
        told.standings.drilled(Drilled(drill=order, result=refused))
        assert told.look(30 * slot + 1) == []
    assert rehearsal_s(told.config, "a") is None


def test_how_long_a_drill_of_throttling_takes_is_known_before_it() -> None:
    """Of two at 30 s the third refused answer comes within 90 s; beside three that fill the quota it takes 225 s."""
    config = estate("a", "b", "c")
    shared = tuple(
        dataclasses.replace(target, quota="team" if target.name in "ab" else None)
        for target in config.targets
    )
    assert [rehearsal_s(dataclasses.replace(config, targets=shared), name) for name in "abc"] == [90.0] * 3
    four = estate(*"abcd")
    named = tuple(dataclasses.replace(target, quota="d") for target in four.targets)
    assert rehearsal_s(dataclasses.replace(four, targets=named), "a") == 225.0
    beside = dataclasses.replace(four, targets=(*named[:3], four.targets[3]))
    assert rehearsal_s(beside, "d") == 90.0, "a quota is not the target of its name"


def test_a_drill_changes_nothing_that_is_real() -> None:
    told = Told(estate("aws", "azure"))
    for target in ("aws", "azure"):
        told.settle(0, target)
    before = told.standings.standings()
    rehearse(told, 0)
    assert told.standings.standings() == before
    down(told, 1, "azure")
    told.look(41)
    real = [notice for notice in told.notices if not notice.drill]
    assert [(one.name, one.subject) for one in real] == [("TargetDown", "azure")]
    assert [one.name for one in told.notices if one.drill] == ["TargetDown", "ServiceDown"]


def test_what_fails_in_earnest_during_its_drill_is_no_drill() -> None:
    told = Told(estate("aws", "azure"))
    rehearse(told, 0)
    told.settle(0, "azure")
    down(told, 1, "aws")
    told.look(41)
    assert [(one.name, one.drill) for one in told.notices if one.drill is False] == [("TargetDown", False)]


def test_a_drill_outlasts_a_restart_and_ends_on_time() -> None:
    told = Told(estate("aws", "azure"))
    told.settle(0, "azure")
    rehearse(told, 0)
    told.look(20)
    kept = told.standings.snapshot_drill()
    later = Told(told.config, told.rows)
    later.settle(0, "azure")
    assert later.look(30) == [("TargetDown", "ticket", "aws")], "held, for its snapshot is not read yet"
    later.standings.restore_drill(json.loads(json.dumps(kept)))
    assert later.look(31) == [("TargetDown", "ticket", "aws")]
    assert later.look(600) == []
    assert changes(later) == [(1, "fired"), (2, "ended")]


def test_another_drill_begins_afresh() -> None:
    told = Told(estate("aws", "azure"))
    told.settle(0, "azure")
    rehearse(told, 0)
    assert told.look(20) != []
    told.standings.drilled(Drilled(drill=drill(id="two", target="azure")))
    told.look(21)
    assert told.rows.alive("here")[0].quiet_ns is not None


def test_a_drill_of_what_the_plan_does_not_name_is_nothing() -> None:
    told = Told(estate("azure"))
    rehearse(told, 0)
    assert told.look(20) == []


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


def test_what_was_written_though_no_answer_came_is_one_alert_and_told_once() -> None:
    """A database that dies in a commit has it or has it not: its rows are read before anything is written anew."""
    told = Told(estate("aws", "azure"))
    told.look(0)
    told.rows.unsaid = True
    down(told, 0, "aws")
    with pytest.raises(StoreUnavailableError):
        told.look(11)
    told.rows.unsaid = False
    assert told.look(15) == [("TargetDown", "ticket", "aws")]
    assert [(row.fired_ns, row.seq) for row in told.rows.alive("here")] == [(START_NS + 11 * SECOND_NS, 1)]


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
    assert by_name["target-down/aws"].fault == "target aws"
    page = by_name["service-down/nano"]
    assert page.fault == "target aws, target azure"
    assert page.detail.endswith("healthy: gcp")
    assert "sk-spelled-out" not in repr(told.notices)


def test_what_the_plan_no_longer_names_is_no_trouble_any_more() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws", "azure")
    told.look(11)
    other = estate("gcp")
    told.config = dataclasses.replace(
        other, targets=tuple(dataclasses.replace(one, model_id="mini") for one in other.targets)
    )
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
    assert page.summary.startswith("Our own network (internet) has been down since ")
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
        assert told.notices[0].quiet_ns == told.now_ns
        told.beat(30 + HOLD_NS / SECOND_NS, tls="up")
        assert told.look(31 + HOLD_NS / SECOND_NS) == []
        (row,) = told.rows.lately("here", 0, 9)
        assert (row.name, row.quiet_ns) == ("NetworkDown", START_NS + 31 * SECOND_NS)


def test_that_a_network_is_back_is_no_second_alert_before_anything_has_answered_by_it() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(30):
        for target in ("aws", "azure"):
            told.settle(slot, target, GONE if slot > 10 else Outcome.OK, fault=OURS)
        told.beat(slot * 30 + 20, tls="down" if slot > 10 else "up")
        told.look(slot * 30 + 20)
    told.beat(900, tls="up")
    assert told.look(900) == [("NetworkDown", "page", "internet")]


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
    assert told.look(42 + HOLD_NS / SECOND_NS) == [
        ("NetworkDown", "page", "internet"),
        ("TargetDown", "ticket", "aws"),
    ]
    (before,) = (one for one in told.notices if one.name == "TargetDown")
    assert ", and not seen since 2027-01-15 08:00:00 UTC" in before.summary


def test_our_own_network_is_down_since_it_was_cut_whatever_failed_before_for_another_reason() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws")
    told.settle(0, "azure")
    told.beat(11, tls="up")
    told.look(11)
    told.beat(41, tls="down")
    lose(told, 1, "azure")
    told.settle(1, "aws", GONE, fault=Fault.UNDETERMINED)
    told.look(41)
    (page,) = [one for one in told.notices if one.name == "NetworkDown"]
    assert page.since_ns == START_NS + 30 * SECOND_NS


def test_once_our_own_network_is_whole_nobody_is_told_of_what_was_lost_by_it() -> None:
    """Neither a second page, about the agent, nor the stream that was cut before a witness failed, as a cloud's."""
    told = Told(estate("aws", "azure"))
    for slot in range(10):
        told.settle(slot, "aws")
        told.settle(slot, "azure")
    told.settle(10, "aws", Outcome.TRUNCATED)
    for slot in range(10, 14):
        lose(told, slot, "azure")
    lose(told, 11, "aws")
    told.beat(411, tls="down")
    assert told.look(411) == [("NetworkDown", "page", "internet")]
    told.beat(425, tls="up")
    told.settle(14, "azure")
    assert told.look(425) == [("NetworkDown", "page", "internet")]
    down(told, 14, "aws")
    assert ("TargetDown", "ticket", "aws") in told.look(431)


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
        told.settle(slot, "azure", Outcome.FIRST_TOKEN_TIMEOUT)
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
            assert ticket.summary.startswith("Identity aws has been refused since ")


def test_identities_that_the_asker_does_not_hold_against_their_cloud_are_a_ticket_each() -> None:
    """It hears all of a cloud (`agent.asking.refusals`): a new key, or keys that expired a week apart, are ours."""
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
    found = told.look(91)
    assert [(name, severity) for name, severity, _ in found] == [("CredentialsRefused", "ticket")] * 2
    assert {subject for _, _, subject in found} == {
        f"credentials.api_key (${{{name}}})" for name in ("ONE", "TWO")
    }


def test_a_clouds_identity_service_that_is_down_pages_as_any_outage_of_it() -> None:
    config = estate("one", "two")
    keyed = tuple(
        dataclasses.replace(one, cloud="aws", credentials={"api_key": f"${{{one.name.upper()}}}"})
        for one in config.targets
    )
    told = Told(dataclasses.replace(config, targets=keyed))
    for slot in range(4):
        for target in ("one", "two"):
            told.settle(slot, target, Outcome.CONFIG if slot else Outcome.OK)
    for target in ("one", "two"):
        told.settle(4, target, Outcome.IDENTITY_SERVICE)
    assert ("ServiceDown", "page", "nano") in told.look(131)
    assert {one.fault for one in told.notices} == {"cloud aws"}
    page = next(one for one in told.notices if one.severity == "page")
    assert page.evidence == ("identities of aws are refused at once, and none was accepted since",)


def test_a_spent_quota_is_a_ticket() -> None:
    told = Told(estate("aws"))
    told.settle(0, "aws")
    for slot in (1, 2, 3):
        told.settle(slot, "aws", Outcome.QUOTA)
    assert told.look(91) == [("QuotaSpent", "ticket", "aws")]


def test_a_witness_that_is_gone_while_targets_answer_makes_no_outage_ours() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(10):
        for target in ("aws", "azure"):
            told.settle(slot, target, GONE if slot > 5 else Outcome.OK, fault=Fault.UNDETERMINED)
        told.beat(slot * 30 + 20, tls="doubted")
        alerts = told.look(slot * 30 + 20)
    assert ("ServiceDown", "page", "nano") in alerts
    assert not [name for name, _, _ in alerts if name == "NetworkDown"]


def test_a_witness_without_a_vote_is_a_ticket_after_a_while() -> None:
    told = Told(estate("aws"))
    told.beat(0, tls="no_vote", tcp="up")
    told.beat(290, tls="no_vote", tcp="up")
    assert told.look(290) == []
    told.beat(300, tls="no_vote", tcp="down")
    assert told.look(300) == [("WitnessSilent", "ticket", "tls:www.example.com:443 of network internet")]
    assert "it stays undetermined whose fault failures on network internet are" in told.notices[0].detail


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


def test_nothing_is_found_wrong_with_what_is_in_maintenance() -> None:
    """Neither by itself nor as a part of a service that the others carry."""
    told = Told(estate("aws", "azure", at_least=1))
    told.quiet = Quiet((), [work("aws", 0, 500)])
    down(told, 1, "aws")
    told.settle(1, "azure")
    assert told.look(41) == []


def test_a_service_is_judged_over_those_that_are_left() -> None:
    """Two of three clouds are needed: with one in maintenance both others are."""
    told = Told(estate("aws", "azure", "oci", at_least=2))
    told.quiet = Quiet((), [work("aws", 0, 900)])
    for target in ("azure", "oci"):
        told.settle(0, target)
    assert told.look(1) == []
    down(told, 1, "azure", "oci")
    assert ("ServiceDown", "page", "nano") in told.look(41)
    (page,) = (notice for notice in told.notices if notice.name == "ServiceDown")
    assert "aws" not in page.facts["failing"]
    assert page.facts["units"] == "2"


def test_a_service_with_fewer_left_than_it_needs_is_not_judged_but_its_other_members_are() -> None:
    told = Told(estate("aws", "azure", at_least=2))
    told.quiet = Quiet((), [work("aws", 0, 900)])
    down(told, 1, "azure")
    assert told.look(400) == []  # stale by then
    down(told, 14, "azure")
    assert told.look(441) == [("TargetDown", "ticket", "azure")]


def test_a_target_in_maintenance_bears_nobody_out() -> None:
    """Two fail, but one of them is worked on: the other stands alone, and pages after its while only."""
    told = Told(estate("aws", "azure"))
    down(told, 1, "aws", "azure")
    told.quiet = Quiet((), [work("aws", 0, 900)])
    assert told.look(41) == [("TargetDown", "ticket", "azure")]
    down(told, 5, "azure")
    assert ("ServiceDown", "page", "nano") in told.look(165)


def test_an_alert_from_before_the_maintenance_ends_as_any_other() -> None:
    """It is not found any longer, and after its hold it is over."""
    told = Told(estate("aws", "azure"))
    down(told, 1, "aws")
    assert told.look(41) == [("TargetDown", "ticket", "aws")]
    told.quiet = Quiet((), [work("aws", 50, 9000)])
    assert told.look(60) == [("TargetDown", "ticket", "aws")]
    assert told.look(60 + HOLD_NS / 1e9) == []


def test_a_service_burns_by_those_that_are_left() -> None:
    told = Told(estate("aws", "azure", at_least=2))
    told.quiet = Quiet((), [work("aws", 0, 9000)])
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
    lost = {name: Window(counts=SliCounts(bad=5000), expected=5000) for name in windows}
    told.alerting.counted(told.config, {("aws", "chat"): lost, ("azure", "chat"): lost}, START_NS)
    assert told.look(1) == []
    told.quiet = Quiet()
    assert told.look(1.5) == []  # until it is counted again
    told.alerting.counted(told.config, {("aws", "chat"): lost, ("azure", "chat"): lost}, START_NS)
    assert [name for name, _, _ in told.look(2)] == ["ServiceBudgetBurn"]


def test_what_others_ended_while_this_vantage_was_silent_goes_on_until_it_is_seen_well() -> None:
    """Whoever was told of it waits for its end; what is still wrong is the same occurrence."""
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws")
    told.look(20)
    ((name, row),) = told.rows.rows.items()
    said = {**row.facts, SILENT: "a week"}
    told.rows.rows[name] = dataclasses.replace(row, ended_ns=told.now_ns, facts=said)
    told = Told(told.config, told.rows)
    down(told, 8 * 2880, "aws")
    assert told.look(8 * 86_400 + 20) == [("TargetDown", "ticket", "aws")]
    (after,) = told.rows.rows.values()
    assert (after.ended_ns, after.seq) == (None, 1)
    assert SILENT not in after.facts
    told.settle(8 * 2880 + 1, "aws")
    told.look(8 * 86_400 + 50)
    assert told.look(8 * 86_400 + 50 + HOLD_NS / SECOND_NS) == []
    (after,) = told.rows.rows.values()
    assert (after.ended_ns, after.seq) == (told.now_ns, 2)
