"""What history recorded of a service's members: which slots failed, and whether their confirmations failed as well."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from agent.config.model import Config
from agent.slo.failing import Silence, Span
from agent.slo.judge import throttled_classes
from agent.slo.service import Member, Service
from probes.events import class_of
from probes.result import SCHEDULED, EventClass, ProbeResult, SlotKey, ended_ns
from storage.base import History
from storage.readings import Stretch, StretchQuestion

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
    """Return what is stored of each member in [since, until), in their order."""
    questions = [
        StretchQuestion(
            target=member.target,
            probe=member.probe,
            vantage=config.vantage,
            since_ns=since_ns,
            until_ns=until_ns,
            hole_ns=round(member.every_s * 1.5 * SECOND_NS),
        )
        for member in service.members
    ]
    throttled = throttled_classes(config.objectives, config.targets)
    return [
        _seen(
            config,
            member,
            found,
            throttled.get(member.pair, EventClass.EXCLUDED),
            history,
            since_ns,
            until_ns,
        )
        for member, found in zip(service.members, history.stretches(questions), strict=True)
    ]


def _seen(
    config: Config,
    member: Member,
    stretches: Sequence[Stretch],
    throttled: EventClass,
    history: History,
    since_ns: int,
    until_ns: int,
) -> Seen:
    kinds = [
        class_of(one.outcome, one.fault, sli="availability", within=None, trusted=True, throttled=throttled)
        for one in stretches
    ]
    judged = sum(
        one.slots
        for one, kind in zip(stretches, kinds, strict=True)
        if kind in {EventClass.GOOD, EventClass.BAD}
    )
    failed = [
        slot
        for one, kind in zip(stretches, kinds, strict=True)
        if kind is EventClass.BAD
        for slot in _failed(member, one, _attempts(config, member, history, one))
    ]
    return Seen(
        judged,
        tuple(((at_ns - since_ns) / SECOND_NS, confirmed) for at_ns, confirmed in failed),
        _silence(stretches, kinds, member.every_s, since_ns, until_ns),
    )


def _silence(
    stretches: Sequence[Stretch],
    kinds: Sequence[EventClass | None],
    every_s: float,
    since_ns: int,
    until_ns: int,
) -> Silence:
    """Return when slots said nothing: between stretches nothing was seen, in some only what counts neither way."""

    def spans(kind: EventClass) -> list[Span]:
        return [
            ((one.first_ns - since_ns) / SECOND_NS, (one.last_ns - since_ns) / SECOND_NS + every_s)
            for one, found in zip(stretches, kinds, strict=True)
            if found is kind
        ]

    # What nobody settled is in no count, as if it had not been seen.
    edges = sorted(
        (one.first_ns, one.last_ns) for one, found in zip(stretches, kinds, strict=True) if found is not None
    )
    unseen: list[Span] = []
    seen_s = 0.0
    for first_ns, last_ns in edges:
        first_s = (first_ns - since_ns) / SECOND_NS
        if first_s - seen_s >= every_s / 2:
            unseen.append((seen_s, first_s))
        seen_s = max(seen_s, (last_ns - since_ns) / SECOND_NS + every_s)
    end_s = (until_ns - since_ns) / SECOND_NS
    if end_s - seen_s >= every_s:
        unseen.append((seen_s, end_s))
    return Silence(unseen=unseen, invalid=spans(EventClass.INVALID), excluded=spans(EventClass.EXCLUDED))


def _attempts(config: Config, member: Member, history: History, stretch: Stretch) -> list[ProbeResult]:
    """Return the attempts at the member's target, of every probe, among which a stretch's confirmations are."""
    since_ns = stretch.first_ns - BURST_NS
    rows = history.attempts(member.target, since_ns, stretch.last_ns + 1)
    return [row.result for row in rows if row.result.vantage == config.vantage]


def _failed(member: Member, stretch: Stretch, attempts: Sequence[ProbeResult]) -> list[tuple[int, bool]]:
    """Return each slot of a stretch with whether all its confirmations failed.

    One that nobody could confirm changes nothing: it is taken as the slot before it.
    """
    bursts: dict[SlotKey, list[ProbeResult]] = {}
    for one in attempts:
        if one.attempt > SCHEDULED:
            bursts.setdefault(one.key, []).append(one)
    found: list[tuple[int, bool]] = []
    for slot in attempts:
        if slot.attempt == SCHEDULED and slot.probe == member.probe and slot.scheduled_ns >= stretch.first_ns:
            asked = _confirmations(slot, bursts)
            before = found[-1][1] if found else False
            failed = all(one.meaning.confirm for one in asked) if asked else before
            found.append((slot.scheduled_ns, failed))
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
