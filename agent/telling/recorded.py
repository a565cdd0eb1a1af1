"""What history recorded of a service's members: which slots failed, and whether their confirmations failed as well."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from agent.config.model import Config
from agent.slo.judge import throttled_class
from agent.slo.service import Member, Service
from probes.events import class_of
from probes.result import MEANING, SCHEDULED, EventClass
from storage.base import History
from storage.readings import SlotRow, Stretch, StretchQuestion

SECOND_NS = 1_000_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """A member's history: how many slots were judged, and those that failed, in seconds since the period's begin."""

    slots: int
    failed: tuple[tuple[float, bool], ...]

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
    throttled = _throttled(config)
    return [
        _seen(config, member, found, throttled.get(member.pair, EventClass.EXCLUDED), history, since_ns)
        for member, found in zip(service.members, history.stretches(questions), strict=True)
    ]


def _throttled(config: Config) -> Mapping[tuple[str, str], EventClass]:
    """Return what a throttled answer counts as by (target, probe): the first objective on availability says it."""
    targets = {target.name: target for target in config.targets}
    return {
        pair: throttled_class(objective, targets[pair[0]])
        for objective in reversed(config.objectives)
        if objective.sli == "availability"
        for pair in objective.pairs
    }


def _seen(
    config: Config,
    member: Member,
    stretches: Sequence[Stretch],
    throttled: EventClass,
    history: History,
    since_ns: int,
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
        for slot in _confirmed(_attempts(config, member, history, one))
    ]
    return Seen(judged, tuple(((at_ns - since_ns) / SECOND_NS, confirmed) for at_ns, confirmed in failed))


def _attempts(config: Config, member: Member, history: History, stretch: Stretch) -> list[SlotRow]:
    return [
        row
        for row in history.attempts(member.target, stretch.first_ns, stretch.last_ns + 1)
        if row.result.probe == member.probe and row.result.vantage == config.vantage
    ]


def _confirmed(rows: Iterable[SlotRow]) -> list[tuple[int, bool]]:
    """Return each slot of a stretch with whether all its confirmations failed.

    One that has none of its own failed while another's were under way, so it is as that one is.
    """
    slots: dict[int, list[bool]] = {}
    for row in rows:
        if row.result.attempt >= SCHEDULED:
            asked = slots.setdefault(row.result.scheduled_ns, [])
            if row.result.attempt > SCHEDULED:
                asked.append(MEANING[row.result.outcome].confirm)
    found: list[tuple[int, bool]] = []
    for at_ns, asked in sorted(slots.items()):
        before = found[-1][1] if found else False
        found.append((at_ns, all(asked) if asked else before))
    return found
