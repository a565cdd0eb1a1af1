"""What is kept and for how long: partitions ahead, old ones dropped, the ring of recent results trimmed."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, Engine, text

from storage import rollups, trimming
from storage.engine import edge
from storage.locks import Lock
from storage.partitions import Partition, Partitions, existing, named
from storage.rows import instant
from storage.schema import PARTITIONED

RING = 100
"""Attempts of each target that `recent` keeps whole."""

RING_OF_PROBE = 20
"""Scheduled attempts of each probe that it keeps even where busier probes of the target fill the ring."""


class Keep(Protocol):
    """How long raw results, and failures and verdicts, are kept, in seconds."""

    @property
    def keep_results_s(self) -> float: ...

    @property
    def keep_failures_s(self) -> float: ...


@dataclasses.dataclass(frozen=True, slots=True)
class Maintained:
    """What one round did; `default_rows` counts rows that lie in no day's or month's partition: an alarm.

    `ended` counts alerts of vantages of which nothing was heard for long.
    """

    made: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    trimmed: int = 0
    default_rows: int = 0
    ended: int = 0


def maintain(
    engine: Engine, keep: Keep, vantage: str, *, now_ns: Callable[[], int] = time.time_ns
) -> Maintained:
    """Do one round; of several processes that come at once one does it, and the others only count.

    1. The partitions of the next 7 days are made.
    2. Those past what is kept are dropped, each in a transaction of its own: 12 ms, where deleting their rows
       would leave them to vacuum. What lies in a DEFAULT partition that long is deleted.
    3. The ring of recent results is trimmed.
    4. Alerts that ended as long ago as failures are kept go, and the alerts of other vantages that are gone end.

    Counted hours go before the rows that they were counted from, so that they can always be counted anew.
    """
    with edge(engine, "Keeping partitions"):
        made = Partitions(engine, now_ns).ahead()
        since = _edges(keep, instant(now_ns()))
        with engine.begin() as connection:
            rollups.trim(connection, since["results"], instant(now_ns()))
        dropped = [partition.name for partition in _expired(engine, since) if _drop(engine, partition)]
        _sweep(engine, since)
        trimmed, ended = _trim(engine), _alerts(engine, keep, vantage, now_ns())
        return Maintained(tuple(made), tuple(dropped), trimmed, _default_rows(engine), ended)


def _edges(keep: Keep, now: datetime) -> dict[str, datetime]:
    """Return table -> the instant from which its rows are kept; a verdict outlives what it is about."""
    longest_s = max(keep.keep_results_s, keep.keep_failures_s)
    kept_s = {"results": keep.keep_results_s, "failures": keep.keep_failures_s, "verdicts": longest_s}
    return {table: now - timedelta(seconds=seconds) for table, seconds in kept_s.items()}


def _expired(engine: Engine, since: dict[str, datetime]) -> list[Partition]:
    with engine.connect() as connection:
        names = [name for found in existing(connection).values() for name in found]
    partitions = (partition for name in names if (partition := named(name)) is not None)
    return sorted(partition for partition in partitions if partition.until <= since[partition.table])


def _drop(engine: Engine, partition: Partition) -> bool:
    with _alone(engine) as connection:
        if connection is None or partition.name not in existing(connection)[partition.table]:
            return False
        connection.execute(text(f"ALTER TABLE {partition.table} DETACH PARTITION {partition.name}"))
        connection.execute(text(f"DROP TABLE {partition.name}"))
        return True


def _sweep(engine: Engine, since: dict[str, datetime]) -> None:
    for table, edge_of_table in since.items():
        with engine.begin() as connection:
            connection.execute(
                text(f"DELETE FROM {table}_default WHERE scheduled_at < :since"),  # noqa: S608 - a name of our own
                {"since": edge_of_table},
            )


def _trim(engine: Engine) -> int:
    with _alone(engine) as connection:
        if connection is None:
            return 0
        return connection.execute(text(_TRIM), {"ring": RING, "ring_of_probe": RING_OF_PROBE}).rowcount


def _alerts(engine: Engine, keep: Keep, vantage: str, now_ns: int) -> int:
    with _alone(engine) as connection:
        if connection is None:
            return 0
        trimming.trim(connection, now_ns - round(keep.keep_failures_s * 1e9))
        return trimming.end_silent(connection, vantage, now_ns)


def _default_rows(engine: Engine) -> int:
    counts = " + ".join(f"(SELECT count(*) FROM {table}_default)" for table in PARTITIONED)  # noqa: S608 - as above
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT {counts}")).scalar_one())


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection | None]:
    """Yield a transaction that holds the lock of retention; None where another process holds it."""
    with engine.begin() as connection:
        ours = connection.execute(
            text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": Lock.RETENTION}
        ).scalar_one()
        yield connection if ours else None


_TRIM = """
    DELETE FROM recent USING (
        SELECT ctid AS at,
            row_number() OVER (PARTITION BY target_id ORDER BY scheduled_at DESC, attempt DESC) AS place,
            row_number() OVER (
                PARTITION BY target_id, probe_id, vantage_id, attempt = 0 ORDER BY scheduled_at DESC
            ) AS place_of_probe,
            attempt
        FROM recent
    ) ranked
    WHERE recent.ctid = ranked.at AND place > :ring AND (ranked.attempt <> 0 OR place_of_probe > :ring_of_probe)
"""
