"""What probes saw slot after slot, cut where maintenance and corrections begin and end, and what it counts as by them."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence

from agent.telling.seen import Pair
from probes.events import class_of
from probes.result import EventClass
from storage import overrides
from storage.base import History
from storage.overrides import Piece, pieces
from storage.readings import Stretch, StretchQuestion


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What one probe saw; `said` are the times of which somebody says something, and no stretch crosses their edges."""

    stretches: Sequence[Stretch]
    said: Sequence[Piece] = ()


def told(
    history: History, vantage: str, holes_ns: Mapping[Pair, int], since_ns: int, until_ns: int
) -> dict[Pair, Told]:
    """Return what each probe of a target saw in [since, until); a stretch ends where slots lie further apart than a hole."""
    works, words = history.maintenances(since_ns, until_ns), history.corrections(since_ns, until_ns)
    said = {pair: pieces((*pair, vantage), works, words, since_ns, until_ns) for pair in holes_ns}
    questions = [
        StretchQuestion(
            target=target,
            probe=probe,
            vantage=vantage,
            since_ns=begin_ns,
            until_ns=end_ns,
            hole_ns=hole_ns,
        )
        for (target, probe), hole_ns in holes_ns.items()
        for begin_ns, end_ns in _cut(said[target, probe], since_ns, until_ns)
    ]
    seen: dict[Pair, list[Stretch]] = {pair: [] for pair in holes_ns}
    for question, stretches in zip(questions, history.stretches(questions), strict=True):
        seen[question.target, question.probe] += stretches
    return {pair: Told(stretches, said[pair]) for pair, stretches in seen.items()}


def _cut(said: Sequence[Piece], since_ns: int, until_ns: int) -> Iterator[tuple[int, int]]:
    """Yield [since, until) in parts of each of which one thing is said, or nothing."""
    edges = {since_ns, until_ns, *(edge for piece in said for edge in (piece.since_ns, piece.until_ns))}
    yield from itertools.pairwise(sorted(edges))


def kind_of(stretch: Stretch, said: Sequence[Piece], throttled: EventClass) -> EventClass | None:
    """Return what the slots of a stretch count as for availability; None for a failure that nobody settled."""
    kind = class_of(
        stretch.outcome, stretch.fault, sli="availability", within=None, trusted=True, throttled=throttled
    )
    override = overrides.at(said, stretch.first_ns)
    return override.of(kind) if override is not None and kind is not None else kind
