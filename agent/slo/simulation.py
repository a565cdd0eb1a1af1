"""A service on a virtual clock: what the engine pages over failures that are drawn, and how late.

Slots, confirmations and settlement take the times that the asker gives them; findings, alerts and their holding
are those of the engine itself.
"""

import bisect
import dataclasses
import heapq
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agent.slo import inhibiting, outages, windows
from agent.slo.alerts import Alert, Finding, paging, step
from agent.slo.burning import Window, Windows, pooled
from agent.slo.failing import Failing, Silence, within
from agent.slo.findings import Ways, burn_findings, service_findings, target_findings
from agent.slo.impact import impact
from agent.slo.objective import Objective
from agent.slo.pools import pool_of
from agent.slo.service import Member, Service
from agent.slo.spending import spending
from agent.slo.spent import Counted, Spent, single
from agent.slo.standing import Slot, Standing
from exporters.signals import SloKey
from probes.result import EventClass
from storage.readings import SliCounts

CONFIRMATIONS_S: Final = (0.0, 5.0, 10.0)
"""When confirmations are asked after a failure has shown (`agent.asking.confirm`)."""

LOOK_S: Final = 1.0
"""How long a settlement takes to the judgement of how its target stands: the teller's reading of the journal."""

TICK_S: Final = 10.0
"""How often burn is evaluated (`agent.telling.watch`)."""

CALM_S: Final = 900.0
"""So long after the last settlement what goes on is looked at each five minutes: nothing begins, and alerts end so late."""

