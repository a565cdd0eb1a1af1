"""What is wrong with targets and services now: the findings of one evaluation."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.slo import gate
from agent.slo.alerts import HOLD_NS, Finding, Severity
from agent.slo.budget import exhaustion, left_of, speed
from agent.slo.burning import Windows, burning, counted
from agent.slo.conditions import Condition, conditions
from agent.slo.impact import Impact, Standings, impact
from agent.slo.outages import Outage
from agent.slo.service import Member, Service

AFTER_NS: Final = 120 * 1_000_000_000
"""How long a service's only member, or a critical target, is down before it pages."""

WARM_UP_NS: Final = 3600 * 1_000_000_000
"""How long a new target only tickets."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """When a trouble pages, and how long its alert is held; nanoseconds. `credibility` is what gates ask for."""

    after_ns: int = AFTER_NS
    warm_up_ns: int = WARM_UP_NS
    hold_ns: int = HOLD_NS
    credibility: float = gate.CREDIBILITY


def target_findings(
    members: Iterable[Member],
    critical: frozenset[str],
    standings: Standings,
    born_ns: Mapping[str, int],
    now_ns: int,
    ways: Ways,
) -> Iterator[Finding]:
    """Yield a ticket for each probe of a target whose failure is confirmed; a critical target pages after a while.

    `born_ns` says since when each target is probed.
    """
    for member in members:
        standing = standings.get(member.pair)
        if standing is None or standing.state != "bad" or standing.stale(now_ns, member.every_s):
            continue
        long_enough = now_ns - standing.since_ns >= ways.after_ns
        warm = now_ns - born_ns.get(member.target, now_ns) >= ways.warm_up_ns
        severity: Severity = "page" if member.target in critical and long_enough and warm else "ticket"
        yield Finding(
            key=f"target-down/{member.target}/{member.probe}",
            name="TargetDown",
            severity=severity,
            subject=member.target,
            since_ns=standing.since_ns,
            labels={"target": member.target, "probe": member.probe, "cloud": member.cloud},
        )


def service_findings(
    services: Iterable[Service],
    standings: Standings,
    born_ns: Mapping[str, int],
    now_ns: int,
    ways: Ways,
    elsewhere: frozenset[str] = frozenset(),
) -> Iterator[Finding]:
    """Yield a page for each service under its healthy minimum.

    At once where at least two targets bear each other out, or another vantage one of them (`elsewhere`: what fails
    there too); after a while where one alone fails, be it the only member or the only one of which anything is known.
    """
    for service in services:
        found = impact(service, standings, now_ns)
        if not found.under or found.since_ns is None:
            continue
        agreed = found.agreed or any(member.target in elsewhere for member in found.failing)
        if not agreed and now_ns - found.since_ns < ways.after_ns:
            continue
        warm = all(now_ns - born_ns.get(member.target, now_ns) >= ways.warm_up_ns for member in found.failing)
        yield Finding(
            key=f"service-down/{service.name}",
            name="ServiceDown",
            severity="page" if warm else "ticket",
            subject=service.name,
            since_ns=found.since_ns,
            labels={"service": service.name, **({"team": service.team} if service.team else {})},
            facts=_impact_facts(service, found),
        )


def _impact_facts(service: Service, found: Impact) -> dict[str, object]:
    return {
        "well": found.units_well,
        "at_least": service.at_least,
        "of": service.of,
        "units": service.units,
        "failing": [member.target for member in found.failing],
        "healthy": [member.target for member in found.well],
        "unknown": [member.target for member in found.unknown],
    }


def service_conditions(service: Service, credibility: float = gate.CREDIBILITY) -> tuple[Condition, ...]:
    """Return the conditions of a service's own objective, at the interval of its pooled events."""
    return conditions(service.ratio, service.window_s, service.every_s, credibility=credibility)[0]


def burn_findings(
    service: Service,
    series: Sequence[Windows],
    now_ns: int,
    born_ns: Mapping[str, int],
    ways: Ways,
    outage: Outage | None = None,
) -> Iterator[Finding]:
    """Yield the strongest burn of a service's own objective: one page or ticket, not one for each window.

    None where its last outage explains what burns.
    """
    holding = [
        condition
        for condition in service_conditions(service, ways.credibility)
        if burning(condition, service.ratio, series)
        and not (outage and outage.explains(condition, service, series, now_ns, ways.hold_ns))
    ]
    if not holding:
        return
    strongest = min(holding, key=lambda one: (one.window.severity != "page", -one.factor))
    warm = all(now_ns - born_ns.get(member.target, now_ns) >= ways.warm_up_ns for member in service.members)
    rate, told = speed(series, strongest, service.ratio)
    left = left_of(series, service.ratio, service.window_s, service.every_s)
    yield Finding(
        key=f"service-burn/{service.name}",
        name="ServiceBudgetBurn",
        severity=strongest.window.severity if warm else "ticket",
        subject=service.name,
        since_ns=now_ns - round(strongest.window.short_s * 1e9),
        labels={"service": service.name, **({"team": service.team} if service.team else {})},
        facts={
            "window": strongest.window.name,
            "factor": strongest.factor,
            "objective": service.ratio,
            "windows": counted(strongest, service.ratio, series),
            "burn": told,
            "exhaustion": exhaustion(left, rate, service.window_s),
        },
    )
