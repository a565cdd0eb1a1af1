"""A target that is new pages nobody, and keeps back no page of those that are not."""

import dataclasses
from typing import Any

import pytest

from agent.slo.burning import Window, Windows
from agent.slo.spent import Counted, single
from agent.telling.due import asked_since
from probes.result import Fault, Outcome
from storage.readings import PlanRow, SliCounts
from support.alerting import Told, estate, service
from support.told import EVERY_NS, SECOND_NS, START_NS

WARM = 120
"""Slots of half a minute in a warm-up of an hour."""

DOWN, LOST, REFUSED = Outcome.SERVER_ERROR, Outcome.CONNECT_TIMEOUT, Outcome.CONNECT_REFUSED


def grown(*new: str, at_least: int = 1) -> Told:
    """Return two targets that are probed for over an hour, and others that are not probed yet."""
    told = Told(estate("aws", "azure", *new, warm_up_s=3600.0, at_least=at_least))
    go_on(told, range(WARM + 1), aws=Outcome.OK, azure=Outcome.OK)
    return told


def go_on(told: Told, slots: range, **outcomes: Outcome) -> None:
    for slot in slots:
        for target, outcome in outcomes.items():
            told.settle(slot, target, outcome)


def look(told: Told, slot: int) -> dict[str, str]:
    """Look while a slot is settled, and return the severity of each alert about no single target."""
    seconds = slot * EVERY_NS / SECOND_NS + 12
    return {name: severity for name, severity, _ in told.look(seconds) if name != "TargetDown"}


@pytest.mark.parametrize("outcome", [Outcome.OK, REFUSED, Outcome.CONFIG])
def test_a_new_member_keeps_back_no_page_of_its_service(outcome: Outcome) -> None:
    """Be it well (of three one is too few then), down, or of unknown health for its key is wrong."""
    told = grown("new", at_least=1 if outcome is not Outcome.OK else 2)
    go_on(told, range(WARM + 1, WARM + 20), aws=Outcome.OK, azure=Outcome.OK, new=outcome)
    assert "ServiceDown" not in look(told, WARM + 19)
    go_on(told, range(WARM + 20, WARM + 21), aws=DOWN, azure=DOWN, new=outcome)
    assert look(told, WARM + 20)["ServiceDown"] == "page"


@pytest.mark.parametrize("planned", [False, True])
def test_a_clock_that_ran_ahead_at_first_keeps_back_no_page(*, planned: bool) -> None:
    """Though by what it said then, targets are not probed before tomorrow."""
    told = Told(estate("aws", "azure", warm_up_s=3600.0))
    if planned:
        told.standings.asked(dict.fromkeys(("aws", "azure"), START_NS + 86_400 * SECOND_NS))
    told.beat(86_400)
    go_on(told, range(2880, 2890), aws=Outcome.OK, azure=Outcome.OK)
    told.beat(0)
    go_on(told, range(WARM + 1), aws=Outcome.OK, azure=Outcome.OK)
    go_on(told, range(WARM + 1, WARM + 2), aws=DOWN, azure=DOWN)
    assert look(told, WARM + 1) == {"ServiceDown": "page"}


def test_a_new_member_bears_nobody_out() -> None:
    """Of three two are needed: one that fails beside a new one that never worked is one alone, for two minutes."""
    told = grown("new", at_least=2)
    go_on(told, range(WARM + 1, WARM + 5), aws=DOWN, azure=Outcome.OK, new=REFUSED)
    assert look(told, WARM + 1) == {"ServiceDown": "ticket"}
    assert look(told, WARM + 4) == {"ServiceDown": "ticket"}
    go_on(told, range(WARM + 5, WARM + 6), aws=DOWN, azure=Outcome.OK, new=REFUSED)
    assert look(told, WARM + 5) == {"ServiceDown": "page"}


def test_a_service_that_hangs_on_a_member_of_which_nothing_is_known_is_a_ticket() -> None:
    """Two of three are needed: one is well, one is down, and the key of the third has expired."""
    told = Told(estate("aws", "azure", "oci", at_least=2))
    go_on(told, range(10), aws=Outcome.OK, azure=Outcome.OK, oci=Outcome.OK)
    go_on(told, range(10, 40), aws=Outcome.OK, azure=Outcome.OK, oci=Outcome.CONFIG)
    go_on(told, range(40, 44), aws=DOWN, azure=Outcome.OK, oci=Outcome.CONFIG)
    assert "ServiceDown" not in look(told, 43)
    go_on(told, range(44, 60), aws=DOWN, azure=Outcome.OK, oci=Outcome.CONFIG)
    assert look(told, 59) == {"CredentialsRefused": "ticket", "ServiceDown": "ticket"}
    (doubt,) = (one for one in told.notices if one.name == "ServiceDown")
    assert doubt.summary == (
        "Service nano may have been down since 2027-01-15 08:20:00 UTC: 1 of 3 clouds is well, "
        "nothing is known of oci, and it needs 2"
    )
    go_on(told, range(60, 61), aws=DOWN, azure=Outcome.OK, oci=DOWN)
    assert look(told, 60)["ServiceDown"] == "page"


def test_clouds_that_never_bring_a_valid_answer_are_told_of_for_as_long_as_that_lasts() -> None:
    told = Told(estate("aws", "azure"))
    for slot in range(2880):
        go_on(told, range(slot, slot + 1), aws=Outcome.CONFIG, azure=Outcome.CONTENT_FILTER)
    assert told.look(2879 * 30 + 2) == [
        ("NothingValid", "ticket", "aws"),
        ("NothingValid", "ticket", "azure"),
    ]


