"""Which slots were due: what a plan closes and opens, and the rows that remember it."""

import dataclasses
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, and_, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from storage import schema
from storage.dictionaries import Dictionaries
from storage.locks import Lock
from storage.readings import PlanRow
from storage.records import Plan, PlanEntry

_KEY = ("vantage_id", "target_id", "probe_id", "valid_from_ns")


def changes(held: Iterable[PlanRow], plan: Plan) -> list[PlanRow]:
    """Return the rows to write, changed and new ones; a plan that holds already gives none.

    What holds at the plan's instant and stands in it unchanged goes on. The rest is closed there; what it adds
    is opened there. A plan that is told late (by another agent of the place, after a newer one) holds until the
    next instant at which the rows show a change, and from there on what they showed before.
    """
    at = plan.valid_from_ns
    ours = [row for row in held if row.vantage == plan.vantage]
    holding = {(row.target, row.probe): row for row in ours if _holds(row, at)}
    instants = (instant for row in ours for instant in (row.valid_from_ns, row.valid_to_ns) if instant)
    until = min((instant for instant in instants if instant > at), default=None)
    wanted = {(entry.target, entry.probe): entry for entry in plan.entries}
    ended = [row for key, row in holding.items() if not _same(row, wanted.get(key))]
    written = [dataclasses.replace(row, valid_to_ns=at) for row in ended]
    if until is not None:
        written += [
            dataclasses.replace(row, valid_from_ns=until) for row in ended if row.valid_to_ns != until
        ]
    opened = [entry for key, entry in wanted.items() if key not in holding or holding[key] in ended]
    return written + [_row(plan, entry, until) for entry in opened]


def _holds(row: PlanRow, at: int) -> bool:
    return row.valid_from_ns <= at and (row.valid_to_ns is None or row.valid_to_ns > at)


def _same(row: PlanRow, entry: PlanEntry | None) -> bool:
    return entry is not None and (row.every_ns, row.phase_ns) == (entry.every_ns, entry.phase_ns)


def _row(plan: Plan, entry: PlanEntry, until: int | None) -> PlanRow:
    return PlanRow(
        config_hash=plan.config_hash,
        vantage=plan.vantage,
        target=entry.target,
        probe=entry.probe,
        every_ns=entry.every_ns,
        phase_ns=entry.phase_ns,
        valid_from_ns=plan.valid_from_ns,
        valid_to_ns=until,
        reason=plan.reason,
    )


def touching(rows: Iterable[PlanRow], since_ns: int, until_ns: int | None) -> list[PlanRow]:
    """Return the rows that hold at some instant of [since, until), sorted; empty ones hold never."""
    found = (
        row
        for row in rows
        if (until_ns is None or row.valid_from_ns < until_ns)
        and (row.valid_to_ns is None or row.valid_to_ns > max(since_ns, row.valid_from_ns))
    )
    return sorted(found, key=lambda row: (row.target, row.probe, row.valid_from_ns))


def apply(connection: Connection, dictionaries: Dictionaries, plan: Plan) -> None:
    """Write what a plan changes, alone among all processes."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.PLANS})
    written = changes(read(connection, plan.vantage, plan.valid_from_ns, None), plan)
    if not written:
        return
    targets = dictionaries.ids("targets", (row.target for row in written))
    probes = dictionaries.ids("probes", (row.probe for row in written))
    vantages = dictionaries.ids("vantages", (plan.vantage,))
    statement = insert(schema.plans)
    others = {column.name: statement.excluded[column.name] for column in schema.plans.c}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=_KEY, set_={name: value for name, value in others.items() if name not in _KEY}
        ),
        [
            {
                "valid_from_ns": row.valid_from_ns,
                "valid_to_ns": row.valid_to_ns,
                "every_ns": row.every_ns,
                "phase_ns": row.phase_ns,
                "target_id": targets[row.target],
                "probe_id": probes[row.probe],
                "vantage_id": vantages[row.vantage],
                "config_hash": row.config_hash,
                "reason": row.reason,
            }
            for row in written
        ],
    )


def read(connection: Connection, vantage: str, since_ns: int, until_ns: int | None) -> list[PlanRow]:
    """Return the rows of a vantage that hold at some instant of [since, until), sorted."""
    table = schema.plans
    found = connection.execute(
        select(
            schema.targets.c.name.label("target"),
            schema.probes.c.name.label("probe"),
            *(table.c[field] for field in _FIELDS),
        )
        .join(schema.targets, schema.targets.c.id == table.c.target_id)
        .join(schema.probes, schema.probes.c.id == table.c.probe_id)
        .join(schema.vantages, schema.vantages.c.id == table.c.vantage_id)
        .where(
            and_(
                schema.vantages.c.name == vantage,
                or_(table.c.valid_to_ns.is_(None), table.c.valid_to_ns > since_ns),
            )
        )
    )
    rows: Sequence[PlanRow] = [PlanRow(vantage=vantage, **row) for row in found.mappings()]
    return touching(rows, since_ns, until_ns)


_FIELDS = ("config_hash", "every_ns", "phase_ns", "valid_from_ns", "valid_to_ns", "reason")
