"""Numbers behind metric families: values and histograms by label values, merged, copied and kept as JSON."""

import bisect
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeVar

from exporters.conventions import FAMILIES, Family

Labels = tuple[str, ...]


class Exemplar(NamedTuple):
    """One observation that stands for its bucket; `at_s` is unix time."""

    trace_id: str
    value: float
    at_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bucket (not cumulative, the last one above every edge), and the sum of what was observed.

    Frozen, so that a copy of a whole page is a copy of its dictionaries. Without edges it is a summary.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float = 0.0
    exemplars: tuple[Exemplar | None, ...] = ()

    @classmethod
    def empty(cls, edges: Sequence[float]) -> Self:
        slots = len(edges) + 1
        return cls(tuple(edges), (0,) * slots, 0.0, (None,) * slots)

    def observe(self, value: float, exemplar: Exemplar | None = None) -> "Histogram":
        """Return the histogram with one more; a value at an edge belongs under it.

        >>> Histogram.empty((1.0, 2.0)).observe(1.0).observe(5.0).counts
        (1, 0, 1)
        """
        slot = bisect.bisect_left(self.edges, value)
        exemplars = _with(self.exemplars, slot, exemplar) if exemplar else self.exemplars
        return Histogram(
            self.edges, _with(self.counts, slot, self.counts[slot] + 1), self.sum + value, exemplars
        )

    def plus(self, counts: Sequence[int], total: float) -> "Histogram":
        merged = tuple(mine + more for mine, more in zip(self.counts, counts, strict=True))
        return Histogram(self.edges, merged, self.sum + total, self.exemplars)

    @property
    def count(self) -> int:
        return sum(self.counts)


_Slot = TypeVar("_Slot")


def _with(row: tuple[_Slot, ...], at: int, value: _Slot) -> tuple[_Slot, ...]:
    return (*row[:at], value, *row[at + 1 :])


def _kept(
    name: str, rows: Mapping[Labels, _Slot], wanted: Callable[[Family, Labels], bool]
) -> dict[Labels, _Slot]:
    return {labels: row for labels, row in rows.items() if wanted(FAMILIES[name], labels)}


class Series:
    """Every value and histogram of a page, by family name and label values."""

    def __init__(self) -> None:
        self.values: dict[str, dict[Labels, float]] = {}
        self.histograms: dict[str, dict[Labels, Histogram]] = {}

    def add(self, family: Family, labels: Labels, amount: float = 1.0) -> None:
        """Raise a counter; an amount of 0 makes it exist."""
        rows = self.values.setdefault(family.name, {})
        rows[labels] = rows.get(labels, 0.0) + amount

    def set(self, family: Family, labels: Labels, value: float) -> None:
        self.values.setdefault(family.name, {})[labels] = value

    def get(self, family: Family, labels: Labels = ()) -> float | None:
        return self.values.get(family.name, {}).get(labels)

    def observe(
        self,
        family: Family,
        labels: Labels,
        edges: tuple[float, ...],
        value: float,
        exemplar: Exemplar | None = None,
    ) -> None:
        rows = self.histograms.setdefault(family.name, {})
        rows[labels] = self._held(rows, labels, edges).observe(value, exemplar)

    def merge(
        self, family: Family, labels: Labels, edges: tuple[float, ...], counts: Sequence[int], total: float
    ) -> None:
        """Add the counts of a histogram with the same edges; counts of 0 make it exist."""
        rows = self.histograms.setdefault(family.name, {})
        rows[labels] = self._held(rows, labels, edges).plus(counts, total)

    @staticmethod
    def _held(rows: Mapping[Labels, Histogram], labels: Labels, edges: tuple[float, ...]) -> Histogram:
        # What was counted under other edges cannot be told apart by the new ones: the series begins again,
        # which a scraper reads as the reset of a counter.
        held = rows.get(labels)
        return held if held and held.edges == edges else Histogram.empty(edges)

    def clear(self, family: Family) -> None:
        self.values.pop(family.name, None)

    def drop(self, family: Family, beginning: Labels) -> None:
        """Drop the values of a family whose labels begin so."""
        rows = self.values.get(family.name, {})
        for labels in [labels for labels in rows if labels[: len(beginning)] == beginning]:
            del rows[labels]

    def keep(self, wanted: Callable[[Family, Labels], bool]) -> None:
        """Drop every series that is not wanted."""
        self.values = {name: _kept(name, rows, wanted) for name, rows in self.values.items()}
        self.histograms = {name: _kept(name, rows, wanted) for name, rows in self.histograms.items()}

    @property
    def size(self) -> int:
        """Return how many lines a page gives them: a histogram has one an edge, one above, a count and a sum."""
        return sum(len(rows) for rows in self.values.values()) + sum(
            (len(row.edges) + 1 if row.edges else 0) + 2
            for rows in self.histograms.values()
            for row in rows.values()
        )

    def copy(self) -> "Series":
        """Return the same numbers, apart: cheap, for rows are frozen."""
        twin = Series()
        twin.values = {name: dict(rows) for name, rows in self.values.items()}
        twin.histograms = {name: dict(rows) for name, rows in self.histograms.items()}
        return twin

    def plain(self) -> dict[str, Any]:
        """Return what JSON can hold; `revived` reads it back without loss."""
        return {
            "values": {name: list(rows.items()) for name, rows in self.values.items()},
            "histograms": {
                name: [
                    (labels, (row.edges, row.counts, row.sum, row.exemplars)) for labels, row in rows.items()
                ]
                for name, rows in self.histograms.items()
            },
        }

    @classmethod
    def revived(cls, plain: Mapping[str, Any]) -> "Series":
        """Return the series that `plain` told of; families that no longer exist are left out."""
        series = cls()
        series.values = {
            name: {tuple(labels): value for labels, value in rows}
            for name, rows in plain["values"].items()
            if name in FAMILIES
        }
        series.histograms = {
            name: {tuple(labels): _revived(*row) for labels, row in rows}
            for name, rows in plain["histograms"].items()
            if name in FAMILIES
        }
        return series


def _revived(
    edges: list[float], counts: list[int], total: float, exemplars: list[list[Any] | None]
) -> Histogram:
    kept = tuple(Exemplar(*exemplar) if exemplar else None for exemplar in exemplars)
    return Histogram(tuple(edges), tuple(counts), total, kept)
