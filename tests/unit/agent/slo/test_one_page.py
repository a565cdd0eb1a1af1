"""On a virtual clock: an outage of a service is one page, however long it is, and what burns after it is another."""

import random

import pytest

from agent.slo.alerts import Alert
from agent.slo.failing import Failing, Independent, Several, Spells
from agent.slo.service import Member, Service
from agent.slo.simulation import Scene, run

HOUR_S = 3600.0
BEGIN_S = 7195.0


def pages(*failing: Failing, hours: float) -> list[tuple[str, float]]:
    """Return the pages of a service with these members at 30 s: each with when it fired."""
    members = tuple(
        Member(target=f"t{nth}", probe="chat", cloud=f"c{nth}", region=None, every_s=30.0)
        for nth in range(len(failing))
    )
    service = Service(name="nano", members=members, ratio=0.999, window_s=28 * 24 * HOUR_S)
    found = run(Scene(service=service, failing=failing, span_s=BEGIN_S + hours * HOUR_S))
    return [_told(alert) for alert in found if alert.finding.severity == "page"]


def _told(alert: Alert) -> tuple[str, float]:
    return alert.finding.name, alert.fired_ns / 1e9 - BEGIN_S


def half(seed: int, since_s: float, length_s: float = HOUR_S) -> Independent:
    return Independent(0.5, random.Random(seed), since_s, since_s + length_s)


@pytest.mark.parametrize("minutes", [5, 30, 360])
@pytest.mark.parametrize("members", [1, 2, 3])
def test_a_total_outage_is_one_page(members: int, minutes: int) -> None:
    """All windows still burn for hours after the longest of them, and none of that is news."""
    out = Spells([(BEGIN_S, BEGIN_S + minutes * 60)])
    assert [name for name, _ in pages(*[out] * members, hours=minutes / 60 + 12)] == ["ServiceDown"]


@pytest.mark.parametrize("minutes", [5, 30, 360])
def test_half_of_the_attempts_failing_after_it_is_a_second_page(minutes: int) -> None:
    """While the outage's alert is open nobody is told twice; it is resolved ten minutes after the outage."""
    over_s = BEGIN_S + minutes * 60
    failing = [Several([Spells([(BEGIN_S, over_s)]), half(nth, over_s)]) for nth in range(2)]
    (first, _), (second, at_s), *more = pages(*failing, hours=minutes / 60 + 12)
    assert (first, second) == ("ServiceDown", "ServiceBudgetBurn")
    assert 570 <= at_s - minutes * 60 <= 720
    assert {name for name, _ in more} <= {"ServiceDown"}  # both members failed four times at once again


def test_a_burn_without_an_outage_pages_however_long_ago_the_last_one_was() -> None:
    for later_s in (15 * 60, 2 * HOUR_S, 20 * HOUR_S):
        begin_s = BEGIN_S + 300 + later_s
        failing = [Several([Spells([(BEGIN_S, BEGIN_S + 300)]), half(nth, begin_s)]) for nth in range(2)]
        found = [at_s for name, at_s in pages(*failing, hours=24) if name == "ServiceBudgetBurn"]
        assert 0 < found[0] - 300 - later_s < 600, later_s


def test_an_outage_in_the_midst_of_a_burn_does_not_end_its_page() -> None:
    """Half of the attempts fail before, between and after; each outage is a page, the burning one alone."""
    spells = Spells([(BEGIN_S + 2 * HOUR_S, BEGIN_S + 2.5 * HOUR_S)])
    failing = [Several([half(nth, BEGIN_S, 4 * HOUR_S), spells]) for nth in range(2)]
    found = [name for name, _ in pages(*failing, hours=16)]
    assert found[0] == "ServiceBudgetBurn"
    assert found.count("ServiceBudgetBurn") == 1
    assert "ServiceDown" in found


def test_members_that_recover_one_by_one_are_one_page() -> None:
    ends_s = (1800.0, 1950.0, 2100.0)
    failing = [Spells([(BEGIN_S, BEGIN_S + end_s)]) for end_s in ends_s]
    assert [name for name, _ in pages(*failing, hours=12)] == ["ServiceDown"]


def test_outages_of_an_only_member_that_are_too_short_to_page_do_together() -> None:
    """Each lasts 100 s, four slots, and page.after is two minutes; the second within an hour is a burn."""
    short = [(BEGIN_S + nth * 900, BEGIN_S + nth * 900 + 100) for nth in range(3)]
    assert pages(Spells(short[:1]), hours=12) == []
    ((name, at_s),) = pages(Spells(short), hours=12)
    assert name == "ServiceBudgetBurn"
    assert 900 < at_s < 2000
