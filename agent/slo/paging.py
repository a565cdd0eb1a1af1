"""How long a total failure can go on before it is confirmed, and before the generated rules page for it."""

import dataclasses
from collections.abc import Iterable
from typing import Final

from agent.slo.conditions import conditions

LAST_CONFIRMATION_S: Final = 10.0
"""When the last of the three confirmations starts, after the failure: at 0, 5 and 10 s (`agent.asking.confirm`)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorstCase:
    """The parts of the wait, in seconds, where a failure begins right after a slot was answered well.

    `slot_s` passes until the next slot, `deadline_s` until its failure shows, and `confirmations_s` until the
    last confirmation shows the same. All of it is the agent's: what the counters say then waits for Prometheus,
    which adds one scrape and one evaluation of the rules.
    """

    slot_s: float
    deadline_s: float
    confirmations_s: float

    @property
    def confirmed_s(self) -> float:
        """Return when the failure is confirmed and counted, at the latest."""
        return self.slot_s + self.deadline_s + self.confirmations_s

    def paged_s(self, failures: int) -> float:
        """Return when the last of so many failed slots in a row is counted: the gate of a paging rule.

        Four failures at 30 s are 90 s more than one:

        >>> hang(every_s=30, deadline_s=8).paged_s(4)
        146.0
        """
        return self.confirmed_s + (failures - 1) * self.slot_s


def hang(*, every_s: float, deadline_s: float) -> WorstCase:
    """Return the worst case of an endpoint that takes requests and says nothing.

    slot + deadline + start of the last confirmation + its deadline: with `every: 30s` and a deadline of 30 s
    that is 30 + 30 + 10 + 30 = 100 s, with `first_token: 8s` it is 30 + 8 + 10 + 8 = 56 s.

    >>> hang(every_s=30, deadline_s=30).confirmed_s, hang(every_s=30, deadline_s=8).confirmed_s
    (100.0, 56.0)
    """
    return WorstCase(slot_s=every_s, deadline_s=deadline_s, confirmations_s=LAST_CONFIRMATION_S + deadline_s)


def refusal(*, every_s: float) -> WorstCase:
    """Return the worst case of an endpoint that refuses at once: there is no deadline to wait for.

    >>> refusal(every_s=30).confirmed_s
    40.0
    """
    return hang(every_s=every_s, deadline_s=0.0)


def failures_to_page(objectives: Iterable[tuple[float, float]], every_s: float) -> int | None:
    """Return how many failed slots in a row page first, for objectives given as (ratio, window in seconds).

    None where no condition can page. The gate asks for the most: 4 of 120 at 99.9 %, 28 d and 30 s, where the
    burn alone would take 2.

    >>> failures_to_page([(0.999, 28 * 86400)], 30), failures_to_page([], 30)
    (4, None)
    """
    gates = [
        max(
            condition.min_bad_long,
            int(condition.factor * (1 - ratio) * condition.window.long_s / every_s) + 1,
        )
        for ratio, window_s in objectives
        for condition in conditions(ratio, window_s, every_s)[0]
        if condition.window.severity == "page"
    ]
    return min(gates, default=None)
