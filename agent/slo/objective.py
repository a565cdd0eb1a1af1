"""An objective: which share of which events has to be good over which window."""

import dataclasses

from probes.result import EventClass
from storage.readings import Sli


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """`ratio` is in (0, 1); `window_s` is a rolling window in seconds; `pairs` are its (target, probe)s.

    Where the threshold differs from target to target, there is one of these for each, all of one name and no pair
    in two of them. `threshold_s` belongs to the latency SLIs: good is at or under it. `at_least_per_s` belongs to
    throughput: good are so many tokens a second or more. Which regions are good for residency is the target's own word. `throttled` is what a 429 counts as; None leaves it to
    the target.
    """

    name: str
    sli: Sli
    ratio: float
    window_s: float
    pairs: tuple[tuple[str, str], ...]
    threshold_s: float | None = None
    at_least_per_s: float | None = None
    throttled: EventClass | None = None
