"""Alerts as rows in Postgres: what is alive, what changed, and what was lately."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, select, text
from sqlalchemy.dialects.postgresql import insert

from storage import cleaning, outbox, schema
from storage.alert_readings import SILENT, AckRow, AlertRow, ChangeRow, NoticeRow
from storage.base import NOBODY, TakenError
from storage.engine import edge
from storage.locks import Lock

_FIELDS = tuple(field.name for field in dataclasses.fields(AlertRow))
_CHANGES = ("severity", "since_ns", "quiet_ns", "ended_ns", "seq", "labels", "facts", "acknowledged")
"""What of an occurrence may change."""


class PostgresAlerts:
    """Remembers alerts; every call may be repeated without harm."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(
        self,
        rows: Sequence[AlertRow],
        notices: Sequence[NoticeRow] = (),
        changes: Sequence[ChangeRow] = (),
        sole: Mapping[str, Collection[str]] = NOBODY,
    ) -> None:
        if not rows:
            return
        statement = insert(schema.alerts).values([_columns(row) for row in rows])
        statement = statement.on_conflict_do_update(
            index_elements=["vantage", "id"], set_={name: statement.excluded[name] for name in _CHANGES}
        )
        with edge(self._engine, "Keeping alerts"), self._engine.begin() as connection:
            if sole:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.PAGES})
                _take(connection, sole)
            connection.execute(statement)
            if changes:
                kept = insert(schema.alert_changes).on_conflict_do_nothing()
                connection.execute(kept, [_columns(change) for change in changes])
            outbox.write(connection, notices)

    def alive(self, vantage: str) -> list[AlertRow]:
        table = schema.alerts
        return self._read(
            select(table)
            .where(table.c.vantage == vantage, table.c.ended_ns.is_(None) | table.c.facts.has_key(SILENT))
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

    def named(self, vantage: str, beginning: str, limit: int) -> list[AlertRow]:
        table = schema.alerts
        return self._read(
            select(table)
            .where(table.c.vantage == vantage, table.c.id.startswith(beginning, autoescape=True))
            .order_by(table.c.fired_ns.desc(), table.c.id)
            .limit(limit)
        )

    def changes(self, vantage: str, alert: str) -> list[ChangeRow]:
        table = schema.alert_changes
        query = select(table).where(table.c.vantage == vantage, table.c.alert == alert).order_by(table.c.seq)
        return [ChangeRow(**row) for row in self._rows(query)]

    def acknowledge(self, ack: AckRow) -> None:
        said = dataclasses.asdict(ack) | {
            name: cleaning.text(getattr(ack, name), cleaning.TEXT_LIMIT) for name in ("author", "reason")
        }
        with edge(self._engine, "Keeping an acknowledgement"), self._engine.begin() as connection:
            connection.execute(insert(schema.acknowledgements).values(said).on_conflict_do_nothing())

    def acknowledgements(self, vantage: str, alerts: Collection[str]) -> list[AckRow]:
        if not alerts:
            return []
        table = schema.acknowledgements
        query = (
            select(table)
            .where(table.c.vantage == vantage, table.c.alert.in_(alerts))
            .order_by(table.c.made_ns, table.c.alert)
        )
        return [AckRow(**row) for row in self._rows(query)]

    def _read(self, query: Select[tuple[object, ...]]) -> list[AlertRow]:
        return [AlertRow(**{name: row[name] for name in _FIELDS}) for row in self._rows(query)]

    def _rows(self, query: Select[Any]) -> list[RowMapping]:
        with edge(self._engine, "Reading alerts"), self._engine.connect() as connection:
            return list(connection.execute(query).mappings())


def _take(connection: Connection, sole: Mapping[str, Collection[str]]) -> None:
    """Make sure that of these keys none of these vantages pages; the lock lets nobody else ask until this is written."""
    table = schema.alerts
    pages = select(table.c.key, table.c.vantage).where(
        table.c.key.in_(sole),
        table.c.severity == "page",
        table.c.quiet_ns.is_(None),
        table.c.ended_ns.is_(None),
    )
    for key, vantage in connection.execute(pages.order_by(table.c.fired_ns)):
        if vantage in sole[key]:
            raise TakenError(key, vantage)


def _columns(row: AlertRow | ChangeRow) -> dict[str, Any]:
    """Return a row as Postgres can hold it: evidence may quote what an endpoint said."""
    return dataclasses.asdict(row) | {"facts": outbox.held(dict(row.facts))}
