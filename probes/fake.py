"""A probe that answers from a list."""

import uuid
from collections.abc import Iterable

from probes.base import Clock, Slot
from probes.result import Outcome, ProbeResult
from probes.target import Target, Workload


class FakeProbe:
    """Answers with these outcomes in turn, the last one for ever, and remembers what it was asked.

    `ttft_s` is what every good answer took to its first token; a good one takes twice that in all.
    """

    def __init__(
        self, clock: Clock, outcomes: Iterable[Outcome] = (), *, vantage: str = "local", ttft_s: float = 0.25
    ) -> None:
        self.asked: list[tuple[Target, Workload, Slot]] = []
        self._clock = clock
        self._outcomes = list(outcomes) or [Outcome.OK]
        self._vantage = vantage
        self._ttft_s = ttft_s

    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        """Return the next answer of the list."""
        self.asked.append((target, workload, slot))
        outcome = self._outcomes[min(len(self.asked), len(self._outcomes)) - 1]
        good = outcome is Outcome.OK
        return ProbeResult(
            id=uuid.UUID(int=len(self.asked)),
            probe=workload.name,
            kind=workload.kind,
            target=target.name,
            provider=target.provider,
            cloud=target.cloud,
            region=target.region,
            model=target.model,
            vantage=self._vantage,
            labels=target.labels,
            simulated=target.simulated,
            scheduled_ns=slot.scheduled_ns,
            attempt=slot.attempt,
            started_ns=self._clock.wall_ns(),
            outcome=outcome,
            error=None if good else f"target {target.name} was told to answer {outcome.value}",
            ttft_s=self._ttft_s if good else None,
            total_s=2 * self._ttft_s if good else None,
        )
