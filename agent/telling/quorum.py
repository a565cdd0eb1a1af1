"""A quorum over vantages: a page needs so many to find the same trouble, and fewer are told of as a ticket."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import structlog

from agent.slo.alerts import Alert, Finding, Severity
from agent.telling.others import TOLD_AS, Heard
from probes.target import Target
from storage.alert_readings import AlertRow

HELD: Final = "held"
"""The fact that says why a page is not told by this vantage; its alert is a ticket that nobody is told of."""

BELOW_NS: Final = 60 * 1_000_000_000
"""How long fewer vantages than needed find a trouble before that is told: all see it within an interval or two."""

_VOTED: Final = frozenset({"ServiceDown", "ServiceBudgetBurn", "TargetDown", "BudgetBurn"})
"""What may be wrong with the world; what is wrong with this agent is no matter of a vote."""

log = structlog.get_logger("telling")


class Quorum:
    """Holds pages back for the word of other vantages; remembers since when each is short of it."""

    def __init__(self) -> None:
        self._short_ns: dict[str, int] = {}
        self._left_ns: dict[str, int] = {}
        self._few = False

    def judged(
        self, findings: Sequence[Finding], at_least: int | None, vote: "Vote", now_ns: int
    ) -> list[Finding]:
        """Return the findings with pages held back that too few vantages bear out, or that another one tells."""
        if at_least is None:
            return list(findings)
        self._look_round(at_least, vote)
        before, self._short_ns, self._left_ns = (self._short_ns, self._left_ns), {}, {}
        found: list[Finding] = []
        for finding in findings:
            if finding.severity != "page" or finding.name not in _VOTED:
                found.append(finding)
                continue
            voted = vote.on(finding, at_least)
            if voted.short and self._long(self._short_ns, before[0], finding, now_ns):
                alone = vote.pages(finding) and voted.told_as is None  # whom nobody else will end it for
                found += [] if alone else [_below(finding, at_least, voted)]
            if voted.left and self._long(self._left_ns, before[1], finding, now_ns):
                voted = dataclasses.replace(voted, held=None)  # who was to tell of it does not
            found.append(_with(finding, voted))
        return found

    def _long(self, now: dict[str, int], before: Mapping[str, int], finding: Finding, now_ns: int) -> bool:
        """Remember since when it holds of a finding; return whether that is long."""
        now[finding.key] = before.get(finding.key, now_ns)
        return now_ns - now[finding.key] >= BELOW_NS

    def _look_round(self, at_least: int, vote: "Vote") -> None:
        """Tell once that fewer vantages are there than a quorum asks for: those that are have to do."""
        there = len(vote.heard.vantages) + 1
        if vote.heard.settled and (there < at_least) != self._few:
            self._few = there < at_least
            tell = log.warning if self._few else log.info
            tell("quorum.few" if self._few else "quorum.enough", vantages=there, at_least=at_least)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """What came of a vote: who finds it, who was asked, and why this vantage holds it back, if it does.

    `short` says that too few find it, `left` that another vantage is to tell of it and has not yet. `told_as` is the
    occurrence that another vantage told of first.
    """

    agreeing: Sequence[str]
    asked: Sequence[str]
    told_as: str | None = None
    held: str | None = None
    short: bool = False
    left: bool = False

    @property
    def votes(self) -> dict[str, Any]:
        return {"vantages": list(self.agreeing), "vantages_asked": list(self.asked)}

    @property
    def facts(self) -> dict[str, Any]:
        return self.votes | ({} if self.told_as is None else {TOLD_AS: self.told_as})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """Who says what of this vantage's findings; `alive` are its own alerts by key.

    `tells` says whether it has somebody to tell, and so may tell what others cannot; `told` are the keys of what it
    told of.
    """

    vantage: str
    heard: Heard
    targets: Mapping[str, Target]
    members: Mapping[str, Sequence[str]]
    alive: Mapping[str, Alert]
    tells: bool = True
    told: Collection[str] = frozenset()

    def on(self, finding: Finding, at_least: int) -> Voted:
        """Return what comes of it: one of those who agree tells, the first that does already, else by name.

        One whom no receiver hears does not, for as long as somebody else might be heard.
        A vantage whose own alert is a ticket that it told of (it is new there, say) agrees, and cannot be the one.
        """
        theirs = self.heard.finding(finding.key)
        agreeing = sorted({self.vantage, *theirs})
        asked = sorted({*self._knowing(finding), *agreeing})
        voted = Voted(agreeing=agreeing, asked=asked, told_as=self._told_as(finding, theirs))
        if not self.heard.settled:
            return dataclasses.replace(voted, held="other vantages are not heard yet")
        if len(agreeing) < min(at_least, len(asked)):
            why = f"found by {len(agreeing)} of {len(asked)} vantages, and {at_least} are needed"
            return dataclasses.replace(voted, held=why, short=True)
        unheard = self.heard.failing(finding.key) if self.tells else frozenset()
        may = {vantage: row for vantage, row in theirs.items() if vantage not in unheard}
        telling = {vantage for vantage, row in may.items() if row.severity == "page"}
        holding = {vantage for vantage, row in may.items() if HELD in row.facts}
        if self.pages(finding):
            telling.add(self.vantage)
        teller = min(telling or {self.vantage, *holding})
        if teller == self.vantage:
            return voted
        return dataclasses.replace(voted, held=f"{teller} tells of it", left=not telling)

    def _told_as(self, finding: Finding, theirs: Mapping[str, AlertRow]) -> str | None:
        """Return the occurrence that another vantage pages for, or did when it was heard last.

        None for its own page, and for what it told of as a ticket of its own: receivers wait for the end of that.
        """
        known = self.alive.get(finding.key)
        before = None if known is None else known.finding.facts.get(TOLD_AS)
        pages = [row for row in theirs.values() if row.severity == "page"]
        if not pages or self.pages(finding) or finding.key in self.told:
            return before
        first = min(pages, key=lambda row: (row.fired_ns, row.vantage))
        return str(first.facts.get(TOLD_AS, first.id))

    def pages(self, finding: Finding) -> bool:
        """Return whether this vantage pages for it already: a page stays one until it ends."""
        known = self.alive.get(finding.key)
        return known is not None and known.finding.severity == "page"

    def _knowing(self, finding: Finding) -> Iterator[str]:
        """Yield the vantages that could find it: they were heard lately and know how a target of it stands."""
        name, service = finding.labels.get("target"), finding.labels.get("service", "")
        for one in [name] if name else [*self.members.get(service, ()), *finding.facts.get("targets", ())]:
            if one in self.targets:
                healths = self.heard.of(self.targets[one])
                yield from (vantage for vantage, health in healths.items() if health != "unknown")


def told_as(alert: Alert) -> str:
    """Return the key under which receivers are told: one that took over goes on with that of the first."""
    return str(alert.finding.facts.get(TOLD_AS, alert.id))


def sole(told: Iterable[Alert], heard: Heard, at_least: int | None) -> dict[str, Collection[str]]:
    """Return key -> the other vantages, of each page that one of them all is to tell."""
    if at_least is None:
        return {}
    return {
        alert.finding.key: heard.vantages - heard.failing(alert.finding.key)
        for alert in told
        if alert.finding.severity == "page" and alert.finding.name in _VOTED and alert.ended_ns is None
    }


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


def _with(finding: Finding, voted: Voted) -> Finding:
    """Return a page with its vote; one that is held back is a ticket that nobody is told of."""
    held = {} if voted.held is None else {HELD: voted.held}
    severity: Severity = "page" if voted.held is None else "ticket"
    return dataclasses.replace(finding, severity=severity, facts={**finding.facts, **voted.facts, **held})


def _below(finding: Finding, at_least: int, voted: Voted) -> Finding:
    """Return the notice of a trouble that some vantages have and others have not."""
    kept = {name: value for name, value in finding.facts.items() if name not in {"well", "units"}}
    facts = {"page": finding.name, "needed": min(at_least, len(voted.asked)), **voted.votes}
    return dataclasses.replace(
        finding,
        key=f"below-quorum/{finding.key}",
        name="BelowQuorum",
        severity="ticket",
        facts={**kept, **facts},
    )
