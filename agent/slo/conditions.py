"""Which burn conditions an objective can carry at a probe's interval, and why others are left out."""

import dataclasses
import functools
from collections.abc import Sequence
from enum import StrEnum

from agent.slo import burn, gate, windows
from agent.slo.windows import BurnWindow

BEARABLE = 0.9
"""Conditions at a lower factor would alert on a burn that the budget bears: 10 % in 3 d of a 7 d period is 0.23.

A factor of 0.933 (10 % in 3 d of 28 d) is meant as the 1 of a 30 d period.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Both windows burn faster than `factor`, with at least so many failures in each."""

    window: BurnWindow
    factor: float
    min_bad_long: int
    min_bad_short: int


class Gap(StrEnum):
    """Why a window carries no condition."""

    UNREACHABLE = "unreachable"
    SPARSE = "sparse"
    BEARABLE = "bearable"
    TOO_LONG = "too_long"


@functools.cache
def condition(
    objective: float,
    period_s: float,
    every_s: float,
    window: BurnWindow,
    credibility: float = gate.CREDIBILITY,
) -> Condition | Gap:
    """Return the window's condition for one probe every `every_s` seconds, or why there is none.

    99.9 % over 28 d at 30 s: the 1h/5m page asks for a burn of 13.44 on 4 of 120 probes, 2 of the last 10.

    >>> fast = condition(0.999, 28 * 86400, 30, windows.default()[0])
    >>> round(fast.factor, 2), fast.min_bad_long, fast.min_bad_short
    (13.44, 4, 2)
    """
    if window.long_s >= period_s:
        return Gap.TOO_LONG
    factor = burn.factor(window.budget_share, period_s, window.long_s)
    if factor < BEARABLE:
        return Gap.BEARABLE
    if not burn.reachable(factor, objective):
        return Gap.UNREACHABLE
    within_long, within_short = int(window.long_s // every_s), int(window.short_s // every_s)
    least = gate.least_failures(within_long, factor * (1 - objective), credibility)
    if not within_short or least is None or within_long < 2:
        return Gap.SPARSE
    # One lone failure never alerts. A short window that holds a single probe leaves that to the long one.
    return Condition(
        window=window, factor=factor, min_bad_long=max(2, least), min_bad_short=min(2, within_short)
    )


def conditions(
    objective: float,
    period_s: float,
    every_s: float,
    among: Sequence[BurnWindow] | None = None,
    credibility: float = gate.CREDIBILITY,
) -> tuple[tuple[Condition, ...], tuple[tuple[BurnWindow, Gap], ...]]:
    """Return the conditions that hold for an objective, and the windows left out with their reasons."""
    held, left = [], []
    for window in windows.default() if among is None else among:
        found = condition(objective, period_s, every_s, window, credibility)
        if isinstance(found, Condition):
            held.append(found)
        else:
            left.append((window, found))
    return tuple(held), tuple(left)
