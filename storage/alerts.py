"""Alerts as rows in Postgres: what is alive, what changed, and what was lately."""

import dataclasses
from collections.abc import Sequence

from sqlalchemy import Engine, Select, select
from sqlalchemy.dialects.postgresql import insert

from storage import outbox, schema
from storage.engine import edge
from storage.readings import AlertRow, NoticeRow

_FIELDS = tuple(field.name for field in dataclasses.fields(AlertRow))
_CHANGES = ("severity", "since_ns", "quiet_ns", "ended_ns", "seq", "labels", "facts")
"""What of an occurrence may change."""


class PostgresAlerts:
    """Remembers alerts; every call may be repeated without harm."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, rows: Sequence[AlertRow], notices: Sequence[NoticeRow] = ()) -> None:
        if not rows:
            return
        statement = insert(schema.alerts).values([dataclasses.asdict(row) for row in rows])
        statement = statement.on_conflict_do_update(
            index_elements=["vantage", "id"], set_={name: statement.excluded[name] for name in _CHANGES}
        )
        with edge(self._engine, "Keeping alerts"), self._engine.begin() as connection:
            connection.execute(statement)
            outbox.write(connection, notices)

    def alive(self, vantage: str) -> list[AlertRow]:
        table = schema.alerts
        return self._read(
            select(table)
            .where(table.c.vantage == vantage, table.c.ended_ns.is_(None))
            .order_by(table.c.fired_ns, table.c.id)
        )

    def lately(self, vantage: str, since_ns: int, limit: int) -> list[AlertRow]:
        table = schema.alerts
        return self._read(
            select(table)
            .where(
                table.c.vantage == vantage,
                table.c.ended_ns.is_(None) | (table.c.ended_ns >= since_ns),
            )
            .order_by(table.c.fired_ns.desc(), table.c.id)
            .limit(limit)
        )

    def elsewhere(self, vantage: str) -> list[AlertRow]:
        table = schema.alerts
        return self._read(
            select(table)
            .where(table.c.vantage != vantage, table.c.ended_ns.is_(None))
            .order_by(table.c.fired_ns, table.c.vantage, table.c.id)
        )

    def _read(self, query: Select[tuple[object, ...]]) -> list[AlertRow]:
        with edge(self._engine, "Reading alerts"), self._engine.connect() as connection:
            found = connection.execute(query).mappings()
            return [AlertRow(**{name: row[name] for name in _FIELDS}) for row in found]
