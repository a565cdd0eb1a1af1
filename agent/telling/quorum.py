"""A quorum over vantages: a page needs so many to find the same trouble, and fewer are told of as a ticket."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import structlog

from agent.slo.alerts import Alert, Finding, Severity
from agent.telling.others import Heard
from probes.target import Target

HELD: Final = "held"
"""The fact that says why a page is not told by this vantage; its alert is a ticket that nobody is told of."""

BELOW_NS: Final = 60 * 1_000_000_000
"""How long fewer vantages than needed find a trouble before that is told: all see it within an interval or two."""

_OURS: Final = frozenset({"NetworkDown", "AgentBlind"})
"""What is wrong with this agent is no matter of a vote."""

log = structlog.get_logger("telling")


class Quorum:
    """Holds pages back for the word of other vantages; remembers since when each is short of it."""

    def __init__(self) -> None:
        self._short_ns: dict[str, int] = {}
        self._few = False

    def judged(
        self, findings: Sequence[Finding], at_least: int | None, vote: "Vote", now_ns: int
    ) -> list[Finding]:
        """Return the findings with pages held back that too few vantages bear out, or that another one tells."""
        if at_least is None:
            return list(findings)
        self._look_round(at_least, vote)
        short: dict[str, int] = {}
        found: list[Finding] = []
        for finding in findings:
            if finding.severity != "page" or finding.name in _OURS:
                found.append(finding)
                continue
            agreeing, asked = vote.agreeing(finding), vote.asked(finding)
            if vote.settled and len(agreeing) < min(at_least, len(asked)):
                short[finding.key] = self._short_ns.get(finding.key, now_ns)
                if now_ns - short[finding.key] >= BELOW_NS and not vote.pages(finding):
                    found.append(_below(finding, at_least, agreeing, asked))
            found.append(_voted(finding, at_least, vote, agreeing, asked))
        self._short_ns = short
        return found

    def _look_round(self, at_least: int, vote: "Vote") -> None:
        """Tell once that fewer vantages are there than a quorum asks for: those that are have to do."""
        there = len(vote.heard.vantages) + 1
        if vote.settled and (there < at_least) != self._few:
            self._few = there < at_least
            tell = log.warning if self._few else log.info
            tell("quorum.few" if self._few else "quorum.enough", vantages=there, at_least=at_least)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """Who says what of this vantage's findings; `alive` are its own alerts by key."""

    vantage: str
    heard: Heard
    targets: Mapping[str, Target]
    members: Mapping[str, Sequence[str]]
    alive: Mapping[str, Alert]

    @property
    def settled(self) -> bool:
        return self.heard.settled

    def pages(self, finding: Finding) -> bool:
        """Return whether this vantage pages for it already: a page stays one until it ends."""
        known = self.alive.get(finding.key)
        return known is not None and known.finding.severity == "page"

    def agreeing(self, finding: Finding) -> list[str]:
        """Return the vantages that find the same trouble, this one among them."""
        return sorted({self.vantage, *self.heard.finding(finding.key)})

    def asked(self, finding: Finding) -> list[str]:
        """Return the vantages that could find it: they were heard lately and know how a target of it stands."""
        known = {
            vantage
            for name in self._about(finding)
            if name in self.targets
            for vantage, health in self.heard.of(self.targets[name]).items()
            if health != "unknown"
        }
        return sorted({*known, *self.agreeing(finding)})

    def teller(self, finding: Finding) -> str:
        """Return who tells of it: the first that pages for it already, else the first of all that agree."""
        theirs = self.heard.finding(finding.key)
        paging = [vantage for vantage, row in theirs.items() if row.severity == "page"]
        if self.pages(finding):
            paging.append(self.vantage)
        return min(paging or self.agreeing(finding))

    def _about(self, finding: Finding) -> Iterable[str]:
        if "target" in finding.labels:
            return [finding.labels["target"]]
        return self.members.get(finding.labels.get("service", ""), ())


def untold(alert: Alert, seq: int) -> bool:
    """Return whether nobody is told of an alert: it is held back, or ended so; `seq` counts what was told of it."""
    return seq == 0 and (alert.ended_ns is not None or HELD in alert.finding.facts)


def reheld(alert: Alert, before: Mapping[str, Alert]) -> bool:
    """Return whether it is held back for another reason than before, which its row is to say."""
    known = before.get(alert.finding.key)
    return known is not None and known.finding.facts.get(HELD) != alert.finding.facts.get(HELD)


def freed(alive: Iterable[Alert], changed: Iterable[Alert], seqs: Mapping[str, int]) -> Iterator[Alert]:
    """Yield alerts that were held back and are tickets to be told now, beside what changed anyhow."""
    known = {alert.id for alert in changed}
    for alert in alive:
        if alert.id not in known and seqs.get(alert.id) == 0 and HELD not in alert.finding.facts:
            yield alert


def _voted(
    finding: Finding, at_least: int, vote: Vote, agreeing: Sequence[str], asked: Sequence[str]
) -> Finding:
    """Return a page as it is where it is this vantage's to tell, else held back, with why."""
    facts: dict[str, Any] = {"vantages": list(agreeing), "vantages_asked": list(asked)}
    teller = vote.teller(finding)
    if not vote.settled:
        facts |= {HELD: "other vantages are not heard yet"}
    elif len(agreeing) < min(at_least, len(asked)):
        facts |= {HELD: f"found by {len(agreeing)} of {len(asked)} vantages, and {at_least} are needed"}
    elif teller != vote.vantage:
        facts |= {HELD: f"{teller} tells of it"}
    severity: Severity = "ticket" if HELD in facts else "page"
    return dataclasses.replace(finding, severity=severity, facts={**finding.facts, **facts})


def _below(finding: Finding, at_least: int, agreeing: Sequence[str], asked: Sequence[str]) -> Finding:
    """Return the notice of a trouble that some vantages have and others have not."""
    kept = {name: value for name, value in finding.facts.items() if name not in {"well", "units"}}
    facts = {
        "page": finding.name,
        "needed": min(at_least, len(asked)),
        "vantages": list(agreeing),
        "vantages_asked": list(asked),
    }
    return dataclasses.replace(
        finding,
        key=f"below-quorum/{finding.key}",
        name="BelowQuorum",
        severity="ticket",
        facts={**kept, **facts},
    )
