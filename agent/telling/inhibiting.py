"""One alert for one cause: what says the same as another finding is named in that one, and told no more. Pure."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.slo.alerts import Finding

COVERED: Final[Mapping[str, frozenset[str]]] = {
    "TargetDown": frozenset({"BudgetBurn"}),
    "ServiceDown": frozenset({"BudgetBurn"}),
    "ServiceBudgetBurn": frozenset({"BudgetBurn"}),
    "Throttled": frozenset({"NothingValid"}),
    "CredentialsRefused": frozenset({"NothingValid"}),
    "QuotaSpent": frozenset({"NothingValid"}),
    "NetworkDown": frozenset({"NothingValid", "BudgetBurn"}),
    "AgentBlind": frozenset({"NothingValid", "NoResults", "CoverageLost"}),
    "NoResults": frozenset({"CoverageLost"}),
}
"""What each alert speaks for, as far as both are about the same target."""

_OF_A_SERVICE: Final = frozenset({"ServiceDown", "ServiceBudgetBurn"})
_OURS: Final = frozenset({"NetworkDown", "AgentBlind"})


def told(findings: Sequence[Finding], members: Mapping[str, frozenset[str]]) -> list[Finding]:
    """Return the findings that are told, with the keys of those that they speak for in their facts.

    `members` says which targets serve each service. A service speaks for a part only where it pages.

    >>> down = Finding(key="d", name="TargetDown", severity="ticket", subject="t", since_ns=1, labels={"target": "t"})
    >>> burn = Finding(key="b", name="BudgetBurn", severity="ticket", subject="t", since_ns=1, labels={"target": "t"})
    >>> [(one.key, one.facts) for one in told([down, burn], {})]
    [('d', {'covers': ['b']})]
    """
    by_target: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        for target in _about(one, members) if one.name in COVERED else ():
            by_target[target].append(one)
    ours = [one for one in findings if one.name in _OURS]
    covers: dict[str, list[str]] = {}
    silent = set()
    for part in findings:
        near = by_target.get(part.labels.get("target", ""), [])
        speaker = next((one for one in (*ours, *near) if _speaks_for(one, part)), None)
        if speaker is not None:
            covers.setdefault(speaker.key, []).append(part.key)
            silent.add(part.key)
    return [
        dataclasses.replace(finding, facts={**finding.facts, "covers": covers[finding.key]})
        if finding.key in covers
        else finding
        for finding in findings
        if finding.key not in silent
    ]


def _about(one: Finding, members: Mapping[str, frozenset[str]]) -> Iterable[str]:
    """Return the targets that a finding may speak for; a service does so only where it pages."""
    if one.name in _OF_A_SERVICE:
        return members.get(one.labels.get("service", ""), frozenset()) if one.severity == "page" else ()
    return {one.labels.get("target", ""), *one.facts.get("failing", ()), *one.facts.get("targets", ())} - {""}


def _speaks_for(one: Finding, part: Finding) -> bool:
    """Return whether a finding about the same target, or one about us, says what this one says."""
    if part.name not in COVERED.get(one.name, ()):
        return False
    if one.name in _OURS and part.name == "NothingValid":
        return bool(part.facts.get("ours"))
    if one.name in _OURS:
        return one.name == "AgentBlind" or part.labels.get("target") in one.facts.get("failing", ())
    return "probe" not in one.labels or one.labels["probe"] == part.labels.get("probe")
