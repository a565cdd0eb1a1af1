"""Whose fault it is said to be, as it is told first and anew: outages of every kind lived through slot by slot."""

import random
from collections import Counter

import pytest

from support.drawn import KINDS, Drawn, two_clouds
from support.outages import Lived, Telling


def lived(draw: Drawn, nth: int) -> list[Telling]:
    chance = random.Random(f"{draw.__name__}/{nth}")
    return list(Lived(draw(chance), chance).tellings())


def wrong(told: list[Telling]) -> list[str]:
    """Return what was said wrong; that nothing was said is wrong too."""
    said = [f"{one.notice.name}: {set(one.said)} for {set(one.expected)}" for one in told if not one.right]
    return said if told else ["nothing was told"]


@pytest.mark.parametrize("draw", KINDS, ids=lambda draw: draw.__name__)
def test_whoever_is_told_of_an_outage_is_told_whose_fault_it_is(draw: Drawn) -> None:
    assert wrong(lived(draw, 0)) == []


def test_a_page_of_two_clouds_is_in_time_though_it_waits_for_the_second_model() -> None:
    for nth in range(3):
        told = lived(two_clouds, nth)
        first = next(one for one in told if one.notice.severity == "page")
        assert first.after_s <= 75, nth


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_the_fault_as_told_is_right_however_an_outage_of_its_kind_is_drawn() -> None:
    """Each kind ten times; `benchmarks/bench_blame.py` draws a thousand."""
    failed = Counter(
        f"{draw.__name__}: {said}"
        for draw in KINDS
        for nth in range(10)
        for said in wrong(lived(draw, nth))[:1]
    )
    assert failed.total() <= 0.01 * 10 * len(KINDS), failed
