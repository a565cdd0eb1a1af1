"""Rows that hold for a time: what a change told at an instant closes and opens."""

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

from storage.readings import PlanRow, RevisionRow

Row = TypeVar("Row", PlanRow, RevisionRow)
Key = TypeVar("Key", bound=Hashable)


def changes(
    held: Iterable[Row],
    wanted: Mapping[Key, Row],
    at: int,
    *,
    key: Callable[[Row], Key],
    same: Callable[[Row, Row], bool],
) -> list[Row]:
    """Return the rows to write, changed and new ones; what holds already gives none.

    What holds at the instant and is wanted as it is goes on. The rest is closed there; what is wanted else is
    opened there. A change that is told late (by another agent of the place, after a newer one) holds until the
    next instant at which the rows show a change, and from there on what they showed before.
    """
    ours = list(held)
    holding = {key(row): row for row in ours if _holds(row, at)}
    instants = (instant for row in ours for instant in (row.valid_from_ns, row.valid_to_ns) if instant)
    until = min((instant for instant in instants if instant > at), default=None)
    going_on = {name for name, row in holding.items() if name in wanted and same(row, wanted[name])}
    ended = [row for name, row in holding.items() if name not in going_on]
    written = [dataclasses.replace(row, valid_to_ns=at) for row in ended]
    if until is not None:
        written += [
            dataclasses.replace(row, valid_from_ns=until) for row in ended if row.valid_to_ns != until
        ]
    return written + [
        dataclasses.replace(row, valid_from_ns=at, valid_to_ns=until)
        for name, row in wanted.items()
        if name not in going_on
    ]


def _holds(row: Row, at: int) -> bool:
    return row.valid_from_ns <= at and (row.valid_to_ns is None or row.valid_to_ns > at)


def holding(rows: Iterable[Row], since_ns: int, until_ns: int | None) -> list[Row]:
    """Return the rows that hold at some instant of [since, until); empty ones hold never."""
    return [
        row
        for row in rows
        if (until_ns is None or row.valid_from_ns < until_ns)
        and (row.valid_to_ns is None or row.valid_to_ns > max(since_ns, row.valid_from_ns))
    ]
