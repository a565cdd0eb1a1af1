"""How a probe of a target stands follows from what its slots count as."""

import dataclasses
from typing import Literal

import pytest

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
