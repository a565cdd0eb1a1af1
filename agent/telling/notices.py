"""An alert in words: what broke and since when, its impact, whose fault it is and on what evidence. Pure."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from agent.slo.alerts import FILLED, LEFT, UNSEEN, Alert
from agent.telling.clearer import BEFORE, OTHER, TOLD
from agent.telling.missed import UNTIL
from exporters import durations, words
from exporters.signals import Acknowledged, Notice
from storage.alert_readings import AckRow

NAMED_AT_MOST: Final = 5

_APART: Final = frozenset({"fault", TOLD, OTHER, "evidence", "ours", "told_as", "doubt", UNSEEN, LEFT, UNTIL})
"""Facts that a notice has a place of its own for, or that are for us alone."""

_FIRST: Final = ("spent", "counts")
"""Facts of which the first that is known closes the first line."""


def notice(
    alert: Alert,
    seq: int,
    *,
    runbook: str | None = None,
    page: str | None = None,
    simulated: frozenset[str] = frozenset(),
) -> Notice:
    """Return what is told of an alert as it is now; `simulated` names the targets that are no real endpoints."""
    finding = alert.finding
    about = {finding.labels.get("target", ""), *finding.facts.get("failing", ())} - {""}
    return Notice(
        key=alert.id,
        seq=seq,
        state="firing" if alert.ended_ns is None else "resolved",
        name=finding.name,
        severity=finding.severity,
        subject=finding.subject,
        summary=_summary(alert),
        detail=_detail(finding.facts, alert.acknowledged),
        since_ns=finding.since_ns,
        fired_ns=alert.fired_ns,
        ended_ns=alert.ended_ns,
        fault=finding.facts.get("fault"),
        evidence=tuple(finding.facts.get("evidence", ())),
        labels={**finding.labels, "severity": finding.severity},
        facts={
            name: _plain(value)
            for name, value in finding.facts.items()
            if name not in _APART and value not in (None, "", [], ()) and not _tabular(value)
        },
        runbook=None if runbook is None else filled(runbook, finding.labels),
        page=page,
        drill="drill" in finding.facts,
        simulated=bool(about) and about <= simulated,
        acknowledged=_acknowledged(alert.acknowledged),
        quiet_ns=alert.quiet_ns if alert.ended_ns is None else None,
    )


def _acknowledged(ack: AckRow | None) -> Acknowledged | None:
    if ack is None:
        return None
    return Acknowledged(by=ack.author, reason=ack.reason, at_ns=ack.made_ns, until_ns=ack.until_ns)


def _summary(alert: Alert) -> str:
    """Return the first line: what broke, and since when or for how long.

    >>> from agent.slo.alerts import Finding
    >>> facts = {"well": 1, "at_least": 3, "of": "cloud", "units": 4}
    >>> down = Finding(key="k", name="ServiceDown", severity="page", subject="nano", since_ns=0, facts=facts)
    >>> _summary(Alert(finding=down, fired_ns=40_000_000_000))
    'Service nano has been down since 1970-01-01 00:00:00 UTC: 1 of 4 clouds is well, and it needs 3'
    >>> _summary(Alert(finding=down, fired_ns=40_000_000_000, quiet_ns=90_000_000_000, ended_ns=690_000_000_000))
    'Service nano is well again after 1m30s'
    >>> _summary(Alert(finding=down, fired_ns=40_000_000_000, quiet_ns=90_000_000_000))
    'Service nano was down from 1970-01-01 00:00:00 UTC until 1970-01-01 00:01:30 UTC: 1 of 4 clouds was well, and it needs 3'
    """
    finding, facts = alert.finding, alert.finding.facts
    said, wrong, well = _WHAT[finding.name]
    what = said.format(subject=finding.subject)
    if UNTIL in facts:
        past = wrong.replace("has been", "was", 1)
        times = f"from {_instant(finding.since_ns)} to {_instant(facts[UNTIL])}"
        return f"{what} {past} {times}, while this agent had no database and told nobody"
    if alert.ended_ns is not None:
        lasted_ns = (alert.quiet_ns or alert.ended_ns) - finding.since_ns
        lasted = durations.write(max(0, lasted_ns // 1_000_000_000))
        if LEFT in facts:
            return _left(what, lasted, facts[LEFT])
        return f"{what} {well} again after {lasted}"
    unseen = f", and not seen since {_instant(facts[UNSEEN])}" if UNSEEN in facts else ""
    if "factor" in facts:
        times = f"{words.rate(facts['factor'])} times as fast as its objective allows"
        return (
            f"{what} spends its error budget more than {times} (window {facts['window'].split()[0]}){unseen}"
        )
    if "ends" in facts:
        return f"{what} expires at {facts['ends']}"
    wrong = wrong.replace("has", "may have", 1) if facts.get("doubt") else wrong
    told = f"{what} {_when(wrong, finding.since_ns, alert.quiet_ns)}{unseen}"
    if "needed" in facts:
        seen, asked = len(facts["vantages"]), len(facts["vantages_asked"])
        told += (
            f": {seen} of {asked} find it ({words.few(facts['vantages'])}), and {facts['needed']} are needed"
        )
    if "well" in facts:
        now, before = ("is", "was") if 1 in (facts["well"], facts["units"]) else ("are", "were")
        are = now if alert.quiet_ns is None else before
        of = facts["of"] if facts["units"] == 1 else f"{facts['of']}s"
        doubt = f", nothing is known of {words.few(facts['unknown'])}" if facts.get("doubt") else ""
        told += (
            f": {facts['well']} of {facts['units']} {of} {are} well{doubt}, and it needs {facts['at_least']}"
        )
    elif "needed" not in facts and (line := next((facts[name] for name in _FIRST if facts.get(name)), None)):
        told += f": {line}"
    return told


def _when(wrong: str, since_ns: int, quiet_ns: int | None) -> str:
    """Return since when something is wrong, or until when it was where nothing is found any more.

    >>> _when("has been down", 0, None), _when("has been down", 0, 90_000_000_000)
    ('has been down since 1970-01-01 00:00:00 UTC', 'was down from 1970-01-01 00:00:00 UTC until 1970-01-01 00:01:30 UTC')
    >>> _when("has had no error budget left", 0, 0).partition(" from ")[0]
    'had no error budget left'
    """
    if quiet_ns is None:
        return f"{wrong} since {_instant(since_ns)}"
    past = wrong.replace("has been", "was", 1).removeprefix("has ")
    return f"{past} from {_instant(since_ns)} until {_instant(quiet_ns)}"


def closed(notice: Notice, seq: int, why: str, now_ns: int) -> Notice:
    """Return the end of what was told of an alert that goes on, and that nobody tells of any more, for a reason in words."""
    what = _WHAT[notice.name][0] if notice.name in _WHAT else "{subject}"
    lasted_ns = max(0, (notice.quiet_ns or now_ns) - notice.since_ns)
    lasted = durations.write(lasted_ns // 1_000_000_000)
    return dataclasses.replace(
        notice,
        seq=seq,
        state="resolved",
        summary=_left(what.format(subject=notice.subject), lasted, why),
        ended_ns=now_ns,
        quiet_ns=None,
    )


def _left(what: str, lasted: str, why: str) -> str:
    return f"{what} is told of no more after {lasted}: {why}"


def _instant(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns / 1e9, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _detail(facts: Mapping[str, Any], ack: AckRow | None = None) -> str:
    """Return the second line: in whose hands it is, who fails, whose fault it is on what evidence, its impact, what is healthy."""
    said = [] if ack is None else [f"acknowledged by {ack.author}: {ack.reason}"]
    if failing := facts.get("failing"):
        said.append(f"failing: {words.few(failing)}")
    before = f" (told before: {facts[BEFORE]})" if BEFORE in facts else ""
    said.append(f"fault: {facts.get('fault') or 'undetermined'}{before}")
    if evidence := facts.get("evidence"):
        said.append(", ".join(evidence[:NAMED_AT_MOST]))
    said += [str(facts[name]) for name in ("burn", "latency", "exhaustion") if facts.get(name)]
    if facts.keys() & {"well", "factor", "needed"} and facts.get("counts"):
        said.append(facts["counts"])
    if affected := facts.get("impact"):
        said.append(", ".join(affected[:NAMED_AT_MOST]))
    if targets := facts.get("targets"):
        said.append(f"targets: {words.few(targets)}")
    if vendor := facts.get("vendor"):
        said.append(vendor)
    if held := facts.get("held"):
        said.append(f"not told: {held}")
    if services := facts.get("services"):
        said.append(f"services: {words.few(services)}")
    if "healthy" in facts:
        said.append(f"healthy: {words.few(facts.get('healthy', ())) or 'none'}")
    return "; ".join(said)


def _plain(value: object) -> str:
    """Return a fact as a text.

    >>> _plain(["a", "b"]), _plain({"throttled": 3, "config": 1}), _plain(2)
    ('a, b', '3 throttled, 1 config', '2')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _tabular(value: object) -> bool:
    """Return whether a fact is a table, which `nephoscope explain` shows and no notice."""
    return isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value)


