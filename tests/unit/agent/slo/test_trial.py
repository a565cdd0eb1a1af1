"""Trials in figures: what is told of an outage, how late, and what was told of none."""

import dataclasses
import random

import pytest

from agent.slo.failing import Failing, Independent, Recorded, Several, Silence, Spells
from agent.slo.findings import Ways
from agent.slo.service import Member, Service
from agent.slo.trial import MONTH_S, Heard, Trouble, heard, month, replay

WAYS = Ways(warm_up_ns=0)
SERVICE = Service(
    name="nano",
    members=tuple(
        Member(target=name, probe="chat", cloud=cloud, region=None, every_s=30.0)
        for name, cloud in (("a1", "a"), ("a2", "a"), ("b1", "b"))
    ),
    ratio=0.999,
    window_s=28 * 86400.0,
)


def told(trouble: Trouble, months: int = 2, service: Service = SERVICE) -> dict[str, Heard]:
    runs = [month(service, trouble, WAYS, f"1/{nth}") for nth in range(months)]
    return {f"{one.kind} {one.name}": one for one in heard(service, runs)}


def test_an_outage_of_all_is_told_of_service_clouds_and_targets() -> None:
    found = told(Trouble(outage_s=600.0))
    assert list(found) == ["service nano", "cloud a", "cloud b", "target a1", "target a2", "target b1"]
    service = found["service nano"]
    assert (service.missed, service.needless, len(service.delays_s)) == (0, 0, 2)
    assert max(service.delays_s) <= 60.0
    assert (found["target a1"].pages, found["target a1"].tickets, found["cloud a"].tickets) == (0, 2, 4)
    assert (
        found["cloud a"].plain_pages == found["target a1"].plain_pages + found["target a2"].plain_pages == 4
    )


def test_probes_of_one_target_are_told_of_together() -> None:
    first = SERVICE.members[0]
    both = dataclasses.replace(
        SERVICE, members=(first, dataclasses.replace(first, probe="long", every_s=60.0))
    )
    found = told(Trouble(outage_s=600.0), service=both)["target a1"]
    assert (found.tickets, found.plain_pages) == (2, 4)


def test_what_hangs_is_told_later() -> None:
    quick, slow = (told(Trouble(outage_s=600.0, shows_s=shows_s))["service nano"] for shows_s in (0.1, 8.0))
    assert min(late - early for early, late in zip(quick.delays_s, slow.delays_s, strict=True)) >= 8.0
    assert slow.delays_s[-1] <= 75.0
    assert min(slow.plain_delays_s) >= 8.0


def test_an_outage_too_short_to_be_seen_is_missed() -> None:
    found = told(Trouble(outage_s=1.0), months=4)["service nano"]
    assert (found.pages, found.missed, found.delays_s) == (0, 4, ())


def test_pages_that_belong_to_no_outage_are_needless() -> None:
    alone = dataclasses.replace(SERVICE, members=SERVICE.members[:1])
    found = told(Trouble(rate=0.001, spell_s=300.0), service=alone)["service nano"]
    assert found.pages == found.needless
    assert found.pages > 0


def test_the_same_seed_draws_the_same_month_and_another_draws_another() -> None:
    trouble = Trouble(rate=0.0001, outage_s=600.0, fails=0.5)
    assert month(SERVICE, trouble, WAYS, "1") == month(SERVICE, trouble, WAYS, "1")
    assert month(SERVICE, trouble, WAYS, "1") != month(SERVICE, trouble, WAYS, "2")


def test_of_what_was_recorded_nobody_knows_what_is_needless() -> None:
    """A blip of which a confirmation was answered is no outage; a run that was confirmed is told of from its begin."""
    run = [(7200.0 + nth * 30.0, True) for nth in range(10)]
    failing = [Recorded([(600.0, False), *run]), Recorded(run), Recorded(run)]
    (service, *_, last) = heard(SERVICE, [replay(SERVICE, lambda: failing, 4 * 3600.0, WAYS)])
    assert (service.missed, service.needless) == (None, None)
    assert service.pages >= 1
    assert list(service.delays_s) == pytest.approx([11.2], abs=1.0)
    assert last.tickets == 1
    (blip, *_) = heard(SERVICE, [replay(SERVICE, lambda: [Recorded([(600.0, False)])] * 3, 4 * 3600.0, WAYS)])
    assert (blip.pages, blip.tickets) == (0, 0)


def test_what_fails_in_several_ways_fails_once_a_slot() -> None:
    both = Several([Spells([(100.0, 200.0)]), Spells([(150.0, 250.0)])])
    assert list(both.slots(0.0, 30.0, 1000.0)) == [120.0, 150.0, 180.0, 210.0, 240.0]
    assert [both.fails(at_s) for at_s in (99.0, 120.0, 240.0, 250.0)] == [False, True, True, False]


def test_independent_failures_end_where_they_are_told_to() -> None:
    failing = Independent(1.0, random.Random("x"), 100.0, 200.0)
    assert list(failing.slots(0.0, 30.0, MONTH_S)) == [120.0, 150.0, 180.0]
    assert [failing.fails(at_s) for at_s in (99.0, 100.0, 199.0, 200.0)] == [False, True, True, False]


def replayed(silence: Silence, failing: Failing, service: Service = SERVICE) -> dict[str, Heard]:
    """Return what a day comes to in which one of two members fails so, and the other says nothing at times."""
    two = dataclasses.replace(service, members=service.members[:2], of="target")
    one = replay(two, lambda: [failing, Spells([])], 86400.0, WAYS, silent=[Silence(), silence])
    return {f"{each.kind} {each.name}": each for each in heard(two, [one])}


@pytest.mark.parametrize("kind", ["unseen", "invalid", "excluded"])
def test_a_member_of_which_nothing_is_known_does_not_stand_in(kind: str) -> None:
    """Slots that nobody saw were not good: the other member's outage is the service's, after page.after."""
    out = Spells([(40_000.0, 40_600.0)])
    assert replayed(Silence(), out)["service nano"].pages == 0
    found = replayed(Silence(**{kind: [(36_000.0, 46_000.0)]}), out)["service nano"]
    assert found.pages == 1
    assert 120 <= found.delays_s[0] <= 140
