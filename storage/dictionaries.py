"""The ids of texts that repeat, and of revisions: looked up once, then remembered."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.dialects.postgresql import insert

from storage import schema
from storage.base import StoreUnavailableError
from storage.engine import edge

_REMEMBERED = 50_000
"""Ids of one dictionary in memory; an endpoint that makes up names must not fill it."""

_TABLES = {table.name: table for table in schema.DICTIONARIES}


class Dictionaries:
    """Ids by dictionary and text. New ones are committed before they are remembered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids: dict[str, dict[str, int]] = {}

    def ids(self, dictionary: str, names: Iterable[str]) -> Mapping[str, int]:
        """Return the id of each text, given one where it has none."""
        return self._given(_TABLES[dictionary], "name", {name: {"name": name} for name in names})

    def revisions(self, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, int]:
        """Return the ids of revisions by digest; `rows` are their columns by digest."""
        return self._given(schema.revisions, "digest", rows)

    def known(self, dictionary: str, names: Iterable[str]) -> Mapping[str, int]:
        """Return the ids of those texts that have one; nothing is added."""
        known = self._ids.setdefault(dictionary, {})
        if missing := sorted(set(names) - known.keys()):
            with self._engine.connect() as connection:
                known |= _find(connection, _TABLES[dictionary], "name", missing)
        return known

    @contextlib.contextmanager
    def edge(self, doing: str) -> Iterator[None]:
        """Translate failures as `engine.edge` does, and forget all: the database may be another one when it is back."""
        try:
            with edge(self._engine, doing):
                yield
        except StoreUnavailableError:
            self._ids.clear()
            raise

    def _given(self, table: Table, key: str, rows: Mapping[str, Mapping[str, Any]]) -> Mapping[str, int]:
        known = self._ids.setdefault(table.name, {})
        missing = sorted(rows.keys() - known.keys())
        if not missing:
            return known
        if len(known) > _REMEMBERED:
            known.clear()
            missing = sorted(rows)
        with self._engine.begin() as connection:
            found = _find(connection, table, key, missing)
            if absent := [name for name in missing if name not in found]:
                # In the order of their names, so that two writers cannot wait for each other.
                connection.execute(
                    insert(table).on_conflict_do_nothing(), [dict(rows[name]) for name in absent]
                )
                found |= _find(connection, table, key, absent)
        known |= found
        return known


def _find(connection: Connection, table: Table, key: str, names: Sequence[str]) -> dict[str, int]:
    column = table.c[key]
    found = connection.execute(select(column, table.c.id).where(column.in_(names)))
    return {name: known for name, known in found}  # noqa: C416 - dict() does not know rows as pairs
