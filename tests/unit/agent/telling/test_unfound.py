"""An alert ends on something that was seen, or because nobody looks any more, and says which; never on silence."""

import dataclasses

import pytest

from agent.config.model import Config
from agent.slo.alerts import HOLD_NS
from agent.slo.quiet import Quiet
from agent.telling.alert_rows import revived
from agent.telling.notices import notice
from probes.result import Fault, Outcome
from storage.base import StoreUnavailableError
from support.alerting import Told, estate, work
from support.told import SECOND_NS

DOWN, HOUR = 20, 120
"""Slots until the last bad one, and in an hour."""

HOLD_S = HOLD_NS / SECOND_NS


def at(slot: int) -> float:
    """Return the seconds at which a slot is settled."""
    return slot * 30.0 + 11


def outage(config: Config | None = None) -> Told:
    """Return both targets of a service down, and paged."""
    told = Told(config or estate("aws", "azure"))
    go_on(told, range(10), Outcome.OK)
    go_on(told, range(10, DOWN), Outcome.SERVER_ERROR)
    assert names(told) == {"TargetDown": "ticket", "ServiceDown": "page"}
    return told


def go_on(told: Told, slots: range, outcome: Outcome | None, fault: Fault = Fault.NOT_OURS) -> None:
    """Settle slots with one outcome (None: nothing comes), and look at each."""
    for slot in slots:
        for target in told.config.targets if outcome is not None else ():
            told.settle(slot, target.name, outcome or Outcome.OK, fault=fault)
        told.look(at(slot))


def names(told: Told) -> dict[str, str]:
    return {one.name: one.severity for one in told.notices}


def ends(told: Told) -> dict[str, str]:
    """Return the last words of each alert that is over, by its key."""
    rows = [row for row in told.rows.rows.values() if row.ended_ns is not None]
    return {row.key: notice(revived(row), row.seq).summary for row in rows}


@pytest.mark.parametrize("outcome", [Outcome.CONFIG, Outcome.THROTTLED, Outcome.CONTENT_FILTER, None])
def test_an_outage_that_nobody_sees_any_more_goes_on(outcome: Outcome | None) -> None:
    """Be it that our key expires, that everything is throttled or filtered, or that the asker is dead."""
    told = outage()
    go_on(told, range(DOWN, DOWN + 4 * HOUR), outcome)
    assert names(told)["ServiceDown"] == "page"
    page = next(one for one in told.notices if one.name == "ServiceDown")
    assert page.summary.startswith(
        "Service nano has been down since 2027-01-15 08:05:00 UTC, and not seen since "
    )
    assert "not seen since 2027-01-15 08:09:30 UTC" in page.summary
    assert [one.seq for one in told.notices if one.name in {"TargetDown", "ServiceDown"}] == [1, 1, 1]
    go_on(told, range(DOWN + 4 * HOUR, DOWN + 4 * HOUR + 1), Outcome.OK)
    assert "not seen" not in next(one for one in told.notices if one.name == "ServiceDown").summary
    assert told.look(at(DOWN + 4 * HOUR) + HOLD_S - 1) != []
    told.look(at(DOWN + 4 * HOUR) + HOLD_S)
    assert "ServiceDown" not in names(told)
    assert ends(told)["service-down/nano"].startswith("Service nano is well again after ")


def test_what_was_not_seen_is_remembered_over_a_restart_that_forgot_how_it_stood() -> None:
    told = outage()
    go_on(told, range(DOWN, DOWN + HOUR), None)
    again = Told(told.config, told.rows)
    again.look(at(DOWN + 2 * HOUR))
    assert names(again)["ServiceDown"] == "page"
    assert all(row.facts["unseen_ns"] for row in told.rows.alive("here") if row.name == "ServiceDown")
    go_on(again, range(DOWN + 2 * HOUR, DOWN + 2 * HOUR + 21), Outcome.OK)
    assert names(again) == {}


