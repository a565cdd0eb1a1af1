"""What the slots of a week come to: incidents, and gaps in which nothing was seen. Pure."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.telling.due import due_slots
from agent.telling.stretched import kind_of
from exporters.weeks import Gap, Incident
from probes.result import EventClass
from storage.overrides import Piece
from storage.readings import PlanRow, Stretch

HOLE_NS = 300 * 1_000_000_000
"""Missing slots end an incident where nothing was seen for longer than this: beyond, nobody knows."""


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What a probe of a target saw in the week; `throttled` is what a throttled answer counts as.

    `said` are the stretches of which a maintenance or a correction says something; none of `stretches` crosses their
    edges.
    """

    target: str
    probe: str
    stretches: Sequence[Stretch]
    plans: Sequence[PlanRow]
    throttled: EventClass
    said: Sequence[Piece] = ()


def incidents(seen: Iterable[Seen]) -> list[Incident]:
    """Return the incidents, the longest first; those of a target's probes that overlap are one."""
    by_target: dict[str, list[Incident]] = {}
    for one in seen:
        by_target.setdefault(one.target, []).extend(map(_incident, _runs(one)))
    merged = [incident for theirs in by_target.values() for incident in _merged(theirs)]
    return sorted(merged, key=lambda one: (-one.duration_s, one.start_ns, one.target))


@dataclasses.dataclass(slots=True)
class _Run:
    """Bad stretches with no good one between them; what was excluded or invalid says nothing."""

    target: str
    probe: str
    began: bool
    bad: list[Stretch]
    end_ns: int
    ended: bool = False


def _runs(seen: Seen) -> Iterator[_Run]:
    run: _Run | None = None
    before: Stretch | None = None
    for stretch in seen.stretches:
        if run and before and _hole(seen.plans, before, stretch):
            yield run
            run = None
        kind = kind_of(stretch, seen.said, seen.throttled)
        if kind is EventClass.BAD:
            run = run or _Run(seen.target, seen.probe, before is not None, [], stretch.last_ns)
            run.bad.append(stretch)
            run.end_ns = stretch.last_ns
        elif kind is EventClass.GOOD and run:
            run.end_ns, run.ended = stretch.first_ns, True
            yield run
            run = None
        before = stretch
    if run:
        yield run


def _hole(plans: Sequence[PlanRow], before: Stretch, after: Stretch) -> bool:
    return after.first_ns - before.last_ns > HOLE_NS and any(
        due_slots(row, before.last_ns + 1, after.first_ns) for row in plans
    )


def _incident(run: _Run) -> Incident:
    return Incident(
        target=run.target,
        probes=(run.probe,),
        start_ns=run.bad[0].first_ns,
        end_ns=run.end_ns,
        began=run.began,
        ended=run.ended,
        slots=sum(one.slots for one in run.bad),
        outcomes=_summed({one.outcome.value: one.slots} for one in run.bad),
        faults=_summed({one.fault.value: one.slots} for one in run.bad if one.fault),
        error_codes=_summed({one.error_code: one.slots} for one in run.bad if one.error_code),
    )


def _merged(found: Iterable[Incident]) -> list[Incident]:
    """Join what overlaps in time; two probes of a target that fail together fail once."""
    merged: list[Incident] = []
    for one in sorted(found, key=lambda one: (one.start_ns, one.probes)):
        if merged and one.start_ns <= merged[-1].end_ns:
            merged[-1] = _joined(merged[-1], one)
        else:
            merged.append(one)
    return merged


def _joined(first: Incident, second: Incident) -> Incident:
    last = max(first, second, key=lambda one: one.end_ns)
    return Incident(
        target=first.target,
        probes=tuple(sorted({*first.probes, *second.probes})),
        start_ns=first.start_ns,
        end_ns=last.end_ns,
        began=first.began,
        ended=last.ended,
        slots=first.slots + second.slots,
        outcomes=_summed((first.outcomes, second.outcomes)),
        faults=_summed((first.faults, second.faults)),
        error_codes=_summed((first.error_codes, second.error_codes)),
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums, the largest first."""
    sums: Counter[str] = Counter()
    for one in counts:
        sums.update(one)
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def gaps(seen: Iterable[Seen], since_ns: int, until_ns: int) -> list[Gap]:
    """Return the times in which due slots were not seen, oldest first.

    Probes that were silent together, from and to the same slot or the one beside it, share a gap.
    """
    found = [
        (gap, max(row.every_ns for row in one.plans))
        for one in seen
        for gap in _gaps(one, since_ns, until_ns)
    ]
    merged: list[Gap] = []
    for one, slack_ns in sorted(found, key=lambda item: (item[0].start_ns, item[0].probes)):
        place = _beside(merged, one, slack_ns)
        if place is None:
            merged.append(one)
        else:
            merged[place] = _together(merged[place], one)
    return merged


def _beside(merged: Sequence[Gap], one: Gap, slack_ns: int) -> int | None:
    """Return where a gap of the same time stands among those that began before."""
    for place in range(len(merged) - 1, -1, -1):
        if one.start_ns - merged[place].start_ns > slack_ns:
            return None
        if abs(one.end_ns - merged[place].end_ns) <= slack_ns:
            return place
    return None


def _together(first: Gap, second: Gap) -> Gap:
    return Gap(
        start_ns=first.start_ns,
        end_ns=max(first.end_ns, second.end_ns),
        slots=first.slots + second.slots,
        probes=tuple(sorted({*first.probes, *second.probes})),
    )


def _gaps(seen: Seen, since_ns: int, until_ns: int) -> Iterator[Gap]:
    # A stretch that was broken by nothing but another outcome has no missing slot behind it.
    ends = [since_ns, *(stretch.last_ns + 1 for stretch in seen.stretches)]
    starts = [*(stretch.first_ns for stretch in seen.stretches), until_ns]
    for start_ns, end_ns in zip(ends, starts, strict=True):
        due = [row for row in seen.plans if due_slots(row, start_ns, end_ns)]
        if due:
            yield Gap(
                start_ns=max(start_ns, min(row.valid_from_ns for row in due)),
                end_ns=min(
                    end_ns, max(end_ns if row.valid_to_ns is None else row.valid_to_ns for row in due)
                ),
                slots=sum(due_slots(row, start_ns, end_ns) for row in due),
                probes=((seen.target, seen.probe),),
            )
