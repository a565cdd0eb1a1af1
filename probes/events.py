"""What one scheduled attempt counts as for one objective: the only place that says it.

Judging as results come and counting from stored rows (storage/counting.py) both ask here:

1. An outcome that is to be confirmed counts as nothing until it is settled (no fault known: ignored), and as
   invalid once the fault is `ours`; `none`, `not_ours` and `undetermined` leave it to what follows. Where
   nothing is to be confirmed a fault says nothing.
2. availability: a throttled answer is what the objective says, all else what the table of outcomes says.
3. ttft and ttfo: excluded outcomes stay excluded (throttled ones too, whatever the objective says). With a first
   token (ttfo: a first visible one), a trusted result is good at or under the threshold and bad over it, an
   untrusted one invalid. Without one, a passed deadline is bad, whether trusted or not. All else is invalid.
4. total: excluded outcomes stay excluded. A passed deadline is bad. A trusted answer (ok or mismatch) with a
   total is good at or under the threshold and bad over it. All else is invalid.
5. itl and throughput: like total, of answers with a mean time between tokens (good at or under the threshold) or
   with a speed (tokens a second, good at or over what is asked for). A stalled stream has passed its deadline; one
   that was cut counts in availability alone. An answer without two tokens, or too short or too unsure for the
   figure, is invalid.
6. correctness: excluded outcomes stay excluded. A mismatch is bad, and an answer that was held against what its
   probe expects and is no mismatch is good, trusted or not. All else is invalid: nobody judged the answer.
7. residency: excluded outcomes stay excluded. An answer (ok or mismatch) from one of the target's regions is good
   and from another one bad, trusted or not. All else is invalid: where it was served is not known.
8. Last comes what somebody said of the time: in a maintenance, or where a correction says so, all that is settled is
   excluded (or invalid); a correction to good or bad turns what was judged, and leaves the rest alone.
"""

from collections.abc import Collection
from typing import Final, Literal, get_args

from probes import residency
from probes.result import ANSWERED, DEADLINES, MEANING, EventClass, Fault, Outcome, ProbeResult

Latency = Literal["ttft", "ttfo", "itl", "total"]
Sli = Literal["availability", Latency, "throughput", "correctness", "residency"]

LATENCIES: Final[tuple[Latency, ...]] = get_args(Latency)
"""SLIs with a threshold, each of the result's figure in seconds of the same name."""

_FIRSTS: Final = frozenset({"ttft", "ttfo"})
"""What can be told of an answer that did not come to its end."""

_UNTIMED: Final = frozenset({"correctness", "residency"})
"""What a late reader and a passed deadline say nothing of."""


def event_class(
    result: ProbeResult,
    fault: Fault | None,
    *,
    sli: Sli,
    threshold_s: float | None = None,
    at_least_per_s: float | None = None,
    served_in: Collection[str] = (),
    throttled: EventClass = EventClass.EXCLUDED,
) -> EventClass | None:
    """Return the class of an attempt 0; None while it is not settled (`fault` is None until then).

    `threshold_s` belongs to the latency SLIs: good is at or under it. `at_least_per_s` belongs to throughput: good
    are so many tokens a second or more. `served_in` are the regions of residency. ValueError where the SLI's own is
    missing.
    """
    require(sli, threshold_s, at_least_per_s, served_in)
    within: bool | None = None
    if threshold_s is not None and sli in LATENCIES:
        latency_s: float | None = getattr(result, f"{sli}_s")
        within = None if latency_s is None else latency_s <= threshold_s
    if at_least_per_s is not None and sli == "throughput":
        within = None if result.tokens_per_s is None else result.tokens_per_s >= at_least_per_s
    if sli == "correctness":
        within = right(result.outcome, checked=result.checked)
    if sli == "residency":
        within = residency.within(residency.region(result.backend), served_in)
    return class_of(
        result.outcome, fault, sli=sli, within=within, trusted=result.trusted, throttled=throttled
    )


def right(outcome: Outcome, *, checked: bool | None) -> bool | None:
    """Return whether an answer was what its probe expects, None where nobody judged it."""
    if outcome is Outcome.MISMATCH:
        return False
    return True if outcome is Outcome.OK and checked else None


def require(
    sli: Sli, threshold_s: float | None, at_least_per_s: float | None, served_in: Collection[str] = ()
) -> None:
    """Raise ValueError where an SLI lacks what says what is good."""
    if sli in LATENCIES and threshold_s is None:
        raise ValueError(f"The {sli} SLI needs a threshold: give threshold_s.")
    if sli == "throughput" and at_least_per_s is None:
        raise ValueError("The throughput SLI needs a speed: give at_least_per_s.")
    if sli == "residency" and not served_in:
        raise ValueError("The residency SLI needs regions: give served_in.")


def overridden(kind: EventClass, override: EventClass | None) -> EventClass:
    """Return what an event counts as once a maintenance or a correction says `override` of its time.

    >>> overridden(EventClass.BAD, EventClass.EXCLUDED), overridden(EventClass.BAD, EventClass.GOOD)
    (<EventClass.EXCLUDED: 'excluded'>, <EventClass.GOOD: 'good'>)
    >>> overridden(EventClass.INVALID, EventClass.GOOD), overridden(EventClass.BAD, None)
    (<EventClass.INVALID: 'invalid'>, <EventClass.BAD: 'bad'>)
    """
    if override is None:
        return kind
    turns = override in {EventClass.GOOD, EventClass.BAD}
    return kind if turns and kind not in {EventClass.GOOD, EventClass.BAD} else override


def class_of(
    outcome: Outcome,
    fault: Fault | None,
    *,
    sli: Sli,
    within: bool | None,
    trusted: bool,
    throttled: EventClass,
) -> EventClass | None:
    """Return the class that these facts make; `within` says whether the SLI's own figure or fact, if observed, was good."""
    meaning = MEANING[outcome]
    if meaning.confirm and fault in (None, Fault.OURS):
        return None if fault is None else EventClass.INVALID
    if sli == "availability":
        return throttled if outcome is Outcome.THROTTLED else meaning.availability
    if meaning.availability is EventClass.EXCLUDED:
        return EventClass.EXCLUDED
    if sli not in _UNTIMED and outcome in DEADLINES and (sli not in _FIRSTS or within is None):
        return EventClass.BAD
    doubted = not trusted and sli not in _UNTIMED
    if within is None or doubted or (sli not in _FIRSTS and outcome not in ANSWERED):
        return EventClass.INVALID
    return EventClass.GOOD if within else EventClass.BAD
