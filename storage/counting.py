"""Many questions about events at once: what the database has to count for them, and their answers from that."""

import bisect
import dataclasses
import functools
import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from probes import residency
from probes.events import LATENCIES, Sli, class_of, require, right
from probes.result import EventClass, Fault, Outcome
from storage.cleaning import INT32
from storage.overrides import Override
from storage.readings import SliCounts, SliQuestion

FIELDS = tuple(field.name for field in dataclasses.fields(SliCounts))
_PLACE = {kind: FIELDS.index(kind.value) for kind in EventClass}
_MAINTAINED, _CORRECTED = FIELDS.index("maintained"), FIELDS.index("corrected")

Pair = tuple[str, str, str]
"""Target, probe and vantage."""


class Plan(NamedTuple):
    """What is asked about some pairs: instants, thresholds and speeds, each rising.

    `checked` and `placed`: somebody asks whether answers were judged, or where they were served. Segment n of the time lies between edge n-1 and edge n (UTC nanoseconds); a duration is in bucket n of the
    thresholds (microseconds) where so many of them are shorter than it, and a speed in bucket n of the speeds
    (tokens a second) where so many of them are not above it.
    """

    edges: tuple[int, ...]
    ttft_us: tuple[int, ...]
    total_us: tuple[int, ...]
    per_s: tuple[float, ...] = ()
    ttfo_us: tuple[int, ...] = ()
    itl_us: tuple[int, ...] = ()
    checked: bool = False
    placed: bool = False


class Facts(NamedTuple):
    """So many rows of a pair are alike in all that any question asks about.

    With an `override` they are counted a second time: taken out of what they are by themselves, and put in where it
    says. So whoever counts rows need not know what is said of their time.
    """

    pair: Pair
    segment: int
    outcome: Outcome
    fault: Fault | None
    trusted: bool
    ttft: int | None
    total: int | None
    speed: int | None
    ttfo: int | None
    itl: int | None
    checked: bool | None
    region: str | None
    rows: int
    override: Override | None = None


class Rule(NamedTuple):
    """What makes an event good: everything in a question but whom and when it is about."""

    sli: Sli
    threshold_us: int | None
    throttled: EventClass
    at_least_per_s: float | None = None
    served_in: tuple[str, ...] = ()


def rule_of(question: SliQuestion) -> Rule:
    """Return the rule of a question, the threshold in whole microseconds as `results` keeps durations.

    Raises ValueError where the SLI lacks its figure.
    """
    return _rule(
        question.sli, question.throttled, question.threshold_s, question.at_least_per_s, question.served_in
    )


@functools.lru_cache(maxsize=4096)  # pairs by the hundred are asked by one rule
def _rule(
    sli: Sli,
    throttled: EventClass,
    threshold_s: float | None,
    at_least_per_s: float | None,
    served_in: tuple[str, ...],
) -> Rule:
    require(sli, threshold_s, at_least_per_s, served_in)
    if sli == "throughput":
        return Rule(sli, None, throttled, at_least_per_s)
    if sli == "residency":
        return Rule(sli, None, throttled, served_in=served_in)
    if sli not in LATENCIES or threshold_s is None:
        return Rule(sli, None, throttled)
    return Rule(sli, min(round(threshold_s * 1e9) // 1000, INT32 - 1), throttled)


def pair_of(question: SliQuestion) -> Pair:
    return question.target, question.probe, question.vantage


def planned(questions: Iterable[SliQuestion]) -> dict[Plan, list[Pair]]:
    """Return what has to be counted of whom: pairs that are asked the same share a statement."""
    asked: dict[Pair, list[SliQuestion]] = defaultdict(list)
    for question in questions:
        asked[pair_of(question)].append(question)
    plans: dict[Plan, list[Pair]] = defaultdict(list)
    for pair, theirs in asked.items():
        edges = sorted({edge for question in theirs for edge in (question.since_ns, question.until_ns)})
        plans[plan_of(edges, {rule_of(question) for question in theirs})].append(pair)
    return plans


def plan_of(edges: Iterable[int], rules: Collection[Rule]) -> Plan:
    """Return the plan that tells apart what any of the rules tells apart."""
    speeds = sorted({rule.at_least_per_s for rule in rules if rule.at_least_per_s is not None})
    return Plan(
        tuple(edges),
        _thresholds(rules, "ttft"),
        _thresholds(rules, "total"),
        tuple(speeds),
        _thresholds(rules, "ttfo"),
        _thresholds(rules, "itl"),
        checked=any(rule.sli == "correctness" for rule in rules),
        placed=any(rule.sli == "residency" for rule in rules),
    )


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
        self._sums: dict[tuple[Pair, Rule], Sequence[Sequence[int]]] = {}

    def answer(self, question: SliQuestion) -> SliCounts:
        asked = pair_of(question), rule_of(question)
        if asked not in self._sums:
            self._sums[asked] = self._running(*asked)
        since, until = (
            self._sums[asked][bisect.bisect_left(self._plan.edges, edge)] for edge in _window(question)
        )
        return SliCounts(*(one - other for one, other in zip(until, since, strict=True)))

    def _running(self, pair: Pair, rule: Rule) -> Sequence[Sequence[int]]:
        """Return for each edge, the first one first, what was counted before it, in the order of `FIELDS`."""
        segments = [[0] * len(FIELDS) for _ in range(len(self._plan.edges) + 1)]
        for fact in self._facts.get(pair, ()):
            kind = kind_of(self._plan, fact, rule)
            if kind is not None:
                count(segments[fact.segment], kind, fact)
        return list(itertools.accumulate(segments, _added))


def kind_of(plan: Plan, fact: Facts, rule: Rule) -> EventClass | None:
    """Return what rows that are alike count as; None while they are not settled."""
    return class_of(
        fact.outcome,
        fact.fault,
        sli=rule.sli,
        within=_within(plan, fact, rule),
        trusted=fact.trusted,
        throttled=rule.throttled,
    )


def _within(plan: Plan, fact: Facts, rule: Rule) -> bool | None:
    if rule.at_least_per_s is not None:
        return None if fact.speed is None else fact.speed > plan.per_s.index(rule.at_least_per_s)
    if rule.sli == "correctness":
        return right(fact.outcome, checked=fact.checked)
    if rule.sli == "residency":
        return residency.within(fact.region, rule.served_in)
    if rule.threshold_us is None:
        return None
    bucket: int | None = getattr(fact, rule.sli)
    thresholds: tuple[int, ...] = getattr(plan, f"{rule.sli}_us")
    return None if bucket is None else bucket <= thresholds.index(rule.threshold_us)


def count(sums: list[int], kind: EventClass, fact: Facts) -> None:
    """Add rows that are alike to sums in the order of `FIELDS`; of those with an override, what it changes."""
    said = fact.override
    if said is None:
        sums[_PLACE[kind]] += fact.rows
        return
    now = said.of(kind)
    sums[_PLACE[kind]] -= fact.rows
    sums[_PLACE[now]] += fact.rows
    sums[_MAINTAINED] += fact.rows * said.maintained
    sums[_CORRECTED] += fact.rows * (now is not said.told(kind))


def _window(question: SliQuestion) -> tuple[int, int]:
    return question.since_ns, question.until_ns


def _added(sums: list[int], more: list[int]) -> list[int]:
    return [one + other for one, other in zip(sums, more, strict=True)]
