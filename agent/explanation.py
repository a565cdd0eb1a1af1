"""Everything that is stored behind one alert, gathered: what became of it, who was told, what was seen around its begin."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agent.config.model import Config
from agent.telling.quorum import TOLD_AS
from probes.result import rfc3339
from storage.alert_readings import AckRow, AlertRow, ChangeRow, Delivery
from storage.base import Alerts, History, Outbox
from storage.readings import Attempt

TARGETS: Final = 5
"""So many targets of an alert have their attempts shown; a cloud of thirty fails alike."""

USUAL_NS: Final = 30_000_000_000
"""How long a slot is where the plan does not know the target any more."""

BEFORE: Final = 3
AFTER: Final = 2
"""Slots before the trouble began, and after it was found."""

LONGEST_NS: Final = 3600 * 1_000_000_000
"""What began hours before it was found is shown from its begin for so long."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`facts` are those of the instant at which it fired; the row's own are the newest."""

    alert: AlertRow
    changes: Sequence[ChangeRow]
    acknowledgements: Sequence[AckRow]
    deliveries: Sequence[Delivery]
    attempts: Sequence[Attempt]

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.changes[0].facts if self.changes else self.alert.facts

    def plain(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "alert": dataclasses.asdict(self.alert),
            "facts": dict(self.facts),
            "changes": [dataclasses.asdict(one) for one in self.changes],
            "acknowledgements": [dataclasses.asdict(one) for one in self.acknowledgements],
            "notices": [_delivered(one) for one in self.deliveries],
            "attempts": [_attempted(one) for one in self.attempts],
        }


def gathered(
    config: Config, alert: AlertRow, alerts: Alerts, outbox: Outbox, history: History
) -> Explanation:
    """Return what is stored of an alert, be it alive or past."""
    changes = alerts.changes(alert.vantage, alert.id)
    facts = changes[0].facts if changes else alert.facts
    since_ns, until_ns = _around(config, alert, targets_of(alert, facts))
    return Explanation(
        alert=alert,
        changes=changes,
        acknowledgements=alerts.acknowledgements(alert.vantage, [alert.id]),
        deliveries=outbox.deliveries(alert.vantage, str(alert.facts.get(TOLD_AS, alert.id))),
        attempts=[
            attempt
            for target in targets_of(alert, facts)[:TARGETS]
            for attempt in _seen(history, alert, target, since_ns, until_ns)
            if alert.labels.get("probe") in {None, attempt.result.probe}
        ],
    )


def targets_of(alert: AlertRow, facts: Mapping[str, Any]) -> list[str]:
    """Return the targets that an alert is about: its own, or those that failed when it fired."""
    own = alert.labels.get("target")
    return [own] if own else list(dict.fromkeys(facts.get("failing", ())))


def _seen(history: History, alert: AlertRow, target: str, since_ns: int, until_ns: int) -> Sequence[Attempt]:
    """Return what was seen of a target, and where its alert is a drill's, what the drill asked beside it."""
    real = history.timeline(alert.vantage, target, since_ns, until_ns)
    if "drill" not in alert.labels:
        return real
    return [*real, *history.drills(alert.vantage, target, since_ns, until_ns)]


def _around(config: Config, alert: AlertRow, targets: Sequence[str]) -> tuple[int, int]:
    every_ns = max(_intervals(config, targets), default=USUAL_NS)
    until_ns = min(alert.fired_ns, alert.since_ns + LONGEST_NS) + AFTER * every_ns
    return alert.since_ns - BEFORE * every_ns, until_ns


def _intervals(config: Config, targets: Sequence[str]) -> Iterator[int]:
    members = {member.pair for member in config.members}
    for pair, workload in config.workloads().items():
        if pair[0] in targets and pair in members:
            yield workload.every_ns


def _delivered(one: Delivery) -> dict[str, Any]:
    return {
        "receiver": one.row.receiver,
        "seq": one.row.seq,
        "state": one.state,
        "made_at": rfc3339(one.row.made_ns),
        "told_at": None if one.told_ns is None else rfc3339(one.told_ns),
        "tries": one.tries,
        "error": one.error,
        "payload": dict(one.row.payload),
    }


def _attempted(one: Attempt) -> dict[str, Any]:
    settled = None
    if one.settled is not None:
        settled = {
            "fault": one.settled.fault.value,
            "confirmations": one.settled.confirmations,
            "confirmations_bad": one.settled.confirmations_bad,
            "witness": one.settled.witness,
            "settled_at": rfc3339(one.settled.settled_ns),
        }
    return one.result.public() | {"settled": settled}
