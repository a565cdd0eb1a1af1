"""How many slots were due, by the stored plans."""

from collections.abc import Iterable

from probes.slots import slots_between
from storage.readings import PlanRow


def expected_slots(plans: Iterable[PlanRow], since_ns: int, until_ns: int) -> int:
    """Return how many slots the plans made due in [since, until)."""
    return sum(due_slots(row, since_ns, until_ns) for row in plans)


def due_slots(row: PlanRow, since_ns: int, until_ns: int) -> int:
    """Return how many slots one plan row made due in [since, until)."""
    return slots_between(
        row.every_ns,
        row.phase_ns,
        max(since_ns, row.valid_from_ns),
        until_ns if row.valid_to_ns is None else min(until_ns, row.valid_to_ns),
    )


def plans_by_pair(rows: Iterable[PlanRow]) -> dict[tuple[str, str], list[PlanRow]]:
    """Return the rows by (target, probe), in their order."""
    found: dict[tuple[str, str], list[PlanRow]] = {}
    for row in rows:
        found.setdefault((row.target, row.probe), []).append(row)
    return found


def asked_since(rows: Iterable[PlanRow]) -> dict[str, int]:
    """Return since when each target is asked anything, by its plans."""
    found: dict[str, int] = {}
    for row in rows:
        found[row.target] = min(row.valid_from_ns, found.get(row.target, row.valid_from_ns))
    return found
