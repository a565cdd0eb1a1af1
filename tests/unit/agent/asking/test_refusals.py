"""Refused identities: our keys, or a cloud whose identity service is down."""

import dataclasses
from typing import Any

import pytest

from agent.asking.refusals import AT_ONCE_NS, Refusals
from probes.identity import LATELY_NS
from probes.result import Outcome, ProbeResult
from probes.target import Target
from support.asking import a_target
from support.told import EVERY_NS, START_NS, result

EAST, WEST, NORTH, ELSEWHERE = (
    dataclasses.replace(a_target(name), cloud=cloud, credentials={"api_key": f"${{{name.upper()}}}"})
    for name, cloud in (("east", "aws"), ("west", "aws"), ("north", "aws"), ("other", "gcp"))
)


def asked(
    refusals: Refusals, target: Target, slot: int, outcome: Outcome = Outcome.CONFIG, **fields: Any
) -> Outcome:
    given = {"http_status": 401 if outcome is Outcome.CONFIG else 200} | fields
    return refusals.judged(
        target, result(slot, outcome, target=target.name, cloud=target.cloud, **given)
    ).outcome


def accepted(*targets: Target, slot: int = 0) -> Refusals:
    refusals = Refusals()
    for target in targets:
        assert asked(refusals, target, slot, Outcome.OK) is Outcome.OK
    return refusals


def refuse(refusals: Refusals, *targets: Target, since: int = 1, **fields: Any) -> list[Outcome]:
    """Refuse four slots of each target in turn and return what came of the last ones."""
    found = [asked(refusals, one, slot, **fields) for slot in range(since, since + 4) for one in targets]
    return found[-len(targets) :]


def test_all_identities_of_a_cloud_that_turn_at_once_are_the_clouds_fault() -> None:
    assert refuse(accepted(EAST, WEST), EAST, WEST) == [Outcome.IDENTITY_SERVICE] * 2


def test_the_first_refusals_are_nobodys_until_they_are_no_accident() -> None:
    refusals = accepted(EAST, WEST)
    found = [asked(refusals, one, slot) for slot in (1, 2, 3) for one in (EAST, WEST)]
    assert found == [Outcome.CONFIG] * 5 + [Outcome.IDENTITY_SERVICE]


def test_one_identity_alone_is_ours_be_it_the_only_one_or_beside_one_that_is_accepted() -> None:
    assert refuse(accepted(EAST), EAST) == [Outcome.CONFIG]
    twin = dataclasses.replace(WEST, credentials=EAST.credentials)
    assert refuse(accepted(EAST, twin), EAST, twin) == [Outcome.CONFIG] * 2
    beside = accepted(EAST, WEST)
    for slot in range(1, 6):
        assert asked(beside, EAST, slot) is Outcome.CONFIG
        assert asked(beside, WEST, slot, Outcome.OK) is Outcome.OK


def test_identities_of_two_clouds_are_two_faults_of_ours() -> None:
    assert refuse(accepted(EAST, ELSEWHERE), EAST, ELSEWHERE) == [Outcome.CONFIG] * 2


def test_keys_that_expire_apart_or_never_worked_are_ours() -> None:
    apart = accepted(EAST, WEST)
    refuse(apart, EAST)
    later = 2 + AT_ONCE_NS // EVERY_NS
    asked(apart, WEST, later - 1, Outcome.OK)
    assert refuse(apart, WEST, EAST, since=later) == [Outcome.CONFIG] * 2
    assert refuse(Refusals(), EAST, WEST) == [Outcome.CONFIG] * 2
    assert refuse(accepted(EAST, WEST), EAST, WEST, since=2 + LATELY_NS // EVERY_NS) == [Outcome.CONFIG] * 2


@pytest.mark.parametrize("ever", [True, False])
def test_a_key_that_is_refused_for_long_hides_no_fault_of_the_cloud_and_stays_ours(*, ever: bool) -> None:
    """Be it one that ended, or one that never worked."""
    refusals = accepted(EAST, WEST, *([NORTH] if ever else []))
    refuse(refusals, NORTH)
    later = 2 + AT_ONCE_NS // EVERY_NS
    for target in (EAST, WEST):
        asked(refusals, target, later - 1, Outcome.OK)
    found = refuse(refusals, EAST, WEST, NORTH, since=later)
    assert found == [Outcome.IDENTITY_SERVICE, Outcome.IDENTITY_SERVICE, Outcome.CONFIG]


def test_what_no_server_said_and_what_is_wrong_with_the_request_is_ours() -> None:
    for status in (None, 400, 404):
        assert refuse(accepted(EAST, WEST), EAST, WEST, http_status=status) == [Outcome.CONFIG] * 2


def test_one_that_is_accepted_again_ends_it() -> None:
    refusals = accepted(EAST, WEST)
    refuse(refusals, EAST, WEST)
    assert asked(refusals, EAST, 5, Outcome.OK) is Outcome.OK
    assert asked(refusals, WEST, 5) is Outcome.CONFIG


def test_what_a_new_plan_changes_begins_afresh() -> None:
    refusals = accepted(EAST, WEST)
    wrong = dataclasses.replace(WEST, model_id="nonesuch")
    refusals.switch([EAST, wrong])
    assert refuse(refusals, EAST, wrong) == [Outcome.CONFIG] * 2


def test_a_confirmation_is_judged_as_its_slot_and_counts_for_none() -> None:
    refusals = accepted(EAST, WEST)
    refuse(refusals, EAST, WEST)
    again = _attempt(EAST, 5, 1)
    assert refusals.judged(EAST, again).outcome is Outcome.IDENTITY_SERVICE
    fresh = accepted(EAST, WEST)
    for number in (1, 2, 3, 4):
        for target in (EAST, WEST):
            assert fresh.judged(target, _attempt(target, 1, number)).outcome is Outcome.CONFIG


def _attempt(target: Target, slot: int, number: int) -> ProbeResult:
    at_ns = START_NS + slot * EVERY_NS
    return result(
        slot, Outcome.CONFIG, target=target.name, http_status=401, attempt=number, started_ns=at_ns + 1
    )
