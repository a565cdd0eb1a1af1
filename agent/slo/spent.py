"""One SLO as an evaluation counted it: its windows, what is left of its budget, and whose failures spent it."""

import dataclasses
from collections.abc import Collection, Sequence
from functools import cached_property

from agent.slo.budget import bearable
from agent.slo.burning import Window, Windows
from agent.slo.conditions import Condition, conditions
from agent.slo.evaluate import budget_left, budgeted, settling
from agent.slo.objective import Objective
from agent.slo.windows import BurnWindow
from exporters.signals import SloKey
from storage.readings import SliCounts


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
    def pair(self) -> tuple[str, str]:
        return self.target, self.probe

    @property
    def settling(self) -> int:
        """Return how many of the newest slots may be settling still."""
        return settling(self.first_token_s, self.every_s * 1e9)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Spent:
    """One SLO as an evaluation counted it: the events of one probe, those of a pool's together, or slices of time.

    `every_s` is the interval of what is counted. Of several parts each has its own counts; where slices are counted,
    those of its valid events.
    """

    key: SloKey
    parts: Sequence[Counted]
    windows: Windows
    every_s: float

    @property
    def objective(self) -> Objective:
        return self.parts[0].objective

    @property
    def targets(self) -> list[str]:
        return list(dict.fromkeys(part.target for part in self.parts))

    @property
    def what(self) -> str:
        """Return what is counted, where that is no events."""
        return "slices" if self.objective.slices else ""

    @cached_property
    def judged(self) -> Windows:
        """Return its windows as burning judges them: a slice of which nothing is known stays in the denominator."""
        if self.objective.slices is None:
            return self.windows
        return {
            name: Window(counts=SliCounts(good=one.counts.good, bad=one.counts.bad), expected=one.expected)
            for name, one in self.windows.items()
        }

    def conditions(self, credibility: float) -> tuple[Condition, ...]:
        objective = self.objective
        return conditions(objective.ratio, objective.window_s, self.every_s, credibility=credibility)[0]

    def left(self, now_ns: int) -> float | None:
        """Return the share of the period's budget that is left, as the page and the report have it."""
        counts = self.windows[self.objective.period].counts
        return budget_left(budgeted(self.objective, counts, self.every_s * 1e9, now_ns), self.objective.ratio)

    def is_gone(self, now_ns: int) -> bool:
        """Return whether the budget is gone for good: nothing is left, though the whole period be seen as it began."""
        objective, period = self.objective, self.objective.period
        left = self.left(now_ns)
        if left is None or left > 0:
            return False
        if objective.calendar is not None or objective.slices is not None:
            return True  # their budget is the whole period's from its first day
        allowed = bearable(self.windows, objective.ratio, objective.window_s, self.every_s, period)
        return self.windows[period].counts.bad >= round(allowed, 6)

    def failing(self, window: str) -> list[Counted]:
        """Return the parts of which anything failed within a window, the worst first."""
        found = [part for part in self.parts if part.windows[window].counts.bad]
        return sorted(found, key=lambda part: -part.windows[window].counts.bad)

    def without(self, aside: Collection[tuple[str, str]], over: BurnWindow) -> Windows:
        """Return what is looked over as if nothing of these parts had failed; a slice is theirs where all that failed is."""
        if not aside:
            return self.judged
        found = {}
        for name in (over.long, over.short):
            window, failing = self.judged[name], self.failing(name)
            theirs = sum(part.windows[name].counts.bad for part in failing if part.pair in aside)
            if self.objective.slices is not None:
                theirs = window.counts.bad if all(part.pair in aside for part in failing) else 0
            found[name] = window.mended(theirs)
        return found


def single(one: Counted) -> Spent:
    """Return the SLO of one probe of one target."""
    key = SloKey(objective=one.objective.name, target=one.target, probe=one.probe)
    return Spent(key=key, parts=(one,), windows=one.windows, every_s=one.every_s)
