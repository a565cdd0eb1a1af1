"""When whose fault it is may be told, and when it is told anew: at once where all is known, and again once it is clearer. Pure."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from agent.slo.alerts import Alert, Finding, Severity, Step
from agent.telling.verdict import Fault, Verdict

WAIT_NS: Final[Mapping[Severity, int]] = {"page": 28 * 1_000_000_000, "ticket": 60 * 1_000_000_000}
"""How long after its first failed slot a trouble waits at most for targets that may show another fault.

At one slot in 30 s a page is so within 60 s of the fault's begin, whenever its first slot was due, and with a second
left for looking and one for telling.
"""

REFUSED_NS: Final = 300 * 1_000_000_000
"""The same of an identity, which is refused for three slots first."""

AGAIN_NS: Final = 30 * 1_000_000_000
"""How long another fault must be seen before it is told."""

BEFORE: Final = "fault_before"
"""The fact that says which fault was told of an alert before the one that is told now."""

TOLD: Final = "fault_told"
OTHER: Final = "fault_other_ns"
"""The facts of an alert whose fault looks otherwise than was told: which was, and since when it does."""


def waits(finding: Finding, blames: Mapping[str, Verdict], now_ns: int) -> bool:
    """Return whether a trouble is not to be told yet: what would show another fault was not asked since it began."""
    open_ = [blames[name] for name in finding.failing if name in blames and blames[name].open_]
    if not open_:
        return False
    refused = any(verdict.fault is Fault.CREDENTIALS for verdict in open_)
    until_ns = finding.since_ns + (REFUSED_NS if refused else WAIT_NS[finding.severity])
    return now_ns < min(until_ns, max(verdict.known_ns for verdict in open_))


def clearer(done: Step, before: Mapping[str, Alert], now_ns: int) -> tuple[Step, frozenset[str]]:
    """Return a step whose alerts remember which fault was told of them, and the ids of those to tell another of.

    >>> old = Finding(key="k", name="TargetDown", severity="ticket", subject="t", since_ns=1, facts={"fault": "target t"})
    >>> new = dataclasses.replace(old, facts={"fault": "cloud c"})
    >>> alive, told = {"k": Alert(finding=old, fired_ns=1)}, []
    >>> for now_ns in (2, 3, 2 + AGAIN_NS):
    ...     step = Step(alive={"k": Alert(finding=new, fired_ns=1)})
    ...     step, ids = clearer(step, alive, now_ns)
    ...     alive, told = step.alive, [*told, *ids]
    >>> told, alive["k"].finding.facts
    (['k@1'], {'fault': 'cloud c', 'fault_before': 'target t'})
    """
    rose = {alert.id for alert in done.rose}
    alive: dict[str, Alert] = {}
    again: set[str] = set()
    for key, alert in done.alive.items():
        known = before.get(key)
        if known is None or alert.quiet_ns is not None or alert.id in rose:
            alive[key] = alert
            continue
        facts = _remembering(alert.finding.facts, known.finding.facts, now_ns)
        alive[key] = dataclasses.replace(alert, finding=dataclasses.replace(alert.finding, facts=facts))
        if facts.get(BEFORE) != known.finding.facts.get(BEFORE):
            again.add(alert.id)
    return dataclasses.replace(done, alive=alive), frozenset(again)


def _remembering(
    facts: Mapping[str, object], known: Mapping[str, object], now_ns: int
) -> Mapping[str, object]:
    kept = {BEFORE: known[BEFORE]} if BEFORE in known else {}
    fault, told = facts.get("fault"), known.get(TOLD, known.get("fault"))
    if fault is None or told is None or fault == told:
        return {**facts, **kept}
    other_ns = known.get(OTHER) if fault == known.get("fault") else None
    since_ns = other_ns if isinstance(other_ns, int) else now_ns
    if now_ns - since_ns < AGAIN_NS:
        return {**facts, **kept, TOLD: told, OTHER: since_ns}
    return {**facts, BEFORE: told}
