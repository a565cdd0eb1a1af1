"""A histogram that is emptied with each beat."""

import bisect
from typing import Final

EDGES: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper edges in seconds: below 1 ms a sample is trusted, above 30 s a default slot has passed."""

_NAMES: Final = (*(format(edge, "g") for edge in EDGES), "+Inf")


class Buckets:
    """Counts of seconds by bucket, not cumulative.

    >>> buckets = Buckets(); buckets.add(0.0007); buckets.add(99.0); buckets.counts, buckets.sum_s
    ({'0.001': 1, '+Inf': 1}, 99.0007)
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        name = _NAMES[bisect.bisect_left(EDGES, seconds)]
        self.counts[name] = self.counts.get(name, 0) + 1
        self.sum_s += seconds

    def all_counts(self) -> dict[str, int]:
        """Return every bucket, the empty ones too."""
        return {name: self.counts.get(name, 0) for name in _NAMES}

    def clear(self) -> None:
        self.counts.clear()
        self.sum_s = 0.0
