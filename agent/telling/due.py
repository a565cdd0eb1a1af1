"""How many slots were due, by the stored plans."""

from collections.abc import Iterable, Sequence

from agent.slo.maintenance import Span, clipped
from probes.slots import slots_between
from storage.readings import PlanRow


def expected_slots(plans: Iterable[PlanRow], since_ns: int, until_ns: int) -> int:
    """Return how many slots the plans made due in [since, until)."""
    return sum(due_slots(row, since_ns, until_ns) for row in plans)


def expected_beside(
    plans: Sequence[PlanRow], since_ns: int, until_ns: int, quiet: Iterable[Span], maintained: int
) -> int:
    """Return how many slots of [since, until) were to be seen: one of a maintenance that nobody asked is not missing.

    `quiet` is when its target was in maintenance, and `maintained` how many slots were seen then.
    """
    spared = sum(expected_slots(plans, *span) for span in clipped(quiet, since_ns, until_ns))
    return expected_slots(plans, since_ns, until_ns) - max(0, spared - maintained)


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
