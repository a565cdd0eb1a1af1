"""Maintenance and corrections as rows in Postgres: immutable, each with its author and reason."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Engine, RowMapping, Select, Table, func, select, text
from sqlalchemy.dialects.postgresql import insert

from probes.result import EventClass
from storage import cleaning, schema
from storage.dictionaries import Dictionaries
from storage.engine import edge
from storage.readings import CorrectionRow, Ending, MaintenanceRow, Withdrawal
from storage.rows import instant, instant_up, nanoseconds

_TEXT_LIMIT: Final = 2000


class Change(NamedTuple):
    """What events of a target in [since, until) count as is another thing from now on."""

    target_id: int
    since_at: datetime
    until_at: datetime


class PostgresAmendments:
    """Keeps what people and plans say that events count as; for one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dictionaries = Dictionaries(engine)

    def maintain(self, rows: Sequence[MaintenanceRow]) -> int:
        if not rows:
            return 0
        with self._dictionaries.edge("Keeping maintenance"):
            ids = self._dictionaries.ids("targets", (row.target for row in rows))
            values = [_maintenance_values(row, ids[row.target]) for row in rows]
            with self._engine.begin() as connection:
                return len(_write(connection, schema.maintenances, values))

    def end(self, ending: Ending) -> bool:
        with edge(self._engine, "Ending maintenance"), self._engine.begin() as connection:
            table, at = schema.maintenances, instant(ending.ended_ns)
            running = connection.execute(
                select(table.c.target_id, table.c.until_at).where(
                    table.c.key == ending.key, table.c.until_at > at
                )
            ).all()
            values = {"key": ending.key, "ended_at": at, "made_at": at, **_said(ending)}
            spans = [Change(target_id, at, until_at) for target_id, until_at in running]
            return bool(spans and _write(connection, schema.maintenance_ends, [values], spans))

    def correct(self, row: CorrectionRow) -> list[CorrectionRow]:
        with self._dictionaries.edge("Keeping a correction"):
            ids = self._dictionaries.ids("targets", [row.target])
            probe = self._dictionaries.ids("probes", [row.probe])[row.probe] if row.probe else None
            vantage = self._dictionaries.ids("vantages", [row.vantage])[row.vantage] if row.vantage else None
            values = {
                "since_at": instant(row.since_ns),
                "until_at": instant_up(row.until_ns),
                "made_at": instant(row.made_ns),
                "target_id": ids[row.target],
                "probe_id": probe,
                "vantage_id": vantage,
                "class": row.kind.value,
                **_said(row),
            }
            with self._engine.begin() as connection:
                # Of two who correct the same at once one sees the other's; readers do not wait.
                connection.execute(text("LOCK TABLE corrections IN SHARE ROW EXCLUSIVE MODE"))
                against = [
                    one
                    for one in corrections(connection, row.since_ns, row.until_ns)
                    if one.withdrawn_by is None and one.about(row.target, row.probe, row.vantage)
                ]
                if not against:
                    _write(connection, schema.corrections, [values])
                return against

    def withdraw(self, withdrawal: Withdrawal) -> bool:
        with edge(self._engine, "Withdrawing a correction"), self._engine.begin() as connection:
            table = schema.corrections
            found = connection.execute(
                select(table.c.target_id, table.c.since_at, table.c.until_at).where(
                    table.c.id == withdrawal.correction_id
                )
            ).all()
            values = {
                "correction_id": withdrawal.correction_id,
                "made_at": instant(withdrawal.made_ns),
                **_said(withdrawal),
            }
            spans = [Change(*row) for row in found]
            return bool(spans and _write(connection, schema.withdrawals, [values], spans))

    def names(self, dictionary: Literal["targets", "probes", "vantages"]) -> list[str]:
        table = schema.metadata.tables[dictionary]
        with edge(self._engine, "Reading names"), self._engine.connect() as connection:
            return list(connection.execute(select(table.c.name).order_by(table.c.name)).scalars())


