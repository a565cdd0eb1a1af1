"""The partitions of a table: which one an instant belongs to, made when it is needed, dropped when it is old."""

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

from storage.locks import Lock
from storage.rows import instant
from storage.schema import DAILY, PARTITIONED

AHEAD_DAYS = 7
NEAR_PAST_DAYS = 35
"""A row that comes later than this lies in the DEFAULT partition: no journal is that old."""


class Partition(NamedTuple):
    """The rows of one table with scheduled_at in [since, until); days and months are UTC's."""

    table: str
    since: dt.datetime
    until: dt.datetime

    @property
    def name(self) -> str:
        return f"{self.table}_{self.since:{'%Y%m%d' if self.table in DAILY else '%Y%m'}}"


def partition_of(table: str, at: dt.datetime) -> Partition:
    """Return the partition that an instant belongs to.

    >>> at = dt.datetime(2026, 12, 31, 23, 59, tzinfo=dt.timezone.utc)
    >>> partition_of("results", at).name, partition_of("failures", at).until.isoformat()
    ('results_20261231', '2027-01-01T00:00:00+00:00')
    """
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if table in DAILY:
        return Partition(table, day, day + dt.timedelta(days=1))
    month = day.replace(day=1)
    return Partition(table, month, (month + dt.timedelta(days=32)).replace(day=1))


def named(name: str) -> Partition | None:
    """Return the partition of a name that was made here, None for the DEFAULT one."""
    table, _, rest = name.rpartition("_")
    if not rest.isdigit():
        return None
    day = f"{rest}01" if len(rest) == 6 else rest
    return partition_of(table, dt.datetime.strptime(day, "%Y%m%d").replace(tzinfo=dt.UTC))


class Partitions:
    """Makes what is missing, under a lock that all processes share; remembers what is there."""

    def __init__(self, engine: Engine, now_ns: Callable[[], int]) -> None:
        self._engine = engine
        self._now_ns = now_ns
        self._known: set[str] = set()
        self._mutex = threading.Lock()

    def ensure(self, instants: Iterable[dt.datetime]) -> None:
        """Make the partitions of all tables that these instants need, those near now; the others need none."""
        today = instant(self._now_ns())
        first, last = today - dt.timedelta(days=NEAR_PAST_DAYS), today + dt.timedelta(days=AHEAD_DAYS)
        near = {at.date() for at in instants if first <= at <= last}
        self.make(
            {
                partition_of(table, dt.datetime.combine(day, dt.time(), dt.UTC))
                for day in near
                for table in PARTITIONED
            }
        )

    def ahead(self) -> list[str]:
        """Make the partitions of today and of the days ahead; return the names of the new ones."""
        today = instant(self._now_ns())
        days = [today + dt.timedelta(days=ahead) for ahead in range(AHEAD_DAYS + 1)]
        self._known.clear()
        return self.make({partition_of(table, day) for day in days for table in PARTITIONED})

    def make(self, partitions: Iterable[Partition]) -> list[str]:
        """Make those that are missing, each with the rows that lay in the DEFAULT partition meanwhile."""
        with self._mutex:
            wanted = sorted(partition for partition in partitions if partition.name not in self._known)
            if not wanted:
                return []
            with self._engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.PARTITIONS})
                there = existing(connection)
                fresh = [partition for partition in wanted if partition.name not in there[partition.table]]
                for partition in fresh:
                    _make(connection, partition)
            self._known |= {partition.name for partition in wanted}
            return [partition.name for partition in fresh]

    def forget(self) -> None:
        self._known.clear()


def existing(connection: Connection) -> Mapping[str, list[str]]:
    """Return the names of each table's partitions, the DEFAULT one included."""
    rows = connection.execute(
        text(
            "SELECT parent.relname, child.relname FROM pg_inherits"
            " JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid"
            " WHERE inhparent IN (SELECT to_regclass(name) FROM unnest(CAST(:tables AS text[])) AS name)"
        ),
        {"tables": list(PARTITIONED)},
    )
    found: dict[str, list[str]] = {table: [] for table in PARTITIONED}
    for table, name in rows:
        found[table].append(name)
    return found


def _make(connection: Connection, partition: Partition) -> None:
    """Fill a table of its own, then attach it: CREATE ... PARTITION OF would fail over rows in DEFAULT."""
    table, since, until = partition
    holds = f"scheduled_at >= '{since:%Y-%m-%d}+00' AND scheduled_at < '{until:%Y-%m-%d}+00'"
    default = f"{table}_default"
    made = f"CREATE TABLE {partition.name} (LIKE {table} INCLUDING ALL)"
    moved = (
        f"WITH moved AS (DELETE FROM {default} WHERE {holds} RETURNING *)"  # noqa: S608 - names of our own
        f" INSERT INTO {partition.name} SELECT * FROM moved"
    )
    attached = (
        f"ALTER TABLE {table} ATTACH PARTITION {partition.name}"
        f" FOR VALUES FROM ('{since:%Y-%m-%d}+00') TO ('{until:%Y-%m-%d}+00')"
    )
    for statement in (made, moved, attached):
        connection.execute(text(statement))
