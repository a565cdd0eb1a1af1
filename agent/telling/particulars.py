"""The numbers behind a finding: how many probes failed and in what, beside what is usual; ids; what is well instead."""

import dataclasses
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from agent.slo.alerts import Finding
from agent.slo.inhibiting import parts
from agent.slo.service import Service
from agent.telling.recent import Recent
from agent.telling.seen import Pair
from agent.telling.sights import View
from exporters import words
from probes.result import EventClass, Outcome

LAST: Final = 10
"""So many of the last slots of each probe are told of."""

_ANSWER: Final = "in the answer"
_STREAM: Final = "in the stream"

PHASES: Final[Mapping[Outcome, tuple[str, str, str | None]]] = {
    Outcome.DNS: ("in the look-up of its name", "", None),
    Outcome.CONNECT_REFUSED: ("in connect", "refused", None),
    Outcome.CONNECT_TIMEOUT: ("in connect", "timed out", "connect_s"),
    Outcome.TLS: ("in TLS", "", None),
    Outcome.DISCONNECTED: ("before the first byte", "connection cut", None),
    Outcome.IDENTITY_SERVICE: (_ANSWER, "every identity refused", None),
    Outcome.OVERLOADED: (_ANSWER, "overloaded", None),
    Outcome.SERVER_ERROR: (_ANSWER, "server error", None),
    Outcome.THROTTLED: (_ANSWER, "throttled", None),
    Outcome.CONTENT_FILTER: (_ANSWER, "filtered", None),
    Outcome.FIRST_TOKEN_TIMEOUT: ("before the first token", "timed out", "ttft_s"),
    Outcome.STALLED: (_STREAM, "stalled", None),
    Outcome.TOTAL_TIMEOUT: (_STREAM, "timed out", "total_s"),
    Outcome.TRUNCATED: (_STREAM, "cut off", None),
    Outcome.MALFORMED: (_STREAM, "not understood", None),
    Outcome.EMPTY: (_STREAM, "empty", None),
}
"""Where an attempt failed and how, and which part of a good one says how long that takes usually: where time ran out."""

_OUTAGES: Final = frozenset({"TargetDown", "ServiceDown", "NetworkDown"})
"""What is counted since it began: what was well before says nothing of how bad it is."""

_ELSEWHERE: Final = (_STREAM, "", None)
_QUICKNESS: Final = {"ttft": ("ttft_s", "first token"), "total": ("total_s", "answer")}


def detailed(finding: Finding, view: View) -> Finding:
    """Return the finding with the numbers behind it, as far as it is about probes of targets."""
    own = _own(finding)
    pairs = [pair for pair in own or _of_several(finding, view) if pair in view.seen]
    if not pairs:
        return finding
    recents = [view.seen[pair].recent for pair in pairs]
    if finding.name in _OUTAGES:
        recents = [
            _since(recent, _down_ns(finding, pair, view)) for pair, recent in zip(pairs, recents, strict=True)
        ]
    said = counts(recents, _what(finding, own, view))
    facts: dict[str, object] = {"counts": said, **_quickness(finding, recents), **_ids(recents)}
    if own:
        facts |= _beside(own, view)
    known = {name: value for name, value in facts.items() if value}
    return dataclasses.replace(finding, facts={**known, **finding.facts})


def _own(finding: Finding) -> list[Pair]:
    """Return the probes that a finding about one target names."""
    if "target" not in finding.labels:
        return []
    return [(one.target, one.probe) for one in parts(finding) if one.probe is not None]


def _of_several(finding: Finding, view: View) -> list[Pair]:
    names = {*finding.facts.get("failing", ())}
    if "service" in finding.labels and not names:
        names = {
            member.target
            for service in view.config.services
            if service.name == finding.labels["service"]
            for member in service.members
        }
    return [member.pair for member in view.members if member.target in names]


def _down_ns(finding: Finding, pair: Pair, view: View) -> int:
    """Return since when a probe is a part of an outage: of a service, one may have been down for long before it was."""
    standing = view.standing[pair]
    alone = finding.name == "ServiceDown" and standing.state == "bad"
    return standing.since_ns if alone else finding.since_ns


def _since(recent: Recent, since_ns: int) -> Recent:
    """Return what was judged from an instant on: what failed before it did so for a reason of its own, or was well."""
    slots = tuple(
        one
        for one in recent.slots
        if one.scheduled_ns >= since_ns and (one.failed or one.kind is EventClass.GOOD)
    )
    return dataclasses.replace(recent, slots=slots)


