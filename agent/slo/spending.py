"""The budget of one objective for one probe of one target: whether it goes too fast, and whether it is gone."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping

from agent.slo.alerts import Finding, Severity
from agent.slo.budget import exhaustion, left_of, speed
from agent.slo.burning import Windows, burning
from agent.slo.conditions import Condition, conditions
from agent.slo.evaluate import SETTLING_S
from agent.slo.findings import Ways
from agent.slo.impact import Standings
from agent.slo.objective import Objective
from agent.slo.standing import Standing
from exporters import words


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One objective for one probe of one target, as an evaluation counted it; `every_s` is the probe's interval.

    `first_token_s` is its deadline, and so how long a failure takes to be settled.
    """

    objective: Objective
    target: str
    probe: str
    every_s: float
    windows: Windows
    first_token_s: float = 8.0

    @property
    def settling(self) -> int:
        """Return how many of the newest slots may be settling still."""
        return math.ceil((self.first_token_s + SETTLING_S) / self.every_s)

    @property
    def id(self) -> str:
        return f"{self.target}-{self.probe}-{self.objective.name}"

    @property
    def labels(self) -> Mapping[str, str]:
        return {"target": self.target, "probe": self.probe, "objective": self.objective.name}


def spending(
    counted: Iterable[Counted],
    critical: frozenset[str],
    standings: Standings,
    born_ns: Mapping[str, int],
    now_ns: int,
    ways: Ways,
) -> Iterator[Finding]:
    """Yield what is wrong with budgets: a ticket for each that burns or is gone; a critical target's burn pages."""
    for one in counted:
        objective = one.objective
        left = left_of([one.windows], objective.ratio, objective.window_s, one.every_s, objective.period)
        if burn := _burn(one, standings.get((one.target, one.probe), Standing()), born_ns, now_ns):
            warm = now_ns - born_ns.get(one.target, now_ns) >= ways.warm_up_ns
            pages = burn.window.severity == "page" and one.target in critical and warm
            yield _burning(one, burn, left, now_ns, "page" if pages else "ticket")
        if left is not None and left <= 0:
            yield _exhausted(one, left, now_ns)


def _burn(one: Counted, standing: Standing, born_ns: Mapping[str, int], now_ns: int) -> Condition | None:
    """Return the strongest condition that holds, unless its failures are those of an outage that is over.

    That outage was told as such; whoever is well again since less than the short window burns by it alone.
    """
    recovered_ns = standing.since_ns if standing.state == "good" else 0
    if recovered_ns <= born_ns.get(one.target, 0):
        recovered_ns = 0
    holding = [
        condition
        for condition in conditions(one.objective.ratio, one.objective.window_s, one.every_s)[0]
        if burning(condition, one.objective.ratio, [one.windows])
        and now_ns - recovered_ns >= condition.window.short_s * 1e9
    ]
    return min(holding, key=lambda held: (held.window.severity != "page", -held.factor), default=None)


def _burning(
    one: Counted, condition: Condition, left: float | None, now_ns: int, severity: Severity
) -> Finding:
    rate, told = speed([one.windows], condition, one.objective.ratio)
    return Finding(
        key=f"budget-burn/{one.target}/{one.probe}/{one.objective.name}",
        name="BudgetBurn",
        severity=severity,
        subject=one.id,
        since_ns=now_ns - round(condition.window.short_s * 1e9),
        labels=one.labels,
        facts={
            "sli": one.objective.sli,
            "window": condition.window.name,
            "factor": condition.factor,
            "burn": told,
            "exhaustion": exhaustion(left, rate, one.objective.window_s),
        },
    )


def _exhausted(one: Counted, left: float, now_ns: int) -> Finding:
    period = one.objective.period
    whole = one.windows[period].counts
    return Finding(
        key=f"budget-exhausted/{one.target}/{one.probe}/{one.objective.name}",
        name="BudgetExhausted",
        severity="ticket",
        subject=one.id,
        since_ns=now_ns,
        labels=one.labels,
        facts={
            "sli": one.objective.sli,
            "objective": f"{words.goal(one.objective.ratio)} over {period}",
            "budget_left": words.percent(left, 0),
            "spent": f"{words.count(whole.bad)} of {words.count(whole.valid)} were bad in {period}",
        },
    )
