"""Plain multiwindow burn-rate alerting of one target: the same conditions without a gate, agreement or confirmation."""

import bisect
from collections.abc import Sequence
from typing import Final

from agent.slo.alerts import HOLD_NS
from agent.slo.conditions import Condition, conditions

HOLD_S: Final = HOLD_NS / 1e9
"""Pages that follow each other closer than an alert is held are one."""


def pages(bad_s: Sequence[float], every_s: float, ratio: float, window_s: float) -> list[float]:
    """Return when it pages over a target's bad slots (seconds, in order): at the slot that is one too many.

    Two failures of 120 in an hour burn 99.9 % at 16.7, and 2 of 10 within 5 minutes:

    >>> pages([0.0, 30.0, 60.0, 9000.0], 30.0, 0.999, 28 * 86400.0)
    [30.0]
    """
    asked = [one for one in conditions(ratio, window_s, every_s)[0] if one.window.severity == "page"]
    firing = [
        at_s
        for nth, at_s in enumerate(bad_s)
        if any(_burns(one, bad_s, nth, every_s, 1 - ratio) for one in asked)
    ]
    return [at_s for nth, at_s in enumerate(firing) if not nth or at_s - firing[nth - 1] > HOLD_S]


def _burns(condition: Condition, bad_s: Sequence[float], nth: int, every_s: float, budget: float) -> bool:
    limit = condition.factor * budget
    return all(
        nth + 1 - bisect.bisect_left(bad_s, bad_s[nth] - length_s, 0, nth + 1) > limit * length_s / every_s
        for length_s in (condition.window.long_s, condition.window.short_s)
    )
