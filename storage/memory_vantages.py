"""What vantages tell each other, in memory."""

import dataclasses
from collections.abc import Callable, Sequence

from storage.readings import StandingRow


class MemoryVantages:
    """Standings over a dictionary; `mono_ns` is the clock that their age is told by."""

    def __init__(self, mono_ns: Callable[[], int]) -> None:
        self._mono_ns = mono_ns
        self._said: dict[tuple[str, str], tuple[int, StandingRow]] = {}

    def tell(self, rows: Sequence[StandingRow]) -> None:
        now_ns = self._mono_ns()
        self._said |= {(row.vantage, row.target): (now_ns, row) for row in rows}

    def heard(self, vantage: str) -> list[StandingRow]:
        now_ns = self._mono_ns()
        return [
            dataclasses.replace(row, age_s=(now_ns - at_ns) / 1e9)
            for (who, _), (at_ns, row) in sorted(self._said.items())
            if who != vantage
        ]
