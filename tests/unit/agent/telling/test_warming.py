"""A target that is new pages nobody, and keeps back no page of those that are not."""

import pytest

from agent.slo.burning import Window, Windows
from probes.result import Fault, Outcome
from storage.readings import SliCounts
from support.alerting import Told, estate
from support.told import EVERY_NS, SECOND_NS

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
