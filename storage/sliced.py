"""Events by slices of time: minutes of counted hours added up by the database, and rows where only they can tell."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection

from storage.counting import FIELDS, Facts, Pair, Plan, Rule, count, kind_of, pair_of, plan_of, rule_of
from storage.overrides import Piece
from storage.periods import PAIRS_AT_ONCE, Ids
from storage.readings import SliCounts, SliQuestion
from storage.rolled import Rolled
from storage.rolling import Span

Reader = Callable[[Connection, Plan, Mapping[Ids, Pair]], Iterable[Facts]]

Figures = dict[int, list[int]]
"""Number of a slice (since 1970) -> what was counted in it, in the order of `SliCounts`; nothing where nothing was."""


class Sliced:
    """Answers questions by slices: only a slice that holds something costs anything."""

    def __init__(self, connection: Connection, ids: Mapping[Ids, Pair], slice_ns: int) -> None:
        self._connection = connection
        self._ids = ids
        self._slice_ns = slice_ns

    def seen(self, rolled: Rolled, questions: Sequence[SliQuestion], read: Reader) -> list[Figures]:
        """Return what is counted of each question; slices that lie in hours that are not counted come from rows."""
        counted, rest = rolled.slices(self._connection, self._ids, questions, self._slice_ns)
        found: list[Figures] = [
            {number: [*figures, *_UNCHANGED] for number, figures in one.items()} for one in counted
        ]
        for span, places in rest.items():
            self._add(found, questions, span, places, read)
        return found

    def change(
        self,
        found: Sequence[Figures],
        questions: Sequence[SliQuestion],
        said: Mapping[Pair, Sequence[Piece]],
        read: Reader,
    ) -> None:
        """Add what maintenance and corrections change in the slices of their time."""
        spans: dict[Span, list[int]] = defaultdict(list)
        for place, question in enumerate(questions):
            for piece in said.get(pair_of(question), ()):
                since_ns = max(piece.since_ns, question.since_ns)
                until_ns = min(piece.until_ns, question.until_ns)
                if since_ns < until_ns:
                    spans[since_ns, until_ns].append(place)
        for span, places in spans.items():
            self._add(found, questions, span, places, read)

    def _add(
        self,
        found: Sequence[Figures],
        questions: Sequence[SliQuestion],
        span: Span,
        places: Iterable[int],
        read: Reader,
    ) -> None:
        asked: dict[Pair, dict[Rule, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place in places:
            asked[pair_of(questions[place])][rule_of(questions[place])].append(place)
        for rules, ids in self._alike(asked):
            plan = plan_of(self._edges(span), rules)
            for fact in read(self._connection, plan, ids):
                number = plan.edges[fact.segment - 1] // self._slice_ns
                for rule, theirs in asked[fact.pair].items():
                    if kind := kind_of(plan, fact, rule):
                        for place in theirs:
                            count(found[place].setdefault(number, [0] * len(FIELDS)), kind, fact)

    def _alike(
        self, asked: Mapping[Pair, Mapping[Rule, object]]
    ) -> Iterable[tuple[Collection[Rule], dict[Ids, Pair]]]:
        """Yield pairs that are asked the same, some at a time; whom the store never heard of is left out."""
        alike: dict[frozenset[Rule], dict[Ids, Pair]] = defaultdict(dict)
        for ids, pair in self._ids.items():
            if pair in asked:
                alike[frozenset(asked[pair])][ids] = pair
        for rules, theirs in alike.items():
            every = list(theirs.items())
            for first in range(0, len(every), PAIRS_AT_ONCE):
                yield rules, dict(every[first : first + PAIRS_AT_ONCE])

    def _edges(self, span: Span) -> list[int]:
        first = (span[0] // self._slice_ns + 1) * self._slice_ns
        return [span[0], *range(first, span[1], self._slice_ns), span[1]]


def listed(figures: Figures, question: SliQuestion, slice_ns: int) -> list[SliCounts]:
    """Return the slices of a question in their order."""
    numbers = range(question.since_ns // slice_ns, -(-question.until_ns // slice_ns))
    return [SliCounts(*figures[number]) if number in figures else _NOTHING for number in numbers]


_UNCHANGED = (0, 0)
_NOTHING = SliCounts()
