"""One SLO's week from counts: what has to be asked, and what the answers say. Pure."""

import dataclasses
from collections.abc import Sequence

from agent.slo import burn, gate, spans
from agent.slo.evaluate import SETTLING_S, budget_left, budgeted, coverage, due, known, state_of
from agent.slo.pools import Slo
from agent.slo.spans import Span
from agent.telling import tally
from agent.telling.tally import Plans, Quiet
from agent.telling.weeks import DAY_NS, Week
from exporters.weeks import Revision, Share, SloWeek, WorstHour
from probes.target import Workload
from storage.readings import SliCounts

HOUR_NS = 3600 * 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SloAsked:
    """An SLO in a week that has begun; `plans` hold all its windows."""

    slo: Slo
    plans: Plans
    week: Week
    now_ns: int
    quiet: Quiet = dataclasses.field(default_factory=dict)
    revisions: tuple[Revision, ...] = ()

    @property
    def until_ns(self) -> int:
        return min(self.week.until_ns, self.now_ns)

    def spans(self) -> list[Span]:
        """Return the week, the objective's window up to its end, the days, and the clock hours."""
        since_ns, until_ns = self.week.since_ns, self.until_ns
        window = (spans.period(self.slo.objective, until_ns)[0], until_ns)
        return [(since_ns, until_ns), window, *self.days(), *self._each(HOUR_NS)]

    def days(self) -> list[Span]:
        return self._each(DAY_NS)

    def expected(self, span: Span, counts: SliCounts) -> int:
        """Return how many slots or slices were to be seen; one may be under way, or its failure unsettled, up to here."""
        due_ns = {part.pair: self.now_ns - round(_grace_s(part.workload) * 1e9) for part in self.slo.parts}
        return tally.expected(self.slo, self.plans, span, due_ns, self.quiet, counts)

    def _each(self, size_ns: int) -> list[Span]:
        starts = range(self.week.since_ns, self.until_ns, size_ns)
        return [(start, min(start + size_ns, self.until_ns)) for start in starts]


def _grace_s(workload: Workload) -> float:
    return max(workload.timeout_s, workload.first_token_s + SETTLING_S)


def slo_week(asked: SloAsked, counts: Sequence[SliCounts]) -> SloWeek:
    """Return the week from the counts over `asked.spans()`."""
    hours = 2 + len(asked.days())
    told = list(zip(asked.spans(), counts, strict=True))
    objective = asked.slo.objective
    span, seen = told[1]
    return SloWeek(
        slo=asked.slo.key,
        sli=objective.sli,
        objective_ratio=objective.ratio,
        threshold_s=objective.threshold_s,
        at_least_per_s=objective.at_least_per_s,
        window_s=objective.window_s,
        window=objective.window,
        week=_share(asked, *told[0]),
        rolling=_share(asked, span, seen, budgeted(objective, seen, asked.slo.every_ns, asked.until_ns)),
        days=tuple(_share(asked, span, seen) for span, seen in told[2:hours]),
        worst_hour=_worst(asked, told[hours:]),
        revisions=asked.revisions,
    )


def _share(asked: SloAsked, span: Span, counts: SliCounts, whole: SliCounts | None = None) -> Share:
    ratio, expected = asked.slo.objective.ratio, asked.expected(span, counts)
    budget = whole or counts
    interval = gate.wilson(counts.good, counts.valid)
    probability = gate.met_probability(counts.bad, counts.valid, ratio)
    return Share(
        since_ns=span[0],
        until_ns=span[1],
        good=counts.good,
        bad=counts.bad,
        excluded=counts.excluded,
        invalid=counts.invalid,
        missing=max(0, expected - counts.observed),
        expected=expected,
        sli=counts.good / counts.valid if counts.valid else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        budget=budget_left(budget, ratio),
        met_probability=probability,
        coverage=coverage(counts, expected),
        state=state_of(budget, ratio) if known(counts, expected) else "unknown",
        likelihood=gate.likelihood(probability),
    )


def _worst(asked: SloAsked, hours: list[tuple[Span, SliCounts]]) -> WorstHour | None:
    """Return the hour that burnt fastest, the first of several; None where nothing was bad."""
    burnt = [
        WorstHour(since_ns=span[0], burn=burn.burn_rate(errors, asked.slo.objective.ratio), bad=counts.bad)
        for span, counts in hours
        if counts.bad
        and (
            errors := burn.error_ratio(
                counts.bad, due(asked.slo.objective, counts, asked.expected(span, counts))
            )
        )
        is not None
    ]
    return max(burnt, key=lambda hour: hour.burn, default=None)
