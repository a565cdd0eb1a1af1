"""Alerts as the rows that remember them over restarts."""

import dataclasses
from collections.abc import Mapping

from agent.slo import acknowledging
from agent.slo.alerts import LEFT, UNSEEN, Alert, Finding
from storage.alert_readings import AlertRow


def row(vantage: str, alert: Alert, seq: int) -> AlertRow:
    """Return the row that remembers an alert; `seq` counts what was told of it."""
    finding = alert.finding
    return AlertRow(
        vantage=vantage,
        id=alert.id,
        key=finding.key,
        name=finding.name,
        severity=finding.severity,
        subject=finding.subject,
        since_ns=finding.since_ns,
        fired_ns=alert.fired_ns,
        quiet_ns=alert.quiet_ns,
        ended_ns=alert.ended_ns,
        seq=seq,
        labels=finding.labels,
        facts=finding.facts,
        acknowledged=None if alert.acknowledged is None else dataclasses.asdict(alert.acknowledged),
    )


def revived(row: AlertRow) -> Alert:
    """Return the alert that a row remembers."""
    finding = Finding(
        key=row.key,
        name=row.name,
        severity="page" if row.severity == "page" else "ticket",
        subject=row.subject,
        since_ns=row.since_ns,
        labels=row.labels,
        facts=row.facts,
        over_ns=row.facts.get("drill_until_ns"),
    )
    return Alert(
        finding=finding,
        fired_ns=row.fired_ns,
        quiet_ns=row.quiet_ns,
        ended_ns=row.ended_ns,
        acknowledged=acknowledging.revived(row.acknowledged),
    )


def turned(alert: Alert, before: Mapping[str, Alert]) -> bool:
    """Return whether it became quiet or unseen or ceased to be: nothing to tell, and to remember over a restart."""
    known = before.get(alert.finding.key)
    return known is not None and _waits(known) != _waits(alert)


def _waits(alert: Alert) -> tuple[bool, bool, object]:
    facts = alert.finding.facts
    return alert.quiet_ns is None, UNSEEN in facts, facts.get(LEFT)