def filled(template: str, labels: Mapping[str, str]) -> str:
    """Return a runbook's address with its names filled in; what has none of them is left out.

    >>> filled("https://runbooks.example/{service}/{target}", {"service": "nano"})
    'https://runbooks.example/nano/'
    """
    for name in FILLED:
        template = template.replace("{" + name + "}", labels.get(name, ""))
    return template


_WHAT: Final[Mapping[str, tuple[str, str, str]]] = {
    "TargetDown": ("Target {subject}", "has been down", "is well"),
    "ServiceDown": ("Service {subject}", "has been down", "is well"),
    "ServiceBudgetBurn": (
        "Service {subject}",
        "has spent its error budget too fast",
        "keeps to its error budget",
    ),
    "BelowQuorum": ("{subject}", "has seemed down to too few vantages for a page", "is well"),
    "NetworkDown": ("Our own network ({subject})", "has been down", "is well"),
    "AgentBlind": ("Our own agent ({subject})", "has been blind", "sees"),
    "CredentialsRefused": ("Identity {subject}", "has been refused", "is accepted"),
    "QuotaSpent": ("Quota of {subject}", "has been spent", "is there"),
    "WitnessSilent": ("Witness {subject}", "has been silent", "answers"),
    "NoResults": ("Target {subject}", "has brought no results", "brings results"),
    "NothingValid": ("Target {subject}", "has brought nothing valid", "brings valid results"),
    "Throttled": ("The {subject}", "has been throttled", "is let through"),
    "BudgetBurn": ("Objective {subject}", "has spent its error budget too fast", "keeps to its error budget"),
    "BudgetExhausted": ("Objective {subject}", "has had no error budget left", "has error budget"),
    "CoverageLost": ("Coverage of {subject}", "has been under 80 %", "is whole"),
    "CertificateExpires": ("The certificate of {subject}", "expires soon", "is fresh"),
    "CredentialExpires": ("Identity {subject}", "expires soon", "is fresh"),
}
"""What it is about, what has been wrong with it since then, and what it is when nothing is wrong any more."""
