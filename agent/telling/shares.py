"""One SLO's week from counts: what has to be asked, and what the answers say. Pure."""

import dataclasses
from collections.abc import Iterator

from agent.slo import burn, gate, spans
from agent.slo.evaluate import SETTLING_S, budgeted, coverage, denominator, known, state_of
from agent.slo.judge import throttled_class
from agent.slo.objective import Objective
from agent.slo.spans import Span
from agent.telling.due import expected_slots
from agent.telling.weeks import DAY_NS, Week
from exporters.signals import Share, SloKey, SloWeek, WorstHour
from probes.target import Target, Workload
from storage.readings import PlanRow, SliCounts, SliQuestion

HOUR_NS = 3600 * 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SloAsked:
    """An objective for one probe of one target in a week that has begun; `plans` hold all its windows."""

    objective: Objective
    target: Target
    workload: Workload
    vantage: str
    plans: tuple[PlanRow, ...]
    week: Week
    now_ns: int

    @property
    def until_ns(self) -> int:
        return min(self.week.until_ns, self.now_ns)

    def spans(self) -> list[Span]:
        """Return the week, the objective's window up to its end, the days, and the clock hours."""
        since_ns, until_ns = self.week.since_ns, self.until_ns
        window = (spans.period(self.objective, until_ns)[0], until_ns)
        return [(since_ns, until_ns), window, *self.days(), *self._each(HOUR_NS)]

    def days(self) -> list[Span]:
        return self._each(DAY_NS)

    def questions(self) -> list[SliQuestion]:
        """Return one question for each span, in their order."""
        return [
            SliQuestion(
                target=self.target.name,
                probe=self.workload.name,
                vantage=self.vantage,
                sli=self.objective.sli,
                since_ns=since_ns,
                until_ns=until_ns,
                threshold_s=self.objective.threshold_s,
                at_least_per_s=self.objective.at_least_per_s,
                throttled=throttled_class(self.objective, self.target),
            )
            for since_ns, until_ns in self.spans()
        ]

    def expected(self, span: Span) -> int:
        """Return how many slots were due; one may be under way, or its failure unsettled, up to here."""
        grace_s = max(self.workload.timeout_s, self.workload.first_token_s + SETTLING_S)
        due_ns = self.now_ns - round(grace_s * 1e9)
        return expected_slots(self.plans, span[0], min(span[1], due_ns))

    def whole(self) -> int | None:
        """Return how many events the window at the week's end holds, where it is a calendar's."""
        return spans.whole(self.objective, self.workload.every_ns, self.until_ns)

    def _each(self, size_ns: int) -> list[Span]:
        starts = range(self.week.since_ns, self.until_ns, size_ns)
        return [(start, min(start + size_ns, self.until_ns)) for start in starts]


def slo_week(asked: SloAsked, answers: Iterator[SliCounts]) -> SloWeek:
    """Return the week from the answers to `asked.questions()`, of which no more than its own are taken."""
    spans = asked.spans()
    counts = [next(answers) for _ in spans]
    hours = 2 + len(asked.days())
    told = list(zip(spans, counts, strict=True))
    objective = asked.objective
    return SloWeek(
        slo=SloKey(objective=objective.name, target=asked.target.name, probe=asked.workload.name),
        sli=objective.sli,
        objective_ratio=objective.ratio,
        threshold_s=objective.threshold_s,
        at_least_per_s=objective.at_least_per_s,
        window=objective.window,
        window_s=objective.window_s,
        week=_share(asked, *told[0]),
        rolling=_share(asked, *told[1], whole=asked.whole()),
        days=tuple(_share(asked, span, seen) for span, seen in told[2:hours]),
        worst_hour=_worst(asked, told[hours:]),
    )


def _share(asked: SloAsked, span: Span, counts: SliCounts, whole: int | None = None) -> Share:
    ratio, expected = asked.objective.ratio, asked.expected(span)
    budget = budgeted(counts, whole)
    errors = burn.error_ratio(budget.bad, budget.valid)
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
        budget=None if errors is None else 1 - burn.burn_rate(errors, ratio),
        met_probability=probability,
        coverage=coverage(counts, expected),
        state=state_of(budget, ratio) if known(counts, expected) else "unknown",
        likelihood=gate.likelihood(probability),
    )


def _worst(asked: SloAsked, hours: list[tuple[Span, SliCounts]]) -> WorstHour | None:
    """Return the hour that burnt fastest, the first of several; None where nothing was bad."""
    burnt = [
        WorstHour(since_ns=span[0], burn=burn.burn_rate(errors, asked.objective.ratio), bad=counts.bad)
        for span, counts in hours
        if counts.bad
        and (errors := burn.error_ratio(counts.bad, denominator(counts, asked.expected(span)))) is not None
    ]
    return max(burnt, key=lambda hour: hour.burn, default=None)
