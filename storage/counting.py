"""Many questions about events at once: what the database has to count for them, and their answers from that."""

import bisect
import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probes.events import Sli, class_of, require
from probes.result import EventClass, Fault, Outcome
from storage.cleaning import INT32
from storage.readings import SliCounts, SliQuestion

_PLACE = {EventClass(field.name): place for place, field in enumerate(dataclasses.fields(SliCounts))}

Pair = tuple[str, str, str]
"""Target, probe and vantage."""


class Plan(NamedTuple):
    """What is asked about some pairs: instants, thresholds and speeds, each rising.

    Segment n of the time lies between edge n-1 and edge n (UTC nanoseconds); a duration is in bucket n of the
    thresholds (microseconds) where so many of them are shorter than it, and a speed in bucket n of the speeds
    (tokens a second) where so many of them are not above it.
    """

    edges: tuple[int, ...]
    ttft_us: tuple[int, ...]
    total_us: tuple[int, ...]
    per_s: tuple[float, ...] = ()


class Facts(NamedTuple):
    """So many rows of a pair are alike in all that any question asks about."""

    pair: Pair
    segment: int
    outcome: Outcome
    fault: Fault | None
    trusted: bool
    ttft: int | None
    total: int | None
    speed: int | None
    rows: int


class Rule(NamedTuple):
    """What makes an event good: everything in a question but whom and when it is about."""

    sli: Sli
    threshold_us: int | None
    throttled: EventClass
    at_least_per_s: float | None = None


def rule_of(question: SliQuestion) -> Rule:
    """Return the rule of a question, the threshold in whole microseconds as `results` keeps durations.

    Raises ValueError where the SLI lacks its figure.
    """
    sli, throttled = question.sli, question.throttled
    require(sli, question.threshold_s, question.at_least_per_s)
    if sli == "throughput":
        return Rule(sli, None, throttled, question.at_least_per_s)
    if sli == "availability" or question.threshold_s is None:
        return Rule(sli, None, throttled)
    return Rule(sli, min(round(question.threshold_s * 1e9) // 1000, INT32 - 1), throttled)


def pair_of(question: SliQuestion) -> Pair:
    return question.target, question.probe, question.vantage


def planned(questions: Iterable[SliQuestion], slice_ns: int | None = None) -> dict[Plan, list[Pair]]:
    """Return what has to be counted of whom: pairs that are asked the same share a statement.

    With `slice_ns` the time of each question is cut into slices, that begin at multiples of it.
    """
    asked: dict[Pair, list[SliQuestion]] = defaultdict(list)
    for question in questions:
        asked[pair_of(question)].append(question)
    plans: dict[Plan, list[Pair]] = defaultdict(list)
    for pair, theirs in asked.items():
        edges = sorted({edge for question in theirs for edge in _edges(question, slice_ns)})
        rules = {rule_of(question) for question in theirs}
        speeds = sorted({rule.at_least_per_s for rule in rules if rule.at_least_per_s is not None})
        asked_alike = Plan(
            tuple(edges), _thresholds(rules, "ttft"), _thresholds(rules, "total"), tuple(speeds)
        )
        plans[asked_alike].append(pair)
    return plans


def _edges(question: SliQuestion, slice_ns: int | None) -> Iterable[int]:
    if slice_ns is None:
        return _window(question)
    return range(question.since_ns, question.until_ns + 1, slice_ns)


def _thresholds(rules: Iterable[Rule], sli: Sli) -> tuple[int, ...]:
    found = {rule.threshold_us for rule in rules if rule.sli == sli and rule.threshold_us is not None}
    return tuple(sorted(found))


class Tally:
    """Rows counted by segment, from which any window between the same edges is a difference of two sums."""

    def __init__(self, plan: Plan, facts: Iterable[Facts]) -> None:
        self._plan = plan
        self._facts: dict[Pair, list[Facts]] = defaultdict(list)
        for fact in facts:
            self._facts[fact.pair].append(fact)
        self._sums: dict[tuple[Pair, Rule], Sequence[SliCounts]] = {}

    def answer(self, question: SliQuestion) -> SliCounts:
        since, until = (self._before(question)[self._place(edge)] for edge in _window(question))
        return _between(since, until)

    def slices(self, question: SliQuestion) -> list[SliCounts]:
        """Return what lies between each two edges of the question's time."""
        since, until = map(self._place, _window(question))
        return [_between(*both) for both in itertools.pairwise(self._before(question)[since : until + 1])]

    def _place(self, edge: int) -> int:
        return bisect.bisect_left(self._plan.edges, edge)

    def _before(self, question: SliQuestion) -> Sequence[SliCounts]:
        asked = pair_of(question), rule_of(question)
        if asked not in self._sums:
            self._sums[asked] = self._running(*asked)
        return self._sums[asked]

    def _running(self, pair: Pair, rule: Rule) -> Sequence[SliCounts]:
        """Return for each edge, the first one first, what was counted before it."""
        segments = [[0, 0, 0, 0] for _ in range(len(self._plan.edges) + 1)]
        for fact in self._facts.get(pair, ()):
            kind = class_of(
                fact.outcome,
                fact.fault,
                sli=rule.sli,
                within=self._within(fact, rule),
                trusted=fact.trusted,
                throttled=rule.throttled,
            )
            if kind is not None:
                segments[fact.segment][_PLACE[kind]] += fact.rows
        return [SliCounts(*sums) for sums in itertools.accumulate(segments, _added)]

    def _within(self, fact: Facts, rule: Rule) -> bool | None:
        if rule.at_least_per_s is not None:
            return None if fact.speed is None else fact.speed > self._plan.per_s.index(rule.at_least_per_s)
        if rule.threshold_us is None:
            return None
        bucket = fact.ttft if rule.sli == "ttft" else fact.total
        thresholds = self._plan.ttft_us if rule.sli == "ttft" else self._plan.total_us
        return None if bucket is None else bucket <= thresholds.index(rule.threshold_us)


def _between(since: SliCounts, until: SliCounts) -> SliCounts:
    return SliCounts(
        good=until.good - since.good,
        bad=until.bad - since.bad,
        excluded=until.excluded - since.excluded,
        invalid=until.invalid - since.invalid,
    )


def _window(question: SliQuestion) -> tuple[int, int]:
    return question.since_ns, question.until_ns


def _added(sums: list[int], more: list[int]) -> list[int]:
    return [one + other for one, other in zip(sums, more, strict=True)]
