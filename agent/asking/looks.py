"""One look at the witnesses of a way, and who answered on it meanwhile."""

import asyncio
import dataclasses
from typing import Final

from agent.asking.votes import Vote
from probes.base import Tried
from probes.result import Outcome, ProbeResult
from probes.target import Network

JOIN_NS: Final = 1_000_000_000
"""A failure joins a look that began so long before it at the most: an older one tells of another time."""


@dataclasses.dataclass(slots=True)
class Answers:
    """When the targets of a network answered last, and when they last had looked a name up for it (monotonic)."""

    at_ns: dict[str, int] = dataclasses.field(default_factory=dict)
    named_ns: dict[str, int] = dataclasses.field(default_factory=dict)

    def take(self, result: ProbeResult, now_ns: int) -> None:
        self.at_ns[result.target] = now_ns
        if result.dns_s is not None:
            self.named_ns[result.target] = now_ns

    def since(self, failed_ns: int, but: str, outcome: Outcome) -> str | None:
        """Return a target that answered after a failure of another; a name's failure asks for one with a name."""
        found = self.named_ns if outcome is Outcome.DNS else self.at_ns
        return next((name for name, at_ns in found.items() if name != but and at_ns >= failed_ns), None)

    def copy(self) -> "Answers":
        return Answers(dict(self.at_ns), dict(self.named_ns))


@dataclasses.dataclass(slots=True)
class Look:
    """All witnesses of a network, tried at one instant (monotonic nanoseconds), which may be still to come.

    `valid` names those that had a vote when it was asked for. `answers` is who had answered when it ended: what
    answers later tells of a later time.
    """

    network: Network
    began_ns: int
    valid: frozenset[str]
    tried: dict[str, Tried] = dataclasses.field(default_factory=dict)
    tasks: tuple[asyncio.Task[None], ...] = ()
    answers: Answers | None = None

    @property
    def complete(self) -> bool:
        return len(self.tried) == len(self.network.witnesses)

    @property
    def reached(self) -> bool:
        return any(tried.reached or tried.resolved for tried in self.tried.values())

    @property
    def dark(self) -> bool:
        """Return whether nobody was reached, and that means something."""
        return self.complete and not self.reached and bool(self.valid)

    def may_be_joined(self, failed_ns: int) -> bool:
        """Return whether a failure may still wait for it: what was reached before the failure proves nothing."""
        return not self.complete and not self.reached and failed_ns - self.began_ns <= JOIN_NS

    def votes(self) -> list[Vote]:
        return [
            Vote(witness, self.tried.get(witness.name), witness.name in self.valid)
            for witness in self.network.witnesses
        ]

    async def ended(self) -> None:
        if self.tasks:
            await asyncio.wait(self.tasks)
