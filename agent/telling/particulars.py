"""The numbers behind a finding: how many probes failed and in what, beside what is usual; ids; what is well instead."""

import dataclasses
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from agent.slo.alerts import Finding
from agent.telling.recent import Recent
from agent.telling.sights import View
from agent.telling.standings import Pair
from exporters import words
from probes.result import Outcome

LAST: Final = 10
"""So many of the last slots of each probe are told of."""

PHASES: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.DNS: ("dns", "dns_s"),
    Outcome.CONNECT_REFUSED: ("connect", "connect_s"),
    Outcome.CONNECT_TIMEOUT: ("connect", "connect_s"),
    Outcome.TLS: ("tls", "tls_s"),
    Outcome.DISCONNECTED: ("the first byte", "ttfb_s"),
    Outcome.OVERLOADED: ("the answer", "ttfb_s"),
    Outcome.SERVER_ERROR: ("the answer", "ttfb_s"),
    Outcome.FIRST_TOKEN_TIMEOUT: ("the first token", "ttft_s"),
}
"""In what an attempt failed, and which part of a good one is usual there; all else fails in the stream."""

_STREAM: Final = ("the stream", "total_s")
_QUICKNESS: Final = {"ttft": ("ttft_s", "first token"), "total": ("total_s", "answer")}


def detailed(finding: Finding, view: View) -> Finding:
    """Return the finding with the numbers behind it, as far as it is about probes of targets."""
    pairs = [pair for pair in _pairs(finding, view) if pair in view.seen]
    if not pairs:
        return finding
    recents = [view.seen[pair].recent for pair in pairs]
    facts: dict[str, object] = {"counts": counts(recents), **_quickness(finding, recents), **_ids(recents)}
    if "probe" in finding.labels:
        facts |= _beside(pairs[0], view)
    known = {name: value for name, value in facts.items() if value}
    return dataclasses.replace(finding, facts={**known, **finding.facts})


def _pairs(finding: Finding, view: View) -> list[Pair]:
    if "probe" in finding.labels:
        return [(finding.labels["target"], finding.labels["probe"])]
    names = {*finding.facts.get("failing", ())}
    if "service" in finding.labels and not names:
        names = {
            member.target
            for service in view.config.services
            if service.name == finding.labels["service"]
            for member in service.members
        }
    return [member.pair for member in view.members if member.target in names]


def counts(recents: Sequence[Recent]) -> str:
    """Return how many of the last slots failed, in what most of them, and what that part takes usually.

    >>> from agent.telling.recent import Glimpse, Times
    >>> from probes.result import EventClass
    >>> good = Glimpse(1, Outcome.OK, EventClass.GOOD, False, 0.4, 1.0)
    >>> bad = Glimpse(2, Outcome.CONNECT_TIMEOUT, EventClass.BAD, False, None, None)
    >>> usual = (Times(1, None, 0.012, None, 0.2, 0.4, 1.0),)
    >>> counts([Recent(slots=(good, bad, bad), usual=usual)])
    '2 of the last 3 probes failed in connect (usually 12 ms)'
    """
    slots = [one for recent in recents for one in recent.slots[-LAST:]]
    failed = [one for one in slots if one.failed]
    if not failed:
        return ""
    (phase, part), most = Counter(PHASES.get(one.outcome, _STREAM) for one in failed).most_common(1)[0]
    usual = _usual(recents, part)
    within = [*_status(recents, phase), *([f"usually {words.latency(usual)}"] if usual is not None else [])]
    share = " in" if most == len(failed) else f", {most} of them in"
    said = f"{len(failed)} of the last {len(slots)} probes failed{share} {phase}"
    return said + (f" ({'; '.join(within)})" if within else "")


def _status(recents: Sequence[Recent], phase: str) -> list[str]:
    newest = max((one.failure for one in recents if one.failure), key=lambda one: one.at_ns, default=None)
    if phase != "the answer" or newest is None or newest.http_status is None:
        return []
    return [f"HTTP {newest.http_status}"]


def _usual(recents: Sequence[Recent], part: str) -> float | None:
    found = [
        value for recent in recents for times in recent.usual if (value := getattr(times, part)) is not None
    ]
    return statistics.median(found) if found else None


def _quickness(finding: Finding, recents: Sequence[Recent]) -> dict[str, str]:
    """Return how quick answers are now beside the usual, where the finding is about latency."""
    part, what = _QUICKNESS.get(finding.facts.get("sli", ""), ("", ""))
    now = [
        value
        for recent in recents
        for one in recent.slots[-LAST:]
        if part and not one.failed and (value := getattr(one, part)) is not None
    ]
    usual = _usual(recents, part) if part else None
    if not now or usual is None:
        return {}
    return {"latency": f"{what} now {words.latency(statistics.median(now))}, usually {words.latency(usual)}"}


def _ids(recents: Sequence[Recent]) -> dict[str, str | None]:
    """Return the names of the newest failure: ours, the vendor's, and what it was."""
    newest = max((one.failure for one in recents if one.failure), key=lambda one: one.at_ns, default=None)
    if newest is None:
        return {}
    return {
        "outcome": newest.outcome.value,
        "error_code": newest.error_code,
        "trace_id": newest.trace_id,
        "request_id": newest.request_id,
    }


def _beside(pair: Pair, view: View) -> dict[str, object]:
    """Return what it means for the services of a probe of a target, and which of their other members are well."""
    found = [(service, view.impacts[service.name]) for service in view.serving.get(pair, ())]
    well = dict.fromkeys(one.target for _, now in found for one in now.well)
    well.pop(pair[0], None)
    return {
        "impact": [
            f"service {service.name} has {now.units_well} of {service.units} {service.of}s well and needs {service.at_least}"
            for service, now in found
        ],
        "healthy": [*well],
    }
