"""Whose fault it is waits for those that were not asked yet, and is told anew once it is clearer."""

import dataclasses

from agent.config.model import Config
from agent.telling.alert_rows import revived
from agent.telling.clearer import AGAIN_NS
from agent.telling.notices import notice
from probes.result import Outcome
from support.alerting import Told, estate
from support.told import SECOND_NS, START_NS, result

AGAIN_S = AGAIN_NS // SECOND_NS
DOWN = Outcome.SERVER_ERROR


def two_models() -> Config:
    """Return one cloud with two targets of each of two models, each of which is a service that needs one of its targets."""
    config = estate("nano-east", "nano-west", "large-east", "large-west", of="target")
    placed = tuple(
        dataclasses.replace(
            one, cloud="gcp", model=one.name.split("-")[0], region=one.name.split("-")[1], group=one.name[:4]
        )
        for one in config.targets
    )
    (whole,) = config.services
    members = tuple(
        dataclasses.replace(one, cloud="gcp", region=one.target.split("-")[1]) for one in whole.members
    )
    services = tuple(
        dataclasses.replace(
            whole, name=model, members=tuple(one for one in members if one.target.startswith(model))
        )
        for model in ("nano", "large")
    )
    return dataclasses.replace(config, targets=placed, services=services)


def settle(told: Told, at_s: float, model: str, outcome: Outcome = Outcome.OK) -> None:
    """Settle the slot of both targets of a model that was due at an instant."""
    at_ns = START_NS + round(at_s * SECOND_NS)
    for region in ("east", "west"):
        told.settle(0, f"{model}-{region}", outcome, scheduled_ns=at_ns, started_ns=at_ns)


def begun(other_s: float = 20) -> Told:
    """Return one for which all was well, the other model asked so long after the first, and then the first one fails."""
    told = Told(two_models())
    settle(told, 0, "nano")
    settle(told, other_s, "large")
    told.look(other_s + 1)
    settle(told, 30, "nano", DOWN)
    return told


def test_a_page_says_no_model_while_the_clouds_other_one_was_not_asked() -> None:
    told = begun()
    assert told.look(41) == [], "the other model is due at 50 s"
    settle(told, 50, "large")
    told.look(51)
    assert {one.fault for one in told.notices} == {"model nano on gcp"}


def test_a_failure_that_nobody_has_confirmed_yet_is_taken_for_one_of_the_same() -> None:
    told = begun()
    at_ns = START_NS + 50 * SECOND_NS
    for region in ("east", "west"):
        name = f"large-{region}"
        told.standings.take(result(0, DOWN, target=name, scheduled_ns=at_ns, started_ns=at_ns))
    told.look(51)
    assert {one.fault for one in told.notices} == {"cloud gcp"}
    page = next(one for one in told.notices if one.severity == "page")
    assert page.evidence == ("all 4 targets of gcp fail, 2 of them not confirmed yet",)


def test_a_page_waits_for_28_seconds_at_most_and_names_whom_it_does_not_know_of() -> None:
    told = begun(other_s=25)
    assert told.look(57) == []
    assert told.look(58) == [("ServiceDown", "page", "nano")]
    (page,) = told.notices
    assert page.fault == "cloud gcp", "nothing that was asked since speaks against it"
    assert page.evidence[-1] == "not yet known: large-east, large-west"
    assert len(told.look(65)) == 3, "their answers should have come by now, so the tickets wait no longer"


def test_nobody_waits_for_a_target_that_is_asked_seldom() -> None:
    config = two_models()
    seldom = tuple(
        dataclasses.replace(
            one, members=tuple(dataclasses.replace(member, every_s=300.0) for member in one.members)
        )
        if one.name == "large"
        else one
        for one in config.services
    )
    told = Told(dataclasses.replace(config, services=seldom))
    settle(told, 0, "nano")
    settle(told, -20, "large")
    settle(told, 30, "nano", DOWN)
    assert ("ServiceDown", "page", "nano") in told.look(41)
    assert all(one.evidence[-1] == "not yet known: large-east, large-west" for one in told.notices)


def test_nobody_waits_for_a_target_that_did_not_answer_in_its_time() -> None:
    told = Told(two_models())
    settle(told, 0, "nano")
    settle(told, -30, "large")
    settle(told, 30, "nano", DOWN)
    assert ("ServiceDown", "page", "nano") in told.look(41), (
        "the other model was due at 0 s, and did not come"
    )


def test_a_clearer_fault_is_told_once_more_under_the_same_key_and_is_no_new_page() -> None:
    told = begun()
    settle(told, 50, "large")
    told.look(51)
    page = next(one for one in told.notices if one.severity == "page")
    settle(told, 60, "nano", DOWN)
    settle(told, 80, "large", DOWN)
    for seconds in (91, 91 + AGAIN_S - 1):
        told.look(seconds)
        assert next(one for one in told.notices if one.key == page.key).seq == 1
    settle(told, 110, "large", DOWN)
    told.look(91 + AGAIN_S)
    again = next(one for one in told.notices if one.key == page.key)
    assert (again.seq, again.severity, again.state) == (2, "page", "firing")
    assert again.detail.startswith(
        "failing: nano-east, nano-west; fault: cloud gcp (told before: model nano on gcp)"
    )
    assert [one.what for one in told.rows.changes("here", page.key)] == ["fired", "blamed"]
    told.look(200)
    assert next(one for one in told.notices if one.key == page.key).seq == 2


def test_a_restart_before_the_clearer_fault_is_told_does_not_lose_it() -> None:
    told = begun()
    settle(told, 50, "large")
    told.look(51)
    settle(told, 60, "nano", DOWN)
    settle(told, 80, "large", DOWN)
    told.look(91)
    told = Told(told.config, told.rows, told.standings)
    told.look(92)
    told.look(92 + AGAIN_S)
    told_twice = {one.name for one in told.notices if one.seq == 2}
    assert told_twice == {"ServiceDown", "TargetDown"}
    rows = told.rows.lately("here", 0, 9)
    assert all("fault_other_ns" not in notice(revived(row), row.seq).facts for row in rows)


def test_what_comes_back_one_after_the_other_narrows_no_fault() -> None:
    told = begun()
    settle(told, 50, "large", DOWN)
    settle(told, 60, "nano", DOWN)
    told.look(61)
    assert {one.fault for one in told.notices} == {"cloud gcp"}
    settle(told, 80, "large", DOWN)
    settle(told, 110, "large")
    settle(told, 120, "nano", DOWN)
    for seconds in range(111, 149, 5):
        told.look(seconds)
    settle(told, 140, "large")
    settle(told, 150, "nano")
    told.look(151)
    assert {(one.fault, one.seq) for one in told.notices} == {("cloud gcp", 1)}
