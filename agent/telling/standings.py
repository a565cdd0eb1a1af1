"""How every probe of every target stands, folded from what is settled, with what an incident's verdict asks about."""

import dataclasses
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

from agent.config.model import Config
from agent.slo.standing import Slot, Standing
from agent.telling.settling import ended_ns
from exporters.signals import Judged
from probes.events import class_of
from probes.result import EventClass, Outcome, ProbeResult
from probes.target import Target

Pair = tuple[str, str]

SPOILT_NS: Final = 300 * 1_000_000_000
"""Over how long the share of answers is taken that our own delay spoilt."""

_ANSWERS: Final = 10_000


@dataclasses.dataclass(slots=True)
class Seen:
    """One probe of a target: how it stands, its last outcome that was not good, and since when it is probed."""

    standing: Standing = dataclasses.field(default_factory=Standing)
    outcome: Outcome | None = None
    born_ns: int | None = None

    def plain(self) -> list[Any]:
        return [
            dataclasses.asdict(self.standing),
            None if self.outcome is None else self.outcome.value,
            self.born_ns,
        ]

    @classmethod
    def revived(cls, plain: list[Any]) -> "Seen":
        standing, outcome, born_ns = plain
        return cls(Standing(**standing), None if outcome is None else Outcome(outcome), born_ns)


class Standings:
    """A `ResultSink`; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[str, Target] = {}
        self._vantage: str | None = None
        self._seen: dict[Pair, Seen] = {}
        self._answers: deque[tuple[int, bool]] = deque(maxlen=_ANSWERS)

    def plan(self, config: Config) -> None:
        """Look at what the plan names and forget all else; what it names already is remembered."""
        with self._lock:
            self._targets = {target.name: target for target in config.targets}
            self._vantage = config.vantage
            self._seen = {pair: self._seen.get(pair, Seen()) for pair in config.workloads()}

    def take(self, result: ProbeResult) -> None:
        """Nothing: only what is settled says how a target stands."""

    def settle(self, judged: Judged) -> None:
        result = judged.result
        with self._lock:
            seen = self._seen.get((result.target, result.probe))
            if seen is None or result.vantage != self._vantage:
                return
            kind = self._kind(judged)
            if kind is None:
                return
            slot = Slot(
                scheduled_ns=result.scheduled_ns,
                settled_ns=ended_ns(result),
                kind=kind,
                confirmed=judged.confirmed,
                answered=judged.answered,
            )
            seen.standing = seen.standing.after(slot)
            seen.outcome = None if kind is EventClass.GOOD else result.outcome
            seen.born_ns = result.scheduled_ns if seen.born_ns is None else seen.born_ns
            self._answers.append((result.started_ns, result.outcome is Outcome.AGENT_FAULT))

    def _kind(self, judged: Judged) -> EventClass | None:
        target = self._targets[judged.result.target]
        return class_of(
            judged.result.outcome,
            judged.fault,
            sli="availability",
            within=None,
            trusted=True,
            throttled=EventClass(target.count_throttled or EventClass.EXCLUDED),
        )

    def standings(self) -> dict[Pair, Standing]:
        with self._lock:
            return {pair: seen.standing for pair, seen in self._seen.items()}

    def outcomes(self) -> dict[Pair, Outcome]:
        """Return the last outcome of each probe whose last slot was not good."""
        with self._lock:
            return {pair: seen.outcome for pair, seen in self._seen.items() if seen.outcome is not None}

    def born_ns(self) -> dict[str, int]:
        """Return since when each target is probed."""
        born: dict[str, int] = {}
        with self._lock:
            for (target, _), seen in self._seen.items():
                if seen.born_ns is not None:
                    born[target] = min(seen.born_ns, born.get(target, seen.born_ns))
        return born

    def spoilt(self, now_ns: int) -> float:
        """Return the share of recent answers that our own delay spoilt."""
        with self._lock:
            recent = [spoilt for at_ns, spoilt in self._answers if now_ns - at_ns <= SPOILT_NS]
        return sum(recent) / len(recent) if recent else 0.0

    # -- kept with the fold's snapshot

    def snapshot(self) -> list[Any]:
        """Return what is remembered of each probe, as plain JSON values."""
        with self._lock:
            return [[*pair, seen.plain()] for pair, seen in self._seen.items()]

    def restore(self, kept: Iterable[Any]) -> None:
        """Go on from what `snapshot` returned."""
        seen: Mapping[Pair, Seen] = {(target, probe): Seen.revived(one) for target, probe, one in kept}
        with self._lock:
            self._seen = dict(seen)
