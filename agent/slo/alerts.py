"""Alerts as states: what was found wrong becomes an alert once, stays one for a while, and ends once."""

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from storage.alert_readings import AckRow

HOLD_NS = 600 * 1_000_000_000
"""An alert ends when nothing was found wrong for this long, unless the file says otherwise: flapping is one alert."""

Severity = Literal["page", "ticket"]

NAMES: Final = (
    "TargetDown",
    "ServiceDown",
    "ServiceBudgetBurn",
    "BelowQuorum",
    "NetworkDown",
    "AgentBlind",
    "CredentialsRefused",
    "QuotaSpent",
    "WitnessSilent",
    "NoResults",
    "NothingValid",
    "Throttled",
    "BudgetBurn",
    "BudgetExhausted",
    "CoverageLost",
    "CertificateExpires",
    "CredentialExpires",
)
"""Every name that an alert can have."""

FILLED: Final = ("objective", "target", "probe", "service")
"""Labels of an alert that are filled in where a runbook's address names them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong now, for as long as it is found.

    `key` names it for ever: the same trouble has the same key in every evaluation, process and delivery. `name` is
    the alert's name, `subject` what it is about, `labels` route it, `facts` are the numbers behind it.
    `since_ns` is when the trouble began (UTC nanoseconds), which may be long before it is found. `over_ns` is when
    it ceases to be by design, as a drill does: from then on its alert is not held.
    """

    key: str
    name: str
    severity: Severity
    subject: str
    since_ns: int
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    over_ns: int | None = None

    @property
    def failing(self) -> list[str]:
        """Return the targets that it says to fail: those that it names, or else the one that it is about."""
        own = [self.labels["target"]] if "target" in self.labels else []
        return list(self.facts.get("failing") or own)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert from its first finding to its end; `quiet_ns` is since when nothing is found any longer.

    `fired_ns` names the occurrence: the next one of the same key is another alert. `acknowledged` says in whose hands
    it is.
    """

    finding: Finding
    fired_ns: int
    quiet_ns: int | None = None
    ended_ns: int | None = None
    acknowledged: AckRow | None = None

    @property
    def id(self) -> str:
        return f"{self.finding.key}@{self.fired_ns}"


def paging(alive: Mapping[str, Alert]) -> frozenset[str]:
    """Return the keys of the alerts that page."""
    return frozenset(key for key, alert in alive.items() if alert.finding.severity == "page")


UNSEEN: Final = "unseen_ns"
LEFT: Final = "left"
"""Facts of an alert that is not found: since when nobody sees whether it goes on, or why nobody looks."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unfound:
    """Why a trouble that is not found any more is not seen to be over.

    Since `unseen_ns` (UTC nanoseconds) nobody sees whether it goes on, so it does; or nobody looks, for a reason in
    words (`left`), and then it ends as what is well does.
    """

    unseen_ns: int | None = None
    left: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one evaluation changed: alerts that are alive now, and among all those that began, rose or ended."""

    alive: Mapping[str, Alert]
    began: tuple[Alert, ...] = ()
    rose: tuple[Alert, ...] = ()
    ended: tuple[Alert, ...] = ()


def step(
    alive: Mapping[str, Alert],
    findings: Iterable[Finding],
    now_ns: int,
    hold_ns: int = HOLD_NS,
    unfound: Mapping[str, Unfound] = MappingProxyType({}),
) -> Step:
    """Return what the findings of an evaluation make of the alerts that are alive.

    A ticket that is found to be a page rises; a page stays one until it ends. What is not found is over after a
    while, but for what `unfound` says of it by its key.

    >>> found = Finding(key="k", name="Down", severity="ticket", subject="t", since_ns=1)
    >>> first = step({}, [found], 10)
    >>> [alert.fired_ns for alert in first.began], step(first.alive, [found], 20).began
    ([10], ())
    >>> quiet = step(first.alive, [], 30)
    >>> quiet.alive["k"].quiet_ns, [alert.ended_ns for alert in step(quiet.alive, [], 30 + HOLD_NS).ended]
    (30, [600000000030])
    """
    now: dict[str, Alert] = {}
    began, rose, ended = [], [], []
    for finding in findings:
        known = alive.get(finding.key)
        if known is None:
            now[finding.key] = alert = Alert(finding=finding, fired_ns=now_ns)
            began.append(alert)
            continue
        severity: Severity = "page" if "page" in (finding.severity, known.finding.severity) else "ticket"
        since_ns = min(finding.since_ns, known.finding.since_ns)
        held = dataclasses.replace(finding, severity=severity, since_ns=since_ns)
        now[finding.key] = alert = dataclasses.replace(known, finding=held, quiet_ns=None)
        if severity != known.finding.severity:
            rose.append(alert)
    for key, known in alive.items():
        if key in now:
            continue
        alert = _not_found(known, unfound.get(key, Unfound()), now_ns)
        over_ns = known.finding.over_ns
        stays = alert.quiet_ns is None or now_ns - alert.quiet_ns < hold_ns
        if stays and (over_ns is None or now_ns < over_ns):
            now[key] = alert
        else:
            ended.append(dataclasses.replace(alert, ended_ns=now_ns))
    return Step(alive=now, began=tuple(began), rose=tuple(rose), ended=tuple(ended))


def _not_found(known: Alert, why: Unfound, now_ns: int) -> Alert:
    """Return an alert that is not found: quiet since it was seen to be over, or since nobody looks at it."""
    before = known.finding.facts
    facts = {name: value for name, value in before.items() if name not in {UNSEEN, LEFT}}
    quiet_ns: int | None = now_ns if known.quiet_ns is None else known.quiet_ns
    if why.unseen_ns is not None and (known.quiet_ns is None or LEFT in before):
        facts[UNSEEN], quiet_ns = why.unseen_ns, None
    elif why.left is not None:
        facts[LEFT] = why.left
    finding = known.finding if facts == before else dataclasses.replace(known.finding, facts=facts)
    return dataclasses.replace(known, finding=finding, quiet_ns=quiet_ns)
