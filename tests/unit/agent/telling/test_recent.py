"""What a probe showed lately is kept in the order in which its slots were due."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from agent.telling.recent import SLOTS, Recent
from exporters.signals import Judged
from probes.result import EventClass, Fault
from support.results import a_result

GOOD = Judged(result=a_result(), fault=Fault.NONE)


@given(st.lists(st.integers(0, 2 * SLOTS), max_size=2 * SLOTS))
def test_whatever_is_settled_late_stands_where_it_was_due(due: list[int]) -> None:
    """Of slots of one instant, as a clock that is set back brings them, the one that came last stands last."""
    recent, known = Recent(), list[tuple[int, float]]()
    for number, at_ns in enumerate(due):
        result = dataclasses.replace(GOOD.result, scheduled_ns=at_ns, ttft_s=float(number))
        recent = recent.after(dataclasses.replace(GOOD, result=result), EventClass.GOOD)
        known = sorted([*known, (at_ns, float(number))])[-SLOTS:]
    assert [(one.scheduled_ns, one.ttft_s) for one in recent.slots] == known
