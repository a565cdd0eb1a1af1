"""What one scheduled attempt counts as for one objective: the only place that says it in Python.

storage/history.py renders the same rule as SQL, and a property test holds the two together:

1. An outcome that is to be confirmed counts as nothing until it is settled (no fault known: ignored), and as
   invalid once the fault is `ours`; `none`, `not_ours` and `undetermined` leave it to what follows. Where
   nothing is to be confirmed a fault says nothing.
2. availability: a throttled answer is what the objective says, all else what the table of outcomes says.
3. ttft: excluded outcomes stay excluded (throttled ones too, whatever the objective says). With a first token,
   a trusted result is good at or under the threshold and bad over it, an untrusted one invalid. Without one, a
   passed deadline is bad, whether trusted or not. All else is invalid.
4. total: excluded outcomes stay excluded. A passed deadline is bad. A trusted answer (ok or mismatch) with a
   total is good at or under the threshold and bad over it. All else is invalid.
"""

from typing import Literal

from probes.result import DEADLINES, EventClass, Fault, Outcome, ProbeResult

Sli = Literal["availability", "ttft", "total"]

ANSWERED = frozenset({Outcome.OK, Outcome.MISMATCH})
"""Outcomes that came to their end, so that their total is a latency."""


def event_class(
    result: ProbeResult,
    fault: Fault | None,
    *,
    sli: Sli,
    threshold_s: float | None = None,
    throttled: EventClass = EventClass.EXCLUDED,
) -> EventClass | None:
    """Return the class of an attempt 0; None while it is not settled (`fault` is None until then).

    `threshold_s` belongs to the latency SLIs: good is at or under it. ValueError where it is missing there.
    """
    meaning = result.meaning
    if meaning.confirm and fault is None:
        return None
    if meaning.confirm and fault is Fault.OURS:
        return EventClass.INVALID
    if sli == "availability":
        return throttled if result.outcome is Outcome.THROTTLED else meaning.availability
    if threshold_s is None:
        raise ValueError(f"The {sli} SLI needs a threshold: give threshold_s.")
    if meaning.availability is EventClass.EXCLUDED:
        return EventClass.EXCLUDED
    if sli == "ttft":
        return _ttft(result, threshold_s)
    return _total(result, threshold_s)


def _ttft(result: ProbeResult, threshold_s: float) -> EventClass:
    if result.ttft_s is None:
        return EventClass.BAD if result.outcome in DEADLINES else EventClass.INVALID
    return _latency(result, result.ttft_s, threshold_s)


def _total(result: ProbeResult, threshold_s: float) -> EventClass:
    if result.outcome in DEADLINES:
        return EventClass.BAD
    if result.total_s is None or result.outcome not in ANSWERED:
        return EventClass.INVALID
    return _latency(result, result.total_s, threshold_s)


def _latency(result: ProbeResult, latency_s: float, threshold_s: float) -> EventClass:
    if not result.trusted:
        return EventClass.INVALID
    return EventClass.GOOD if latency_s <= threshold_s else EventClass.BAD
