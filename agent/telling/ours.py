"""What is wrong with us: our network, agent, credentials and quota, each told once, in place of what it seems to break."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from agent.slo.alerts import Finding, Severity
from agent.slo.findings import Ways
from agent.slo.service import Member
from agent.telling.blind import Ourselves, blind
from agent.telling.labels import shared_by
from agent.telling.sights import VOTELESS, View
from agent.telling.verdict import Fault, Verdict
from probes.identity import identity
from probes.result import REFUSALS

HIDING: Final = frozenset({Fault.NETWORK, Fault.AGENT})
"""Faults of ours that make clouds look down which are not."""

SILENT_NS: Final = 300 * 1_000_000_000
"""So long a witness has no vote before that is a ticket: at a start none of them has one."""


def is_hidden(finding: Finding, blames: Mapping[str, Verdict]) -> bool:
    """Return whether everything that a finding says to fail is our own fault."""
    names = finding.failing
    return bool(names) and all(name in blames and blames[name].fault in HIDING for name in names)


def is_aftermath(finding: Finding, view: View, known: Collection[str]) -> bool:
    """Return whether nothing valid came of a target by our own fault alone, of which an alert still stands.

    The way is back before the first slot by it has told so.
    """
    if finding.name != "NothingValid" or not finding.facts.get("ours"):
        return False
    network = view.targets[finding.labels["target"]].network
    return f"network-down/{network}" in known or "agent-blind" in known


def own_findings(
    view: View,
    verdicts: Sequence[Verdict],
    hidden: Sequence[Finding],
    ways: Ways,
    ourselves: Ourselves,
) -> Iterator[Finding]:
    """Yield one finding for each thing of ours that is at fault; those of targets and services it names.

    A network that is down and a blind agent page, but for a cold start; the rest are tickets.
    """
    yield from _networks(view, verdicts, hidden, ways)
    yield from blind(view, hidden, ways, ourselves)
    yield from _refusals(view, verdicts)
    yield from _silent(view)


def _networks(
    view: View, verdicts: Sequence[Verdict], hidden: Sequence[Finding], ways: Ways
) -> Iterator[Finding]:
    born_ns = view.standings.born_ns()
    for network, verdict in _cut(view, verdicts):
        members = [member for member in view.members if member.target in verdict.targets]
        warm = any(ways.is_warm(born_ns.get(one), view.now_ns) for one in verdict.targets)
        severity: Severity = "page" if warm else "ticket"
        yield Finding(
            key=f"network-down/{network}",
            name="NetworkDown",
            severity=severity,
            subject=verdict.subject,
            since_ns=_since_ns(view, members),
            labels={"network": network},
            facts=_facts(verdict)
            | {
                "services": [
                    service.name
                    for service in view.config.services
                    if any(member.target in verdict.targets for member in service.members)
                ],
                "hidden": _keys(hidden),
            },
        )


def _cut(view: View, verdicts: Sequence[Verdict]) -> Iterator[tuple[str, Verdict]]:
    """Yield each network that is down, with what it lost by all of its ways: a target's own proxy is one of them."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.fault is Fault.NETWORK:
            found.setdefault(view.targets[verdict.targets[0]].network, []).append(verdict)
    for network, ways in found.items():
        first = min(ways, key=lambda one: one.subject != network)
        targets = dict.fromkeys(name for one in (first, *ways) for name in one.targets)
        evidence = dict.fromkeys(said for one in (first, *ways) for said in one.evidence)
        yield network, dataclasses.replace(first, targets=tuple(targets), evidence=tuple(evidence))


def _refusals(view: View, verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    """Yield a ticket for each identity that a cloud refuses, or a whole cloud that does, and for each spent quota."""
    turned = {
        member.target: seen
        for member in view.members
        if (seen := view.seen.get(member.pair)) is not None and seen.turned
    }
    for verdict in verdicts:
        first = turned.get(verdict.targets[0]) if verdict.targets else None
        if first is None or first.outcome not in REFUSALS:
            continue
        cloud = view.targets[verdict.targets[0]].cloud
        spent = verdict.fault is Fault.QUOTA
        whose = {identity(view.targets[name]) for name in verdict.targets}
        theirs = [one for one in view.targets.values() if one.cloud == cloud and identity(one) in whose]
        yield Finding(
            key=f"{'quota-spent' if spent else 'credentials-refused'}/{cloud}/{verdict.subject}",
            name="QuotaSpent" if spent else "CredentialsRefused",
            severity="ticket",
            subject=f"of {cloud}" if verdict.fault is Fault.CLOUD else verdict.subject,
            since_ns=min(turned[name].refused_ns for name in verdict.targets if name in turned),
            labels={**shared_by(theirs), "cloud": cloud},
            facts=_facts(verdict),
        )


def _silent(view: View) -> Iterator[Finding]:
    for (network, witness), voice in view.voices.items():
        if voice.state in VOTELESS and view.now_ns - voice.since_ns >= SILENT_NS:
            why = (
                "it was not reached for a day or ever"
                if voice.state == "no_vote"
                else "it alone is not reached"
            )
            said = (
                f"{why}, so it has no vote: while none has one, it stays undetermined "
                f"whose fault failures on network {network} are"
            )
            yield Finding(
                key=f"witness-silent/{network}/{witness}",
                name="WitnessSilent",
                severity="ticket",
                subject=f"{witness} of network {network}",
                since_ns=voice.since_ns,
                labels={"network": network},
                facts={"fault": f"{Fault.NETWORK.value} {network}", "evidence": [said]},
            )


def _facts(verdict: Verdict) -> dict[str, object]:
    return {
        "failing": list(verdict.targets),
        "fault": f"{verdict.fault.value} {verdict.subject}",
        "evidence": list(verdict.evidence),
    }


def _keys(hidden: Sequence[Finding]) -> list[str]:
    return [finding.key for finding in hidden]


def _since_ns(view: View, members: Sequence[Member]) -> int:
    """Return when a way was lost: what failed before for another reason began before."""
    found = [view.seen[member.pair] for member in members]
    lost = [seen.lost_since_ns for seen in found if seen.lost_since_ns is not None]
    down = (seen.standing.since_ns for seen in found if seen.standing.state == "bad")
    return min(lost or down, default=view.now_ns)
