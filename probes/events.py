"""What one scheduled attempt counts as for one objective: the only place that says it.

Judging as results come and counting from stored rows (storage/counting.py) both ask here:

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

from probes.result import ANSWERED, DEADLINES, MEANING, EventClass, Fault, Outcome, ProbeResult

Sli = Literal["availability", "ttft", "total"]


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
    within: bool | None = None
    if sli != "availability":
        if threshold_s is None:
            raise ValueError(f"The {sli} SLI needs a threshold: give threshold_s.")
        latency_s = result.ttft_s if sli == "ttft" else result.total_s
        within = None if latency_s is None else latency_s <= threshold_s
    return class_of(
        result.outcome, fault, sli=sli, within=within, trusted=result.trusted, throttled=throttled
    )


def class_of(
    outcome: Outcome,
    fault: Fault | None,
    *,
    sli: Sli,
    within: bool | None,
    trusted: bool,
    throttled: EventClass,
) -> EventClass | None:
    """Return the class that these facts make; `within` says whether the SLI's latency, if observed, was short."""
    meaning = MEANING[outcome]
    if meaning.confirm and fault in (None, Fault.OURS):
        return None if fault is None else EventClass.INVALID
    if sli == "availability":
        return throttled if outcome is Outcome.THROTTLED else meaning.availability
    if meaning.availability is EventClass.EXCLUDED:
        return EventClass.EXCLUDED
    if outcome in DEADLINES and (sli == "total" or within is None):
        return EventClass.BAD
    if within is None or not trusted or (sli == "total" and outcome not in ANSWERED):
        return EventClass.INVALID
    return EventClass.GOOD if within else EventClass.BAD
