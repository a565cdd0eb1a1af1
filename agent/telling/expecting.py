"""How many slots were due by now, from the plans alone: a pure fold, so that silence is counted too."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from probes.slots import first_slot, slots_between
from storage.records import Beat, Plan, PlanEntry


@dataclasses.dataclass(frozen=True, slots=True)
class Due:
    """So many more slots of one probe of one target were due from one vantage, the first and the last at these instants."""

    target: str
    probe: str
    vantage: str
    slots: int
    first_ns: int
    last_ns: int


@dataclasses.dataclass(slots=True)
class _Span:
    """Slots of one entry, asked from one vantage, due in [counted_ns, end_ns); no end while the plan holds.

    `counted_ns` is None where only a repetition of the plan was seen (the journal's beginning is gone):
    then counting begins at the next beat, not at a start whose results nobody has.
    """

    vantage: str
    entry: PlanEntry
    counted_ns: int | None
    end_ns: int | None = None


class Expecting:
    """Folds plans and beats into due slots, each once.

    A slot is due once the asker beats later than the plan's grace after it: its result has come by then, or
    never will. A stopped asker ends no plan: the slots of its absence are due when beats go on.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, str], _Span] = {}
        self._ending: list[_Span] = []
        self._grace_ns = 0

    def plan(self, plan: Plan) -> None:
        """Close what the plan ends and open what it begins; what holds already goes on."""
        known = bool(self._open)
        entries = {(plan.vantage, entry.target, entry.probe): entry for entry in plan.entries}
        for key, span in list(self._open.items()):
            if entries.get(key) != span.entry:
                span.end_ns = plan.valid_from_ns
                self._ending.append(self._open.pop(key))
        for key, entry in entries.items():
            if key not in self._open:
                since_ns = None if plan.snapshot and not known else plan.valid_from_ns
                self._open[key] = _Span(plan.vantage, entry, since_ns)
        self._grace_ns = plan.grace_ns

    def beat(self, beat: Beat) -> list[Due]:
        """Return the slots that this beat's instant made due."""
        passed_ns = self.passed_ns(beat)
        due = []
        for span in (*self._open.values(), *self._ending):
            if span.counted_ns is None:
                span.counted_ns = beat.at_ns
            until_ns = passed_ns if span.end_ns is None else min(passed_ns, span.end_ns)
            if until_ns <= span.counted_ns:
                continue
            slots = slots_between(span.entry.every_ns, span.entry.phase_ns, span.counted_ns, until_ns)
            if slots:
                due.append(_due(span, span.counted_ns, slots))
            span.counted_ns = until_ns
        self._ending = [span for span in self._ending if not _is_over(span)]
        return due

    def passed_ns(self, beat: Beat) -> int:
        """Return up to which instant slots are due by a beat."""
        return beat.at_ns - self._grace_ns

    def snapshot(self) -> dict[str, Any]:
        """Return the fold's whole state as plain JSON values."""
        return {
            "grace_ns": self._grace_ns,
            "open": [dataclasses.asdict(span) for span in self._open.values()],
            "ending": [dataclasses.asdict(span) for span in self._ending],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._grace_ns = state["grace_ns"]
        spans = [_revive(raw) for raw in state["open"]]
        self._open = {(span.vantage, span.entry.target, span.entry.probe): span for span in spans}
        self._ending = [_revive(raw) for raw in state["ending"]]


def _due(span: _Span, since_ns: int, slots: int) -> Due:
    entry = span.entry
    first_ns = first_slot(entry.every_ns, entry.phase_ns, since_ns)
    last_ns = first_ns + (slots - 1) * entry.every_ns
    return Due(entry.target, entry.probe, span.vantage, slots, first_ns, last_ns)


def _is_over(span: _Span) -> bool:
    return span.end_ns is not None and span.counted_ns is not None and span.counted_ns >= span.end_ns


def _revive(raw: Mapping[str, Any]) -> _Span:
    return _Span(raw["vantage"], PlanEntry(**raw["entry"]), raw["counted_ns"], raw["end_ns"])
