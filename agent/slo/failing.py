"""How members fail in a simulation: each attempt for itself, in spells, as it was recorded, or in several ways at once."""

import bisect
import dataclasses
import heapq
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from typing import Protocol, Self


class Failing(Protocol):
    """When the attempts at one member fail; instants in seconds from the simulation's begin."""

    def slots(self, first_s: float, every_s: float, until_s: float) -> Iterator[float]:
        """Yield the due instants, `first_s` + k * `every_s`, of the slots that fail, in order."""
        ...

    def fails(self, at_s: float) -> bool:
        """Return whether a confirmation at an instant fails."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Independent:
    """Each attempt fails for itself with this probability, from an instant on and until another."""

    share: float
    chance: random.Random
    since_s: float = 0.0
    until_s: float = math.inf

    def slots(self, first_s: float, every_s: float, until_s: float) -> Iterator[float]:
        nth = max(0, math.ceil((self.since_s - first_s) / every_s))
        while True:
            nth += self._good()
            at_s = first_s + nth * every_s
            if at_s >= min(until_s, self.until_s):
                return
            yield at_s
            nth += 1

    def _good(self) -> int:
        """Return how many slots are good before the next one that fails: geometric, by inversion."""
        if self.share >= 1:
            return 0
        return int(math.log(1.0 - self.chance.random()) / math.log1p(-self.share))

    def fails(self, at_s: float) -> bool:
        return self.since_s <= at_s < self.until_s and self.chance.random() < self.share


@dataclasses.dataclass(frozen=True, slots=True)
class Spells:
    """Everything fails in these [begin, end), which neither touch nor overlap and stand in order."""

    spells: Sequence[tuple[float, float]]

    @classmethod
    def drawn(cls, share: float, mean_s: float, until_s: float, chance: random.Random) -> Self:
        """Return spells of exponential length that take this share of the time.

        >>> drawn = Spells.drawn(0.25, 60.0, 1e6, random.Random(7))
        >>> round(sum(end - begin for begin, end in drawn.spells) / 1e6, 2)
        0.25
        """
        well_s = mean_s * (1 - share) / share
        spells, at_s = [], chance.expovariate(1 / well_s)
        while at_s < until_s:
            end_s = at_s + chance.expovariate(1 / mean_s)
            spells.append((at_s, end_s))
            at_s = end_s + chance.expovariate(1 / well_s)
        return cls(spells)

    def slots(self, first_s: float, every_s: float, until_s: float) -> Iterator[float]:
        return within(self.spells, first_s, every_s, until_s)

    def fails(self, at_s: float) -> bool:
        place = bisect.bisect_right(self.spells, (at_s, math.inf)) - 1
        return place >= 0 and at_s < self.spells[place][1]


@dataclasses.dataclass(frozen=True, slots=True)
class Recorded:
    """The slots that failed in truth, in order, each with whether all its confirmations failed as well."""

    failed: Sequence[tuple[float, bool]]

    def slots(self, first_s: float, every_s: float, until_s: float) -> Iterator[float]:  # noqa: ARG002 - they were as they were
        return (at_s for at_s, _ in self.failed if first_s <= at_s < until_s)

    def fails(self, at_s: float) -> bool:
        """Return what came of the confirmations of the last slot that failed before an instant.

        >>> Recorded([(30.0, True), (60.0, False)]).fails(40.0), Recorded([(30.0, True), (60.0, False)]).fails(70.0)
        (True, False)
        """
        place = bisect.bisect_right(self.failed, (at_s, True)) - 1
        return place >= 0 and self.failed[place][1]


Span = tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """When the slots of a member said neither good nor bad: [begin, end) in seconds, disjoint and in order.

    While it is `maintained`, its slots may say something all the same: where a correction goes over the maintenance.
    """

    unseen: Sequence[Span] = ()
    invalid: Sequence[Span] = ()
    excluded: Sequence[Span] = ()
    maintained: Sequence[Span] = ()


def within(spans: Sequence[Span], first_s: float, every_s: float, until_s: float) -> Iterator[float]:
    """Yield the due instants, `first_s` + k * `every_s`, that lie in any of the spans.

    >>> list(within([(10.0, 61.0), (90.0, 100.0)], 0.0, 30.0, 100.0))
    [30.0, 60.0, 90.0]
    """
    for begin_s, end_s in spans:
        nth = max(0, math.ceil((begin_s - first_s) / every_s))
        while (at_s := first_s + nth * every_s) < min(end_s, until_s):
            yield at_s
            nth += 1


@dataclasses.dataclass(frozen=True, slots=True)
class Several:
    """What fails in any of these ways fails."""

    ways: Sequence[Failing]

    def slots(self, first_s: float, every_s: float, until_s: float) -> Iterator[float]:
        merged = heapq.merge(*(way.slots(first_s, every_s, until_s) for way in self.ways))
        return (at_s for at_s, _ in itertools.groupby(merged))

    def fails(self, at_s: float) -> bool:
        return any(way.fails(at_s) for way in self.ways)
