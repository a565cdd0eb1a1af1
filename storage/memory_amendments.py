"""The in-memory twin of what people and plans say that events count as."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from storage.readings import CorrectionRow, Ending, MaintenanceRow, Withdrawal

_FIELDS: dict[str, Literal["target", "probe", "vantage"]] = {
    "targets": "target",
    "probes": "probe",
    "vantages": "vantage",
}


class MemoryAmendments:
    """Amendments over lists; `known` says which names history has."""

    def __init__(self, known: Callable[[Literal["target", "probe", "vantage"]], Iterable[str]]) -> None:
        self._known = known
        self._maintenances: dict[tuple[str, str], MaintenanceRow] = {}
        self._corrections: dict[int, CorrectionRow] = {}

    def maintain(self, rows: Sequence[MaintenanceRow]) -> int:
        new = {(row.key, row.target): row for row in rows if (row.key, row.target) not in self._maintenances}
        self._maintenances |= new
        return len(new)

    def end(self, ending: Ending) -> bool:
        ended = [row for (key, _), row in self._maintenances.items() if key == ending.key]
        if not any(row.ended_ns is None and row.until_ns > ending.ended_ns for row in ended):
            return False
        for row in ended:
            self._maintenances[row.key, row.target] = dataclasses.replace(
                row, ended_ns=ending.ended_ns, ended_by=ending.author
            )
        return True

    def correct(self, row: CorrectionRow) -> list[CorrectionRow]:
        against = [
            one
            for one in self.corrections(row.since_ns, row.until_ns)
            if one.withdrawn_by is None and one.about(row.target, row.probe, row.vantage)
        ]
        if not against:
            number = len(self._corrections) + 1
            self._corrections[number] = dataclasses.replace(row, id=number)
        return against

    def withdraw(self, withdrawal: Withdrawal) -> bool:
        row = self._corrections.get(withdrawal.correction_id)
        if row is None or row.withdrawn_by is not None:
            return False
        self._corrections[row.id] = dataclasses.replace(row, withdrawn_by=withdrawal.author)
        return True

    def names(self, dictionary: Literal["targets", "probes", "vantages"]) -> list[str]:
        field = _FIELDS[dictionary]
        said = (
            getattr(row, field, None) for row in (*self._maintenances.values(), *self._corrections.values())
        )
        return sorted({*self._known(field), *(name for name in said if name)})

    def maintenances(self, since_ns: int, until_ns: int) -> list[MaintenanceRow]:
        found = (
            row
            for row in self._maintenances.values()
            if row.since_ns < until_ns and row.over_ns > max(since_ns, row.since_ns)
        )
        return sorted(found, key=lambda row: (row.since_ns, row.key, row.target))

    def corrections(self, since_ns: int, until_ns: int) -> list[CorrectionRow]:
        return [
            row for row in self._corrections.values() if row.since_ns < until_ns and row.until_ns > since_ns
        ]
