"""What history recorded of a service's members: which slots failed, and whether their confirmations failed as well."""

import bisect
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.config.model import Config
from agent.slo import maintenance
from agent.slo.failing import Silence, Span
from agent.slo.judge import throttled_classes
from agent.slo.service import Service
from agent.telling import stretched
from agent.telling.seen import Pair
from agent.telling.stretched import Told, kind_of
from probes.result import SCHEDULED, EventClass, ProbeResult, SlotKey, ended_ns
from storage import overrides
from storage.base import History
from storage.overrides import Piece
from storage.readings import Stretch

SECOND_NS: Final = 1_000_000_000

BURST_NS: Final = 120 * SECOND_NS
"""How long before a slot another one of its target may have been due whose confirmations still run: a deadline and theirs."""


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A member's history: how many slots were judged, those that failed, and when it said nothing.

    All instants are in seconds since the period's begin.
    """

    slots: int
    failed: tuple[tuple[float, bool], ...]
    silence: Silence = dataclasses.field(default_factory=Silence)

    def spells(self, every_s: float) -> list[tuple[float, float]]:
        """Return from when to when it failed: each failed slot stands for the time until the next one.

        >>> Seen(9, ((30.0, True), (60.0, True), (150.0, False))).spells(30.0)
        [(30.0, 90.0), (150.0, 180.0)]
        """
        found: list[tuple[float, float]] = []
        for at_s, _ in self.failed:
            if found and at_s <= found[-1][1]:
                found[-1] = found[-1][0], at_s + every_s
            else:
                found.append((at_s, at_s + every_s))
        return found


def recorded(config: Config, service: Service, history: History, since_ns: int, until_ns: int) -> list[Seen]:
    """Return what is stored of each member in [since, until), in their order, as maintenance and corrections have it."""
    holes_ns = {member.pair: round(member.every_s * 1.5 * SECOND_NS) for member in service.members}
    seen = stretched.told(history, config.vantage, holes_ns, since_ns, until_ns)
    found = classed(config, seen, history)
    return [_seen(found[member.pair], member.every_s, since_ns, until_ns) for member in service.members]


@dataclasses.dataclass(frozen=True, slots=True)
class Classed:
    """What a probe of a target saw: stretches by what they count as, and each slot that failed.

    What nobody settled is in no count, as if it had not been seen; `maintained` are the times of maintenance.
    """

    stretches: Sequence[tuple[Stretch, EventClass]]
    failed: Sequence[tuple[int, bool]]
    maintained: Sequence[maintenance.Span]


def classed(config: Config, told: Mapping[Pair, Told], history: History) -> dict[Pair, Classed]:
    """Return what each probe saw; each failed slot with whether all its confirmations failed, or a correction bears it out."""
    throttled = throttled_classes(config.objectives, config.targets)
    return {
        pair: _classed(config, pair, one, throttled.get(pair, EventClass.EXCLUDED), history)
        for pair, one in told.items()
    }


def _classed(config: Config, pair: Pair, told: Told, throttled: EventClass, history: History) -> Classed:
    found = [(one, kind_of(one, told.said, throttled)) for one in told.stretches]
    attempts = _attempts(config, pair, history, [one for one, kind in found if kind is EventClass.BAD])
    failed: list[tuple[int, bool]] = []
    before = False
    for stretch, kind in found:
        if kind is EventClass.GOOD:
            before = False
        elif kind is EventClass.BAD:
            slots = _failed(pair, stretch, next(attempts), told.said, before=before)
            before = slots[-1][1] if slots else before
            failed += slots
    works = [maintenance.Span(one.since_ns, one.until_ns) for one in told.said if one.override.maintained]
    return Classed(
        [(one, kind) for one, kind in found if kind is not None], failed, maintenance.merged(works)
    )


def _is_corrected(said: Sequence[Piece], at_ns: int) -> bool:
    override = overrides.at(said, at_ns)
    return override is not None and override.corrected is EventClass.BAD


def _seen(found: Classed, every_s: float, since_ns: int, until_ns: int) -> Seen:
    judged = {EventClass.GOOD, EventClass.BAD}
    return Seen(
        sum(one.slots for one, kind in found.stretches if kind in judged),
        tuple(((at_ns - since_ns) / SECOND_NS, confirmed) for at_ns, confirmed in found.failed),
        _silence(found, every_s, since_ns, until_ns),
    )


def _silence(found: Classed, every_s: float, since_ns: int, until_ns: int) -> Silence:
    """Return when slots said nothing: between stretches nothing was seen, in some only what counts neither way.

    What nobody asked in a maintenance is not missing, so it counts as what was seen in it does.
    """

    def seconds(spans: Iterable[tuple[int, int]]) -> list[Span]:
        return [((first - since_ns) / SECOND_NS, (last - since_ns) / SECOND_NS) for first, last in spans]

    every_ns = round(every_s * SECOND_NS)
    works = maintenance.clipped(found.maintained, since_ns, until_ns)
    unseen = _unseen(found, every_ns, since_ns, until_ns)
    spared = [(span.since_ns, span.until_ns) for one in unseen for span in maintenance.clipped(works, *one)]
    of_kind = {
        kind: [(one.first_ns, one.last_ns + every_ns) for one, has in found.stretches if has is kind]
        for kind in (EventClass.INVALID, EventClass.EXCLUDED)
    }
    return Silence(
        unseen=seconds(_without(unseen, spared)),
        invalid=seconds(of_kind[EventClass.INVALID]),
        excluded=seconds(sorted([*of_kind[EventClass.EXCLUDED], *spared])),
        maintained=seconds(works),
    )


def _unseen(found: Classed, every_ns: int, since_ns: int, until_ns: int) -> list[tuple[int, int]]:
    unseen: list[tuple[int, int]] = []
    seen_ns = since_ns
    for first_ns, last_ns in sorted((one.first_ns, one.last_ns) for one, _ in found.stretches):
        if first_ns - seen_ns >= every_ns / 2:
            unseen.append((seen_ns, first_ns))
        seen_ns = max(seen_ns, last_ns + every_ns)
    if until_ns - seen_ns >= every_ns:
        unseen.append((seen_ns, until_ns))
    return unseen


def _without(spans: Iterable[tuple[int, int]], parts: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what is left of spans without some parts of them, which are sorted.

    >>> list(_without([(0, 10), (20, 30)], [(2, 4), (8, 10), (20, 30)]))
    [(0, 2), (4, 8)]
    """
    for begin, end in spans:
        at = begin
        for first, last in parts:
            if begin <= first < end:
                if at < first:
                    yield at, first
                at = last
        if at < end:
            yield at, end


