"""Whether a burn condition holds: counts of both windows in, yes or no out."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Self

from agent.slo import burn
from agent.slo.conditions import Condition
from agent.slo.evaluate import denominator
from agent.slo.impact import AGREE
from storage.readings import SliCounts


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one series showed in one window: settled slots by class, and how many were due."""

    counts: SliCounts
    expected: int

    def mended(self, failures: int) -> Self:
        """Return it as if so many of its failures, or all where there are fewer, had been good.

        >>> Window(counts=SliCounts(good=7, bad=3), expected=10).mended(2).counts == SliCounts(good=9, bad=1)
        True
        """
        fewer = min(failures, self.counts.bad)
        counts = dataclasses.replace(self.counts, good=self.counts.good + fewer, bad=self.counts.bad - fewer)
        return dataclasses.replace(self, counts=counts)


Windows = Mapping[str, Window]
"""One series' windows by Prometheus duration."""


def pooled(series: Sequence[Windows]) -> Windows:
    """Return what several series showed together.

    >>> one = {"1h": Window(counts=SliCounts(good=119, bad=1), expected=120)}
    >>> pooled([one, one])["1h"]
    Window(counts=SliCounts(good=238, bad=2, excluded=0, invalid=0, maintained=0, corrected=0), expected=240)
    """
    return {
        name: Window(
            counts=sum((one[name].counts for one in series), SliCounts()),
            expected=sum(one[name].expected for one in series),
        )
        for name in series[0]
    }


def burning(condition: Condition, objective: float, series: Sequence[Windows]) -> bool:
    """Return whether the pooled series burn too fast, over the long window and still over the short one.

    A pool of several wants agreement too: failures of at least two of them within the short window, and each of
    two with failures enough of its own that it is not one of them that burns alone.

    >>> from agent.slo.conditions import condition
    >>> from agent.slo.windows import default
    >>> fast = condition(0.999, 28 * 86400, 30, default()[0])
    >>> quiet = {"1h": Window(counts=SliCounts(117, 3), expected=120), "5m": Window(counts=SliCounts(7, 3), expected=10)}
    >>> loud = {"1h": Window(counts=SliCounts(116, 4), expected=120), "5m": Window(counts=SliCounts(8, 2), expected=10)}
    >>> burning(fast, 0.999, [quiet]), burning(fast, 0.999, [loud])
    (False, True)
    """
    long, short = condition.window.long, condition.window.short
    limit = condition.factor * (1 - objective)
    for name, least in ((long, condition.min_bad_long), (short, condition.min_bad_short)):
        bad = sum(one[name].counts.bad for one in series)
        if bad < least:
            return False
        due = sum(denominator(one[name].counts, one[name].expected) for one in series)
        if bad <= limit * due:
            return False
    return len(series) < AGREE or _agreed(condition, long, short, series)


def counted(
    condition: Condition, objective: float, series: Sequence[Windows]
) -> list[dict[str, str | int | float]]:
    """Return the numbers that a condition was judged by, for the long window and the short one.

    `due` is the denominator, `burn` how much faster than planned the budget goes, `least` how many must fail.
    """
    found: list[dict[str, str | int | float]] = []
    window = condition.window
    for name, least in ((window.long, condition.min_bad_long), (window.short, condition.min_bad_short)):
        counts = [one[name].counts for one in series]
        due = sum(denominator(one[name].counts, one[name].expected) for one in series)
        bad = sum(one.bad for one in counts)
        found.append(
            {
                "window": name,
                "good": sum(one.good for one in counts),
                "bad": bad,
                "excluded": sum(one.excluded for one in counts),
                "invalid": sum(one.invalid for one in counts),
                "due": due,
                "burn": burn.burn_rate(burn.error_ratio(bad, due) or 0.0, objective),
                "least": least,
            }
        )
    return found


def _agreed(condition: Condition, long: str, short: str, series: Sequence[Windows]) -> bool:
    """Return whether several members fail now, and it is not one of them that burns alone."""
    failing = [one for one in series if one[short].counts.bad]
    if len(failing) < AGREE:
        return False
    beside_the_worst = sum(sorted(one[long].counts.bad for one in series)[:-1])
    return beside_the_worst >= least_beside(condition)


def least_beside(condition: Condition) -> int:
    """Return how many failures of the long window the members beside the worst must hold: a third of the gate, two at least."""
    return max(AGREE, math.ceil(condition.min_bad_long / 3))
