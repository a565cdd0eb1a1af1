"""Maintenance and corrections as rows in Postgres: immutable, each with its author and reason."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, RowMapping, Select, Table, func, select, text
from sqlalchemy.dialects.postgresql import insert

from probes.result import EventClass
from storage import cleaning, schema
from storage.dictionaries import Dictionaries
from storage.engine import edge
from storage.readings import CorrectionRow, Ending, MaintenanceRow, Withdrawal
from storage.rows import instant, instant_up, nanoseconds

_TEXT_LIMIT: Final = 2000


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
                return _write(connection, schema.maintenances, values)

    def end(self, ending: Ending) -> bool:
        with edge(self._engine, "Ending maintenance"), self._engine.begin() as connection:
            table, at = schema.maintenances, instant(ending.ended_ns)
            running = select(table.c.key).where(table.c.key == ending.key, table.c.until_at > at).limit(1)
            if connection.execute(running).first() is None:
                return False
            values = {"key": ending.key, "ended_at": at, "made_at": at, **_said(ending)}
            return bool(_write(connection, schema.maintenance_ends, [values]))

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
            known = select(table.c.id).where(table.c.id == withdrawal.correction_id)
            if connection.execute(known).first() is None:
                return False
            values = {
                "correction_id": withdrawal.correction_id,
                "made_at": instant(withdrawal.made_ns),
                **_said(withdrawal),
            }
            return bool(_write(connection, schema.withdrawals, [values]))

    def names(self, dictionary: Literal["targets", "probes", "vantages"]) -> list[str]:
        table = schema.metadata.tables[dictionary]
        with edge(self._engine, "Reading names"), self._engine.connect() as connection:
            return list(connection.execute(select(table.c.name).order_by(table.c.name)).scalars())


def _write(connection: Connection, table: Table, values: Sequence[Mapping[str, Any]]) -> int:
    """Write rows that are not there yet, and return how many those are."""
    key = [schema.maintenances.c.key, schema.maintenances.c.target_id]
    conflict = key if table is schema.maintenances else list(table.primary_key.columns)
    fresh = insert(table).on_conflict_do_nothing(index_elements=conflict)
    statement = fresh.returning(*table.primary_key.columns)
    return sum(connection.execute(statement, [dict(row)]).first() is not None for row in values)


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