def _what(finding: Finding, own: Sequence[Pair], view: View) -> str:
    """Return what is counted: some of a target's probes by their names, where it has others."""
    targets = {target for target, _ in own}
    some = own and not {member.pair for member in view.members if member.target in targets} <= set(own)
    named = f"runs of probe{'s' * (len(own) > 1)} {' and '.join(probe for _, probe in own)}"
    what = named if some else "probes"
    return f"{what}, confirmations too," if finding.name == "TargetDown" else what


def counts(recents: Sequence[Recent], what: str = "probes") -> str:
    """Return how many of the last slots failed, where most of them did and how, and what is usual where time ran out.

    >>> from agent.telling.recent import Glimpse, Times
    >>> from probes.result import EventClass
    >>> good = Glimpse(1, Outcome.OK, EventClass.GOOD, False, 0.4, 1.0)
    >>> bad = Glimpse(2, Outcome.CONNECT_TIMEOUT, EventClass.BAD, False, None, None)
    >>> usual = (Times(1, None, 0.012, None, 0.2, 0.4, 1.0),)
    >>> counts([Recent(slots=(good, bad, bad), usual=usual)])
    '2 of the last 3 probes failed in connect (timed out, usually 12 ms)'
    >>> counts([Recent(slots=(good, bad._replace(outcome=Outcome.CONNECT_REFUSED)), usual=usual)])
    '1 of the last 2 probes failed in connect (refused)'
    """
    slots = [one for recent in recents for one in recent.slots[-LAST:]]
    failed = [PHASES.get(one.outcome, _ELSEWHERE) for one in slots if one.failed]
    if not failed:
        return ""
    [(phase, most)] = Counter(phase for phase, _, _ in failed).most_common(1)
    [((_, how, part), _)] = Counter(one for one in failed if one[0] == phase).most_common(1)
    usual = None if part is None else _usual(recents, part)
    within = [_status(recents, phase) or how, "" if usual is None else f"usually {words.latency(usual)}"]
    share = "" if most == len(failed) else f", {most} of them"
    said = f"{_many(len(failed), len(slots), what)} failed{share} {phase}"
    return said + (f" ({', '.join(filter(None, within))})" if any(within) else "")


def _many(failed: int, slots: int, what: str) -> str:
    """Return how many of the last probes failed.

    >>> _many(1, 1, "probes"), _many(5, 5, "probes"), _many(1, 10, "runs of probe chat")
    ('the last probe', 'all of the last 5 probes', '1 of the last 10 runs of probe chat')
    """
    if failed < slots:
        return f"{failed} of the last {slots} {what}"
    return f"the last {what.replace('s', '', 1)}" if slots == 1 else f"all of the last {slots} {what}"


def _status(recents: Sequence[Recent], phase: str) -> str:
    """Return what the newest failure that came as an answer was answered with."""
    there = [
        one.failure for one in recents if one.failure and _phase(one.failure.outcome) == phase == _ANSWER
    ]
    newest = max(there, key=lambda one: one.at_ns, default=None)
    status = None if newest is None else newest.http_status
    return f"HTTP {status}" if status is not None and status >= HTTPStatus.BAD_REQUEST else ""


def _phase(outcome: Outcome) -> str:
    return PHASES.get(outcome, _ELSEWHERE)[0]


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


def _beside(own: Sequence[Pair], view: View) -> dict[str, object]:
    """Return what it means for the services of a target that some of its probes fail, and who else is well in them."""
    target = own[0][0]
    serving = {service.name: service for pair in own for service in view.serving.get(pair, ())}
    found = [(service, view.impacts[name]) for name, service in serving.items()]
    well = dict.fromkeys(one.target for _, now in found for one in now.well)
    well.pop(target, None)
    still = dict.fromkeys(one.probe for _, now in found for one in now.well if one.target == target)
    return {
        "impact": [
            f"service {service.name} has {now.units_well} of {service.units} {_plural(service)} well and needs {service.at_least}"
            for service, now in found
        ]
        + ([f"no service has {target}"] if any(one.pair in own for one in view.config.lone) else [])
        + ([f"{target} is still well by probe {', '.join(still)}"] if still else []),
        "healthy": [*well],
    }


def _plural(service: Service) -> str:
    return service.of if service.units == 1 else f"{service.of}s"
