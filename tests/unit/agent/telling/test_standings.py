"""How a probe of a target stands follows from what its slots count as."""

import dataclasses
from typing import Literal

import pytest

from agent.telling.seen import Seen
from agent.telling.standings import Standings
from exporters.signals import Judged
from probes.result import EventClass, Fault, Outcome
from support.told import configuration, result


@pytest.mark.parametrize(
    ("objective", "target", "judged"),
    [
        (None, None, False),
        (EventClass.BAD, None, True),
        (None, "bad", True),
        (EventClass.EXCLUDED, "bad", False),
    ],
)
def test_a_throttled_answer_counts_as_the_objective_says_and_else_as_the_target_does(
    objective: EventClass | None, target: Literal["excluded", "bad"] | None, *, judged: bool
) -> None:
    """As its services count it: the first objective on availability speaks."""
    plain = configuration("openai")
    available, quick = plain.objectives
    later = dataclasses.replace(available, name="later", throttled=EventClass.BAD)
    config = dataclasses.replace(
        plain,
        targets=tuple(dataclasses.replace(one, count_throttled=target) for one in plain.targets),
        objectives=(quick, dataclasses.replace(available, throttled=objective), later),
    )
    standings = Standings()
    standings.plan(config)
    standings.settle(Judged(result=result(0, Outcome.THROTTLED), fault=Fault.NONE))
    (standing,) = standings.standings().values()
    assert (standing.judged_ns is not None) is judged


def test_what_is_handed_out_does_not_change_any_more() -> None:
    """Whoever looks does so in another thread than the one that folds."""
    standings = Standings()
    standings.plan(configuration("openai"))
    standings.settle(Judged(result=result(0), fault=Fault.NONE))
    (before,) = standings.seen().values()
    kept = dataclasses.replace(before)
    standings.settle(Judged(result=result(30, Outcome.OVERLOADED), fault=Fault.NOT_OURS, confirmed=True))
    (after,) = standings.seen().values()
    assert before == kept != after


def test_a_copy_has_all_that_is_known() -> None:
    """Field by field, each of another value."""
    fields = [field.name for field in dataclasses.fields(Seen)]
    one = Seen(**dict(zip(fields, range(1, len(fields) + 1), strict=True)))  # type: ignore[arg-type]
    assert one.copy() == one
    assert one.copy() is not one
