"""What history holds of SLOs over spans of time: their parts' events added up, or their slices judged."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from agent.slo import maintenance, slices
from agent.slo.judge import throttled_class
from agent.slo.pools import Part, Slo
from agent.slo.slices import Slices
from agent.slo.spans import Span
from agent.telling.due import expected_slots
from probes.slots import first_slot
from storage.base import History
from storage.readings import PlanRow, SliCounts, SliQuestion

T = TypeVar("T")

Plans = Mapping[tuple[str, str], Sequence[PlanRow]]
Quiet = Mapping[str, Sequence[maintenance.Span]]
"""When each target was in maintenance."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An SLO, and the spans over which it is asked."""

    slo: Slo
    spans: Sequence[Span]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """What an SLO counts over each of its spans, in their order: events, or slices that are over.

    `parts` are the same for each of its parts; where slices are counted, its valid events.
    """

    whole: Sequence[SliCounts]
    parts: Sequence[Sequence[SliCounts]]


def counts(history: History, vantage: str, asked: Sequence[Asked]) -> list[Tallied]:
    """Return what each SLO counts."""
    questions = _by_event(vantage, asked)
    answers = iter(history.counts(questions)) if questions else iter(())
    sliced = _sliced(history, vantage, [one for one in asked if one.slo.objective.slices is not None])
    return [next(sliced) if one.slo.objective.slices else _added(one, answers) for one in asked]


def questions(vantage: str, asked: Sequence[Asked]) -> list[SliQuestion]:
    """Return what is asked of history for these; slices by the whole time in which they lie."""
    sliced = [one for one in asked if one.slo.objective.slices is not None]
    return [
        *_by_event(vantage, asked),
        *(_question(part, vantage, _hull(one)) for one in sliced for part in one.slo.parts),
    ]


def _by_event(vantage: str, asked: Sequence[Asked]) -> list[SliQuestion]:
    occurring = [one for one in asked if one.slo.objective.slices is None]
    return [
        _question(part, vantage, span) for one in occurring for part in one.slo.parts for span in one.spans
    ]


def _added(asked: Asked, answers: Iterator[SliCounts]) -> Tallied:
    parts = [[next(answers) for _ in asked.spans] for _ in asked.slo.parts]
    return Tallied(whole=slices.pooled(parts), parts=parts)


def _sliced(history: History, vantage: str, asked: Sequence[Asked]) -> Iterator[Tallied]:
    """Yield the counts of timeslices; SLOs whose slices are equally long are asked together."""
    lengths_ns = {_slices(one).length_ns for one in asked}
    answers: dict[int, Iterator[list[SliCounts]]] = {}
    for length_ns in lengths_ns:
        alike = [one for one in asked if _slices(one).length_ns == length_ns]
        questions = [_question(part, vantage, _hull(one)) for one in alike for part in one.slo.parts]
        answers[length_ns] = iter(history.slices(questions, length_ns))
    for one in asked:
        rule = _slices(one)
        parts, hull = [next(answers[rule.length_ns]) for _ in one.slo.parts], _hull(one)
        kinds = [rule.judge(of_slice) for of_slice in slices.pooled(parts)]
        yield Tallied(
            whole=[slices.total(_cut(kinds, rule, span, hull)) for span in one.spans],
            parts=[[_valid(_cut(part, rule, span, hull)) for span in one.spans] for part in parts],
        )


def _valid(of_slices: Sequence[SliCounts]) -> SliCounts:
    return SliCounts(good=sum(one.good for one in of_slices), bad=sum(one.bad for one in of_slices))


def _cut(of_slices: Sequence[T], rule: Slices, span: Span, hull: Span) -> Sequence[T]:
    """Return the slices of a span among those of its hull."""
    begins = rule.within(span[0], span[1])
    first = (begins.start - hull[0]) // rule.length_ns
    return of_slices[first : first + len(begins)]


