"""A vendor's rate limit: what is left of this minute."""

import dataclasses
import math
from typing import Final

from agent.demo.vendors import Limits

MINUTE_S: Final = 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Left:
    """What is left of the limits until they are whole again."""

    limits: Limits
    requests: int
    tokens: int
    reset_s: float

    @property
    def spent(self) -> bool:
        return self.requests < 0 or self.tokens < 0

    @property
    def wait_s(self) -> int:
        """Return the whole seconds after which to ask again, at least one."""
        return max(1, math.ceil(self.reset_s))


class Meter:
    """Counts down from the limits, and begins again each minute.

    >>> meter = Meter(Limits(2, 1000), now_s=0.0)
    >>> [meter.take(tokens=10, now_s=second).requests for second in (1.0, 2.0, 3.0, 61.0)]
    [1, 0, -1, 1]
    """

    def __init__(self, limits: Limits, now_s: float) -> None:
        self._limits = limits
        self._began_s = now_s
        self._requests = self._tokens = 0

    def take(self, tokens: int, now_s: float) -> Left:
        """Count one request and the tokens that it may take; what is past the limit is refused, not counted."""
        if now_s - self._began_s >= MINUTE_S:
            self._began_s = now_s - (now_s - self._began_s) % MINUTE_S
            self._requests = self._tokens = 0
        left = Left(
            self._limits,
            self._limits.requests - self._requests - 1,
            self._limits.tokens - self._tokens - tokens,
            self._began_s + MINUTE_S - now_s,
        )
        if not left.spent:
            self._requests += 1
            self._tokens += tokens
        return left

    def nothing(self, now_s: float) -> Left:
        """Return what a vendor says that throttles: nothing is left."""
        return Left(self._limits, 0, 0, max(1.0, MINUTE_S - (now_s - self._began_s) % MINUTE_S))
