"""When fewer units of a service were well than it needs, by what was stored of its members. Pure."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from agent.slo import maintenance
from agent.slo.impact import impact
from agent.slo.service import Member, Service
from agent.slo.standing import Slot, Standing, patience_ns
from agent.telling.recorded import Classed
from agent.telling.seen import Pair
from exporters.weeks import Shortfall
from probes.result import EventClass

State = Literal["well", "under", "unknown", "unjudged"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """[since, until) in which a service stood in one way; `failing` are the targets that failed meanwhile."""

    since_ns: int
    until_ns: int
    state: State
    failing: frozenset[str] = frozenset()


def phases(service: Service, seen: Mapping[Pair, Classed], since_ns: int, until_ns: int) -> list[Phase]:
    """Return how a service stood in [since, until), from the first instant to the last.

    A member fails from its first confirmed failure to its first good slot, as for alerts. One of which nothing was
    judged for so long that nobody knows is unknown from an interval after its last judged slot on.
    """
    known = {
        member.pair: list(_changes(member, seen[member.pair], since_ns, until_ns))
        for member in service.members
    }
    works = {member.target: seen[member.pair].maintained for member in service.members}
    edges = {since_ns, until_ns, *(change.at_ns for changes in known.values() for change in changes)}
    edges |= {edge for spans in works.values() for span in spans for edge in span}
    begins = sorted(edge for edge in edges if since_ns <= edge < until_ns)
    standings = {pair: _Playing(changes) for pair, changes in known.items()}
    found: list[Phase] = []
    for begin_ns, end_ns in itertools.pairwise([*begins, until_ns]):
        now = {pair: one.at(begin_ns) for pair, one in standings.items()}
        out = {
            target for target, spans in works.items() if maintenance.clipped(spans, begin_ns, begin_ns + 1)
        }
        phase = _phase(service.without(out), now, begin_ns, end_ns)
        if found and found[-1].state == phase.state:
            phase = dataclasses.replace(
                phase, since_ns=found[-1].since_ns, failing=phase.failing | found.pop().failing
            )
        found.append(phase)
    return found


class _Change(NamedTuple):
    at_ns: int
    standing: Standing


class _Playing:
    """How a member stands, asked at instants that only go on."""

    def __init__(self, changes: Sequence[_Change]) -> None:
        self._ahead = iter(changes)
        self._next = next(self._ahead, None)
        self._now = Standing()

    def at(self, now_ns: int) -> Standing:
        while self._next is not None and self._next.at_ns <= now_ns:
            self._now = self._next.standing
            self._next = next(self._ahead, None)
        # What is known of it holds until it changes.
        return dataclasses.replace(self._now, judged_ns=now_ns)


def _changes(member: Member, seen: Classed, since_ns: int, until_ns: int) -> Iterator[_Change]:
    """Yield when a member begins to stand otherwise, the oldest first; what it was at first it was from the beginning."""
    every_ns, patient_ns = round(member.every_s * 1e9), patience_ns(member.every_s)
    now, judged_ns = Standing(), since_ns
    for slot, last_ns in _runs(seen):
        before, now = now, now.after(slot)
        if slot.scheduled_ns - judged_ns > patient_ns:
            if before.judged_ns is not None:
                yield _Change(judged_ns + every_ns, Standing())
            yield _Change(slot.scheduled_ns, now)
        elif now.state != before.state:
            yield _Change(slot.scheduled_ns if before.judged_ns is not None else since_ns, now)
        judged_ns = last_ns
    if now.judged_ns is not None and until_ns - judged_ns > patient_ns:
        yield _Change(judged_ns + every_ns, Standing())


def _runs(seen: Classed) -> list[tuple[Slot, int]]:
    """Return the slots that may change how a member stands, in order, and when the last like it was due.

    Those are the first of each good stretch, and each that failed.
    """
    failed = (
        Slot(
            scheduled_ns=at_ns,
            kind=EventClass.BAD,
            confirmed=confirmed,
            answered=not confirmed,
        )
        for at_ns, confirmed in seen.failed
    )
    good = (
        (Slot(scheduled_ns=one.first_ns, kind=EventClass.GOOD), one.last_ns)
        for one, kind in seen.stretches
        if kind is EventClass.GOOD
    )
    found = [*((slot, slot.scheduled_ns) for slot in failed), *good]
    return sorted(found, key=lambda run: run[0].scheduled_ns)


def _phase(service: Service, standings: Mapping[Pair, Standing], since_ns: int, until_ns: int) -> Phase:
    now = impact(service, standings, since_ns)
    failing = frozenset(member.target for member in now.failing)
    state: State = "well"
    if not service.is_judged:
        state = "unjudged"
    elif now.under:
        state = "under"
    elif now.units_well < service.at_least:
        state = "unknown"
    return Phase(since_ns=since_ns, until_ns=until_ns, state=state, failing=failing)


def lasted_s(found: Iterable[Phase], state: State) -> float:
    """Return for how long a service stood in one way, in seconds."""
    return sum(phase.until_ns - phase.since_ns for phase in found if phase.state == state) / 1e9


def shortfalls(found: Sequence[Phase]) -> list[Shortfall]:
    """Return when a service was under its healthy minimum, the longest first."""
    around = [None, *(phase.state for phase in found), None]
    told = [
        Shortfall(
            start_ns=phase.since_ns,
            end_ns=phase.until_ns,
            began=around[nth] == "well",
            ended=around[nth + 2] == "well",
            failing=tuple(sorted(phase.failing)),
        )
        for nth, phase in enumerate(found)
        if phase.state == "under"
    ]
    return sorted(told, key=lambda one: (-one.duration_s, one.start_ns))
