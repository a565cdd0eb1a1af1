"""A service on a virtual clock: what the engine pages over failures that are drawn, and how late.

Slots, confirmations and settlement take the times that the asker gives them; findings, alerts and their holding
are those of the engine itself.
"""

import bisect
import dataclasses
import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agent.slo import inhibiting, outages
from agent.slo.alerts import Alert, Finding, step
from agent.slo.burning import Window, Windows
from agent.slo.failing import Failing
from agent.slo.findings import Ways, burn_findings, service_conditions, service_findings, target_findings
from agent.slo.impact import impact
from agent.slo.service import Member, Service
from agent.slo.standing import Slot, Standing
from exporters import durations
from probes.result import EventClass
from storage.readings import SliCounts

CONFIRMATIONS_S: Final = (0.0, 5.0, 10.0)
"""When confirmations are asked after a failure has shown (`agent.asking.confirm`)."""

LOOK_S: Final = 1.0
"""How long a settlement takes to the judgement of how its target stands: the teller's reading of the journal."""

TICK_S: Final = 10.0
"""How often burn is evaluated (`agent.telling.watch`)."""

_NS: Final = 1e9


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is simulated: a service, how each member fails, and how long a failure takes to show (seconds).

    The members of a service are asked at the same instants. `begin_s` is when judging begins: whatever came before
    fills the windows only.
    """

    service: Service
    failing: Sequence[Failing]
    span_s: float
    shows_s: float = 0.1
    first_s: float = 0.0
    ways: Ways = dataclasses.field(default_factory=lambda: Ways(warm_up_ns=0))


class _Seen:
    """One member: its bad slots, and how it stands."""

    def __init__(self, member: Member, failing: Failing) -> None:
        self.member = member
        self.failing = failing
        self.standing = Standing()
        self.bad_s: list[float] = []

    def at(self, now_ns: int, first_s: float) -> Standing:
        """Return how it stands; good slots are not simulated one by one, so the newest one is put in."""
        if self.standing.state == "bad":
            return self.standing
        every_ns = self.member.every_s * _NS
        newest = round(first_s * _NS + math.floor((now_ns - first_s * _NS) / every_ns) * every_ns)
        return dataclasses.replace(self.standing, state="good", judged_ns=newest, seen_ns=newest)

    def windows(self, lengths_s: Mapping[str, float], now_s: float) -> Windows:
        return {name: self._window(length_s, now_s) for name, length_s in lengths_s.items()}

    def _window(self, length_s: float, now_s: float) -> Window:
        bad = len(self.bad_s) - bisect.bisect_left(self.bad_s, now_s - length_s)
        due = int(length_s / self.member.every_s)
        return Window(counts=SliCounts(good=max(0, due - bad), bad=bad), expected=due)


def run(scene: Scene) -> list[Alert]:
    """Return every alert of the span in the order of its begin; instants are nanoseconds from its begin."""
    return _Run(scene).alerts()


class _Run:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen = {
            member.pair: _Seen(member, failing)
            for member, failing in zip(scene.service.members, scene.failing, strict=True)
        }
        self._lengths_s = {
            durations.write(length): length
            for condition in service_conditions(scene.service)
            for length in (condition.window.long_s, condition.window.short_s)
        }
        self._alive: Mapping[str, Alert] = {}
        self._told: dict[str, Alert] = {}
        self._burns: list[Finding] = []
        self._outages: outages.Outages = {}
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
                    settled_ns=round(settled_s * _NS),
                    kind=EventClass.BAD,
                    confirmed=all(failed),
                    answered=not all(failed),
                ),
            )
            well_s = due_s + every_s
        if well_s < scene.span_s:
            yield self._good(well_s, pair)

    def _good(self, due_s: float, pair: tuple[str, str]) -> tuple[float, tuple[str, str], Slot]:
        # Settled after a failure of the slot before it would be: nothing overtakes.
        settled_s = due_s + self._scene.shows_s + CONFIRMATIONS_S[-1] + self._scene.shows_s + LOOK_S
        at_ns = round(due_s * _NS)
        return settled_s, pair, Slot(scheduled_ns=at_ns, settled_ns=at_ns, kind=EventClass.GOOD)

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
            # What is only waited for to end needs no close look.
            at_s += TICK_S if failing or self._burns else 6 * TICK_S

    def _look(self, at_s: float, *, burn: bool) -> None:
        scene, now_ns = self._scene, round(at_s * _NS)
        service, ways, born = scene.service, scene.ways, dict.fromkeys(self._targets(), 0)
        standings = {pair: seen.at(now_ns, scene.first_s) for pair, seen in self._seen.items()}
        paged = {service.name} if _pages(self._alive, f"service-down/{service.name}") else set()
        now = {service.name: impact(service, standings, now_ns)}
        self._outages = outages.after(self._outages, now, paged, now_ns)
        if burn:
            series = {pair: seen.windows(self._lengths_s, at_s) for pair, seen in self._seen.items()}
            self._burns = list(burn_findings(service, series, now_ns, born, ways, self._last_outage()))
        found = [
            *target_findings(service.members, frozenset(), standings, born, now_ns, ways),
            *service_findings([service], standings, born, now_ns, ways),
            *self._burns,
        ]
        told = inhibiting.told(found, self._members, _paging(self._alive))
        done = step(self._alive, told, now_ns, ways.hold_ns)
        self._alive = done.alive
        for alert in (*done.alive.values(), *done.ended):
            self._told[alert.id] = alert

    def _last_outage(self) -> outages.Outage | None:
        """Return the outage that may explain what burns; a burn that pages already is not explained by a later one."""
        name = self._scene.service.name
        return None if _pages(self._alive, f"service-burn/{name}") else self._outages.get(name)

    def _targets(self) -> Iterator[str]:
        return (member.target for member in self._scene.service.members)


def _pages(alive: Mapping[str, Alert], key: str) -> bool:
    return key in alive and alive[key].finding.severity == "page"


def _paging(alive: Mapping[str, Alert]) -> list[str]:
    return [key for key, alert in alive.items() if alert.finding.severity == "page"]