def _write(
    connection: Connection,
    table: Table,
    values: Sequence[Mapping[str, Any]],
    spans: Iterable[Change] | None = None,
) -> list[Change]:
    """Write rows that are not there yet and return what changes by them: every write goes through here.

    A row of maintenance or a correction changes what it covers; `spans` say it where that stands in another row.
    """
    key = [schema.maintenances.c.key, schema.maintenances.c.target_id]
    conflict = key if table is schema.maintenances else list(table.primary_key.columns)
    fresh = insert(table).on_conflict_do_nothing(index_elements=conflict)
    statement = fresh.returning(*table.primary_key.columns)
    new = [row for row in values if connection.execute(statement, [dict(row)]).first() is not None]
    if not new:
        return []
    own = (Change(row["target_id"], row["since_at"], row["until_at"]) for row in new) if spans is None else ()
    return [*own, *(spans or ())]


def maintenances(connection: Connection, since_ns: int, until_ns: int) -> list[MaintenanceRow]:
    """Return the maintenance that holds at some instant of [since, until), the oldest first."""
    table, ends = schema.maintenances, schema.maintenance_ends
    over = func.least(table.c.until_at, ends.c.ended_at)
    found = _read(
        connection,
        select(
            table,
            schema.targets.c.name.label("target"),
            ends.c.ended_at,
            ends.c.author.label("ended_by"),
        )
        .join(schema.targets, schema.targets.c.id == table.c.target_id)
        .outerjoin(ends, ends.c.key == table.c.key)
        .where(
            table.c.since_at < instant_up(until_ns),
            table.c.until_at > instant(since_ns),
            over > instant(since_ns),
            over > table.c.since_at,
        )
        .order_by(table.c.since_at, table.c.key, "target"),
    )
    return [
        MaintenanceRow(
            key=row["key"],
            target=row["target"],
            since_ns=nanoseconds(row["since_at"]),
            until_ns=nanoseconds(row["until_at"]),
            source=row["source"],
            author=row["author"],
            reason=row["reason"],
            made_ns=nanoseconds(row["made_at"]),
            ended_ns=None if row["ended_at"] is None else nanoseconds(row["ended_at"]),
            ended_by=row["ended_by"],
        )
        for row in found
    ]


def corrections(connection: Connection, since_ns: int, until_ns: int) -> list[CorrectionRow]:
    """Return the corrections about some instant of [since, until), in the order in which they were made."""
    table, taken = schema.corrections, schema.withdrawals
    found = _read(
        connection,
        select(
            table,
            schema.targets.c.name.label("target"),
            schema.probes.c.name.label("probe"),
            schema.vantages.c.name.label("vantage"),
            taken.c.author.label("withdrawn_by"),
        )
        .join(schema.targets, schema.targets.c.id == table.c.target_id)
        .outerjoin(schema.probes, schema.probes.c.id == table.c.probe_id)
        .outerjoin(schema.vantages, schema.vantages.c.id == table.c.vantage_id)
        .outerjoin(taken, taken.c.correction_id == table.c.id)
        .where(table.c.since_at < instant_up(until_ns), table.c.until_at > instant(since_ns))
        .order_by(table.c.id),
    )
    return [
        CorrectionRow(
            id=row["id"],
            target=row["target"],
            probe=row["probe"],
            vantage=row["vantage"],
            since_ns=nanoseconds(row["since_at"]),
            until_ns=nanoseconds(row["until_at"]),
            kind=EventClass(row["class"]),
            author=row["author"],
            reason=row["reason"],
            made_ns=nanoseconds(row["made_at"]),
            withdrawn_by=row["withdrawn_by"],
        )
        for row in found
    ]


def _read(connection: Connection, query: Select[Any]) -> list[RowMapping]:
    return list(connection.execute(query).mappings())


def _maintenance_values(row: MaintenanceRow, target_id: int) -> dict[str, Any]:
    return {
        "since_at": instant(row.since_ns),
        "until_at": instant_up(row.until_ns),
        "made_at": instant(row.made_ns),
        "target_id": target_id,
        "key": row.key,
        "source": row.source,
        **_said(row),
    }


def _said(row: MaintenanceRow | Ending | CorrectionRow | Withdrawal) -> dict[str, str]:
    """Return author and reason as Postgres can hold them."""
    return {name: cleaning.text(getattr(row, name), _TEXT_LIMIT) for name in ("author", "reason")}
