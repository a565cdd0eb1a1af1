"""What is not seen: probes that bring no results though their slots are due, and targets of which no result says anything."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from agent.slo.alerts import Finding
from agent.slo.evaluate import SETTLING_S
from agent.slo.standing import patience_ns
from agent.telling.recent import Glimpse, Recent
from agent.telling.seen import Pair, Seen
from agent.telling.sights import View
from agent.telling.standings import BEAT_NS
from probes.result import Outcome
from probes.target import Workload

LEAST: Final = 3
"""So many answers in a row that say nothing are no accident."""

BY_DESIGN: Final = "budget"
"""Why a slot may be skipped as the plan wants it: what its cap leaves out is nobody's trouble."""

OUR_NETWORK: Final = "our own network"

ALIVE: Final = "the agent is alive and asks, and this probe brings nothing"


def silent_since(view: View, pair: Pair, workload: Workload) -> int | None:
    """Return since when a probe brings nothing though it is asked; None where it does, or where nobody can know.

    A result may come as late as its deadline and settlement; and only an asker that has beaten all the while has
    asked.
    """
    seen = view.seen.get(pair)
    beating_ns, beat_ns = view.standings.beating_ns()
    if seen is None or seen.asked_ns is None or view.now_ns - beat_ns > BEAT_NS:
        return None
    since_ns = max(seen.standing.seen_ns or 0, seen.asked_ns, beating_ns, _by_design_ns(seen))
    late_ns = round((workload.timeout_s + SETTLING_S) * 1e9)
    return since_ns if view.now_ns - since_ns > patience_ns(workload.every_s) + late_ns else None


def _by_design_ns(seen: Seen) -> int:
    return seen.skipped[1] if seen.skipped is not None and seen.skipped[0] == BY_DESIGN else 0


def absent(view: View) -> Iterator[Finding]:
    """Yield a ticket for each probe of a target that brings no results, unless nothing at all comes: that is us."""
    workloads = view.config.workloads()
    silent = {
        pair: since_ns
        for pair, workload in workloads.items()
        if (since_ns := silent_since(view, pair, workload)) is not None
    }
    if not silent or nothing_comes(view):
        return
    for (target, probe), since_ns in silent.items():
        seen = view.seen[target, probe]
        skipped = seen.skipped is not None and seen.skipped[1] >= since_ns
        said = f"its slots are skipped: {seen.skipped[0]}" if skipped and seen.skipped else ALIVE
        yield Finding(
            key=f"no-results/{target}/{probe}",
            name="NoResults",
            severity="ticket",
            subject=target,
            since_ns=since_ns,
            labels={"target": target, "probe": probe},
            facts={"fault": f"agent {view.config.vantage}", "evidence": [said]},
        )


def nothing_comes(view: View) -> int | None:
    """Return since when no probe at all brings a result though the asker is alive; None while any does."""
    workloads = view.config.workloads()
    newest_ns = max((seen.standing.seen_ns or 0 for seen in view.seen.values()), default=0)
    least_ns = min((patience_ns(workload.every_s) for workload in workloads.values()), default=0)
    if view.now_ns - newest_ns <= least_ns:
        return None
    silent = (silent_since(view, pair, workload) for pair, workload in workloads.items())
    return max((since_ns for since_ns in silent if since_ns is not None), default=None)


def nothing_valid(view: View) -> Iterator[Finding]:
    """Yield a ticket for each probe of a target whose results come, and say neither good nor bad."""
    for (target, probe), workload in view.config.workloads().items():
        seen = view.seen.get((target, probe))
        if seen is None or seen.standing.mute < LEAST or seen.standing.seen_ns is None:
            continue
        since_ns = max(seen.standing.judged_ns or seen.born_ns or 0, seen.standing.maintained_ns or 0)
        patience = patience_ns(workload.every_s)
        if view.now_ns - since_ns <= patience or view.now_ns - seen.standing.seen_ns > patience:
            continue
        causes = causes_of(seen.recent, since_ns)
        yield Finding(
            key=f"nothing-valid/{target}/{probe}",
            name="NothingValid",
            severity="ticket",
            subject=target,
            since_ns=since_ns,
            labels={"target": target, "probe": probe},
            facts={
                "causes": causes,
                "ours": not set(causes) - {OUR_NETWORK, Outcome.AGENT_FAULT.value},
                "evidence": [f"{seen.standing.mute} answers in a row say nothing of it: {_told(causes)}"],
            },
        )


def causes_of(recent: Recent, since_ns: int) -> dict[str, int]:
    """Return what the slots since an instant were, the most frequent first, as far as they are remembered.

    >>> from probes.result import EventClass
    >>> mute = [Glimpse(at, Outcome.THROTTLED, EventClass.EXCLUDED, False, None, None) for at in (1, 2, 3)]
    >>> causes_of(Recent(slots=tuple(mute)), 1)
    {'throttled': 2}
    """
    found = Counter(_cause(one) for one in recent.slots if one.scheduled_ns > since_ns)
    return dict(found.most_common())


def _cause(glimpse: Glimpse) -> str:
    return OUR_NETWORK if glimpse.ours else glimpse.outcome.value


def _told(causes: dict[str, int]) -> str:
    return ", ".join(f"{count} {cause}" for cause, count in causes.items()) or "not remembered"
