"""Outages that lie wholly within a time without a database: told once, as what they are, when it is back."""

import dataclasses
from collections.abc import Sequence

import pytest

from agent.config.model import Receiver
from agent.slo.alerts import HOLD_NS
from probes.result import Outcome
from storage.base import StoreUnavailableError
from support.alerting import Told, estate
from support.told import SECOND_NS

HOLD_S = HOLD_NS / SECOND_NS


def an_agent() -> Told:
    """Return an agent of two clouds that were well and looked at."""
    pager = Receiver(name="pager", kind="slack", url="${URL}")
    told = Told(dataclasses.replace(estate("aws", "azure"), engine="agent", receivers=(pager,)))
    settle(told, 0, Outcome.OK)
    told.look(1)
    return told


def settle(told: Told, slot: int, outcome: Outcome, targets: Sequence[str] = ("aws", "azure")) -> None:
    for target in targets:
        told.settle(slot, target, outcome)


def in_the_dark(told: Told, *seconds: float) -> None:
    told.rows.away = True
    for at in seconds:
        with pytest.raises(StoreUnavailableError):
            told.look(at)
    told.rows.away = False


def said(told: Told) -> list[tuple[str, str, str]]:
    kept = [one.row.payload for one in told.rows.outbox.kept.values()]
    return [(one["name"], one["severity"], one["state"]) for one in kept]


def test_it_is_one_ticket_that_says_from_when_to_when_and_ends_as_every_alert() -> None:
    told = an_agent()
    settle(told, 1, Outcome.SERVER_ERROR)
    in_the_dark(told, 41, 42, 60)
    settle(told, 2, Outcome.OK)
    in_the_dark(told, 61, 90)
    assert told.look(100) == [("ServiceDown", "ticket", "nano")]
    (notice,) = told.notices
    assert notice.summary == (
        "Service nano was down from 2027-01-15 08:00:30 UTC to 2027-01-15 08:01:00 UTC,"
        " while this agent had no database and told nobody"
    )
    assert notice.detail.startswith("failing: aws, azure; fault: ")
    assert told.look(102) == [("ServiceDown", "ticket", "nano")]
    again = Told(told.config, told.rows, told.standings)
    assert again.look(103) == [("ServiceDown", "ticket", "nano")]
    assert again.look(102 + HOLD_S) == []
    assert said(told) == [("ServiceDown", "ticket", "firing"), ("ServiceDown", "ticket", "resolved")]


def test_a_target_that_failed_no_service_is_a_ticket_of_its_own() -> None:
    told = an_agent()
    settle(told, 1, Outcome.SERVER_ERROR, ["aws"])
    in_the_dark(told, 41)
    settle(told, 2, Outcome.OK, ["aws"])
    assert told.look(61) == [("TargetDown", "ticket", "aws")]
    assert told.notices[0].key.startswith("missed/target-down/aws@")


def test_what_is_down_still_pages_as_ever_and_is_told_as_nothing_else() -> None:
    told = an_agent()
    settle(told, 1, Outcome.SERVER_ERROR)
    in_the_dark(told, 41)
    assert [name for name, _, _ in told.look(50)] == ["TargetDown", "TargetDown", "ServiceDown"]
    assert ("ServiceDown", "page", "firing") in said(told)
    settle(told, 2, Outcome.OK)
    told.look(61)
    assert told.look(61 + HOLD_S) == []


def test_what_was_told_before_the_database_went_ends_under_its_own_key() -> None:
    told = an_agent()
    settle(told, 1, Outcome.SERVER_ERROR, ["aws"])
    told.look(41)
    told.rows.away = True
    told.look(42)
    settle(told, 2, Outcome.OK, ["aws"])
    in_the_dark(told, 61)
    told.look(70)
    told.look(70 + HOLD_S)
    assert said(told) == [("TargetDown", "ticket", "firing"), ("TargetDown", "ticket", "resolved")]


def test_a_database_that_goes_again_before_it_is_written_loses_nothing() -> None:
    told = an_agent()
    settle(told, 1, Outcome.SERVER_ERROR)
    in_the_dark(told, 41)
    settle(told, 2, Outcome.OK)
    told.rows.unsaid = True
    with pytest.raises(StoreUnavailableError):
        told.look(61)
    told.rows.unsaid = False
    in_the_dark(told, 62)
    told.look(63)
    assert said(told) == [("ServiceDown", "ticket", "firing")]
    told.look(64)
    told.look(64 + HOLD_S)
    assert said(told)[1:] == [("ServiceDown", "ticket", "resolved")]
