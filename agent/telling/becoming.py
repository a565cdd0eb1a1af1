"""What becomes of alerts from one look to the next: told apart, remembered each with its facts, and logged."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import structlog

from agent.slo import acknowledging
from agent.slo.alerts import Alert, Step
from storage.alert_readings import SILENT, AckRow, Change, ChangeRow

Changed = tuple[Change, Alert]

log = structlog.get_logger("telling")


def going_on(alert: Alert) -> Alert:
    """Return an alert as alive that others ended while its vantage was silent: whoever was told of it is waiting."""
    facts = {name: value for name, value in alert.finding.facts.items() if name != SILENT}
    return dataclasses.replace(alert, ended_ns=None, finding=dataclasses.replace(alert.finding, facts=facts))


def in_hand(alert: Alert, acks: Sequence[AckRow], now_ns: int) -> Alert:
    """Return the alert with who has it in hands now."""
    ack = acknowledging.current(acks, alert.id, alert.finding.severity, now_ns)
    return alert if ack == alert.acknowledged else dataclasses.replace(alert, acknowledged=ack)


def changed(
    done: Step,
    before: Mapping[str, Alert],
    alive: Mapping[str, Alert],
    blamed: Collection[str] = (),
) -> list[Changed]:
    """Return what is to be told of a step, each alert once; `alive` are its alerts with who has them in hands.

    `blamed` are the ids of those of which another fault is to be told.
    """
    rose = {alert.id for alert in done.rose}
    found: list[Changed] = []
    for key, alert in alive.items():
        known = before.get(key)
        if known is None:
            found.append(("fired", alert))
        elif alert.id in rose:
            found.append(("rose", alert))
        elif alert.acknowledged != known.acknowledged:
            found.append(("acknowledged" if alert.acknowledged else "unacknowledged", alert))
        elif alert.id in blamed:
            found.append(("blamed", alert))
    return [*found, *(("ended", alert) for alert in done.ended)]


def row(vantage: str, what: Change, alert: Alert, seq: int, now_ns: int) -> ChangeRow:
    return ChangeRow(
        vantage=vantage,
        alert=alert.id,
        seq=seq,
        at_ns=now_ns,
        what=what,
        severity=alert.finding.severity,
        facts=alert.finding.facts,
    )


def tell(what: Change, alert: Alert) -> None:
    finding = alert.finding
    loud = log.warning if what in {"fired", "rose"} else log.info
    loud(
        f"alert.{what}",
        alert=finding.name,
        severity=finding.severity,
        subject=finding.subject,
        fault=finding.facts.get("fault"),
    )
