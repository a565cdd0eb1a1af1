"""Which revision of an objective held when, for each probe of each target."""

import dataclasses
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from storage import schema, validity
from storage.locks import Lock
from storage.readings import RevisionRow

_FIELDS = tuple(field.name for field in dataclasses.fields(RevisionRow))
_KEY = ("vantage", "objective", "target", "probe", "valid_from_ns")


def changes(
    held: Iterable[RevisionRow],
    vantage: str,
    wanted: Sequence[RevisionRow],
    at_ns: int,
    *,
    services: bool = False,
) -> list[RevisionRow]:
    """Return the rows to write where from an instant on these revisions hold at a vantage, and no others of their set."""
    return validity.changes(
        [row for row in held if row.vantage == vantage and row.of_service == services],
        {_slo(row): row for row in wanted},
        at_ns,
        key=_slo,
        same=lambda row, other: row.digest == other.digest,
    )


def touching(rows: Iterable[RevisionRow], since_ns: int, until_ns: int | None) -> list[RevisionRow]:
    """Return the rows that hold at some instant of [since, until), sorted."""
    found = validity.holding(rows, since_ns, until_ns)
    return sorted(found, key=lambda row: (*_slo(row), row.valid_from_ns))


def _slo(row: RevisionRow) -> tuple[str, str, str]:
    return row.objective, row.target, row.probe


def apply(
    connection: Connection, vantage: str, wanted: Sequence[RevisionRow], at_ns: int, *, services: bool = False
) -> None:
    """Write what a switch of plans changes, alone among all processes."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.PLANS})
    held = read(connection, vantage, at_ns, None)
    written = changes(held, vantage, wanted, at_ns, services=services)
    if not written:
        return
    statement = insert(schema.objective_revisions)
    changed = {name: statement.excluded[name] for name in _FIELDS if name not in _KEY}
    connection.execute(
        statement.on_conflict_do_update(index_elements=_KEY, set_=changed),
        [dataclasses.asdict(row) for row in written],
    )


def read(connection: Connection, vantage: str, since_ns: int, until_ns: int | None) -> list[RevisionRow]:
    """Return the rows of a vantage that hold at some instant of [since, until), sorted."""
    table = schema.objective_revisions
    found = connection.execute(
        select(*(table.c[name] for name in _FIELDS)).where(
            table.c.vantage == vantage, table.c.valid_to_ns.is_(None) | (table.c.valid_to_ns > since_ns)
        )
    )
    return touching([RevisionRow(**row) for row in found.mappings()], since_ns, until_ns)
