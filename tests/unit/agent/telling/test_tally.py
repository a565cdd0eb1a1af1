"""How much of a span was to be seen, where a maintenance lay in it."""

import dataclasses

import pytest

from agent.slo import pools
from agent.slo.maintenance import Span
from agent.slo.pools import Slo
from agent.slo.slices import Slices
from agent.telling import tally
from storage.readings import PlanRow, SliCounts
from support.told import EVERY_NS, SECOND_NS, configuration

HOUR_NS = 3600 * SECOND_NS
BEGIN_NS = 500_000 * HOUR_NS
PLAN = PlanRow(
    config_hash="h",
    vantage="here",
    target="openai",
    probe="chat",
    every_ns=EVERY_NS,
    phase_ns=0,
    valid_from_ns=0,
    valid_to_ns=None,
    reason="start",
)
QUIET = {"openai": [Span(BEGIN_NS + HOUR_NS, BEGIN_NS + 2 * HOUR_NS)]}


def slo(slices: Slices | None) -> Slo:
    config = configuration()
    [part] = config.slos()[0].parts
    return pools.single(
        dataclasses.replace(part, objective=dataclasses.replace(part.objective, slices=slices))
    )


def expected(one: Slo, counts: SliCounts) -> int:
    """Return it of three hours, the second of which was a maintenance."""
    span = (BEGIN_NS, BEGIN_NS + 3 * HOUR_NS)
    due_ns = {("openai", "chat"): span[1]}
    return tally.expected(one, {("openai", "chat"): [PLAN]}, span, due_ns, QUIET, counts)


@pytest.mark.parametrize(("seen", "due"), [(0, 240), (40, 280), (120, 360)])
def test_slots_of_a_maintenance_that_nobody_asked_are_not_missing(seen: int, due: int) -> None:
    counts = SliCounts(good=240, excluded=seen, maintained=seen)
    assert expected(slo(None), counts) == due == counts.observed


@pytest.mark.parametrize(("seen", "due"), [(0, 24), (4, 28), (12, 36)])
def test_slices_of_a_maintenance_that_nobody_asked_are_not_missing(seen: int, due: int) -> None:
    counts = SliCounts(good=24, excluded=seen)
    assert expected(slo(Slices(300.0, 0.95)), counts) == due == counts.observed