def _attempts(
    config: Config, pair: Pair, history: History, bad: Sequence[Stretch]
) -> Iterator[list[ProbeResult]]:
    """Yield of each stretch the attempts at its target, of every probe, among which its confirmations are.

    Stretches that lie near each other are asked about together.
    """
    near: list[list[Stretch]] = []
    for stretch in bad:
        if near and stretch.first_ns - BURST_NS <= near[-1][-1].last_ns:
            near[-1].append(stretch)
        else:
            near.append([stretch])
    for group in near:
        rows = history.attempts(pair[0], group[0].first_ns - BURST_NS, group[-1].last_ns + 1)
        attempts = [row.result for row in rows if row.result.vantage == config.vantage]
        for stretch in group:
            first = bisect.bisect_left(attempts, stretch.first_ns - BURST_NS, key=_due_ns)
            yield attempts[first : bisect.bisect_right(attempts, stretch.last_ns, key=_due_ns)]


def _due_ns(one: ProbeResult) -> int:
    return one.scheduled_ns


def _failed(
    pair: Pair, stretch: Stretch, attempts: Sequence[ProbeResult], said: Sequence[Piece], *, before: bool
) -> list[tuple[int, bool]]:
    """Return each slot of a stretch with whether all its confirmations failed, or a correction bears it out.

    One that nobody could confirm changes nothing: it is taken as the slot `before` it.
    """
    bursts: dict[SlotKey, list[ProbeResult]] = {}
    for one in attempts:
        if one.attempt > SCHEDULED:
            bursts.setdefault(one.key, []).append(one)
    found: list[tuple[int, bool]] = []
    for slot in attempts:
        within = stretch.first_ns <= slot.scheduled_ns <= stretch.last_ns
        if slot.attempt == SCHEDULED and slot.probe == pair[1] and within:
            asked = _confirmations(slot, bursts)
            before = all(one.meaning.confirm for one in asked) if asked else before
            before = before or _is_corrected(said, slot.scheduled_ns)
            found.append((slot.scheduled_ns, before))
    return found


def _confirmations(slot: ProbeResult, bursts: Mapping[SlotKey, list[ProbeResult]]) -> list[ProbeResult]:
    """Return a failed slot's own confirmations, or the rest of those that ran for another slot of its target."""
    if slot.key in bursts:
        return bursts[slot.key]
    failed_ns = ended_ns(slot)
    return [
        one
        for burst in bursts.values()
        if min(one.started_ns for one in burst) < failed_ns
        for one in burst
        if one.started_ns >= failed_ns
    ]
