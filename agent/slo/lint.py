"""What is wrong with an objective at a probe's interval: it cannot be measured, or its alerts can never fire."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Literal

from agent.slo import burn
from agent.slo.conditions import Condition, Gap, condition, conditions
from agent.slo.objective import Objective
from agent.slo.service import Service
from agent.slo.windows import BurnWindow
from exporters import durations
from exporters.rules_words import percent

ENOUGH = 10
"""A budget of fewer failures is coarse: one of them is a tenth of it."""


SHORTEST_S = 0.1
"""No probe is asked more often."""

_INTERVALS_S = (600, 300, 120, 60, 30, 15, 10, 5)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One sentence that names the objective and the remedy."""

    level: Literal["error", "warning"]
    message: str


def lint(objective: Objective, every_s: float) -> list[Finding]:
    """Return what is wrong with an objective whose probe is due every `every_s` seconds, errors first.

    >>> hourly = Objective(name="available", sli="availability", ratio=0.999, window_s=30 * 86400, pairs=())
    >>> [finding.level for finding in lint(hourly, 3600)], lint(hourly, 30)
    (['error'], [])
    """
    impossible = _impossible(objective, every_s)
    if impossible:
        return [impossible]
    held, left = conditions(objective.ratio, objective.window_s, every_s)
    findings = [
        *(_unreachable(objective, window) for window, gap in left if gap is Gap.UNREACHABLE),
        *_coarse(objective, every_s),
        *(_sparse(objective, every_s, window) for window, gap in left if gap is Gap.SPARSE),
        *_short_period(objective, {found.window.severity for found in held}, left),
    ]
    return sorted(findings, key=lambda finding: finding.level)


def lint_service(service: Service) -> list[Finding]:
    """Return what is wrong with a service's own objective at the interval of its members together."""
    promised = Objective(
        name=service.name, sli="availability", ratio=service.ratio, window_s=service.window_s, pairs=()
    )
    return [
        dataclasses.replace(one, message=one.message.replace("objective ", "service ", 1))
        for one in lint(promised, service.every_s)
    ]


def _impossible(objective: Objective, every_s: float) -> Finding | None:
    """Say why nothing could be measured: at 1 h a 99.9 % month of 30 d holds 0.7 failures."""
    name = f"objective {objective.name}"
    if not 0 < objective.ratio < 1:
        return Finding(
            "error",
            f"{name}: {percent(objective.ratio)} % leaves no budget or asks for nothing; use 99.9, say",
        )
    if objective.window_s < every_s:
        return Finding(
            "error",
            f"{name}: its window of {durations.write(objective.window_s)} is shorter than the probe's interval "
            f"of {durations.write(every_s)}; use a longer window or a shorter interval",
        )
    if _budget(objective, every_s) < 1:
        return Finding(
            "error",
            f"{_holds(objective, every_s)}, so it cannot be measured at this interval; {_enough(objective)}",
        )
    return None


def _coarse(objective: Objective, every_s: float) -> list[Finding]:
    """Warn of a small budget: at 5 min a 99.9 % month of 30 d holds 8.6 failures."""
    budget = _budget(objective, every_s)
    if budget >= ENOUGH:
        return []
    text = f"{_holds(objective, every_s)}, so each one costs {1 / budget:.0%} of it; {_enough(objective)}"
    return [Finding("warning", text)]


def _budget(objective: Objective, every_s: float) -> float:
    # 1 - 0.9999 is 0.00009999999999998899: a budget of exactly 1 or 10 must not miss its limit by float noise.
    return round((1 - objective.ratio) * objective.window_s / every_s, 6)


def _holds(objective: Objective, every_s: float) -> str:
    return (
        f"objective {objective.name}: at one probe every {durations.write(every_s)} the budget of "
        f"{percent(objective.ratio)} % over {durations.write(objective.window_s)} holds "
        f"{_budget(objective, every_s):.1f} failures"
    )


def _enough(objective: Objective) -> str:
    enough_s = _budget(objective, 1) / ENOUGH
    if enough_s < SHORTEST_S:
        return "lengthen the window or lower the percent"
    interval = durations.write(math.floor(enough_s) if enough_s >= 1 else enough_s)
    return f"probe every {interval} or more often, lengthen the window or lower the percent"


def _unreachable(objective: Objective, window: BurnWindow) -> Finding:
    factor = burn.factor(window.budget_share, objective.window_s, window.long_s)
    period_s = window.long_s / window.budget_share / (1 - objective.ratio)
    return Finding(
        "error",
        f"objective {objective.name}: its {window.name} alert can never fire, because a total outage burns "
        f"{percent(objective.ratio)} % only {1 / (1 - objective.ratio):.4g} times as fast as planned and the alert "
        f"asks for {factor:.4g}; use {_above(factor)}a window under "
        f"{durations.write(math.floor(round(period_s / 3600, 6)) * 3600)}",
    )


def _above(factor: float) -> str:
    least = math.ceil(1e4 * burn.reachable_above(factor)) / 100
    return f"a percent above {least:g} or " if least < 100 else ""


def _sparse(objective: Objective, every_s: float, window: BurnWindow) -> Finding:
    remedy = next(
        (
            f"probe every {durations.write(interval_s)} or more often"
            for interval_s in (window.short_s, *_INTERVALS_S)
            if interval_s < every_s
            and isinstance(condition(objective.ratio, objective.window_s, interval_s, window), Condition)
        ),
        "probe more often or raise the percent",
    )
    return Finding(
        "warning",
        f"objective {objective.name}: its {window.name} alert is left out, because one probe every "
        f"{durations.write(every_s)} is too few for it; {remedy}",
    )


def _short_period(
    objective: Objective, held: Collection[str], left: Sequence[tuple[BurnWindow, Gap]]
) -> list[Finding]:
    """Warn of a severity that the period leaves without a single alert: 10 % of 7 d in 3 d is no hurry."""
    return [
        Finding(
            "warning",
            f"objective {objective.name}: its window of {durations.write(objective.window_s)} is too short for a "
            f"{severity} alert on burn; use 28d, say",
        )
        for severity in ("page", "ticket")
        if severity not in held
        and {gap for window, gap in left if window.severity == severity} <= {Gap.TOO_LONG, Gap.BEARABLE}
    ]
