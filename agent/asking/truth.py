"""How far instants that were measured lie from the truth, which is an interval around each write."""

import math
from collections.abc import Iterable, Mapping, Sequence

Interval = tuple[int, int]

Errors = Mapping[str, Mapping[str, float]]
"""Seconds by whether over TLS (`no`, `yes`) and by statistic (`p50`, `p99`); what was not observed is missing."""


def distance(at_ns: int, interval: Interval) -> int:
    """Return how far an instant lies after an interval (before it: negative), 0 within.

    Under load the clock read after a write trails the write by up to 5 ms: which instant within the interval
    is the true one nobody can tell.

    >>> distance(105, (100, 110)), distance(113, (100, 110)), distance(98, (100, 110))
    (0, 3, -2)
    """
    before, after = interval
    return min(0, at_ns - before) or max(0, at_ns - after)


def stream_errors(
    sent_ns: int, received_ns: int, arrivals: list[int], writes: Sequence[Interval]
) -> list[float]:
    """Return the error of a stream's TTFT and of each later token's instant, seconds, without their sign.

    All instants are of one monotonic clock; the n-th write caused the n-th arrival. Nothing can be sent after
    it was received: where it says so, the TTFT is short by the difference. Of later tokens that one read
    brought, and that so share an instant, it is the last one's, and claims nothing of the others.

    >>> stream_errors(0, 10, [1_000, 5_500], [(900, 1_100), (3_000, 4_000)])
    [0.0, 1.5e-06]
    >>> stream_errors(30, 10, [1_000], [(900, 1_100)])
    [0.0]
    >>> stream_errors(300, 10, [1_000], [(900, 1_100)])
    [1.9e-07]
    >>> stream_errors(0, 10, [1_000, 9_000, 9_000], [(900, 1_100), (3_000, 4_000), (8_800, 9_100)])
    [0.0, 0.0]
    """
    late_ns = max(0, sent_ns - received_ns)
    return [
        abs(distance(at_ns - (0 if nth else late_ns), interval)) / 1e9
        for nth, (at_ns, interval) in enumerate(zip(arrivals, writes, strict=True))
        if nth == 0 or arrivals[nth + 1 : nth + 2] != [at_ns]
    ]


def spread(errors: Iterable[float]) -> dict[str, float]:
    """Return the nearest-rank p50 and p99, and nothing of nothing.

    >>> spread([0.003, 0.001, 0.002])
    {'p50': 0.002, 'p99': 0.003}
    >>> spread([])
    {}
    """
    ordered = sorted(errors)
    if not ordered:
        return {}
    return {f"p{percent}": ordered[math.ceil(len(ordered) * percent / 100) - 1] for percent in (50, 99)}