def _slices(asked: Asked) -> Slices:
    found = asked.slo.objective.slices
    if found is None:
        raise ValueError(f"{asked.slo.key.id} counts events, not slices")
    return found


def _hull(asked: Asked) -> Span:
    """Return where the first slice of any span begins, and where the last one that is over ends."""
    length_ns = _slices(asked).length_ns
    since_ns = _slices(asked).within(min(span[0] for span in asked.spans), 0).start
    until_ns = max(span[1] for span in asked.spans)
    return since_ns, max(since_ns, until_ns - until_ns % length_ns)


def _question(part: Part, vantage: str, span: Span) -> SliQuestion:
    return SliQuestion(
        target=part.target.name,
        probe=part.workload.name,
        vantage=vantage,
        sli=part.objective.sli,
        since_ns=span[0],
        until_ns=span[1],
        threshold_s=part.objective.threshold_s,
        at_least_per_s=part.objective.at_least_per_s,
        served_in=part.target.served_in,
        throttled=throttled_class(part.objective, part.target),
    )


def expected(
    slo: Slo, plans: Plans, span: Span, due_ns: Mapping[tuple[str, str], int], quiet: Quiet, counts: SliCounts
) -> int:
    """Return how many slots were to be seen in a span, or how many slices of it had one.

    Of each pair only what was due before an instant counts: later slots may be under way still. What lay in a
    maintenance and nobody asked is not missing; `counts` say how much of it was seen.
    """
    if slo.objective.slices is not None:
        ends_ns = {part.pair: min(span[1], due_ns[part.pair]) for part in slo.parts}
        return _expected_slices(slo, plans, span[0], ends_ns, quiet, counts)
    found = spared = 0
    for part in slo.parts:
        pair = part.pair
        mine, end_ns = plans.get(pair, ()), min(span[1], due_ns[pair])
        found += expected_slots(mine, span[0], end_ns)
        if still := quiet.get(part.target.name):
            spared += sum(expected_slots(mine, *one) for one in maintenance.clipped(still, span[0], end_ns))
    return found - max(0, spared - counts.maintained)


def _expected_slices(
    slo: Slo,
    plans: Plans,
    since_ns: int,
    ends_ns: Mapping[tuple[str, str], int],
    quiet: Quiet,
    counts: SliCounts,
) -> int:
    rule = slo.objective.slices
    if rule is None:
        raise ValueError(f"{slo.key.id} counts events, not slices")
    since_ns, length_ns = rule.within(since_ns, 0).start, rule.length_ns
    touched = [
        found
        for part in slo.parts
        for row in plans.get(part.pair, ())
        if (found := _touched(row, since_ns, ends_ns[part.pair], length_ns))
    ]
    first, *others = slo.parts
    still = () if others else quiet.get(first.target.name, ())  # of a pool the others are judged
    spared = [
        range(-(-begin_ns // length_ns), end_ns // length_ns)
        for begin_ns, end_ns in maintenance.clipped(still, since_ns, ends_ns[first.pair])
    ]
    return _union(touched) - max(0, _union(spared) - counts.excluded)


def _touched(row: PlanRow, since_ns: int, until_ns: int, length_ns: int) -> range:
    """Return the numbers of the slices that a plan has slots in: no slice is shorter than an interval."""
    since_ns = max(since_ns, row.valid_from_ns)
    until_ns = until_ns if row.valid_to_ns is None else min(until_ns, row.valid_to_ns)
    first_ns = first_slot(row.every_ns, row.phase_ns, since_ns)
    last_ns = first_slot(row.every_ns, row.phase_ns, until_ns) - row.every_ns
    return range(first_ns // length_ns, last_ns // length_ns + 1) if first_ns <= last_ns else range(0)


def _union(ranges: Iterable[range]) -> int:
    count, reached = 0, -1
    for one in sorted(ranges, key=lambda one: one.start):
        count += max(0, one.stop - max(one.start, reached))
        reached = max(reached, one.stop)
    return count
