"""Which closed hours are still to be counted, and which to be counted anew: a transaction's worth at a time."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from storage.periods import PAIRS_AT_ONCE, Ids
from storage.rolling import HOUR_NS, Span
from storage.rows import nanoseconds

HOURS_AT_ONCE = 24


class Standing(NamedTuple):
    """A series as it stands: whose slots, by which rule, which hours are counted (UTC nanoseconds)."""

    id: int
    ids: Ids
    rule: str
    since_ns: int
    until_ns: int


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """Hours to be counted of some series, and the marks that go with it."""

    span: Span
    series: Sequence[Standing]
    marks: Sequence[int] = ()


def marked(connection: Connection) -> Work | None:
    """Return the newest hour that was written into, of some of its targets."""
    row = connection.execute(text(_MARKED), {"limit": PAIRS_AT_ONCE}).one_or_none()
    if row is None:
        return None
    at, targets, marks = row
    since_ns = nanoseconds(at)
    found = connection.execute(text(_OF_TARGETS), {"targets": targets, "at": at})
    return Work((since_ns, since_ns + HOUR_NS), [_standing(*series) for series in found], marks)


def missing(connection: Connection, needs: Mapping[int, int]) -> Work | None:
    """Return hours that no series of them holds yet, the newest first."""
    closed_ns = nanoseconds(connection.execute(text(CLOSED)).scalar_one())
    spans: dict[Span, list[Standing]] = defaultdict(list)
    for row in connection.execute(text(_OF_IDS), {"ids": list(needs)}):
        one = _standing(*row)
        if span := _next(one, needs[one.id], closed_ns):
            spans[span].append(one)
    if not spans:
        return None
    newest = max(spans)
    pairs = sorted({one.ids for one in spans[newest]})[:PAIRS_AT_ONCE]
    return Work(newest, [one for one in spans[newest] if one.ids in pairs])


def _next(one: Standing, need_ns: int, closed_ns: int) -> Span | None:
    """Return which hours of a series are to be counted next: those behind what is counted, then those before it."""
    if one.until_ns < closed_ns:
        return one.until_ns, min(one.until_ns + HOURS_AT_ONCE * HOUR_NS, closed_ns)
    if need_ns < one.since_ns:
        return max(one.since_ns - HOURS_AT_ONCE * HOUR_NS, need_ns), one.since_ns
    return None


def _standing(
    series_id: int, target: int, probe: int, vantage: int, rule: str, *counted: datetime
) -> Standing:
    since_ns, until_ns = map(nanoseconds, counted)
    return Standing(series_id, (target, probe, vantage), rule, since_ns, until_ns)


CLOSED = "SELECT until_at FROM sli_closed"

_STANDING = "SELECT id, target_id, probe_id, vantage_id, rule, since_at, until_at FROM sli_series"

_OF_IDS = f"{_STANDING} WHERE id = ANY (CAST(:ids AS int[]))"

_OF_TARGETS = (
    f"{_STANDING} WHERE target_id = ANY (CAST(:targets AS int[])) AND since_at <= :at AND until_at > :at"
)

_MARKED = """
    SELECT at, array_agg(DISTINCT target_id), array_agg(id) FROM (
        SELECT id, at, target_id, dense_rank() OVER (ORDER BY target_id) AS place
        FROM sli_stale WHERE at = (SELECT max(at) FROM sli_stale)
    ) AS newest
    WHERE place <= :limit GROUP BY at
"""
