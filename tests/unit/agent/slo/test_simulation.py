"""On a virtual clock: a total outage pages in time, a part of it does not, and a quiet month keeps quiet."""

import dataclasses
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo.alerts import Alert
from agent.slo.failing import Failing, Independent, Silence, Spells
from agent.slo.service import Member, Service
from agent.slo.simulation import Scene, run

HOUR_S = 3600.0


def service(members: int, every_s: float = 30.0) -> Service:
    return Service(
        name="nano",
        members=tuple(
            Member(target=f"t{nth}", probe="chat", cloud=f"c{nth}", region=None, every_s=every_s)
            for nth in range(members)
        ),
        ratio=0.999,
        window_s=28 * 24 * HOUR_S,
    )


def alerts(failing: Sequence[Failing], span_s: float, shows_s: float = 0.1) -> list[Alert]:
    return run(Scene(service=service(len(failing)), failing=failing, span_s=span_s, shows_s=shows_s))


def told(found: list[Alert]) -> list[tuple[str, str, str]]:
    return [(alert.finding.name, alert.finding.severity, alert.finding.subject) for alert in found]


@pytest.mark.parametrize(("shows_s", "within_s"), [(0.1, 60.0), (8.0, 75.0)])
@pytest.mark.parametrize("into_the_slot_s", [0.0, 0.1, 15.0, 29.9])
def test_an_outage_of_all_members_pages_within_a_minute_wherever_it_begins(
    shows_s: float, within_s: float, into_the_slot_s: float
) -> None:
    since_s = 7200.0 + into_the_slot_s
    out = Spells([(since_s, since_s + 600.0)])
    found = alerts([out, out], 4 * HOUR_S, shows_s)
    pages = [alert for alert in found if alert.finding.severity == "page"]
    assert pages[0].finding.name == "ServiceDown"
    assert pages[0].fired_ns / 1e9 - since_s <= within_s
    assert all(alert.ended_ns is not None for alert in found if alert.finding.name == "ServiceDown")


def test_an_outage_of_one_of_two_is_a_ticket() -> None:
    out = Spells([(7200.0, 9000.0)])
    found = alerts([out, Spells([])], 4 * HOUR_S)
    assert told(found) == [("TargetDown", "ticket", "t0")]
    assert found[0].ended_ns == pytest.approx(9600e9, abs=90e9)


def test_a_blip_between_slots_or_one_that_ends_before_it_is_confirmed_is_nothing() -> None:
    assert alerts([Spells([(7201.0, 7229.0)])] * 2, 3 * HOUR_S) == []
    assert alerts([Spells([(7195.0, 7205.0)])] * 2, 3 * HOUR_S) == []


def test_a_services_only_member_pages_after_two_minutes() -> None:
    out = Spells([(7195.0, 7195.0 + 600.0)])
    pages = [alert for alert in alerts([out], 3 * HOUR_S) if alert.finding.severity == "page"]
    assert pages[0].fired_ns / 1e9 == pytest.approx(7200.0 + 120.0, abs=40.0)
    short = alerts([Spells([(7195.0, 7195.0 + 100.0)])], 3 * HOUR_S)
    assert ("ServiceDown", "page", "nano") not in told(short)


@pytest.mark.parametrize("mean_s", [None, 20.0, 120.0])
def test_a_month_at_half_of_the_budget_does_not_page(mean_s: float | None) -> None:
    month_s = 30 * 24 * HOUR_S
    failing: list[Failing] = [
        Independent(0.0005, random.Random(f"{mean_s}/{nth}"))
        if mean_s is None
        else Spells.drawn(0.0005, mean_s, month_s, random.Random(f"{mean_s}/{nth}"))
        for nth in range(2)
    ]
    assert "page" not in {alert.finding.severity for alert in alerts(failing, month_s)}


@given(
    spells=st.lists(st.tuples(st.floats(0.1, 500.0), st.floats(0.1, 500.0)), max_size=8),
    every_s=st.sampled_from([15.0, 30.0, 60.0]),
)
def test_the_slots_that_fail_are_those_within_a_spell(
    spells: list[tuple[float, float]], every_s: float
) -> None:
    ends: list[tuple[float, float]] = []
    at_s = 0.0
    for pause_s, length_s in spells:
        ends.append((at_s + pause_s, at_s + pause_s + length_s))
        at_s = ends[-1][1]
    failing = Spells(ends)
    found = list(failing.slots(7.0, every_s, 5000.0))
    due = [7.0 + nth * every_s for nth in range(int(5000 / every_s) + 1)]
    assert found == [at_s for at_s in due if at_s < 5000.0 and failing.fails(at_s)]


def maintained_alerts(failing: Sequence[Failing], *silent: Silence, at_least: int = 1) -> list[Alert]:
    asked = dataclasses.replace(service(len(failing)), at_least=at_least)
    return run(Scene(service=asked, failing=failing, span_s=4 * HOUR_S, silent=silent))


WORK = Silence(excluded=[(7200.0, 9000.0)], maintained=[(7200.0, 9000.0)])


def test_a_member_in_maintenance_is_no_member() -> None:
    """The other one alone is a service of one, which pages after two minutes; of two that it needs nothing is said."""
    out = Spells([(7500.0, 8100.0)])
    found = maintained_alerts([Spells([]), out], WORK, Silence())
    assert told(found) == [("TargetDown", "ticket", "t1"), ("ServiceDown", "page", "nano")]
    assert 120 <= found[1].fired_ns / 1e9 - 7500 <= 180
    assert told(maintained_alerts([Spells([]), out], WORK, Silence(), at_least=2)) == [
        ("TargetDown", "ticket", "t1")
    ]


def test_what_is_down_when_its_maintenance_begins_is_told_of_no_more() -> None:
    """It fails again after it, for what was down is not well before it is seen to be."""
    out = Spells([(6900.0, 7200.0), (9000.0, 9600.0)])
    first, second = maintained_alerts([out, Spells([])], WORK, Silence())
    assert told([first, second]) == [("TargetDown", "ticket", "t0")] * 2
    assert first.ended_ns == pytest.approx(7800e9, abs=70e9)
    assert 9000 <= second.fired_ns / 1e9 <= 9060
