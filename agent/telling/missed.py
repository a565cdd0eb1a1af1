"""Outages that nobody could be told of, for the database was away as long as they lasted: told once that they were."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from agent.slo.alerts import Alert, Finding
from agent.telling.others import TOLD_AS
from agent.telling.quorum import HELD

KEY: Final = "missed/"
"""What the key of such an outage begins with: it is over, so it is not the alert that it would have been."""

UNTIL: Final = "until_ns"
"""The fact that says when it was seen last."""

_DOWN: Final = frozenset({"ServiceDown", "TargetDown"})


class Missed:
    """What was found down while nothing could be remembered, by key, as it was seen last."""

    def __init__(self) -> None:
        self._seen: dict[str, Finding] = {}

    def take(self, found: Iterable[Finding], now_ns: int) -> None:
        """Take what is found in a look that cannot be remembered."""
        for finding in found:
            if finding.name in _DOWN and "drill" not in finding.facts:
                known = self._seen.get(finding.key, finding)
                facts = {**finding.facts, UNTIL: now_ns}
                since_ns = min(finding.since_ns, known.since_ns)
                self._seen[finding.key] = dataclasses.replace(finding, since_ns=since_ns, facts=facts)

    def over(self, found: Iterable[Finding], alive: Collection[str]) -> list[Finding]:
        """Return a ticket for each outage that is neither found now nor an alert, once for a service and its targets."""
        there = {finding.key for finding in found} | set(alive)
        left = [finding for key, finding in self._seen.items() if key not in there]
        services = [finding for finding in left if finding.name == "ServiceDown"]
        spoken = {target for finding in services for target in finding.facts.get("failing", ())}
        return [_ticket(one) for one in left if one in services or one.labels.get("target") not in spoken]

    def forget(self) -> None:
        self._seen.clear()


def lasting(alive: Mapping[str, Alert]) -> dict[str, Alert]:
    """Return the alerts whose trouble may go on."""
    return {key: alert for key, alert in alive.items() if not key.startswith(KEY)}


def _ticket(finding: Finding) -> Finding:
    facts = {name: value for name, value in finding.facts.items() if name not in {HELD, TOLD_AS}}
    return dataclasses.replace(finding, key=f"{KEY}{finding.key}", severity="ticket", facts=facts)
