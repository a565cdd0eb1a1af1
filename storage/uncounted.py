"""Which closed hours are still to be counted, and which to be counted anew: a transaction's worth at a time."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from storage.periods import PAIRS_AT_ONCE, Ids
from storage.rolling import HOUR_NS, Span
from storage.rows import instant, nanoseconds

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
    """Hours to be counted of some series, and the marks that go with it; `empty` where no row lies in them."""

    span: Span
    series: Sequence[Standing]
    marks: Sequence[int] = ()
    empty: bool = False


class Missing(NamedTuple):
    """Hours that a series does not hold yet: those to be counted next, and all on this side of what it holds."""

    next: Span
    all: Span


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
    """Return hours that no series of them holds yet, the newest first; where no row lies, all of them at once.

    A new daemon has no rows of the month that its objectives look back on: to count that day by day took 35 s of CPU for
    500 targets.
    """
    closed_ns = nanoseconds(connection.execute(text(CLOSED)).scalar_one())
    spans: dict[Missing, list[Standing]] = defaultdict(list)
    for row in connection.execute(text(_OF_IDS), {"ids": list(needs)}):
        one = _standing(*row)
        if found := _missing(one, needs[one.id], closed_ns):
            spans[found].append(one)
    if not spans:
        return None
    newest = max(spans)
    pairs = sorted({one.ids for one in spans[newest]})[:PAIRS_AT_ONCE]
    series = [one for one in spans[newest] if one.ids in pairs]
    if _is_empty(connection, newest.all, [target_id for target_id, _, _ in pairs]):
        return Work(newest.all, series, empty=True)
    return Work(newest.next, series)


def _missing(one: Standing, need_ns: int, closed_ns: int) -> Missing | None:
    """Return what a series lacks: the hours behind what is counted, then those before it."""
    step_ns = HOURS_AT_ONCE * HOUR_NS
    if one.until_ns < closed_ns:
        return Missing((one.until_ns, min(one.until_ns + step_ns, closed_ns)), (one.until_ns, closed_ns))
    if need_ns < one.since_ns:
        return Missing((max(one.since_ns - step_ns, need_ns), one.since_ns), (need_ns, one.since_ns))
    return None


def _is_empty(connection: Connection, span: Span, targets: Sequence[int]) -> bool:
    within = {"targets": targets, "since": instant(span[0]), "until": instant(span[1])}
    return not connection.execute(text(_ANY), within).scalar_one()


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

_ANY = """
    SELECT EXISTS (
        SELECT FROM results
        WHERE target_id = ANY (CAST(:targets AS int[])) AND scheduled_at >= :since AND scheduled_at < :until
    )
"""

_MARKED = """
    SELECT at, array_agg(DISTINCT target_id), array_agg(id) FROM (
        SELECT id, at, target_id, dense_rank() OVER (ORDER BY target_id) AS place
        FROM sli_stale WHERE at = (SELECT max(at) FROM sli_stale)
    ) AS newest
    WHERE place <= :limit GROUP BY at
"""
