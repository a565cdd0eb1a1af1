"""An objective: which share of which events has to be good over which window."""

import dataclasses
from typing import Literal

from agent.slo.calendars import Calendar
from agent.slo.slices import Slices
from exporters import durations
from probes.result import EventClass
from storage.readings import Sli

Field = Literal["cloud", "region", "model"]
"""What objectives may be pooled by."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """`ratio` is in (0, 1); `window_s` is a rolling window in seconds; `pairs` are its (target, probe)s.

    With `slices` good and bad are not events but stretches of time.
    With a `calendar` the period is the calendar's window, and `window_s` the nominal length that stands for it.

    Where the threshold differs from target to target, there is one of these for each, all of one name and no pair
    in two of them. `threshold_s` belongs to the latency SLIs: good is at or under it. `at_least_per_s` belongs to
    throughput: good are so many tokens a second or more. Which regions are good for residency is the target's own word.
    `throttled` is what a 429 counts as; None leaves it to the target. `per` pools all targets that are alike in these
    fields, and none of them pools all; None: each probe of each target is an SLO of its own.
    """

    name: str
    sli: Sli
    ratio: float
    window_s: float
    pairs: tuple[tuple[str, str], ...]
    threshold_s: float | None = None
    at_least_per_s: float | None = None
    throttled: EventClass | None = None
    calendar: Calendar | None = None
    slices: Slices | None = None
    per: tuple[Field, ...] | None = None

    @property
    def period(self) -> str:
        """Return the name of its period among its windows: a Prometheus duration, or a calendar's unit."""
        return self.calendar.unit if self.calendar else durations.write(self.window_s)

    @property
    def window(self) -> str:
        """Return its period as people read it.

        >>> day = Objective(name="a", sli="availability", ratio=0.9, window_s=86400, pairs=())
        >>> day.window, dataclasses.replace(day, calendar=Calendar("month", "Europe/Berlin")).window
        ('1d', 'calendar month (Europe/Berlin)')
        """
        period = str(self.calendar) if self.calendar else durations.write(self.window_s)
        return f"{period} by slices of {durations.write(self.slices.length_s)}" if self.slices else period
