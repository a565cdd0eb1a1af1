"""How much of a budget is left, how fast it goes, and when it is gone: of one series, or of several pooled."""

from collections.abc import Sequence

from agent.slo.burn import burn_rate
from agent.slo.burning import Windows
from agent.slo.conditions import Condition
from agent.slo.evaluate import denominator
from exporters import durations, words


def bearable(windows: Windows, ratio: float, period_s: float, every_s: float, name: str) -> float:
    """Return how many failures a whole period allows, as far as it was seen: of a young one all of it, of a gap nothing.

    One failure of the first three slots leaves less than nothing of what was seen, and is not the period's end; nor is
    one that comes before any slot was due long enough to be missed. `name` is that of the period's window, `every_s` the
    interval of what is counted.

    >>> from agent.slo.burning import Window
    >>> from storage.readings import SliCounts
    >>> young = Window(counts=SliCounts(good=2, bad=1), expected=3)
    >>> first = Window(counts=SliCounts(bad=1), expected=0)
    >>> half = Window(counts=SliCounts(good=45, bad=5), expected=100)
    >>> [round(bearable({"1d": one}, 0.9, 86400.0, 864.0, "1d"), 3) for one in (young, first, half)]
    [10.0, 10.0, 5.0]
    """
    counts, expected = windows[name].counts, windows[name].expected
    seen = counts.observed / max(expected, counts.observed, 1)
    return (1 - ratio) * max(counts.valid, seen * period_s / every_s)


def speed(series: Sequence[Windows], condition: Condition, ratio: float, what: str = "") -> tuple[float, str]:
    """Return the burn rate over a condition's long window, and the same in words; `what` is counted, unless events."""
    name = condition.window.long
    bad = sum(one[name].counts.bad for one in series)
    due = sum(denominator(one[name].counts, one[name].expected) for one in series)
    rate = burn_rate(bad / due, ratio)
    return (
        rate,
        f"it goes {words.rate(rate)} times as fast: {bad} of {due}{what and f' {what}'} were bad in {name}",
    )


def exhaustion(left: float | None, rate: float, period_s: float) -> str:
    """Return when the budget is gone at this rate, in words.

    It says of how long it is: the share on show is of what was seen so far, and of a young objective far from it.

    >>> exhaustion(0.5, 13.44, 28 * 86400.0), exhaustion(-0.1, 2.0, 86400.0), exhaustion(None, 2.0, 86400.0)
    ('50 % of the budget of 28d is left, for 1 d 1 h at this rate', 'the budget is spent', 'what is left is not known')
    """
    if left is None:
        return "what is left is not known"
    if left <= 0:
        return "the budget is spent"
    lasts = words.duration(left * period_s / rate)
    return f"{words.percent(left, 0)} of the budget of {durations.write(period_s)} is left, for {lasts} at this rate"
