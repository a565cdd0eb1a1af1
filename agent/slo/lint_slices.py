"""What is wrong with an objective that counts slices of time: too few of them, or slices too short to hold an event."""

from agent.slo.lint import ENOUGH, Finding
from agent.slo.objective import Objective
from exporters import durations
from exporters.rules_words import percent

FEWEST = 2
"""A window of fewer slices is one slice."""


def lint_slices(objective: Objective, every_s: float) -> list[Finding]:
    """Return what is wrong with an objective that counts slices, at one probe every `every_s` seconds.

    >>> from agent.slo.slices import Slices
    >>> daily = Objective(
    ...     name="o", sli="availability", ratio=0.99, window_s=28 * 86400, pairs=(), slices=Slices(86400, 0.95)
    ... )
    >>> [finding.level for finding in lint_slices(daily, 30)]
    ['error']
    """
    slices = objective.slices
    if slices is None:
        return []
    name, length = f"objective {objective.name}", durations.write(slices.length_s)
    if slices.length_s < every_s:
        every = durations.write(every_s)
        return [
            Finding(
                "error",
                f"{name}: a slice of {length} is shorter than the probe's interval of {every}, so most would hold "
                f"nothing; use slices of {every} or more, or a shorter interval",
            )
        ]
    whole = int(objective.window_s // slices.length_s)
    if whole < FEWEST:
        return [
            Finding(
                "error",
                f"{name}: its window of {durations.write(objective.window_s)} holds {whole} of its slices of {length}; "
                "use shorter slices, or a longer window",
            )
        ]
    return _small(objective, length, whole)


def _small(objective: Objective, length: str, whole: int) -> list[Finding]:
    """Tell of a budget of few slices: at 99.9 % a month of 30 d has 8.6 of 5 minutes, and 0.7 of an hour."""
    budget = round((1 - objective.ratio) * whole, 6)
    if budget >= ENOUGH:
        return []
    impossible = budget < 1
    comes_to = "nothing may ever fail" if impossible else f"each bad one costs {1 / budget:.0%} of it"
    return [
        Finding(
            "error" if impossible else "warning",
            f"objective {objective.name}: the budget of {percent(objective.ratio)} % over "
            f"{durations.write(objective.window_s)} holds {budget:.1f} slices of {length}, so {comes_to}; use shorter "
            "slices, lengthen the window or lower the percent",
        )
    ]