_NS: Final = 1e9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is simulated: a service, how each member fails, and how long a failure takes to show (seconds).

    The members of a service are asked at the same instants; all slots before the first were good. `silent` says of
    each member which slots said nothing. Each member's budget is watched by itself, or with `pooled` that of all.
    """

    service: Service
    failing: Sequence[Failing]
    span_s: float
    silent: Sequence[Silence] = ()
    pooled: bool = False
    shows_s: float = 0.1
    first_s: float = 0.0
    ways: Ways = dataclasses.field(default_factory=lambda: Ways(warm_up_ns=0))


class _Seen:
    """One member: its bad slots, those that said nothing, and how it stands."""

    def __init__(self, scene: Scene, member: Member, failing: Failing, silence: Silence) -> None:
        self.member = member
        self.failing = failing
        self.standing = Standing()
        self.bad_s: list[float] = []
        self._first_s = scene.first_s
        self._unseen_s, self._invalid_s, self._excluded_s = (
            list(within(spans, scene.first_s, member.every_s, scene.span_s))
            for spans in (silence.unseen, silence.invalid, silence.excluded)
        )
        silent_s = itertools.chain(self._unseen_s, self._invalid_s, self._excluded_s)
        self._silent = frozenset(map(self._nth, silent_s))

    def _nth(self, at_s: float) -> int:
        return math.floor((at_s - self._first_s) / self.member.every_s)

    def is_silent(self, at_s: float) -> bool:
        return self._nth(at_s) in self._silent

    def at(self, now_ns: int) -> Standing:
        """Return how it stands; good slots are not simulated one by one, so the newest one is put in."""
        if self.standing.state == "bad":
            return self.standing
        nth = self._nth(now_ns / _NS)
        while nth in self._silent:
            nth -= 1
        newest = round((self._first_s + nth * self.member.every_s) * _NS)
        return dataclasses.replace(self.standing, state="good", judged_ns=newest, seen_ns=newest)

    def windows(self, lengths_s: Mapping[str, float], now_s: float) -> Windows:
        return {name: self._window(length_s, now_s) for name, length_s in lengths_s.items()}

    def _window(self, length_s: float, now_s: float) -> Window:
        due, since_s = int(length_s / self.member.every_s), now_s - length_s
        bad = len(self.bad_s) - bisect.bisect_left(self.bad_s, since_s)
        if not self._silent:
            return Window(counts=SliCounts(good=max(0, due - bad), bad=bad), expected=due)
        unseen, invalid, excluded = (
            bisect.bisect_left(at_s, now_s) - bisect.bisect_left(at_s, since_s)
            for at_s in (self._unseen_s, self._invalid_s, self._excluded_s)
        )
        good = max(0, due - bad - unseen - invalid - excluded)
        return Window(counts=SliCounts(good=good, bad=bad, excluded=excluded, invalid=invalid), expected=due)


def run(scene: Scene) -> list[Alert]:
    """Return every alert of the span in the order of its begin; instants are nanoseconds from its begin."""
    return _Run(scene).alerts()


class _Run:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        service = scene.service
        silent = scene.silent or [Silence()] * len(service.members)
        self._seen = {
            member.pair: _Seen(scene, member, failing, silence)
            for member, failing, silence in zip(service.members, scene.failing, silent, strict=True)
        }
        self._lengths_s = windows.counted(service.window_s)
        self._objective = Objective(
            name="available",
            sli="availability",
            ratio=service.ratio,
            window_s=service.window_s,
            pairs=tuple(self._seen),
            per=() if scene.pooled else None,
        )
        self._alive: Mapping[str, Alert] = {}
        self._told: dict[str, Alert] = {}
        self._burns: list[Finding] = []
        self._budgets: list[Finding] = []
        self._down: frozenset[tuple[str, str]] = frozenset()
        self._outages: outages.Outages = {}
        self._born = dict.fromkeys((one.target for one in service.members), 0)
        self._members = {scene.service.name: frozenset(one.target for one in scene.service.members)}

    def alerts(self) -> list[Alert]:
        events = heapq.merge(*(self._settlements(seen) for seen in self._seen.values()))
        looked_s = 0.0
        for at_s, pair, slot in events:
            self._look_on(looked_s, at_s)
            seen = self._seen[pair]
            if slot.kind is EventClass.BAD:
                bisect.insort(seen.bad_s, slot.scheduled_ns / _NS)
            seen.standing = seen.standing.after(slot)
            self._look(at_s, burn=False)
            looked_s = at_s
        self._look_on(looked_s, self._scene.span_s)
        return sorted(self._told.values(), key=lambda alert: alert.fired_ns)

    def _settlements(self, seen: _Seen) -> Iterator[tuple[float, tuple[str, str], Slot]]:
        """Yield what is settled of a member: each bad slot, and the good one that follows a run of them."""
        scene, every_s, pair = self._scene, seen.member.every_s, seen.member.pair
        well_s = math.inf
        for due_s in seen.failing.slots(scene.first_s, every_s, scene.span_s):
            if well_s < due_s - every_s / 2:
                yield self._good(well_s, pair)
            shown_s = due_s + scene.shows_s
            failed = [seen.failing.fails(shown_s + pause_s) for pause_s in CONFIRMATIONS_S]
            settled_s = shown_s + CONFIRMATIONS_S[-1] + (scene.shows_s if failed[-1] else 0.1) + LOOK_S
            yield (
                settled_s,
                pair,
                Slot(
                    scheduled_ns=round(due_s * _NS),
                    kind=EventClass.BAD,
                    confirmed=all(failed),
                    answered=not all(failed),
                ),
            )
            well_s = due_s + every_s
            while seen.is_silent(well_s):
                well_s += every_s
        if well_s < scene.span_s:
            yield self._good(well_s, pair)

    def _good(self, due_s: float, pair: tuple[str, str]) -> tuple[float, tuple[str, str], Slot]:
        # Settled after a failure of the slot before it would be: nothing overtakes.
        settled_s = due_s + self._scene.shows_s + CONFIRMATIONS_S[-1] + self._scene.shows_s + LOOK_S
        return settled_s, pair, Slot(scheduled_ns=round(due_s * _NS), kind=EventClass.GOOD)

    def _look_on(self, since_s: float, until_s: float) -> None:
        """Evaluate at each tick between two settlements, for as long as there is anything to be seen."""
        at_s = math.floor(since_s / TICK_S) * TICK_S + TICK_S
        first = True
        while at_s <= until_s:
            failing = any(seen.standing.state == "bad" for seen in self._seen.values())
            if not (first or failing or self._alive):
                return
            self._look(at_s, burn=True)
            first = False
            # A burn begins with a failure that is settled; what is only waited for to end needs no close look.
            at_s += self._pause_s(at_s, at_s - since_s)

    def _pause_s(self, at_s: float, calm_s: float) -> float:
        """Return until when nothing is expected: a tick where somebody is down for so short that a page may follow."""
        after_s = self._scene.ways.after_ns / _NS + 6 * TICK_S
        for seen in self._seen.values():
            if seen.standing.state == "bad" and at_s - seen.standing.since_ns / _NS <= after_s:
                return TICK_S
        ending = any(alert.quiet_ns is not None for alert in self._alive.values())
        return 30 * TICK_S if calm_s > CALM_S and not ending else 6 * TICK_S

    def _look(self, at_s: float, *, burn: bool) -> None:
        scene, now_ns = self._scene, round(at_s * _NS)
        service, ways, born = scene.service, scene.ways, self._born
        standings = {pair: seen.at(now_ns) for pair, seen in self._seen.items()}
        paged = {service.name} if f"service-down/{service.name}" in paging(self._alive) else set()
        now = {service.name: impact(service, standings, now_ns)}
        self._outages = outages.after(self._outages, now, paged, now_ns)
        targets = list(target_findings(service.members, frozenset(), standings, born, now_ns, ways))
        if burn:
            counted = {pair: seen.windows(self._lengths_s, at_s) for pair, seen in self._seen.items()}
            self._burns = list(burn_findings(service, counted, now_ns, born, ways, self._last_outage()))
            spent = self._spent(counted)
            self._budgets = list(spending(spent, frozenset(), standings, born, now_ns, ways))
            self._down = inhibiting.down(targets)
        found = [
            *targets,
            *service_findings([service], standings, born, now_ns, ways),
            *self._burns,
            *inhibiting.fresh(self._budgets, self._down, inhibiting.down(targets)),
        ]
        told = inhibiting.told(found, self._members, paging(self._alive))
        done = step(self._alive, told, now_ns, ways.hold_ns)
        self._alive = done.alive
        for alert in (*done.alive.values(), *done.ended):
            self._told[alert.id] = alert

    def _last_outage(self) -> outages.Outage | None:
        """Return the outage that may explain what burns; a burn that pages already is not explained by a later one."""
        name = self._scene.service.name
        return None if f"service-burn/{name}" in paging(self._alive) else self._outages.get(name)

    def _spent(self, counted: Mapping[tuple[str, str], Windows]) -> list[Spent]:
        """Return the members' budgets, or that of all together."""
        parts = [
            Counted(
                objective=self._objective,
                target=target,
                probe=probe,
                every_s=self._seen[target, probe].member.every_s,
                windows=windows,
            )
            for (target, probe), windows in counted.items()
        ]
        if not self._scene.pooled:
            return [single(part) for part in parts]
        key = SloKey(objective=self._objective.name, pool=pool_of(()))
        return [
            Spent(
                key=key, parts=parts, windows=pooled([*counted.values()]), every_s=self._scene.service.every_s
            )
        ]
