"""What is known of one probe of a target, folded from what is settled."""

import dataclasses
import operator
from typing import Any, Final

from agent.slo.standing import Slot, Standing
from agent.telling.recent import Recent
from exporters.signals import Judged
from probes.identity import LATELY_NS, TURNED
from probes.result import REFUSALS, EventClass, Fault, Outcome, ProbeResult, ended_ns

Pair = tuple[str, str]
"""Target and probe."""


@dataclasses.dataclass(slots=True)
class Seen:
    """One probe of a target: how it stands, its last outcome that was not good, and since when it is probed.

    `good_ns` is when its last good answer ended, `named_ns` that of the last for which a name was resolved. While its
    slots fail by our own fault, `lost_since_ns` is the first of them, `lost_ns` when the last of them failed, and
    `lost_confirmed` whether every confirmation of one failed. `refused` counts slots in a row whose identity or quota
    was refused, the first of them at `refused_ns`. `asked_ns` is since when the plan names it, `skipped` why its last
    slot without a result has none, and when that was. `doubted_ns` is the last slot that failed and is not settled yet.
    """

    standing: Standing = dataclasses.field(default_factory=Standing)
    outcome: Outcome | None = None
    born_ns: int | None = None
    good_ns: int | None = None
    lost_since_ns: int | None = None
    lost_ns: int = 0
    lost_confirmed: bool = False
    refused: int = 0
    refused_ns: int = 0
    named_ns: int | None = None
    asked_ns: int | None = None
    skipped: tuple[str, int] | None = None
    doubted_ns: int | None = None
    recent: Recent = dataclasses.field(default_factory=Recent)

    @property
    def turned(self) -> bool:
        """Return whether it was well within a day before its identity or quota was refused, and is refused for good."""
        return (
            self.refused >= TURNED
            and self.good_ns is not None
            and self.refused_ns - self.good_ns <= LATELY_NS
        )

    def after(self, judged: Judged, kind: EventClass) -> None:
        """Take one settled slot."""
        result = judged.result
        at_ns = ended_ns(result)
        slot = Slot(
            scheduled_ns=result.scheduled_ns,
            kind=kind,
            confirmed=judged.confirmed,
            answered=judged.answered,
            maintained=judged.maintained,
        )
        self.standing = self.standing.after(slot)
        if result.scheduled_ns >= (self.doubted_ns or 0):
            self.doubted_ns = None
        self.recent = self.recent.after(judged, kind)
        self.born_ns = result.scheduled_ns if self.born_ns is None else self.born_ns
        if result.outcome is not Outcome.AGENT_FAULT:  # which says nothing of the endpoint or the way
            self._lose(judged, at_ns)
            if not judged.maintained:
                self._refuse(result, ours=judged.fault is Fault.OURS)
            self.outcome = None if kind is EventClass.GOOD else result.outcome
        if kind is EventClass.GOOD:
            self.good_ns = at_ns
            self.named_ns = self.named_ns if result.dns_s is None else at_ns

    def _lose(self, judged: Judged, at_ns: int) -> None:
        if at_ns < max(self.lost_ns, self.good_ns or 0):
            return  # failures are settled after what came later
        if judged.fault is not Fault.OURS:
            self.lost_since_ns, self.lost_confirmed = None, False
            return
        if self.lost_since_ns is None:
            self.lost_since_ns = judged.result.scheduled_ns
        self.lost_ns = at_ns
        self.lost_confirmed |= judged.confirmed

    def moved(self) -> None:
        """Forget what an endpoint said of itself that is asked no more."""
        self.recent = dataclasses.replace(self.recent, said=Recent().said)

    def set_back(self, at_ns: int) -> None:
        """Let nothing that was seen lie after an instant to which the clock was set back."""
        self.standing, self.recent = self.standing.set_back(at_ns), self.recent.set_back(at_ns)
        self.lost_ns, self.refused_ns = min(self.lost_ns, at_ns), min(self.refused_ns, at_ns)
        for name in ("born_ns", "good_ns", "named_ns", "lost_since_ns", "asked_ns", "doubted_ns"):
            if (known := getattr(self, name)) is not None:
                setattr(self, name, min(known, at_ns))
        if self.skipped is not None:
            self.skipped = self.skipped[0], min(self.skipped[1], at_ns)

    def _refuse(self, result: ProbeResult, *, ours: bool) -> None:
        if result.outcome not in REFUSALS:
            self.refused = self.refused if ours else 0
            return
        self.refused += 1
        if self.refused == 1:
            self.refused_ns = result.scheduled_ns

    def copy(self) -> "Seen":
        """Return the same, apart; all that it holds is frozen."""
        return Seen(*_ALL(self))

    def plain(self) -> list[Any]:
        return [
            dict(zip(_STANDING, _STANDS(self.standing), strict=True)),
            None if self.outcome is None else self.outcome.value,
            self.born_ns,
            *(getattr(self, name) for name in _LATER),
            self.recent.plain(),
        ]

    @classmethod
    def revived(cls, plain: list[Any]) -> "Seen":
        standing, outcome, born_ns, *later = plain
        recent = later[len(_LATER) :]
        return cls(
            Standing(**standing),
            None if outcome is None else Outcome(outcome),
            born_ns,
            **dict(zip(_LATER, later, strict=False)),
            recent=Recent.revived(recent[0]) if recent else Recent(),
        )


_ALL: Final = operator.attrgetter(*(field.name for field in dataclasses.fields(Seen)))

_STANDING: Final = tuple(field.name for field in dataclasses.fields(Standing))
_STANDS: Final = operator.attrgetter(*_STANDING)

_LATER: Final = (
    "good_ns",
    "lost_since_ns",
    "lost_ns",
    "lost_confirmed",
    "refused",
    "refused_ns",
    "named_ns",
    "asked_ns",
)
"""What a snapshot of an earlier release may lack."""
