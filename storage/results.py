"""Results and verdicts into Postgres: idempotent micro-batches, of which one unfit row spoils no other."""

import contextlib
import functools
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Engine, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from probes.result import MANUAL, SCHEDULED, ProbeResult, SlotKey
from storage import drilled, plans, revisions, rows, schema, stale
from storage.base import StoreUnavailableError
from storage.cleaning import UnfitError, clean, clean_settled
from storage.dictionaries import Dictionaries
from storage.engine import is_row_fault
from storage.partitions import Partitions
from storage.readings import RevisionRow, Stored
from storage.records import Drilled, Plan, Settled

_log = logging.getLogger(__name__)

Row = Mapping[str, Any]
Entry = Mapping[str, Row]
"""What one attempt or one verdict comes to: table -> row; all of it is kept, or none."""


class PostgresStore:
    """Remembers results, verdicts and plans. For one thread at a time; many processes may write."""

    def __init__(self, engine: Engine, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._engine = engine
        self._dictionaries = Dictionaries(engine)
        self._partitions = Partitions(engine, now_ns)

    def store(self, results: Sequence[ProbeResult], verdicts: Sequence[Settled]) -> Stored:
        """Keep a micro-batch: what is there already is left as it is.

        1. What Postgres cannot hold is taken out of a row, and said in the log.
        2. Dictionary ids and partitions are made sure of, each in a short transaction of its own.
        3. All rows go in one transaction. Where a row itself is refused, the batch is halved until that row
           stands alone: it is logged and counted, and the others are kept.
        """
        with self._edge("Storing results"):
            # In the order of their keys, so that two writers of the same rows cannot wait for each other.
            fit = sorted(filter(None, map(_cleaned, results)), key=lambda result: _order(result.key))
            settled = sorted(
                filter(None, map(_cleaned_verdict, verdicts)), key=lambda verdict: _order(verdict.slot)
            )
            slots = [result.key for result in fit] + [verdict.slot for verdict in settled]
            self._partitions.ensure(rows.instant(slot.scheduled_ns) for slot in slots)
            entries = self._entries(fit)
            new, refused = self._insert([*entries, *self._judged(settled)])
            return Stored(new, len(entries) - new - refused, len(results) - len(fit) + refused)

    def plan(self, plan: Plan) -> None:
        """Close what the plan ends and open what it begins; a plan that holds already changes nothing."""
        with self._edge("Storing the plan"), self._engine.begin() as connection:
            plans.apply(connection, self._dictionaries, plan)

    def drilled(self, steps: Sequence[Drilled]) -> None:
        with self._edge("Storing a drill"), self._engine.begin() as connection:
            drilled.write(connection, steps)

    def revise(
        self, vantage: str, wanted: Sequence[RevisionRow], at_ns: int, *, services: bool = False
    ) -> None:
        """Have these revisions of objectives hold from an instant on; what holds already goes on."""
        with self._edge("Storing the objectives"), self._engine.begin() as connection:
            revisions.apply(connection, vantage, wanted, at_ns, services=services)

    def _insert(self, entries: Sequence[Entry]) -> tuple[int, int]:
        """Insert and return how many results were new, and how many were refused."""
        try:
            with self._engine.begin() as connection:
                return _write(connection, entries), 0
        except (SQLAlchemyError, ValueError, OverflowError) as error:
            if not is_row_fault(error):
                raise
            if len(entries) == 1:
                _log.error("store_refused: %s cannot be kept: %s", _name(entries[0]), _reason(error))
                return 0, int("results" in entries[0])
        half = len(entries) // 2
        (new, refused), (more_new, more_refused) = self._insert(entries[:half]), self._insert(entries[half:])
        return new + more_new, refused + more_refused

    def _entries(self, results: Sequence[ProbeResult]) -> list[Entry]:
        names = [rows.names(result) for result in results]
        ids = {
            field: self._dictionaries.ids(dictionary, (found[field] for found in names if field in found))
            for field, dictionary in rows.DICTIONARY_OF.items()
        }
        targets = ids["target"]
        revisions = [rows.revision(result) | {"target_id": targets[result.target]} for result in results]
        revision_ids = self._dictionaries.revisions({row["digest"]: row for row in revisions})
        return [
            _entry(
                result,
                rows.columns(
                    result,
                    {field: ids[field][name] for field, name in found.items()},
                    revision_ids[revision["digest"]],
                ),
            )
            for result, found, revision in zip(results, names, revisions, strict=True)
        ]

    def _judged(self, verdicts: Sequence[Settled]) -> list[Entry]:
        slots = [verdict.slot for verdict in verdicts]
        ids = {
            field: self._dictionaries.ids(rows.DICTIONARY_OF[field], (getattr(slot, field) for slot in slots))
            for field in ("target", "probe", "vantage")
        }
        return [
            {
                "verdicts": rows.verdict_columns(
                    verdict, {field: ids[field][getattr(verdict.slot, field)] for field in ids}
                )
            }
            for verdict in verdicts
        ]

    @contextlib.contextmanager
    def _edge(self, doing: str) -> Iterator[None]:
        try:
            with self._dictionaries.edge(doing):
                yield
        except StoreUnavailableError:
            self._partitions.forget()
            raise


def _cleaned(result: ProbeResult) -> ProbeResult | None:
    try:
        cleaned, changed = clean(result)
    except UnfitError as error:
        _log.error("store_refused: result %s cannot be kept: %s", result.id, error)
        return None
    if changed:
        _log.warning("store_cleaned: result %s is kept without all of %s", result.id, ", ".join(changed))
    return cleaned


def _cleaned_verdict(verdict: Settled) -> Settled | None:
    try:
        return clean_settled(verdict)
    except UnfitError as error:
        _log.error("store_refused: the verdict on %s cannot be kept: %s", verdict.slot, error)
        return None


def _order(slot: SlotKey) -> tuple[str, int, str, str]:
    return slot.target, slot.scheduled_ns, slot.probe, slot.vantage


def _entry(result: ProbeResult, columns: Row) -> Entry:
    """Return the rows of one attempt: always the narrow one and the ring's, and a failure's for longer."""
    row, detail = rows.detailed(result)
    key = ("scheduled_at", "target_id", "probe_id", "vantage_id", "attempt")
    whole = {**{name: columns[name] for name in key}, "row": row, "detail": detail}
    keeps_longer = result.meaning.good is not True or result.attempt == MANUAL
    return {"results": columns, "recent": whole, **({"failures": whole} if keeps_longer else {})}


def _write(connection: Connection, entries: Sequence[Entry]) -> int:
    """Insert all rows, a statement a table, and return how many of `results` were new; mark what was counted already."""
    new = 0
    for table in ("results", "failures", "recent", "verdicts"):
        found = [entry[table] for entry in entries if table in entry]
        if found:
            columns = schema.metadata.tables[table].c
            arrays = {column.name: _array(column, [row[column.name] for row in found]) for column in columns}
            inserted = connection.execute(_insertion(table), arrays).rowcount
            new += inserted if table == "results" else 0
    stale.mark_written(connection, _counted(entries))
    return new


def _counted(entries: Sequence[Entry]) -> Iterator[tuple[int, datetime]]:
    """Yield target id and instant of what objectives count."""
    for entry in entries:
        row = entry.get("results") or entry.get("verdicts")
        if row and row.get("attempt", SCHEDULED) == SCHEDULED:
            yield row["target_id"], row["scheduled_at"]


def _array(column: Column[Any], values: list[Any]) -> Any:
    """Return the values as one parameter; those of a JSON column as one JSON array, for the driver to copy only."""
    return json.dumps(values, ensure_ascii=False) if isinstance(column.type, JSONB) else values


@functools.cache
def _insertion(table: str) -> TextClause:
    """Return the statement that takes one array a column: one plan for any number of rows, 40,000 a second."""
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
    columns = schema.metadata.tables[table].c
    arrays = ", ".join(
        f"jsonb_array_elements(CAST(:{column.name} AS jsonb))"
        if isinstance(column.type, JSONB)
        else f"unnest(CAST(:{column.name} AS {column.type.compile(dialect)}[]))"
        for column in columns
    )
    names = ", ".join(f'"{column.name}"' for column in columns)
    return text(
        f"INSERT INTO {table} ({names}) SELECT * FROM ROWS FROM ({arrays})"  # noqa: S608 - names of our own
        " ON CONFLICT DO NOTHING"
    )


def _name(entry: Entry) -> str:
    row = entry.get("results")
    return f"result {row['id']}" if row else f"the verdict on {entry['verdicts']}"


def _reason(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
