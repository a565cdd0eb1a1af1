"""Which slots were due: what a plan closes and opens, and the rows that remember it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, and_, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from storage import schema, validity
from storage.dictionaries import Dictionaries
from storage.locks import Lock
from storage.readings import PlanRow
from storage.records import Plan, PlanEntry

_KEY = ("vantage_id", "target_id", "probe_id", "valid_from_ns")


def changes(held: Iterable[PlanRow], plan: Plan) -> list[PlanRow]:
    """Return the rows to write, changed and new ones; a plan that holds already gives none."""
    return validity.changes(
        [row for row in held if row.vantage == plan.vantage],
        {(entry.target, entry.probe): _row(plan, entry) for entry in plan.entries},
        plan.valid_from_ns,
        key=lambda row: (row.target, row.probe),
        same=lambda row, other: (row.every_ns, row.phase_ns) == (other.every_ns, other.phase_ns),
    )


def _row(plan: Plan, entry: PlanEntry) -> PlanRow:
    return PlanRow(
        config_hash=plan.config_hash,
        vantage=plan.vantage,
        target=entry.target,
        probe=entry.probe,
        every_ns=entry.every_ns,
        phase_ns=entry.phase_ns,
        valid_from_ns=plan.valid_from_ns,
        valid_to_ns=None,
        reason=plan.reason,
    )


def touching(rows: Iterable[PlanRow], since_ns: int, until_ns: int | None) -> list[PlanRow]:
    """Return the rows that hold at some instant of [since, until), sorted."""
    found = validity.holding(rows, since_ns, until_ns)
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
