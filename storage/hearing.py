"""Who is told of the next notice of an alert beside those whom it names: whoever heard of that alert before; pure."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from storage.alert_readings import NoticeRow, Occurrence


class Heard(NamedTuple):
    """What a receiver has of an occurrence: its newest notice, and whether it was told of any, or may have been."""

    receiver: str
    seq: int
    reached: bool


class Hushed(NamedTuple):
    """What a receiver was never told of an occurrence, and is not to hear any more: all before a notice."""

    vantage: str
    receiver: str
    alert: str
    seq: int


def spread(
    rows: Iterable[NoticeRow], there: Mapping[Occurrence, Sequence[Heard]]
) -> tuple[list[NoticeRow], list[Hushed]]:
    """Return the rows to keep of these and for whom else, and what is not told any more.

    Who was told of an alert hears of its rise and of its end, whatever the routes say by then, and is not reminded.
    Who was not, and is not named any longer, hears nothing. What is older than what is there comes too late.
    """
    kept: list[NoticeRow] = []
    hushed: list[Hushed] = []
    ordered = sorted(rows, key=lambda row: (occurrence(row), row.seq))
    for (one, seq), group in itertools.groupby(ordered, key=lambda row: (occurrence(row), row.seq)):
        named = {row.receiver: row for row in group}
        heard = [has for has in there.get(one, ()) if has.receiver not in named]
        if any(has.seq > seq for has in there.get(one, ())):
            continue
        kept += named.values()
        pattern = dataclasses.replace(next(iter(named.values())), repeat_ns=None)
        for has in heard:
            if has.seq == seq:
                continue
            if has.reached:
                kept.append(dataclasses.replace(pattern, receiver=has.receiver))
            else:
                hushed.append(Hushed(one[0], has.receiver, one[1], seq))
    return kept, hushed


def occurrence(row: NoticeRow) -> Occurrence:
    return row.vantage, row.alert
