"""What a settled attempt shows of its target."""

from exporters.signals import Judged, State
from probes.result import EventClass, Fault, Outcome


def state_of(judged: Judged, *, was_down: bool = False) -> State:
    """Return what a settled attempt shows of its target.

    `down` is a confirmed failure, and any further one until something else is seen: a slot that fails while the
    confirmations of another still run has none of its own. `unknown` is no verdict, a failure that was our own, or
    whatever is not good in maintenance, as was announced; `degraded` is whatever else is not good: an unconfirmed
    failure, a throttled or mismatched answer, a missed threshold, a good answer of what stands in for what was bought
    (Azure's spill-over deployments).
    """
    good = judged.result.meaning.good
    if judged.fault is Fault.OURS or (good is None and judged.result.outcome is not Outcome.THROTTLED):
        return "unknown"
    if judged.maintained and not good:
        return "unknown"
    if good is False and (judged.confirmed or (was_down and judged.result.meaning.confirm)):
        return "down"
    if not good or EventClass.BAD in judged.classes.values() or judged.result.degraded:
        return "degraded"
    return "good"
