"""What is wrong with an objective that counts slices of time: too few of them, or slices too short to hold an event."""

from collections.abc import Iterator
from typing import Final

from agent.slo.conditions import Condition, Gap, condition, conditions
from agent.slo.lint import ENOUGH, Finding
from agent.slo.objective import Objective
from agent.slo.windows import BurnWindow
from exporters import durations
from exporters.rules_words import percent

FEWEST = 2
"""A window of fewer slices is one slice."""

_LENGTHS_S: Final = (1800.0, 900.0, 600.0, 300.0, 120.0, 60.0, 30.0)


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
    small = _small(objective, length, whole)
    if small and small[0].level == "error":
        return small
    return [*small, *_left_out(objective, slices.length_s, every_s)]


def _left_out(objective: Objective, length_s: float, every_s: float) -> Iterator[Finding]:
    """Tell of burn alerts that cannot be had of slices so long: of two hours a day has 12, and an hour none."""
    length = durations.write(length_s)
    for window, gap in conditions(objective.ratio, objective.window_s, length_s)[1]:
        said = f"objective {objective.name}: its {window.name} alert is left out, because "
        if gap is Gap.SPARSE:
            held = " or in ".join(
                f"{durations.write(found_s)} ({int(found_s // length_s)})"
                for found_s in (window.long_s, window.short_s)
            )
            few = f"too few slices of {length} lie in {held}"
            yield Finding("warning", f"{said}{few}; {_shorter(objective, window, length_s, every_s)}")
        elif gap is Gap.UNREACHABLE:
            reason = "not even bad slices alone burn fast enough for it"
            yield Finding("warning", f"{said}{reason}; use a higher percent or a shorter window")


def _shorter(objective: Objective, window: BurnWindow, length_s: float, every_s: float) -> str:
    """Return the longest slices that would do, and hold an event each."""
    for found_s in (window.short_s, *_LENGTHS_S):
        would = condition(objective.ratio, objective.window_s, found_s, window)
        if every_s <= found_s < length_s and isinstance(would, Condition):
            return f"use slices of {durations.write(found_s)} or shorter"
    return "use shorter slices, or a higher percent"


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
