"""What was seen of a target, attempt by attempt, with its detail where that is kept and each slot's settlement."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from probes.result import SCHEDULED, Fault, ProbeResult, SlotKey
from storage import rows
from storage.readings import Attempt, SlotRow
from storage.records import Settled

_WHOLE = " UNION ".join(
    f"""
    SELECT d.row, d.detail FROM {table} d
    JOIN targets ON targets.id = d.target_id
    WHERE targets.name = :target AND d.scheduled_at >= :since AND d.scheduled_at < :until
    """  # noqa: S608 - names of our own
    for table in ("failures", "recent")
)

_SETTLED = """
    SELECT probes.name AS probe, vantages.name AS vantage, v.scheduled_at, v.fault, v.confirmations,
        v.confirmations_bad, v.witness, v.settled_ns
    FROM verdicts v
    JOIN targets ON targets.id = v.target_id
    JOIN probes ON probes.id = v.probe_id
    JOIN vantages ON vantages.id = v.vantage_id
    WHERE targets.name = :target AND v.scheduled_at >= :since AND v.scheduled_at < :until
"""


def read(
    connection: Connection, seen: Sequence[SlotRow], target: str, since_ns: int, until_ns: int
) -> list[Attempt]:
    """Return attempts that were read from `results`, in their order, with all that is kept of them elsewhere."""
    asked = {"target": target, "since": rows.instant_up(since_ns), "until": rows.instant_up(until_ns)}
    found = connection.execute(text(_WHOLE), asked)
    details: dict[uuid.UUID, ProbeResult] = {
        whole.id: whole for whole in (rows.whole(row, detail) for row, detail in found)
    }
    settled = [dict(row) for row in connection.execute(text(_SETTLED), asked).mappings()]
    return joined(
        (details.get(one.result.id, one.result) for one in seen), (_settled(target, row) for row in settled)
    )


def joined(results: Iterable[ProbeResult], settlements: Iterable[Settled]) -> list[Attempt]:
    """Return attempts, the scheduled ones with their slots' settlements."""
    known = {_microseconds(settled.slot): settled for settled in settlements}
    return [
        Attempt(
            result=result,
            settled=known.get(_microseconds(result.key)) if result.attempt == SCHEDULED else None,
        )
        for result in results
    ]


def _microseconds(slot: SlotKey) -> tuple[str, str, str, int]:
    """Return a slot's key as Postgres keeps its instant."""
    return slot.target, slot.probe, slot.vantage, slot.scheduled_ns // 1000


def _settled(target: str, row: Mapping[str, Any]) -> Settled:
    return Settled(
        slot=SlotKey(target, row["probe"], row["vantage"], rows.nanoseconds(row["scheduled_at"])),
        fault=Fault(row["fault"]),
        confirmations=row["confirmations"],
        confirmations_bad=row["confirmations_bad"],
        witness=row["witness"],
        settled_ns=row["settled_ns"],
    )
