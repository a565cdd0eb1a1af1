"""Timeslices: short stretches of time of which each is good or bad as a whole."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from probes.result import EventClass
from storage.readings import SliCounts


@dataclasses.dataclass(frozen=True, slots=True)
class Slices:
    """Slices begin at multiples of `length_s` since 1970; `ratio` of a good one's valid events are good, or more."""

    length_s: float
    ratio: float

    @property
    def length_ns(self) -> int:
        return round(self.length_s * 1e9)

    def within(self, since_ns: int, until_ns: int) -> range:
        """Return where the slices begin that begin in [since, until).

        >>> list(Slices(60.0, 0.95).within(1, 180 * 10**9 + 1)) == [60 * 10**9, 120 * 10**9, 180 * 10**9]
        True
        """
        length_ns = self.length_ns
        return range(-(-since_ns // length_ns) * length_ns, until_ns, length_ns)

    def judge(self, events: SliCounts) -> EventClass | None:
        """Return what a slice counts as: by its valid events; without one, as what there was, None where nothing was.

        At 95 % one failure of ten spoils a slice, and one of twenty does not.

        >>> five = Slices(300.0, 0.95)
        >>> [five.judge(SliCounts(good, 1)).value for good in (9, 19)], five.judge(SliCounts())
        (['bad', 'good'], None)
        """
        if events.valid:
            return EventClass.GOOD if events.good / events.valid >= self.ratio else EventClass.BAD
        if events.invalid:
            return EventClass.INVALID
        return EventClass.EXCLUDED if events.excluded else None


def total(kinds: Iterable[EventClass | None]) -> SliCounts:
    """Return slices by class; those of which nothing is known are in none, and so are missing."""
    found = Counter(kinds)
    return SliCounts(**{kind.value: found[kind] for kind in EventClass})


def pooled(series: Sequence[Sequence[SliCounts]]) -> list[SliCounts]:
    """Return the events of each slice over all series, which are equally long."""
    if len(series) == 1:  # most are, and a month has 8,064 slices
        return list(series[0])
    return [sum(same, SliCounts()) for same in zip(*series, strict=True)]
