"""How far a reported answer is from the true one: distances to intervals, and what many of them come to."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

Interval = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Reported:
    """What a client says of one stream, monotonic nanoseconds: its clock's start, each token, the end."""

    id: str
    start_ns: int
    tokens_ns: Sequence[int]
    end_ns: int | None
    trusted: bool = True
    absolute: bool = True
    """Whether the instants are those of the monotonic clock, or only their differences mean something."""

    inter_token_s: float | None = None
    """The mean time between two tokens where the client gives one itself, else that of its instants counts."""

    inter_token_told: bool = True
    """Whether the client stands by a mean time between tokens at all."""


@dataclasses.dataclass(frozen=True)
class Errors:
    """Signed milliseconds of one stream; a negative one was reported before it can have been.

    `ttft`, `total` and `inter_token` (its mean) are errors of durations; `arrival` is that of the first token's
    instant alone, and `start` how long the client's clock ran before the request reached the server.
    """

    ttft: float
    total: float | None
    inter_token: float | None
    arrival: float | None
    start: float | None


def outside(value: float, low: float, high: float) -> float:
    """Return how far a value lies outside an interval, with its sign.

    >>> outside(5, 1, 3), outside(2, 1, 3), outside(0, 1, 3)
    (2, 0, -1)
    """
    return max(0, value - high) or min(0, value - low)


def errors(told: Reported, truth: Mapping[str, Any]) -> Errors:
    """Return the errors of one stream; the truth of an instant is the interval around its write.

    The clock started 1 ms before the request came; a token of 50 ms was seen 2 ms late.

    >>> truth = {"received_ns": 1_000_000, "writes": [(51_000_000, 51_100_000)], "end": None}
    >>> errors(Reported("x", 0, [53_100_000], None), truth)
    Errors(ttft=3.0, total=None, inter_token=None, arrival=2.0, start=1.0)
    """
    writes, end, asked = truth["writes"], truth["end"], truth["received_ns"]
    start, first, last = told.start_ns, told.tokens_ns[0], told.tokens_ns[-1]
    gaps = len(writes) - 1
    total = inter = None
    if end is not None and told.end_ns is not None:
        total = outside(told.end_ns - start, end[0] - asked, end[1] - asked) / 1e6
    if gaps and told.inter_token_told and len(told.tokens_ns) == len(writes):
        low, high = writes[-1][0] - writes[0][1], writes[-1][1] - writes[0][0]
        mean_ns = (last - first) / gaps if told.inter_token_s is None else told.inter_token_s * 1e9
        inter = outside(mean_ns, low / gaps, high / gaps) / 1e6
    return Errors(
        ttft=outside(first - start, writes[0][0] - asked, writes[0][1] - asked) / 1e6,
        total=total,
        inter_token=inter,
        arrival=outside(first, *writes[0]) / 1e6 if told.absolute else None,
        start=(asked - start) / 1e6 if told.absolute else None,
    )


def summary(values: Sequence[float | None]) -> dict[str, float] | None:
    """Return the quantiles of the absolute errors (nearest rank), and the lowest with its sign.

    >>> summary([-1.0, 0.0, 3.0, None])
    {'p50': 1.0, 'p99': 3.0, 'max': 3.0, 'lowest': -1.0}
    >>> summary([None]) is None
    True
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    ordered = sorted(abs(value) for value in known)
    rank = {name: math.ceil(share * len(ordered)) - 1 for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {**{name: ordered[at] for name, at in rank.items()}, "max": ordered[-1], "lowest": min(known)}
