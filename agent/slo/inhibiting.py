"""One alert for one cause: what says the same as another finding is named in that one, and told no more. Pure."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from agent.slo.alerts import Finding

COVERED: Final[Mapping[str, frozenset[str]]] = {
    "TargetDown": frozenset({"BudgetBurn"}),
    "ServiceDown": frozenset({"ServiceBudgetBurn", "BudgetBurn"}),
    "ServiceBudgetBurn": frozenset({"BudgetBurn"}),
    "BudgetBurn": frozenset({"BudgetBurn"}),
    "Throttled": frozenset({"NothingValid"}),
    "CredentialsRefused": frozenset({"NothingValid"}),
    "QuotaSpent": frozenset({"NothingValid"}),
    "NetworkDown": frozenset({"NothingValid", "BudgetBurn"}),
    "AgentBlind": frozenset({"NothingValid", "NoResults", "CoverageLost"}),
    "NoResults": frozenset({"CoverageLost"}),
}
"""What each alert speaks for, as far as both are about the same target or service; of burns the wider pool's."""

_OF_A_SERVICE: Final = frozenset({"ServiceDown", "ServiceBudgetBurn"})
_OURS: Final = frozenset({"NetworkDown", "AgentBlind"})

EVALUATION: Final = "evaluation"
"""The reason for a blind agent that hides nothing of what targets bring: only their history is not seen."""
_ADDED: Final = ("burn", "exhaustion", "windows")
"""What the alert of an outage says of its service's budget."""


class Part(NamedTuple):
    """A probe of a target that a finding is about; without a probe all of the target's."""

    target: str
    probe: str | None


def told(
    findings: Sequence[Finding], members: Mapping[str, frozenset[str]], going: Collection[str] = ()
) -> list[Finding]:
    """Return the findings that are told, with the keys of those that they speak for in their facts.

    `members` says which targets serve each service. A service speaks for a part only where it pages. A service's burn
    that pages already (`going`: the keys of such alerts) goes on when its outage begins, and speaks for parts until it
    ends.

    >>> down = Finding(key="d", name="TargetDown", severity="ticket", subject="t", since_ns=1, labels={"target": "t"})
    >>> burn = Finding(key="b", name="BudgetBurn", severity="ticket", subject="t", since_ns=1, labels={"target": "t"})
    >>> [(one.key, one.facts) for one in told([down, burn], {})]
    [('d', {'covers': ['b']})]
    """
    by_target: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        for target in _about(one, members, going) if one.name in COVERED else ():
            by_target[target].append(one)
    ours = [one for one in findings if one.name in _OURS]
    outages = {one.labels.get("service"): one for one in findings if one.name == "ServiceDown"}
    covered: dict[str, list[Finding]] = {}
    silent = set()
    for part in findings:
        if part.name == "ServiceBudgetBurn":
            speakers = [] if part.key in going else _outage(part, outages)
        else:
            speakers = _speakers(part, ours, by_target)
        for speaker in speakers:
            covered.setdefault(speaker.key, []).append(part)
            silent.add(part.key)
    return [
        _speaking(finding, covered[finding.key]) if finding.key in covered else finding
        for finding in findings
        if finding.key not in silent
    ]


def _speaking(finding: Finding, parts: Sequence[Finding]) -> Finding:
    """Return a finding with what it speaks for; an outage says how fast it spends its service's budget."""
    facts: dict[str, Any] = {"covers": [part.key for part in parts]}
    for part in parts:
        if part.name == "ServiceBudgetBurn":
            facts |= {name: part.facts[name] for name in _ADDED if name in part.facts}
    return dataclasses.replace(finding, facts={**finding.facts, **facts})


def _outage(burn: Finding, outages: Mapping[str | None, Finding]) -> list[Finding]:
    """Return the outage of a burning service; a ticket never speaks for a page."""
    outage = outages.get(burn.labels.get("service"))
    return [outage] if outage and _as_urgent(outage, burn) else []


def _as_urgent(one: Finding, part: Finding) -> bool:
    return one.severity == "page" or part.severity == "ticket"


def _speakers(
    part: Finding, ours: Sequence[Finding], by_target: Mapping[str, Sequence[Finding]]
) -> list[Finding]:
    """Return who speaks for a finding: of one about several, for all of them; else nobody does."""
    found: dict[str, Finding] = {}
    for about in parts(part):
        near = (*ours, *by_target.get(about.target, ()))
        speaker = next((one for one in near if one is not part and _speaks_for(one, part, about)), None)
        if speaker is None:
            return []
        found[speaker.key] = speaker
    return list(found.values())


def parts(one: Finding) -> list[Part]:
    """Return the probes of targets that a finding is about: of several, those that fail."""
    if "parts" in one.facts:
        return [Part(part["target"], part["probe"]) for part in one.facts["parts"]]
    return [Part(one.labels.get("target", ""), one.labels.get("probe"))]


Pair = tuple[str, str]


def down(findings: Iterable[Finding]) -> frozenset[Pair]:
    """Return the probes of targets that are found to be down."""
    return frozenset(
        (part.target, part.probe or "") for one in findings if one.name == "TargetDown" for part in parts(one)
    )


def fresh(findings: Iterable[Finding], before: Collection[Pair], now: Collection[Pair]) -> Iterator[Finding]:
    """Yield the burns that an evaluation found, but for those of what was down then and is not any more.

    Whatever spoke for them is over before the next evaluation can see that they are.
    """
    for one in findings:
        ceased = (pair in before and pair not in now for pair in parts(one))
        if one.name != "BudgetBurn" or not any(ceased):
            yield one


def _about(one: Finding, members: Mapping[str, frozenset[str]], going: Collection[str]) -> Iterable[str]:
    """Return the targets that a finding may speak for; a service does so only where it pages, or its alert does."""
    if one.name in _OF_A_SERVICE:
        pages = one.severity == "page" or one.key in going
        return members.get(one.labels.get("service", ""), frozenset()) if pages else ()
    return {*_named(one)} - {""}


def _named(one: Finding) -> Iterator[str]:
    yield one.labels.get("target", "")
    yield from one.facts.get("failing", ())
    yield from one.facts.get("targets", ()) if one.name != "BudgetBurn" else ()


def _speaks_for(one: Finding, part: Finding, about: Part) -> bool:
    """Return whether a finding about the same target, or one about us, says what this one says of it.

    A ticket never speaks for a page.
    """
    if part.name not in COVERED.get(one.name, ()) or not _as_urgent(one, part):
        return False
    if one.name in _OURS and part.name == "NothingValid":
        return bool(part.facts.get("ours"))
    if one.name in _OURS:
        return (
            one.name == "AgentBlind" and one.facts.get("reason") != EVALUATION
        ) or about.target in one.facts.get("failing", ())
    if one.name == "BudgetBurn":
        return _is_wider(one, part) and about in parts(one)
    return any(own.probe in {None, about.probe} for own in parts(one))


def _is_wider(one: Finding, part: Finding) -> bool:
    """Return whether a burn is that of a larger pool, on the same indicator."""
    sizes = [len(burn.facts.get("targets", ())) for burn in (one, part)]
    alike = one.facts.get("sli") == part.facts.get("sli")
    return alike and sizes[0] > sizes[1]
