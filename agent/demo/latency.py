"""How long a simulated vendor takes: a log-normal body with a heavy tail, drawn from a chance that is given."""

import dataclasses
import random
from typing import Final, Protocol

LONGEST_S: Final = 60.0
"""A Pareto tail knows no end; a request that takes longer than every deadline tells no more."""


class Tail(Protocol):
    """What lengthens some waits: `draw` returns a factor, mostly 1."""

    def draw(self, chance: random.Random) -> float: ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pareto:
    """A share of waits is at least `start` times as long, and twice that with chance 2 ** -alpha."""

    share: float = 0.02
    start: float = 2.0
    alpha: float = 2.0

    def draw(self, chance: random.Random) -> float:
        return self.start * chance.paretovariate(self.alpha) if chance.random() < self.share else 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecondMode:
    """A share of waits queues first: `factor` times as long in the median (sigma of the log)."""

    share: float
    factor: float
    sigma: float

    def draw(self, chance: random.Random) -> float:
        if chance.random() >= self.share:
            return 1.0
        return self.factor * chance.lognormvariate(0.0, self.sigma)


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """How long one answer takes: to its first token, and from token to token, in seconds."""

    ttft_s: float
    token_s: float

    def slowed(self, factor: float) -> "Timing":
        return Timing(self.ttft_s * factor, self.token_s * factor)

    def total_s(self, tokens: int) -> float:
        """Return how long an answer of so many tokens takes.

        >>> Timing(0.5, 0.25).slowed(2.0).total_s(5)
        3.0
        """
        return self.ttft_s + self.token_s * (tokens - 1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A vendor's timings: medians in seconds, sigmas of their logarithms, and the tail of the first token."""

    ttft_s: float
    ttft_sigma: float
    token_s: float
    token_sigma: float = 0.12
    tail: Tail = Pareto()

    def draw(self, chance: random.Random) -> Timing:
        """Return one answer's timing; the same chance, seeded alike, draws the same.

        >>> steady = Latency(ttft_s=0.3, ttft_sigma=0.0, token_s=0.01, token_sigma=0.0, tail=Pareto(share=0.0))
        >>> steady.draw(random.Random(1))
        Timing(ttft_s=0.3, token_s=0.01)
        """
        ttft_s = self.ttft_s * chance.lognormvariate(0.0, self.ttft_sigma) * self.tail.draw(chance)
        token_s = self.token_s * chance.lognormvariate(0.0, self.token_sigma)
        return Timing(min(ttft_s, LONGEST_S), token_s)
