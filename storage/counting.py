"""The rule of probes/events.py as SQL over `results r` and `verdicts v`, and the grouping of many questions."""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from probes.events import ANSWERED, Sli
from probes.result import DEADLINES, MEANING, EventClass, Fault, Outcome
from storage.readings import SliCounts, SliQuestion

Pair = tuple[str, str, str]
"""Target, probe and vantage."""

Edges = tuple[int, ...]
"""Instants (UTC nanoseconds, rising) at which windows begin or end; segment n lies between edge n-1 and n."""


class Rule(NamedTuple):
    """What makes an event good: everything in a question but whom and when it is about."""

    sli: Sli
    threshold_us: int | None
    throttled: EventClass


class Counted(NamedTuple):
    """So many rows of a pair in one segment took these classes, one for each rule; None is "not settled"."""

    pair: Pair
    segment: int
    classes: tuple[str | None, ...]
    rows: int


def rule_of(question: SliQuestion) -> Rule:
    """Return the rule of a question, the threshold in whole microseconds as `results` keeps durations.

    Raises ValueError where a latency SLI has no threshold.
    """
    if question.sli == "availability":
        return Rule(question.sli, None, question.throttled)
    if question.threshold_s is None:
        raise ValueError(f"The {question.sli} SLI needs a threshold: give threshold_s.")
    return Rule(question.sli, round(question.threshold_s * 1e9) // 1000, EventClass.EXCLUDED)


def grouped(questions: Iterable[SliQuestion]) -> dict[tuple[tuple[Rule, ...], Edges], list[Pair]]:
    """Return (rules, edges) -> pairs: those that are asked the same can be answered by one statement."""
    asked: dict[Pair, list[SliQuestion]] = defaultdict(list)
    for question in questions:
        asked[pair_of(question)].append(question)
    groups: dict[tuple[tuple[Rule, ...], Edges], list[Pair]] = defaultdict(list)
    for pair, theirs in asked.items():
        rules = tuple(dict.fromkeys(sorted(map(rule_of, theirs), key=str)))
        edges = sorted({edge for question in theirs for edge in (question.since_ns, question.until_ns)})
        groups[rules, tuple(edges)].append(pair)
    return groups


def pair_of(question: SliQuestion) -> Pair:
    return question.target, question.probe, question.vantage


class Tally:
    """Rows counted by segment, from which any window between the same edges is a sum."""

    def __init__(self, rules: Sequence[Rule], edges: Edges, counted: Iterable[Counted]) -> None:
        self._rules = rules
        self._edges = edges
        self._counted: dict[Pair, list[Counted]] = defaultdict(list)
        for found in counted:
            self._counted[found.pair].append(found)

    def answer(self, question: SliQuestion) -> SliCounts:
        place = self._rules.index(rule_of(question))
        first, last = (
            bisect.bisect_right(self._edges, edge) for edge in (question.since_ns, question.until_ns)
        )
        sums: dict[str, int] = dict.fromkeys(EventClass, 0)
        for found in self._counted.get(pair_of(question), ()):
            kind = found.classes[place]
            if kind is not None and first <= found.segment < last:
                sums[kind] += found.rows
        return SliCounts(**{kind.value: sums[kind] for kind in EventClass})


def class_sql(rule: Rule) -> str:
    """Return the class of an attempt as an SQL expression; NULL while it is not settled."""
    confirm = _among(outcome for outcome, meaning in MEANING.items() if meaning.confirm)
    settled = (
        f"WHEN {confirm} AND v.fault IS NULL THEN NULL"
        f" WHEN {confirm} AND v.fault = '{Fault.OURS}' THEN '{EventClass.INVALID}'"
    )
    match rule.sli:
        case "availability":
            return f"CASE {settled} {_availability(rule.throttled)} END"
        case "ttft":
            return f"CASE {settled} {_excluded()} {_ttft(rule.threshold_us)} END"
        case "total":
            return f"CASE {settled} {_excluded()} {_total(rule.threshold_us)} END"


def _availability(throttled: EventClass) -> str:
    by_class: Mapping[EventClass, list[Outcome]] = {kind: [] for kind in EventClass}
    for outcome, meaning in MEANING.items():
        kind = throttled if outcome is Outcome.THROTTLED else meaning.availability
        by_class[kind].append(outcome)
    return " ".join(
        f"WHEN {_among(outcomes)} THEN '{kind}'" for kind, outcomes in by_class.items() if outcomes
    )


def _excluded() -> str:
    excluded = (
        outcome for outcome, meaning in MEANING.items() if meaning.availability is EventClass.EXCLUDED
    )
    return f"WHEN {_among(excluded)} THEN '{EventClass.EXCLUDED}'"


def _ttft(threshold_us: int | None) -> str:
    return (
        f"WHEN r.ttft_us IS NULL AND {_among(DEADLINES)} THEN '{EventClass.BAD}'"
        f" WHEN r.ttft_us IS NULL OR r.quality_reasons IS NOT NULL THEN '{EventClass.INVALID}'"
        f" WHEN r.ttft_us <= {threshold_us} THEN '{EventClass.GOOD}' ELSE '{EventClass.BAD}'"
    )


def _total(threshold_us: int | None) -> str:
    return (
        f"WHEN {_among(DEADLINES)} THEN '{EventClass.BAD}'"
        f" WHEN r.total_us IS NULL OR NOT {_among(ANSWERED)} OR r.quality_reasons IS NOT NULL"
        f" THEN '{EventClass.INVALID}'"
        f" WHEN r.total_us <= {threshold_us} THEN '{EventClass.GOOD}' ELSE '{EventClass.BAD}'"
    )


def _among(outcomes: Iterable[Outcome]) -> str:
    listed = ", ".join(f"'{outcome}'" for outcome in sorted(outcomes))
    return f"r.outcome IN ({listed})"
