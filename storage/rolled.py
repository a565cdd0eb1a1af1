"""What counted hours say to questions about events, read in one snapshot with the rows for the rest."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from storage.counting import Pair, pair_of, rule_of
from storage.periods import Ids
from storage.readings import SliQuestion
from storage.rolling import HOUR_NS, MINUTE_NS, Span, split, text_of
from storage.rows import instant, nanoseconds

Part = tuple[list[int], SliQuestion]
"""The places of questions, and a part of each of them that only rows can tell: windows that end now share it."""

Sums = Mapping[tuple[int, int], Sequence[int]]
"""(Series, edge) -> what was counted from that edge to the last one, by class."""


class Series(NamedTuple):
    id: int
    target_id: int
    counted: Span


class Rolled:
    """Reads what storage/rollups.py counts."""

    def counts(
        self, connection: Connection, known: Mapping[Ids, Pair], questions: Sequence[SliQuestion]
    ) -> tuple[list[Sequence[int]], list[Sequence[Part]]]:
        """Return what counted hours say to each question, by class, and what is left to ask of rows.

        The parts that are left are told by where they lie, so that no statement reads what lies between.
        """
        series, stale = _series(connection, known), _stale(connection)
        asked: dict[int, set[int]] = defaultdict(set)
        rest: dict[object, dict[object, Part]] = defaultdict(dict)
        spans: dict[int, tuple[int, Span]] = {}
        for place, question in enumerate(questions):
            whole = (question.since_ns, question.until_ns)
            key = pair_of(question), text_of(rule_of(question))
            one = series.get(key)
            hours = stale.get(one.target_id, _NO_HOURS) if one else _NO_HOURS
            counted, rows = split(whole, one.counted, hours) if one else (None, (whole,))
            if one and counted:
                asked[one.id].update(counted)
                spans[place] = one.id, counted
            for span in rows:
                same = rest[_where(span, one.counted if one else None)]
                if (key, span) not in same:
                    part = dataclasses.replace(question, since_ns=span[0], until_ns=span[1])
                    same[key, span] = [], part
                same[key, span][0].append(place)
        sums = _sums(connection, asked, _by_series(series.values(), stale))
        return [_between(sums, spans.get(place)) for place in range(len(questions))], [
            list(parts.values()) for parts in rest.values()
        ]

    def slices(
        self,
        connection: Connection,
        known: Mapping[Ids, Pair],
        questions: Sequence[SliQuestion],
        slice_ns: int,
    ) -> tuple[list[dict[int, Sequence[int]]], dict[Span, list[int]]]:
        """Return what counted hours say to each question, number of a slice -> by class, and the spans left to ask.

        Those are told with the places of their questions. Slices that are no whole minutes are asked of rows alone.
        """
        series, stale = _series(connection, known), _stale(connection)
        found: list[dict[int, Sequence[int]]] = [{} for _ in questions]
        asked: dict[Span, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        rest: dict[Span, list[int]] = defaultdict(list)
        for place, question in enumerate(questions):
            whole = (question.since_ns, question.until_ns)
            one = series.get((pair_of(question), text_of(rule_of(question))))
            if one is None or slice_ns % MINUTE_NS:
                rest[whole].append(place)
                continue
            counted, spans = split(whole, one.counted, stale.get(one.target_id, _NO_HOURS))
            if counted:
                asked[counted][one.id].append(place)
            for span in spans:
                rest[span].append(place)
        never = _by_series(series.values(), stale)
        for span, places in asked.items():
            stale_ones = {series_id: never[series_id] for series_id in places if series_id in never}
            for series_id, number, *figures in _by_slice(
                connection, list(places), span, slice_ns, stale_ones
            ):
                for place in places[series_id]:
                    found[place][number] = figures
        return found, rest


def _where(span: Span, counted: Span | None) -> object:
    """Say where a span lies that rows are asked for: what lies together is asked together."""
    if counted is None:
        return None
    if span[1] <= counted[0]:
        return "before"
    return "behind" if span[0] >= counted[1] else span[0] // HOUR_NS


def _by_series(series: Iterable[Series], stale: Mapping[int, Collection[int]]) -> dict[int, Collection[int]]:
    return {one.id: hours for one in series if (hours := stale.get(one.target_id))}


def _between(sums: Sums, counted: tuple[int, Span] | None) -> Sequence[int]:
    if counted is None:
        return (0, 0, 0, 0)
    series_id, (since_ns, until_ns) = counted
    return [
        one - other for one, other in zip(sums[series_id, since_ns], sums[series_id, until_ns], strict=True)
    ]


def _series(connection: Connection, known: Mapping[Ids, Pair]) -> dict[tuple[Pair, str], Series]:
    """Return the series of these pairs of which anything is counted, by pair and rule."""
    found = connection.execute(text(_SERIES), {"targets": list({ids[0] for ids in known})})
    return {
        (pair, rule): Series(series_id, ids[0], (nanoseconds(since), nanoseconds(until)))
        for series_id, *of, rule, since, until in found
        if (pair := known.get(ids := (of[0], of[1], of[2]))) is not None
    }


def _stale(connection: Connection) -> dict[int, frozenset[int]]:
    """Return target id -> the begins of its hours that have to be counted anew."""
    found: dict[int, set[int]] = defaultdict(set)
    for target_id, at in connection.execute(text("SELECT target_id, at FROM sli_stale")):
        found[target_id].add(nanoseconds(at))
    return {target_id: frozenset(hours) for target_id, hours in found.items()}


def _sums(
    connection: Connection, asked: Mapping[int, Collection[int]], stale: Mapping[int, Collection[int]]
) -> dict[tuple[int, int], list[int]]:
    """Return for each series and edge what was counted from there to the end of the last edge's hour.

    Stale hours are left out. Series that are asked the same share two statements: one sums whole hours between
    the edges, the other adds up the minutes from an edge to the end of its hour.
    """
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for series_id, edges in asked.items():
        alike[tuple(sorted(edges))].append(series_id)
    found: dict[tuple[int, int], list[int]] = {}
    for edges, ids in alike.items():
        never = {series_id: hours for series_id in ids if (hours := stale.get(series_id))}
        whole, part = _hours(connection, ids, edges, never), _minutes(connection, ids, edges, never)
        for series_id in ids:
            running = [0, 0, 0, 0]
            for place in range(len(edges), 0, -1):
                hours_of, minutes_of = (sums.get((series_id, place), _NOTHING) for sums in (whole, part))
                running = [one + more for one, more in zip(running, hours_of, strict=True)]
                found[series_id, edges[place - 1]] = [
                    one + more for one, more in zip(running, minutes_of, strict=True)
                ]
    return found


def _hours(
    connection: Connection,
    ids: Sequence[int],
    edges: Sequence[int],
    stale: Mapping[int, Collection[int]],
) -> dict[tuple[int, int], Sequence[int]]:
    """Return (series, n) -> the whole hours between the n-th edge (1, 2, ...) and the next one."""
    begins = [instant(-(-edge // HOUR_NS) * HOUR_NS) for edge in edges]
    asked = {"ids": ids, "begins": begins, "since": begins[0], "until": begins[-1], **_arrays(stale)}
    found = connection.execute(text(_HOURS + (_BUT_STALE if stale else "") + "GROUP BY 1, 2"), asked)
    return {(series_id, place): sums for series_id, place, *sums in found}


def _minutes(
    connection: Connection,
    ids: Sequence[int],
    edges: Sequence[int],
    stale: Mapping[int, Collection[int]],
) -> dict[tuple[int, int], Sequence[int]]:
    """Return (series, n) -> the minutes from the n-th edge (1, 2, ...) to the end of its hour, if it is within one."""
    within = [(place, edge) for place, edge in enumerate(edges, 1) if edge % HOUR_NS]
    asked = {
        "ids": ids,
        "places": [place for place, _ in within],
        "hours": [instant(edge - edge % HOUR_NS) for _, edge in within],
        "minutes": [edge % HOUR_NS // MINUTE_NS + 1 for _, edge in within],
        **_arrays(stale),
    }
    found = connection.execute(text(_MINUTES + (_BUT_STALE if stale else "")), asked) if within else ()
    return {(series_id, place): sums for series_id, place, *sums in found}


def _by_slice(
    connection: Connection,
    ids: Sequence[int],
    span: Span,
    slice_ns: int,
    stale: Mapping[int, Collection[int]],
) -> Iterable[Sequence[Any]]:
    asked = {
        "ids": ids,
        "since": instant(span[0] // HOUR_NS * HOUR_NS),
        "until": instant(span[1]),
        "first": span[0] // MINUTE_NS,
        "last": span[1] // MINUTE_NS - 1,
        "minutes": slice_ns // MINUTE_NS,
        **_arrays(stale),
    }
    return connection.execute(text(_SLICES + (_BUT_STALE if stale else "") + "GROUP BY 1, 2"), asked)


def _arrays(stale: Mapping[int, Collection[int]]) -> dict[str, list[Any]]:
    pairs = [(series_id, instant(hour)) for series_id, hours in stale.items() for hour in hours]
    if not pairs:
        return {}
    return dict(zip(("stale_ids", "stale_hours"), map(list, zip(*pairs, strict=True)), strict=True))


_NOTHING = (0, 0, 0, 0)
_NO_HOURS = frozenset[int]()

_SERIES = """
    SELECT id, target_id, probe_id, vantage_id, rule, since_at, until_at FROM sli_series
    WHERE since_at < until_at AND target_id = ANY (CAST(:targets AS int[]))