def test_what_is_seen_to_fail_again_is_the_same_alert() -> None:
    told = outage()
    go_on(told, range(DOWN, DOWN + HOUR), Outcome.CONFIG)
    go_on(told, range(DOWN + HOUR, DOWN + HOUR + 1), Outcome.SERVER_ERROR)
    pages = [one for one in told.notices if one.name == "ServiceDown"]
    assert [(one.seq, "not seen" in one.summary) for one in pages] == [(1, False)]
    assert len([row for row in told.rows.rows.values() if row.name == "ServiceDown"]) == 1


def test_targets_that_were_down_before_our_own_network_are_not_well_for_it() -> None:
    told = outage()
    for slot in range(DOWN, DOWN + HOUR):
        told.beat(at(slot) - 1, tls="down")
        go_on(told, range(slot, slot + 1), Outcome.CONNECT_TIMEOUT, fault=Fault.OURS)
    assert {"NetworkDown", "TargetDown", "ServiceDown"} <= names(told).keys()
    go_on(told, range(DOWN + HOUR, DOWN + 2 * HOUR), None)
    assert {"NetworkDown", "TargetDown", "ServiceDown"} <= names(told).keys(), (
        "the asker is dead, and nobody knows"
    )


def test_a_target_that_is_asked_no_more_ends_in_words_of_its_own() -> None:
    told = outage()
    told.config = estate("gcp")
    told.standings.plan(told.config)
    go_on(told, range(DOWN, DOWN + 25), Outcome.OK)
    assert names(told) == {}
    assert ends(told)["service-down/nano"] == (
        "Service nano is told of no more after 5m11s: the plan names it no more"
    )
    assert ends(told)["target-down/aws"].endswith(
        "is told of no more after 5m11s: the plan names it no more"
    )


def test_an_objective_that_is_gone_with_its_only_probe_ends_with_it() -> None:
    told = outage()
    told.config = dataclasses.replace(told.config, probes=(), services=(), objectives=())
    told.standings.plan(told.config)
    go_on(told, range(DOWN, DOWN + 25), None)
    assert names(told) == {}


def test_an_announced_maintenance_ends_an_alert_and_says_so() -> None:
    told = outage()
    told.quiet = Quiet((), [work(name, at(DOWN), at(DOWN) + 3600) for name in ("aws", "azure")])
    go_on(told, range(DOWN, DOWN + 25), None)
    assert names(told) == {}
    assert ends(told)["service-down/nano"].endswith(": too many of its members are in maintenance")
    assert ends(told)["target-down/aws"].endswith(": it is in maintenance")


def test_a_maintenance_that_is_shorter_than_the_hold_mends_nothing() -> None:
    told = outage()
    told.quiet = Quiet((), [work(name, at(DOWN), at(DOWN) + 360) for name in ("aws", "azure")])
    go_on(told, range(DOWN, DOWN + HOUR), None)
    assert names(told)["ServiceDown"] == "page"
    assert "not seen since" in next(one for one in told.notices if one.name == "ServiceDown").summary


def test_answers_that_say_nothing_are_not_valid_because_the_asker_is_dead() -> None:
    told = Told(estate("aws", "azure"))
    go_on(told, range(20), Outcome.CONTENT_FILTER)
    assert names(told) == {"NothingValid": "ticket"}
    go_on(told, range(20, HOUR), None)
    assert names(told)["NothingValid"] == "ticket"
    go_on(told, range(HOUR, HOUR + 21), Outcome.OK)
    assert "NothingValid" not in names(told)


def test_what_was_told_and_fires_is_known_while_no_change_can_be_remembered() -> None:
    """So that it can be told on, past the rows: an end that nobody could write down is none."""
    told = outage()
    assert {one.name for one in told.alerting.firing()} == {"TargetDown", "ServiceDown"}
    told.rows.away = True
    for target in ("aws", "azure"):
        told.settle(DOWN, target)
    with pytest.raises(StoreUnavailableError):
        told.look(at(DOWN))
    with pytest.raises(StoreUnavailableError):
        told.look(at(DOWN) + HOLD_S)
    assert {one.name for one in told.alerting.firing()} == {"TargetDown", "ServiceDown"}
    told.rows.away = False
    go_on(told, range(DOWN + 21, DOWN + 43), Outcome.OK)
    assert told.alerting.firing() == []
