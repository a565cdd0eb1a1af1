"""How a probe of a target stands: a fold of settled slots, in which a blip is no outage."""

import dataclasses
from typing import Literal

from probes.result import EventClass


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One settled slot: when it was due (UTC nanoseconds), and what it counts as.

    `confirmed` is true where every confirmation failed as well, `answered` where one of them was answered,
    `maintained` where it fell into a maintenance.
    """

    scheduled_ns: int
    kind: EventClass
    confirmed: bool = False
    answered: bool = False
    maintained: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a probe of a target.

    `since_ns` is the first slot of the run of its state, `fell_ns` that of its last outage. `judged_ns` is the last
    slot that said good or bad, `seen_ns` the last of any kind, `maintained_ns` the last within a maintenance; `mute`
    counts the slots since `judged_ns` and any maintenance that said neither.
    """

    state: Literal["good", "bad", "unknown"] = "unknown"
    since_ns: int = 0
    judged_ns: int | None = None
    seen_ns: int | None = None
    mute: int = 0
    maintained_ns: int | None = None
    fell_ns: int | None = None

    def after(self, slot: Slot) -> "Standing":
        """Return how it stands after one more slot.

        A failed slot of which a confirmation was answered is a blip: it was well again when it was looked at. One
        that nobody could confirm changes nothing; it counts for its objectives either way.

        >>> well = Standing().after(Slot(scheduled_ns=30, kind=EventClass.GOOD))
        >>> down = well.after(Slot(scheduled_ns=60, kind=EventClass.BAD, confirmed=True))
        >>> (well.state, down.state, down.since_ns)
        ('good', 'bad', 60)
        """
        seen_ns = max(slot.scheduled_ns, self.seen_ns or 0)
        if slot.maintained:  # nobody asks what it says
            maintained_ns = max(slot.scheduled_ns, self.maintained_ns or 0)
            return dataclasses.replace(self, seen_ns=seen_ns, mute=0, maintained_ns=maintained_ns)
        if slot.kind not in {EventClass.GOOD, EventClass.BAD}:
            return dataclasses.replace(self, seen_ns=seen_ns, mute=self.mute + 1)
        state = self._state(slot)
        since_ns = self.since_ns if state == self.state else slot.scheduled_ns
        return dataclasses.replace(
            self,
            state=state,
            since_ns=since_ns,
            judged_ns=slot.scheduled_ns,
            seen_ns=seen_ns,
            mute=0,
            fell_ns=since_ns if state == "bad" else self.fell_ns,
        )

    def _state(self, slot: Slot) -> Literal["good", "bad", "unknown"]:
        if slot.kind is EventClass.GOOD or slot.answered:
            return "good"
        return "bad" if slot.confirmed else self.state

    def set_back(self, at_ns: int) -> "Standing":
        """Return it with nothing after an instant to which the clock was set back.

        >>> ahead = Standing(state="bad", since_ns=50, judged_ns=80, seen_ns=90, maintained_ns=70).set_back(60)
        >>> (ahead.since_ns, ahead.judged_ns, ahead.seen_ns, ahead.maintained_ns, ahead.fell_ns)
        (50, 60, 60, 60, None)
        """
        judged_ns, seen_ns, maintained_ns, fell_ns = (
            None if one is None else min(one, at_ns)
            for one in (self.judged_ns, self.seen_ns, self.maintained_ns, self.fell_ns)
        )
        return dataclasses.replace(
            self,
            since_ns=min(self.since_ns, at_ns),
            judged_ns=judged_ns,
            seen_ns=seen_ns,
            maintained_ns=maintained_ns,
            fell_ns=fell_ns,
        )

    def stale(self, now_ns: int, every_s: float) -> bool:
        """Return whether nothing was judged for so long that nobody knows."""
        return self.judged_ns is None or now_ns - self.judged_ns > patience_ns(every_s)


def patience_ns(every_s: float) -> int:
    """Return how long nothing may be judged before that is a trouble: 5 minutes or 3 intervals, the longer.

    >>> patience_ns(30.0) // 10**9, patience_ns(600.0) // 10**9
    (300, 1800)
    """
    return round(max(300.0, 3 * every_s) * 1e9)
