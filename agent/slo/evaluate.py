"""Counts in, the state of one SLO out."""

import math
from collections.abc import Mapping
from typing import Literal

from agent.slo import burn, gate
from agent.slo.objective import Objective
from exporters import durations
from exporters.signals import SloKey, SloStatus
from storage.readings import SliCounts

LEAST_COVERAGE = 0.8
"""A window of which less was judged is unknown: neither fine nor broken."""

SETTLING_S = 15.0
"""A failure is settled within first_token and this much (23 s by default): younger slots are not missing yet."""


def evaluate(
    objective: Objective,
    target: str,
    probe: str,
    vantage: str,
    every_ns: int,
    counts: Mapping[str, SliCounts],
    expected: Mapping[str, int],
    now_ns: int,
    first_token_s: float = 8.0,
) -> SloStatus:
    """Return the state of one SLO from settled counts and due slots per window.

    Both maps are keyed by `windows.counted(objective.window_s)`: Prometheus durations, the period among them.
    What was seen (SLI, budget, probability) is always told, with its coverage beside it; burn rates, which
    alerts read, are None where a window is unknown, and so is the state where the period is. Invalid events
    were observed and say nothing of the SLI: 3 good first tokens beside 131 of an outage are no good month.
    """
    period = durations.write(objective.window_s)
    whole = counts[period]
    errors = burn.error_ratio(whole.bad, whole.valid)
    settling = math.ceil((first_token_s + SETTLING_S) * 1e9 / every_ns)
    judged = {window: known(counts[window], expected[window], settling) for window in counts}
    return SloStatus(
        slo=SloKey(objective=objective.name, target=target, probe=probe),
        vantage=vantage,
        objective_ratio=objective.ratio,
        window_s=objective.window_s,
        state=state_of(whole, objective.ratio) if judged[period] else "unknown",
        sli={window: _sli(seen) for window, seen in counts.items()},
        burn={
            window: _burn(seen, 0 if window == period else expected[window], objective.ratio)
            if judged[window]
            else None
            for window, seen in counts.items()
        },
        budget_remaining=None if errors is None else 1 - burn.burn_rate(errors, objective.ratio),
        met_probability=gate.met_probability(whole.bad, whole.valid, objective.ratio),
        coverage=coverage(whole, expected[period]),
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


def known(counts: SliCounts, expected: int, settling: int = 0) -> bool:
    """Tell whether enough was judged, the newest slots aside: at 30 s one may be settling still, at 5 s five.

    What is excluded was judged not to count; of what is invalid nothing is known.
    """
    judged = counts.observed - counts.invalid
    return expected > 0 and (
        expected - judged <= min(settling, expected - 1) or judged >= LEAST_COVERAGE * expected
    )


def _burn(counts: SliCounts, expected: int, objective: float) -> float | None:
    """Return the burn rate; an `expected` of 0 takes valid events alone, as the period's budget does."""
    errors = burn.error_ratio(counts.bad, denominator(counts, expected))
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
