"""What a plan comes to before it runs: how late a failure pages, what a day costs and stores, what a scrape brings."""

import dataclasses
import functools
import math
from collections.abc import Iterable
from typing import Final

from agent.config.model import Config
from agent.costs import DailyCost, per_day
from agent.slo import paging
from agent.slo.objective import Objective
from agent.telling.sizes import SeriesCount, series_count
from probes import catalog
from probes.target import Target, Workload

ROW_BYTES: Final = 245
"""A stored result: 176 B of table and 67 B of index, measured over 20,000 rows in Postgres 18.

Failures and the last 100 results of each target take more, and are few.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """How long an endpoint that was answering well may fail before it is noticed, in seconds.

    `confirmed_s` ends when the agent has confirmed and counted the failure; `paged_s` when a paging rule has
    all the failures that it wants, to which Prometheus adds a scrape and an evaluation of its rules. None where
    no objective that counts such a failure can page.
    """

    confirmed_s: float
    paged_s: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One probe of one target, and what comes of it."""

    target: Target
    workload: Workload
    url: str
    refusal: Worst
    hang: Worst
    cost: DailyCost


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a day takes; `usd` sums up what is known, `unpriced` are the targets of which some is not.

    `priced` is false where no probe's cost is known: then 0 dollars say nothing.
    """

    probes: float
    input_tokens: float
    output_tokens: float
    usd: float
    priced: bool
    unpriced: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Return the scheduled attempts that are stored; confirmations come on top where something fails."""
        return math.ceil(self.probes)

    @property
    def row_bytes(self) -> int:
        return self.rows * ROW_BYTES


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`asked` is in the order of targets, then probes; `day` and `series` are those of the whole plan."""

    asked: tuple[Asked, ...]
    day: Day
    series: SeriesCount


def figures(config: Config) -> Figures:
    asked = tuple(_asked(config))
    return Figures(asked=asked, day=day(one.cost for one in asked), series=series_count(config))


def day(costs: Iterable[DailyCost]) -> Day:
    """Return what some probes take together."""
    costs = tuple(costs)
    return Day(
        probes=sum(cost.probes for cost in costs),
        input_tokens=sum(cost.input_tokens for cost in costs),
        output_tokens=sum(cost.output_tokens for cost in costs),
        usd=sum(cost.usd for cost in costs if cost.usd is not None),
        priced=any(cost.usd is not None for cost in costs),
        unpriced=tuple(dict.fromkeys(cost.target for cost in costs if cost.usd is None)),
    )


def deadline_s(workload: Workload) -> float:
    """Return how long a silent endpoint is waited for: only a chat that streams has a first token to wait for."""
    return min(workload.first_token_s, workload.timeout_s) if workload.streamed else workload.timeout_s


def _asked(config: Config) -> Iterable[Asked]:
    costs = {(cost.target, cost.probe): cost for cost in per_day(config)}
    watching: dict[tuple[str, str], list[Objective]] = {}
    for objective in config.objectives:
        for pair in objective.pairs:
            watching.setdefault(pair, []).append(objective)
    chosen = [(plan.workload, frozenset(plan.targets)) for plan in config.probes]
    for target in config.targets:
        for workload, names in chosen:
            if target.name in names:
                pair = target.name, workload.name
                yield Asked(
                    target=target,
                    workload=workload,
                    url=catalog.shown_url(target, workload.kind),
                    refusal=_refusal(workload, watching.get(pair, [])),
                    hang=_hang(workload, watching.get(pair, [])),
                    cost=costs[pair],
                )


def _refusal(workload: Workload, watching: list[Objective]) -> Worst:
    # A refusal shows no latency, so latency objectives do not count it.
    counting = [objective for objective in watching if objective.sli == "availability"]
    return _worst(paging.refusal(every_s=workload.every_s), workload, counting)


def _hang(workload: Workload, watching: list[Objective]) -> Worst:
    return _worst(paging.hang(every_s=workload.every_s, deadline_s=deadline_s(workload)), workload, watching)


def _worst(case: paging.WorstCase, workload: Workload, counting: list[Objective]) -> Worst:
    # Slices are on gauges alone: no rule pages for them.
    counting = [objective for objective in counting if objective.slices is None]
    failures = _failures(
        tuple((objective.ratio, objective.window_s) for objective in counting), workload.every_s
    )
    return Worst(confirmed_s=case.confirmed_s, paged_s=None if failures is None else case.paged_s(failures))


@functools.cache
def _failures(objectives: tuple[tuple[float, float], ...], every_s: float) -> int | None:
    return paging.failures_to_page(objectives, every_s)
