"""Drills in Postgres: what they asked, in a table of its own that nothing counts."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from probes.result import DRILL, ProbeResult, SlotKey
from storage import outbox, schema
from storage.readings import Attempt
from storage.records import Drilled, Settled


def write(connection: Connection, steps: Sequence[Drilled]) -> None:
    """Keep steps; what is there already is left as it is."""
    table = schema.drills
    for step in steps:
        if step.result is not None:
            row = outbox.held(json.loads(step.result.encode()))
            key = _key(step.result.key, step.result.attempt, step.drill.id)
            connection.execute(insert(table).values({**key, "row": row}).on_conflict_do_nothing())
        if step.settled is not None:
            key = _key(step.settled.slot, DRILL, step.drill.id)
            known = [table.c[name] == value for name, value in key.items()]
            said = outbox.held(json.loads(step.settled.encode()))
            connection.execute(update(table).where(*known).values(settled=said))


def read(connection: Connection, vantage: str, target: str, since_ns: int, until_ns: int) -> list[Attempt]:
    table = schema.drills
    query = (
        select(table.c.row, table.c.settled)
        .where(
            table.c.vantage == vantage,
            table.c.target == target,
            table.c.scheduled_ns >= since_ns,
            table.c.scheduled_ns < until_ns,
        )
        .order_by(table.c.scheduled_ns, table.c.probe, table.c.attempt.desc())
    )
    return [
        Attempt(
            result=ProbeResult.decode(json.dumps(row).encode()),
            settled=None if settled is None else Settled.decode(json.dumps(settled).encode()),
        )
        for row, settled in connection.execute(query)
    ]


def _key(slot: SlotKey, attempt: int, drill: str) -> dict[str, Any]:
    return {
        "vantage": slot.vantage,
        "target": slot.target,
        "probe": slot.probe,
        "scheduled_ns": slot.scheduled_ns,
        "attempt": attempt,
        "drill": drill,
    }
