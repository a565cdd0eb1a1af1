"""Counts in, the state of one SLO out."""

import math
from collections.abc import Mapping
from typing import Literal

from agent.slo import burn, gate, spans
from agent.slo.objective import Objective
from exporters.signals import SloKey, SloStatus
from storage.readings import SliCounts

LEAST_COVERAGE = 0.8
"""A window of which less was judged is unknown: neither fine nor broken."""

SETTLING_S = 15.0
"""A failure is settled within first_token and this much (23 s by default): younger slots are not missing yet."""


def evaluate(
    objective: Objective,
    slo: SloKey,
    vantage: str,
    every_ns: int,
    counts: Mapping[str, SliCounts],
    expected: Mapping[str, int],
    now_ns: int,
    first_token_s: float = 8.0,
) -> SloStatus:
    """Return the state of one SLO from settled counts and due slots per window.

    Both maps are keyed by `spans.counted(objective, now_ns)`: Prometheus durations, the period among them.
    What was seen (SLI, budget, probability) is always told, with its coverage beside it; burn rates, which
    alerts read, are None where a window is unknown, and so is the state where the period is. Invalid events
    were observed and say nothing of the SLI: 3 good first tokens beside 131 of an outage are no good month.
    The budget of a calendar's period is that of all its events, those to come among them. With `slices` counted are
    slices, and `every_ns` is how long one is.
    """
    period = objective.period
    seen = counts[period]
    whole = budgeted(objective, seen, every_ns, now_ns)
    newest = settling(first_token_s, every_ns)
    judged = {window: known(counts[window], expected[window], newest) for window in counts}
    left = budget_left(whole, objective.ratio)
    burnt = {
        window: _burn(whole.bad, whole.valid, objective.ratio)
        if window == period
        else _burn(one.bad, due(objective, one, expected[window]), objective.ratio)
        for window, one in counts.items()
    }
    return SloStatus(
        slo=slo,
        vantage=vantage,
        objective_ratio=objective.ratio,
        window_s=objective.window_s,
        state=state_of(whole, objective.ratio) if judged[period] else "unknown",
        period=period,
        sli={window: _sli(one) for window, one in counts.items()},
        burn={window: rate if judged[window] else None for window, rate in burnt.items()},
        budget_remaining=left,
        met_probability=gate.met_probability(seen.bad, seen.valid, objective.ratio),
        coverage=coverage(seen, expected[period]),
        evaluated_ns=now_ns,
        corrected=whole.corrected,
    )


def coverage(counts: SliCounts, expected: int) -> float | None:
    """Return observed slots over due ones, at most 1; None where nothing was due.

    >>> coverage(SliCounts(good=7, bad=1), 10), coverage(SliCounts(), 0)
    (0.8, None)
    """
    return min(1.0, counts.observed / expected) if expected else None


def denominator(counts: SliCounts, expected: int) -> int:
    """Return how many events a window should hold by now, so that a gap or a restart cannot inflate its burn.

    Of 120 due slots 4 were excluded and 100 never came: one failure is 1 of 116, not 1 of 16.

    >>> denominator(SliCounts(good=15, bad=1, excluded=4), 120)
    116
    """
    return max(counts.valid, expected - counts.excluded - counts.invalid)


def settling(first_token_s: float, every_ns: float) -> int:
    """Return how many of the newest slots may be settling still.

    >>> settling(8.0, 30e9), settling(8.0, 5e9)
    (1, 5)
    """
    return math.ceil((first_token_s + SETTLING_S) * 1e9 / every_ns)


def known(counts: SliCounts, expected: int, newest: int = 0) -> bool:
    """Tell whether enough was judged, the `newest` slots aside, which may be settling still.

    What is excluded was judged not to count; of what is invalid nothing is known.
    """
    judged = counts.observed - counts.invalid
    return expected > 0 and (
        expected - judged <= min(newest, expected - 1) or judged >= LEAST_COVERAGE * expected
    )


def due(objective: Objective, counts: SliCounts, expected: int) -> int:
    """Return the denominator of a burn rate: a slice of which nothing is known stays in it."""
    return max(counts.valid, expected) if objective.slices else denominator(counts, expected)


def budgeted(objective: Objective, counts: SliCounts, every_ns: float, until_ns: int) -> SliCounts:
    """Return what a period's budget is of: its valid events, and those to come where their number is known.

    43 of 43,200 may fail in April at a minute: 5 that did in its first hour leave most of that.

    >>> from agent.slo.calendars import Calendar
    >>> april = Objective(
    ...     name="a", sli="availability", ratio=0.999, window_s=30 * 86400, pairs=(), calendar=Calendar("month")
    ... )
    >>> budgeted(april, SliCounts(good=55, bad=5), 60 * 10**9, 1_775_000_000 * 10**9 + 86400 * 10**9)
    SliCounts(good=43195, bad=5, excluded=0, invalid=0, maintained=0, corrected=0)
    """
    whole = spans.whole(objective, every_ns, until_ns)
    if whole is None or not counts.valid:
        return counts
    return SliCounts(good=due(objective, counts, whole) - counts.bad, bad=counts.bad)


def budget_left(counts: SliCounts, ratio: float) -> float | None:
    """Return the share of a period's budget that is left, under 0 where more is spent; None where nothing is known.

    The page, the gauge, the report and the words of alerts all have it from here: 1 - (bad / valid) / (1 - ratio).

    >>> budget_left(SliCounts(good=9, bad=1), 0.9), round(budget_left(SliCounts(good=8024, bad=40), 0.99), 3)
    (0.0, 0.504)
    >>> budget_left(SliCounts(), 0.99)
    """
    errors = burn.error_ratio(counts.bad, counts.valid)
    if errors is None:
        return None
    # Compared as it is written: 1 - 0.9 is not the double nearest to 0.1.
    return 0.0 if counts.good / counts.valid == ratio else 1 - burn.burn_rate(errors, ratio)


def _burn(bad: int, due: int, objective: float) -> float | None:
    errors = burn.error_ratio(bad, due)
    return None if errors is None else burn.burn_rate(errors, objective)


def _sli(counts: SliCounts) -> float | None:
    return counts.good / counts.valid if counts.valid else None


def state_of(counts: SliCounts, objective: float) -> Literal["good", "bad", "unknown"]:
    """Return whether a share keeps the objective, however few events it is of."""
    # 9 good of 10 meet 90 % exactly: both sides are the double nearest to it, which 1 - 0.9 is not to 0.1.
    sli = _sli(counts)
    if sli is None:
        return "unknown"
    return "good" if sli >= objective else "bad"