"""

_HOURS = """
    SELECT series_id, width_bucket(at, CAST(:begins AS timestamptz[])),
        sum(good), sum(bad), sum(excluded), sum(invalid)
    FROM sli_hours c WHERE series_id = ANY (CAST(:ids AS int[])) AND at >= :since AND at < :until
"""

_CLASSES = ("good", "bad", "excluded", "invalid")

_REST = ", ".join(
    f"COALESCE((SELECT sum(n) FROM unnest({name}[minute:]) AS n), 0)"  # noqa: S608 - names of our own
    for name in _CLASSES
)

_MINUTES = f"""
    SELECT series_id, place, {_REST}
    FROM unnest(CAST(:places AS int[]), CAST(:hours AS timestamptz[]), CAST(:minutes AS int[]))
        AS edge (place, hour, minute)
    JOIN sli_minutes c ON c.at = hour AND series_id = ANY (CAST(:ids AS int[]))
"""  # noqa: S608 - as above

_MINUTE = "CAST(extract(epoch FROM c.at) AS bigint) / 60 + m - 1"

_SLICES = f"""
    SELECT c.series_id, ({_MINUTE}) / :minutes, {", ".join(f"COALESCE(sum({name}[m]), 0)" for name in _CLASSES)}
    FROM sli_minutes c, generate_series(1, 60) AS m
    WHERE c.series_id = ANY (CAST(:ids AS int[])) AND c.at >= :since AND c.at < :until
        AND {_MINUTE} BETWEEN :first AND :last
"""  # noqa: S608 - as above

_BUT_STALE = """
    AND (c.series_id, c.at) NOT IN (
        SELECT * FROM unnest(CAST(:stale_ids AS int[]), CAST(:stale_hours AS timestamptz[])) AS stale (series_id, at)
    )
"""
