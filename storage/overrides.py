"""What maintenance and corrections say of time: each probe of a target cut into stretches of one word, purely."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probes.events import overridden
from probes.result import EventClass
from storage.readings import CorrectionRow, MaintenanceRow


class Override(NamedTuple):
    """What events count as: `corrected` is a correction's word, which goes over that of a maintenance."""

    maintained: bool
    corrected: EventClass | None

    def of(self, kind: EventClass) -> EventClass:
        """Return what an event of a class counts as."""
        return self.told(kind) if self.corrected is None else overridden(kind, self.corrected)

    def told(self, kind: EventClass) -> EventClass:
        """Return what it counted as when it came: of maintenance was known, of a correction never."""
        return EventClass.EXCLUDED if self.maintained else kind


class Piece(NamedTuple):
    """[since, until) of which one thing is said."""

    since_ns: int
    until_ns: int
    override: Override


def pieces(
    pair: tuple[str, str, str],
    maintenances: Iterable[MaintenanceRow],
    corrections: Iterable[CorrectionRow],
    since_ns: int,
    until_ns: int,
) -> list[Piece]:
    """Return the stretches of [since, until) of which something is said of a (target, probe, vantage), sorted.

    Of several corrections of one instant the one that was made last holds.
    """
    works = [row for row in maintenances if row.target == pair[0] and row.over_ns > row.since_ns]
    words = [row for row in corrections if row.about(*pair) and row.withdrawn_by is None]
    ends = [since_ns, until_ns, *(edge for row in works for edge in (row.since_ns, row.over_ns))]
    ends += [edge for row in words for edge in (row.since_ns, row.until_ns)]
    edges = sorted({edge for edge in ends if since_ns <= edge <= until_ns})
    found: list[Piece] = []
    for begin, end in itertools.pairwise(edges):
        said = _said(begin, works, words)
        if said is None:
            continue
        if found and found[-1].until_ns == begin and found[-1].override == said:
            found[-1] = found[-1]._replace(until_ns=end)
        else:
            found.append(Piece(begin, end, said))
    return found


def _said(at_ns: int, works: Sequence[MaintenanceRow], words: Sequence[CorrectionRow]) -> Override | None:
    maintained = any(row.since_ns <= at_ns < row.over_ns for row in works)
    holding = [row for row in words if row.since_ns <= at_ns < row.until_ns]
    if not maintained and not holding:
        return None
    return Override(maintained, max(holding, key=lambda row: row.id).kind if holding else None)


def at(found: Sequence[Piece], at_ns: int) -> Override | None:
    """Return what is said of an instant."""
    return next((piece.override for piece in found if piece.since_ns <= at_ns < piece.until_ns), None)