def test_new_members_that_fail_alone_are_a_ticket() -> None:
    told = grown("new", "newer", at_least=3)
    go_on(told, range(WARM + 1, WARM + 9), aws=Outcome.OK, azure=Outcome.OK, new=REFUSED, newer=REFUSED)
    assert look(told, WARM + 8) == {"ServiceDown": "ticket"}


def test_a_network_pages_where_any_target_that_it_cuts_off_is_not_new() -> None:
    told = grown("new")
    told.settle(WARM, "new")
    for target in ("aws", "azure", "new"):
        told.settle(WARM + 1, target, LOST, fault=Fault.OURS)
    told.beat((WARM + 1) * EVERY_NS / SECOND_NS + 11, tls="down")
    assert look(told, WARM + 1) == {"NetworkDown": "page"}


def windows(bad: int) -> Windows:
    """Return what a probe in each half minute saw; so many failed in every window that is long enough."""
    due = {"5m": 10, "30m": 60, "1h": 120, "2h": 240, "6h": 720, "1d": 2880, "3d": 8640, "28d": 80640}
    return {
        name: Window(counts=SliCounts(good=slots - min(bad, slots), bad=min(bad, slots)), expected=slots)
        for name, slots in due.items()
    }


@pytest.mark.parametrize(
    ("bad", "severity"),
    [
        ({"aws": 9, "azure": 9, "new": 0}, "page"),
        ({"aws": 9, "azure": 9, "new": 9}, "page"),
        ({"aws": 9, "azure": 0, "new": 9}, "ticket"),
        ({"aws": 0, "azure": 0, "new": 9}, None),
    ],
)
def test_a_service_burns_by_those_of_its_members_that_are_not_new(
    bad: dict[str, int], severity: str | None
) -> None:
    """One old and one new that burn together are told of, and page nobody."""
    told = grown("new")
    series = {(target, "chat"): windows(failed) for target, failed in bad.items()}
    look(told, WARM)
    told.alerting.counted(told.config, series, told.now_ns)
    assert look(told, WARM).get("ServiceBudgetBurn") == severity


# -- what is not new though it seems so


def test_a_restart_without_a_snapshot_is_no_cold_start_for_what_was_planned_before() -> None:
    told = grown()
    start_ns = START_NS - 7 * 86400 * SECOND_NS
    rows = [
        PlanRow(
            config_hash="h",
            vantage="here",
            target=target,
            probe="chat",
            every_ns=EVERY_NS,
            phase_ns=0,
            valid_from_ns=since_ns,
            valid_to_ns=None,
            reason="start",
        )
        for target, since_ns in (("aws", start_ns), ("aws", start_ns + 1), ("azure", start_ns))
    ]
    for asked, severity in (({}, "ticket"), (asked_since(rows), "page")):
        again = Told(told.config)
        again.standings.asked(asked)
        go_on(again, range(WARM + 1, WARM + 2), aws=DOWN, azure=DOWN)
        assert look(again, WARM + 1) == {"ServiceDown": severity}


def test_a_budget_that_burnt_before_a_restart_burns_after_it() -> None:
    """Well since the restart is not well again: nobody told of an outage that its failures would be of."""
    told = Told(estate("aws"))
    told.standings.asked({"aws": START_NS - 86400 * SECOND_NS})
    told.settle(0, "aws")
    told.now_ns = START_NS + 12 * SECOND_NS
    one = Counted(
        objective=told.config.objectives[0], target="aws", probe="chat", every_s=30.0, windows=windows(9)
    )
    told.alerting.counted(told.config, {}, told.now_ns, [single(one)])
    assert ("BudgetBurn", "ticket", "aws-chat-available") in told.look(12)


def renamed(told: Told, *names: str, **changes: Any) -> None:
    """Give targets other names, in their order, in the middle of all that goes on."""
    config = estate(*names, warm_up_s=3600.0)
    targets = tuple(
        dataclasses.replace(one, endpoint=f"https://{nth}.invalid", critical=True, **changes)
        for nth, one in enumerate(config.targets)
    )
    told.config = dataclasses.replace(config, targets=targets, services=(service(*names, name="assist"),))
    told.standings.plan(told.config)


def test_a_target_that_is_renamed_in_its_outage_is_as_old_and_as_ill_as_it_was() -> None:
    told = Told(estate("aws", "azure", warm_up_s=3600.0))
    renamed(told, "aws", "azure")
    go_on(told, range(WARM + 1), aws=Outcome.OK, azure=Outcome.OK)
    go_on(told, range(WARM + 1, WARM + 8), aws=DOWN, azure=Outcome.OK)
    assert told.look((WARM + 7) * 30 + 12) == [("TargetDown", "page", "aws")]
    renamed(told, "amazon", "azure")
    assert ("TargetDown", "page", "amazon") in told.look((WARM + 7) * 30 + 13)
    assert told.standings.born_ns() == {"amazon": START_NS, "azure": START_NS}


def test_what_is_asked_something_else_under_another_name_is_new() -> None:
    told = Told(estate("aws", "azure", warm_up_s=3600.0))
    renamed(told, "aws", "azure")
    go_on(told, range(WARM + 1), aws=Outcome.OK, azure=Outcome.OK)
    renamed(told, "amazon", "azure", model_id="mini")
    assert told.standings.born_ns() == {"azure": START_NS}
