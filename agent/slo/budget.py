"""How much of a budget is left, how fast it goes, and when it is gone: of one series, or of several pooled."""

from collections.abc import Sequence

from agent.slo.burn import burn_rate
from agent.slo.burning import Windows
from agent.slo.conditions import Condition
from agent.slo.evaluate import denominator
from exporters import durations, words


def left_of(
    series: Sequence[Windows], ratio: float, period_s: float, every_s: float, name: str | None = None
) -> float | None:
    """Return the share of the period's budget that is left, under 0 where more is spent; None where nothing is known.

    Of a young objective the whole period's budget is meant: one failure of the first three slots is not its end. Of
    a period that was seen in part, the part's. `every_s` is the interval of all series together, and `name` that of the
    period's window, where it is not its length.

    >>> from agent.slo.burning import Window
    >>> from storage.readings import SliCounts
    >>> young = {"1d": Window(counts=SliCounts(good=2, bad=1), expected=3)}
    >>> round(left_of([young], 0.9, 86400.0, 864.0), 3), left_of([young], 0.9, 3600.0, 864.0)
    (0.9, None)
    """
    name = name or durations.write(period_s)
    found = [windows[name] for windows in series if name in windows]
    expected = sum(one.expected for one in found)
    valid, bad = sum(one.counts.valid for one in found), sum(one.counts.bad for one in found)
    if not valid or not expected:
        return None
    seen = min(1.0, sum(one.counts.observed for one in found) / expected)
    return left_after(bad, max(valid, seen * period_s / every_s), ratio)


def left_after(bad: float, events: float, ratio: float) -> float:
    """Return the share of a budget that is left once so many of so many events or slices were bad.

    >>> round(left_after(40, 8064, 0.99), 3), left_after(1, 10, 0.9)
    (0.504, 0.0)
    """
    good = (events - bad) / events
    # Compared as it is written: 1 - 0.9 is not the double nearest to 0.1.
    return 0.0 if good == ratio else 1 - (1 - good) / (1 - ratio)


def speed(series: Sequence[Windows], condition: Condition, ratio: float, what: str = "") -> tuple[float, str]:
    """Return the burn rate over a condition's long window, and the same in words; `what` is counted, unless events."""
    name = durations.write(condition.window.long_s)
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
