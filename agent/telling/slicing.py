"""What the slices of time that are over were: a pure fold of settled attempts and due slots, each slice counted once."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Self

from agent.config.model import Config
from agent.slo.pools import Slo
from agent.slo.slices import Slices
from agent.telling.expecting import Due
from agent.telling.seen import Pair
from exporters.signals import Judged, SloKey
from probes.result import EventClass
from storage.readings import SliCounts
from storage.records import Plan


@dataclasses.dataclass(slots=True)
class _Open:
    """The slices of an SLO that are not counted yet, by number since 1970: their events by class, none where none came.

    Those before `first` are counted, or began before the SLO was known; None: with the next beat that is known.
    """

    length_ns: int
    first: int | None = None
    events: dict[int, Counter[str]] = dataclasses.field(default_factory=dict)

    def of(self, number: int) -> Counter[str]:
        """Return the events of a slice, of one that is counted already apart from all others."""
        if self.first is not None and number < self.first:
            return Counter()
        return self.events.setdefault(number, Counter())

    def number(self, at_ns: int) -> int:
        return at_ns // self.length_ns

    def begin(self, at_ns: int, *, whole: bool) -> None:
        """Count from the slice on that an instant lies in; from the one after it if what came before is not known."""
        if self.first is None:
            self.first = self.number(at_ns - 1) + 1 if whole else self.number(at_ns)
            self.events = {number: events for number, events in self.events.items() if number >= self.first}

    def end(self, until: int) -> Iterator[Counter[str]]:
        """Yield the events of each slice before another, in their order, and count these no more."""
        for number in sorted(number for number in self.events if number < until):
            yield self.events.pop(number)
        self.first = max(self.first or 0, until)

    def plain(self) -> list[Any]:
        return [self.length_ns, self.first, list(self.events.items())]

    @classmethod
    def revived(cls, length_ns: int, first: int | None, events: list[tuple[int, dict[str, int]]]) -> Self:
        return cls(length_ns, first, {number: Counter(counted) for number, counted in events})


class Slicing:
    """Folds what became final, and what became due, into slices that are over.

    A slice is over once a beat is later than the plan's grace after its end and none of its failures waits for its
    settlement: what comes of it later is counted no more. A slice in which an SLO, or the fold, began amid what was
    asked before is nobody's: half of it was not seen.
    """

    def __init__(self) -> None:
        self._vantage = ""
        self._slos: dict[str, Slo] = {}
        self._watching: dict[Pair, list[Slo]] = {}
        self._open: dict[str, _Open] = {}
        self._asked: frozenset[Pair] | None = None

    def configure(self, config: Config) -> None:
        """Take the SLOs that count slices; what is known of those that did already goes on."""
        if config.vantage != self._vantage:
            self._vantage, self._open, self._asked = config.vantage, {}, None
        before = self._open
        self._slos = {slo.key.id: slo for slo in config.slos() if slo.objective.slices}
        self._watching, self._open = {}, {}
        for name, slo in self._slos.items():
            length_ns, held = _rule(slo).length_ns, before.get(name)
            self._open[name] = held if held and held.length_ns == length_ns else _Open(length_ns)
            for part in slo.parts:
                self._watching.setdefault(part.pair, []).append(slo)

    def plan(self, plan: Plan) -> None:
        """Learn since when new SLOs are known: from the plan's instant on, and whole where nobody was asked before."""
        if plan.vantage != self._vantage:
            return
        before, self._asked = self._asked, frozenset((entry.target, entry.probe) for entry in plan.entries)
        if plan.snapshot:
            return
        for name, slo in self._slos.items():
            asked = before is not None and not before.isdisjoint(part.pair for part in slo.parts)
            self._open[name].begin(plan.valid_from_ns, whole=asked)

    def settle(self, judged: Judged) -> None:
        """Take a scheduled attempt whose meaning is final, once."""
        result = judged.result
        if result.vantage != self._vantage:
            return
        for slo in self._watching.get((result.target, result.probe), ()):
            if (kind := judged.classes.get(slo.objective.name)) is not None:
                held = self._open[slo.key.id]
                held.of(held.number(result.scheduled_ns))[kind.value] += 1

    def due(self, due: Due) -> None:
        """Take slots that were due: of each of their slices something was to be seen."""
        for slo in self._watching.get((due.target, due.probe), ()) if due.vantage == self._vantage else ():
            held = self._open[slo.key.id]
            for number in range(held.number(due.first_ns), held.number(due.last_ns) + 1):
                held.of(number)

    def over(
        self, at_ns: int, passed_ns: int, waiting_ns: Mapping[Pair, int]
    ) -> Iterator[tuple[SloKey, str]]:
        """Yield the SLO and the result of each slice that is over at a beat.

        Slots before `passed_ns` have come or never will; `waiting_ns` is the oldest slot of a pair that is not settled.
        """
        for name, slo in self._slos.items():
            held = self._open[name]
            held.begin(at_ns, whole=True)
            settled_ns = min(waiting_ns.get(part.pair, passed_ns) for part in slo.parts)
            for events in held.end(held.number(min(passed_ns, settled_ns))):
                yield slo.key, _result(_rule(slo), events)

    def snapshot(self) -> dict[str, Any]:
        """Return the fold's whole state as plain JSON values."""
        return {
            "vantage": self._vantage,
            "asked": None if self._asked is None else sorted(self._asked),
            "open": {name: held.plain() for name, held in self._open.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned, with the configuration that is taken next; of none, afresh."""
        asked = state.get("asked")
        self._vantage = state.get("vantage", "")
        self._asked = None if asked is None else frozenset((target, probe) for target, probe in asked)
        self._open = {name: _Open.revived(*plain) for name, plain in state.get("open", {}).items()}


def _rule(slo: Slo) -> Slices:
    found = slo.objective.slices
    if found is None:
        raise ValueError(f"{slo.key.id} counts events, not slices")
    return found


def _result(rule: Slices, events: Mapping[str, int]) -> str:
    """Return what a slice was: what has no valid event is unknown, excluded or not."""
    kind = rule.judge(SliCounts(**events))
    return kind.value if kind in {EventClass.GOOD, EventClass.BAD} else "unknown"
