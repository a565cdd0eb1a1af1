"""Hours that were written into after they may have been counted: whoever writes marks them, in the same transaction.

Nothing that is written is missed, whatever the order of commits:

1. An hour is counted only behind its closing, which waits for every writer under way (an exclusive lock) and shuts
   nobody out for longer than it takes to write one row.
2. Whoever writes holds that lock with the others (shared) from its marks to its end. So either it ended before the
   closing, and the counting sees its rows; or it sees the closing, and marks what it wrote into.
3. A mark goes in the transaction that counts the hour anew, and only if that saw it before it counted.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from storage.locks import Lock
from storage.rows import instant

HOUR_NS = 3_600_000_000_000


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def close(connection: Connection, until_ns: int) -> None:
    """Let hours that end at or before an instant be counted, once whoever writes at this moment is done."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.CLOSING})
    connection.execute(text(_CLOSE), {"until": instant(until_ns - until_ns % HOUR_NS)})


def mark_written(connection: Connection, written: Iterable[tuple[int, datetime]]) -> None:
    """Mark the hours of rows, told by target id and instant, that the transaction wrote; the last thing it does."""
    hours = sorted({(target_id, hour_of(at)) for target_id, at in written})
    if hours:
        targets, instants = (list(column) for column in zip(*hours, strict=True))
        _mark(connection, _MARK_HOURS, {"targets": targets, "hours": instants})


def mark_stale(connection: Connection, target_ids: Collection[int], since_ns: int, until_ns: int) -> None:
    """Mark all hours of some targets that touch [since, until), because slots in them count as something else now.

    Call it behind what changes them (a correction, say), in the same transaction. Hours that lie ahead need no
    mark: they are counted with what is known then.
    """
    within = {"since": instant(since_ns - since_ns % HOUR_NS), "until": instant(until_ns)}
    _mark(connection, _MARK_SPAN, within | {"targets": sorted(target_ids)})


def _mark(connection: Connection, statement: str, what: dict[str, object]) -> None:
    # A statement of its own: the next one must see whatever was closed before this lock was had.
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": Lock.CLOSING})
    connection.execute(text(statement), what)


_CLOSE = """
    INSERT INTO sli_closed (id, until_at) VALUES (1, :until)
    ON CONFLICT (id) DO UPDATE SET until_at = GREATEST(sli_closed.until_at, excluded.until_at)
"""

_MARK_HOURS = """
    INSERT INTO sli_stale (target_id, at)
    SELECT target_id, at FROM sli_closed,
        unnest(CAST(:targets AS int[]), CAST(:hours AS timestamptz[])) AS written (target_id, at)
    WHERE at < until_at
"""

_MARK_SPAN = """
    INSERT INTO sli_stale (target_id, at)
    SELECT target_id, at FROM sli_closed, unnest(CAST(:targets AS int[])) AS target_id,
        generate_series(
            CAST(:since AS timestamptz),
            LEAST(CAST(:until AS timestamptz), until_at) - interval '1 microsecond',
            interval '1 hour'
        ) AS at
"""
