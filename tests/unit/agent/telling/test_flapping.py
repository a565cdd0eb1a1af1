"""A critical target that is down again and again pages, though no outage of it is long enough to; one outage pages once."""

import dataclasses
from collections.abc import Callable

import pytest

from agent.slo.burning import Window, Windows
from agent.slo.spent import Counted, single
from agent.slo.windows import counted
from probes.result import Outcome
from storage.readings import SliCounts
from support.alerting import Told, estate
from support.told import SECOND_NS

HOUR = 120
"""Slots."""


def told_of(
    down: Callable[[int], bool], slots: int, *, critical: bool = True, early: bool = False
) -> dict[tuple[str, str], int]:
    """Let a target fail in some slots of half a minute, and return how often each alert came as what severity.

    `early` looks at each slot before it is counted too, as happens between two evaluations.
    """
    config = estate("aws", "azure")
    targets = tuple(
        dataclasses.replace(one, critical=critical and one.name == "aws") for one in config.targets
    )
    told = Told(dataclasses.replace(config, targets=targets))
    failed: list[bool] = []
    for slot in range(slots):
        failed.append(down(slot))
        told.settle(slot, "aws", Outcome.SERVER_ERROR if failed[-1] else Outcome.OK)
        told.settle(slot, "azure")
        told.now_ns += 30 * SECOND_NS
        if early:
            told.look(slot * 30 + 11)
        told.alerting.counted(told.config, {}, told.now_ns, [single(part(told, failed))])
        told.look(slot * 30 + 12)
    ever = [(row.name, row.severity) for row in told.rows.rows.values()]
    return {one: ever.count(one) for one in ever}


def part(told: Told, failed: list[bool]) -> Counted:
    objective = told.config.objectives[0]
    windows: Windows = {
        name: window(failed, round(length_s / 30)) for name, length_s in counted(objective.window_s).items()
    }
    return Counted(objective=objective, target="aws", probe="chat", every_s=30.0, windows=windows)


def window(failed: list[bool], due: int) -> Window:
    bad = sum(failed[-due:])
    return Window(counts=SliCounts(good=due - bad, bad=bad), expected=due)


def test_ninety_seconds_down_and_two_minutes_up_for_six_hours_pages() -> None:
    """Each time it is down for less than the two minutes after which an outage of it would page."""
    ever = told_of(lambda slot: slot % 7 < 3, 6 * HOUR)
    assert ever[("BudgetBurn", "page")] == 1
    assert ever[("TargetDown", "ticket")] == 1
    assert ("TargetDown", "page") not in ever


def test_a_target_that_is_not_critical_tickets_however_often_it_is_down() -> None:
    ever = told_of(lambda slot: slot % 7 < 3, 2 * HOUR, critical=False)
    assert ever == {("TargetDown", "ticket"): 1, ("BudgetExhausted", "ticket"): 1}


@pytest.mark.parametrize("slots", [3, 4, 6, 9, 20, 90])
def test_one_outage_of_a_critical_target_pages_once_at_most(slots: int) -> None:
    """Of 90 s not at all; and neither while it goes on nor once it is over does its burn page beside it."""
    ever = told_of(lambda slot: HOUR <= slot < HOUR + slots, 3 * HOUR, early=True)
    severity = "page" if slots > 4 else "ticket"
    assert {one for one in ever if one[1] == "page"} == ({("TargetDown", "page")} if slots > 4 else set())
    assert ever[("TargetDown", severity)] == 1


def test_an_outage_after_many_short_ones_pages_by_itself_too() -> None:
    ever = told_of(lambda slot: slot % 7 < 3 if slot < 2 * HOUR else slot < 3 * HOUR, 3 * HOUR)
    assert {one for one in ever if one[1] == "page"} == {("BudgetBurn", "page"), ("TargetDown", "page")}
