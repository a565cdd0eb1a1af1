"""When the meaning of a slot's result is final: a pure fold of journal records into judgements, each slot once."""

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from agent.telling.messages import Message
from probes.result import SCHEDULED, Fault, ProbeResult, SlotKey, ended_ns
from storage.records import Beat, Plan, Settled

PATIENCE_NS = 60_000_000_000
"""How long beats may go on past a failure's end before it is settled without the asker (decision 5)."""

REMEMBERED = 32
"""Settled slots kept of each (target, probe, vantage), so that a slot asked twice is counted once.

A slot comes twice where the wall clock steps back: at one slot in 30 s, 32 of them see through 16 minutes.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Final:
    """A scheduled attempt whose meaning is final; `verdict` stands where its outcome called for settling.

    `ours` is true where the asker never settled it, so that the verdict stands in no journal. `again` is true of a slot
    that is asked once more because the clock was set back: it says how its target stands now, and counts no more.
    """

    result: ProbeResult
    verdict: Settled | None = None
    ours: bool = False
    again: bool = False

    @property
    def fault(self) -> Fault:
        return Fault.NONE if self.verdict is None else self.verdict.fault

    @property
    def confirmed(self) -> bool:
        return self.verdict is not None and self.verdict.confirmed

    @property
    def answered(self) -> bool:
        return self.verdict is not None and self.verdict.answered


class _Pending(NamedTuple):
    """A failure that waits for its settlement, and its record's place in the sequence."""

    seq: int
    result: ProbeResult


class Settling:
    """Folds records, in order of sequence, into what became final.

    An outcome that asks for no confirmation is final at once, any other at its `settled` record. A failure
    whose asker is gone (a beat of another boot: an asker beats before it asks) or forgot it (beats go on for
    60 s past its end and past the plan's grace) is settled `undetermined` here. What is asked again becomes final
    again only for those who want it (`repeats`).
    """

    def __init__(self, *, repeats: bool = False) -> None:
        self._repeats = repeats
        self._pending: dict[SlotKey, _Pending] = {}
        self._settled: dict[tuple[str, str, str], collections.deque[int]] = {}
        self._grace_ns = 0
        self._boot: str | None = None

    @property
    def oldest_pending(self) -> int | None:
        """Return the sequence number of the oldest record that a restarted fold would have to see again."""
        return min((pending.seq for pending in self._pending.values()), default=None)

    @property
    def waiting_ns(self) -> dict[tuple[str, str], int]:
        """Return the oldest slot of each (target, probe) whose failure is not settled."""
        found: dict[tuple[str, str], int] = {}
        for key in self._pending:
            pair = key.target, key.probe
            found[pair] = min(key.scheduled_ns, found.get(pair, key.scheduled_ns))
        return found

    def fold(self, seq: int, message: Message) -> list[Final]:
        """Take one record's message and return what it made final."""
        match message:
            case ProbeResult():
                return self._arrive(seq, message)
            case Settled():
                return self._settle(message)
            case Beat():
                return self._beat(message)
            case Plan():
                self._plan(message)
        return []

    def _arrive(self, seq: int, result: ProbeResult) -> list[Final]:
        if result.attempt != SCHEDULED or result.key in self._pending:
            return []
        if self._is_settled(result.key) and not self._repeats:
            return []
        if result.meaning.confirm:
            self._pending[result.key] = _Pending(seq, result)
            return []
        return [self._finish(Final(result))]

    def _settle(self, verdict: Settled) -> list[Final]:
        pending = self._pending.pop(verdict.slot, None)
        return [] if pending is None else [self._finish(Final(pending.result, verdict))]

    def _beat(self, beat: Beat) -> list[Final]:
        restarted = self._boot not in {None, beat.boot}
        self._boot = beat.boot
        orphans = [
            pending
            for pending in self._pending.values()
            if restarted or beat.at_ns >= self._overdue_ns(pending.result)
        ]
        return [self._give_up(pending.result, beat.at_ns) for pending in orphans]

    def _plan(self, plan: Plan) -> None:
        """Take the grace, and forget the series that are asked no more."""
        self._grace_ns = plan.grace_ns
        asked = {(entry.target, entry.probe, plan.vantage) for entry in plan.entries}
        self._settled = {series: slots for series, slots in self._settled.items() if series in asked}

    def _overdue_ns(self, result: ProbeResult) -> int:
        # The grace holds the longest deadline and settling: with `first_token: 60s` the asker itself takes
        # 75 s to settle, and must not be overtaken.
        return max(ended_ns(result) + PATIENCE_NS, result.scheduled_ns + self._grace_ns)

    def _give_up(self, result: ProbeResult, at_ns: int) -> Final:
        del self._pending[result.key]
        verdict = Settled(slot=result.key, fault=Fault.UNDETERMINED, settled_ns=at_ns)
        return self._finish(Final(result, verdict, ours=True))

    def _finish(self, final: Final) -> Final:
        key = final.result.key
        if self._is_settled(key):
            return dataclasses.replace(final, again=True)
        settled = self._settled.setdefault(_series(key), collections.deque(maxlen=REMEMBERED))
        settled.append(key.scheduled_ns)
        return final

    def _is_settled(self, key: SlotKey) -> bool:
        return key.scheduled_ns in self._settled.get(_series(key), ())

    def snapshot(self) -> dict[str, Any]:
        """Return the fold's whole state as plain JSON values."""
        return {
            "grace_ns": self._grace_ns,
            "boot": self._boot,
            "pending": [[seq, result.encode().decode()] for seq, result in self._pending.values()],
            "settled": [[*series, list(slots)] for series, slots in self._settled.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned."""
        self._grace_ns, self._boot = state["grace_ns"], state["boot"]
        for seq, encoded in state["pending"]:
            result = ProbeResult.decode(encoded.encode())
            self._pending[result.key] = _Pending(seq, result)
        for target, probe, vantage, slots in state["settled"]:
            self._settled[target, probe, vantage] = collections.deque(slots, maxlen=REMEMBERED)


def _series(key: SlotKey) -> tuple[str, str, str]:
    return key.target, key.probe, key.vantage
