"""What makes a sample untrusted: an instant that may be off by more than is promised, or an answer that is not the model's."""

from collections.abc import Sequence
from typing import Final

from probes.result import SCHEDULED

MERGED_S: Final = 0.001
"""Uncertainty of the first token's arrival: a hundredth of the lowest edge of the histogram (0.1 s)."""

SEND_S: Final = 0.001
"""Duration of the call that sent the request: one core copies a megabyte in less, so we were interrupted in it."""

ITL_S: Final = 0.000_05
"""Uncertainty of a mean time per token past which it is left out: a thousandth of it at 20 tokens a second."""

SPEED_TOKENS: Final = 250
"""Tokens that an answer must have for its speed: half of what a `throughput` probe asks for. A short answer shows
how its first tokens were batched and sent, not how fast the model goes on."""

SPEED_SHARE: Final = 0.01
"""Part of the time from the first unit to the last that may be uncertain of a speed."""

LAG_S: Final = 0.001
"""Stand-still of our loop past which an instant taken in user space is off by as much; the kernel's is not."""

LATE_S: Final = 1.0
"""Lateness of a scheduled attempt: it no longer shows the instant that its twins at other endpoints share."""

CPU_STEAL: Final = "cpu_steal"
"""The machine itself stood still, and the kernel with it: its stamps are late too."""

GATEWAY_CACHE: Final = "gateway_cache"
"""The answer came out of a gateway's cache: how fast it was says nothing of the model."""

THROTTLED_CPU: Final = "throttled_cpu"
"""Our group of processes was stopped for its CPU quota; the kernel stamped on meanwhile."""


def reasons(
    *,
    stamp: str | None,
    uncertainty_s: float | None,
    send_s: float | None,
    stepped: bool,
    lag_s: float,
    attempt: int,
    lateness_s: float,
    disturbed: Sequence[str],
    cached: bool = False,
) -> tuple[str, ...]:
    """Return why not to believe the latencies of an attempt whose arrivals were stamped by `stamp`.

    `disturbed` is what the machine was seen to suffer meanwhile; `cached` says that a gateway answered out of its
    cache, so that the latency is not the model's. An unknown uncertainty or offset of the wall
    clock is no reason: no duration is taken across two machines' clocks.

    >>> reasons(stamp="kernel", uncertainty_s=0.004, send_s=2e-5, stepped=False, lag_s=0.3,
    ...         attempt=0, lateness_s=0.002, disturbed=["throttled_cpu"])
    ('merged_read',)
    """
    user = stamp != "kernel"
    held = {
        "merged_read": uncertainty_s is not None and uncertainty_s > MERGED_S,
        "slow_send": send_s is not None and send_s > SEND_S,
        "clock_step": stepped,
        "loop_lag": user and lag_s > LAG_S,
        "late": attempt == SCHEDULED and lateness_s > LATE_S,
        CPU_STEAL: CPU_STEAL in disturbed,
        THROTTLED_CPU: user and THROTTLED_CPU in disturbed,
        GATEWAY_CACHE: cached,
    }
    return tuple(reason for reason, holds in held.items() if holds)
