"""What is wrong with targets and services now: the findings of one evaluation."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agent.slo import gate
from agent.slo.alerts import HOLD_NS, Finding, Severity
from agent.slo.budget import exhaustion, speed
from agent.slo.burning import Windows, burning, counted
from agent.slo.conditions import Condition, conditions
from agent.slo.evaluate import budget_left
from agent.slo.impact import Impact, Standings, impact
from agent.slo.outages import Outage
from agent.slo.service import Member, Service
from exporters import durations
from storage.readings import SliCounts

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

    def is_warm(self, born_ns: int | None, now_ns: int) -> bool:
        """Return whether what is probed since then may page; None is not probed yet."""
        return now_ns - (now_ns if born_ns is None else born_ns) >= self.warm_up_ns


def target_findings(
    members: Iterable[Member],
    critical: frozenset[str],
    standings: Standings,
    born_ns: Mapping[str, int],
    now_ns: int,
    ways: Ways,
) -> Iterator[Finding]:
    """Yield a ticket for each target of which a probe's failure is confirmed; a critical target pages after a while.

    It is one for all of its probes: its `parts` are those that fail. `born_ns` says since when each target is probed.
    """
    probes: dict[str, list[Member]] = {}
    for member in members:
        probes.setdefault(member.target, []).append(member)
    for target, planned in probes.items():
        failing = [one for one in planned if _is_down(one, standings, now_ns)]
        if not failing:
            continue
        since_ns = min(standings[one.pair].since_ns for one in failing)
        pages = target in critical and now_ns - since_ns >= ways.after_ns
        of_probe = {"probe": planned[0].probe} if len(planned) == 1 else {}
        yield Finding(
            key=f"target-down/{target}",
            name="TargetDown",
            severity="page" if pages and ways.is_warm(born_ns.get(target), now_ns) else "ticket",
            subject=target,
            since_ns=since_ns,
            labels={"target": target, **of_probe, "cloud": planned[0].cloud},
            facts={"parts": [{"target": target, "probe": one.probe} for one in failing]},
        )


def _is_down(member: Member, standings: Standings, now_ns: int) -> bool:
    standing = standings.get(member.pair)
    return standing is not None and standing.state == "bad" and not standing.stale(now_ns, member.every_s)


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
    there too); after a while where one alone fails, its only member say. Where it hangs on members of which nothing
    is known, that is a ticket after the same while. What is new and not well is no member yet, where a page is
    concerned: it neither makes one nor keeps one back.
    """
    for service in services:
        found = impact(service, standings, now_ns)
        if not found.failing:
            continue
        cold = _cold(service, born_ns, now_ns, ways) - {member.target for member in found.well}
        known = impact(service.without(cold), standings, now_ns) if cold else found
        pages = known.under and _is_told(known, now_ns, ways, elsewhere)
        since_ns = known.since_ns if pages else found.since_ns
        if since_ns is None or not (pages or _is_told(found, now_ns, ways, elsewhere)):
            continue
        yield Finding(
            key=f"service-down/{service.name}",
            name="ServiceDown",
            severity="page" if pages else "ticket",
            subject=service.name,
            since_ns=since_ns,
            labels=_labels(service),
            facts=_impact_facts(service, found) | {"doubt": found.doubt and not pages},
        )


def _is_told(found: Impact, now_ns: int, ways: Ways, elsewhere: frozenset[str]) -> bool:
    """Return whether a service is under its minimum or in doubt, and that is borne out or lasts."""
    if found.since_ns is None:
        return False
    agreed = found.agreed or any(member.target in elsewhere for member in found.failing)
    return (agreed and found.under) or now_ns - found.since_ns >= ways.after_ns


def _cold(service: Service, born_ns: Mapping[str, int], now_ns: int, ways: Ways) -> set[str]:
    """Return the members that are too new to page."""
    return {one.target for one in service.members if not ways.is_warm(born_ns.get(one.target), now_ns)}


def _labels(service: Service) -> dict[str, str]:
    return {"service": service.name, **({"team": service.team} if service.team else {})}


def _impact_facts(service: Service, found: Impact) -> dict[str, object]:
    failing, well, unknown = (
        dict.fromkeys(member.target for member in members)
        for members in (found.failing, found.well, found.unknown)
    )
    return {
        "well": found.units_well,
        "at_least": service.at_least,
        "of": service.of,
        "units": service.units,
        "failing": [*failing],
        "healthy": [name for name in well if name not in failing],
        "unknown": [name for name in unknown if name not in failing],
    }


def service_conditions(service: Service, credibility: float = gate.CREDIBILITY) -> tuple[Condition, ...]:
    """Return the conditions of a service's own objective, at the interval of its pooled events."""
    return conditions(service.ratio, service.window_s, service.every_s, credibility=credibility)[0]


def burn_findings(
    service: Service,
    series: Mapping[tuple[str, str], Windows],
    now_ns: int,
    born_ns: Mapping[str, int],
    ways: Ways,
    outage: Outage | None = None,
) -> Iterator[Finding]:
    """Yield the strongest burn of a service's own objective: one page or ticket, not one for each window.

    `series` is what each member saw. Where those that are not new burn fast enough to page, it is told of them. None
    where its last outage explains what burns.
    """

    def strongest(one: Service) -> Condition | None:
        known = _known(one, series)
        if not known:
            return None
        holding = (
            held
            for held in service_conditions(one, ways.credibility)
            if burning(held, one.ratio, known)
            and not (outage and outage.explains(held, one, known, now_ns, ways.hold_ns))
        )
        return min(holding, key=lambda held: (held.window.severity != "page", -held.factor), default=None)

    warm = service.without(_cold(service, born_ns, now_ns, ways))
    held = strongest(warm)
    if held is not None and held.window.severity == "page":
        yield _burning(warm, held, series, now_ns, "page")
    elif (held := strongest(service)) is not None:
        yield _burning(service, held, series, now_ns, "ticket")


def _known(service: Service, series: Mapping[tuple[str, str], Windows]) -> list[Windows]:
    return [series[member.pair] for member in service.members if member.pair in series]


def _burning(
    service: Service,
    held: Condition,
    series: Mapping[tuple[str, str], Windows],
    now_ns: int,
    severity: Severity,
) -> Finding:
    known = _known(service, series)
    rate, told = speed(known, held, service.ratio)
    period = durations.write(service.window_s)
    whole = sum((one[period].counts for one in known if period in one), SliCounts())
    left = budget_left(whole, service.ratio)
    return Finding(
        key=f"service-burn/{service.name}",
        name="ServiceBudgetBurn",
        severity=severity,
        subject=service.name,
        since_ns=now_ns - round(held.window.short_s * 1e9),
        labels=_labels(service),
        facts={
            "window": held.window.name,
            "factor": held.factor,
            "objective": service.ratio,
            "windows": counted(held, service.ratio, known),
            "burn": told,
            "exhaustion": exhaustion(left, rate, service.window_s),
        },
    )
