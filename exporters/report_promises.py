"""The weekly report's tables of what was promised: services and objectives."""

from collections.abc import Iterator
from datetime import UTC, datetime

from exporters import words
from exporters.report_cells import Cell, Table
from exporters.report_sentences import (
    NAMED,
    SHOWN,
    STATES,
    judged,
    needs,
    revision,
    sli_text,
    within,
)
from exporters.weeks import ServiceWeek, Share, Shortfall, SloWeek, WeeklyReport

_SLI = {
    "availability": "available",
    "ttft": "first token",
    "ttfo": "first output",
    "itl": "next token",
    "total": "whole answer",
    "throughput": "of answers",
    "correctness": "right",
    "residency": "served where it may be",
}

_FIGURES = (
    ("Week", False),
    ("SLI", True),
    ("Good / bad slots", True),
    ("Coverage", True),
    ("Budget left, week", True),
    ("Budget left, window", True),
    ("Worst hour", True),
    ("Days", False),
)


def tables(report: WeeklyReport) -> Iterator[Table]:
    if report.services:
        yield _services(report)
        yield _shortfalls(report)
    yield _objectives(report)


def _services(report: WeeklyReport) -> Table:
    return Table(
        "Services",
        "What consumers buy: the slots of all members of a service together against its own objective, and for how long "
        "fewer of its clouds, regions or targets were well than it needs. The figures are read as those of the "
        "objectives below, and what is said there of intervals holds here too.",
        (("Service", False), ("Objective", False), ("Under its minimum", True), *_FIGURES),
        tuple(tuple(_service(one)) for one in report.services),
    )


def _shortfalls(report: WeeklyReport) -> Table:
    found = [(service, one) for service in report.services for one in service.shortfalls]
    longest = sorted(found, key=lambda item: (-item[1].duration_s, item[1].start_ns))[:SHOWN]
    return Table(
        "Services under their minimum",
        "Longest first. A member fails from its first failure that every confirmation bore out to its first good slot; "
        "blips, of which a confirmation was answered, count for the objective and not here.",
        (("Service", False), ("Start (UTC)", False), ("Duration", True), ("Failing", False)),
        tuple(tuple(_shortfall(*item)) for item in longest),
        "None.",
    )


def _objectives(report: WeeklyReport) -> Table:
    return Table(
        "Objectives",
        "SLI with Wilson's 95 % interval. Missing slots were due and not seen, and coverage is what was seen of what was "
        "due; excluded and invalid slots were seen and count neither way; what is not named is 0. Budget left is under 0 "
        "where more was spent than the objective allows, and burn is how many times as fast as that it went. The word "
        "beside the state is the probability that the objective is truly met: likely from 90 % on, inconclusive between, "
        "likely breached up to 10 %. The interval and that probability (Jeffreys' posterior) are made as if slots failed "
        "independently of each other; failures cluster, so both are surer than they should be where one hour holds most "
        "of them, and are not corrected for it.",
        (("Target", False), ("Objective", False), *_FIGURES),
        tuple(tuple(_objective(slo)) for slo in report.slos),
        "No objective is configured.",
    )


def _objective(slo: SloWeek) -> Iterator[Cell]:
    yield Cell(slo.slo.service, slo.slo.probe or "pooled")
    yield Cell(
        slo.slo.objective,
        f"{words.goal(slo.objective_ratio)} {_SLI.get(slo.sli, slo.sli)}{within(slo)}{revision(slo)}",
    )
    yield from _figures(slo)


def _service(one: ServiceWeek) -> Iterator[Cell]:
    slo = one.slo
    yield Cell(slo.slo.service, needs(one))
    yield Cell(
        f"{words.goal(slo.objective_ratio)} {_SLI['availability']}", f"over {slo.window}{revision(slo)}"
    )
    notes = []
    if (number := len(one.shortfalls)) > 1:
        notes.append(f"{words.count(number)} times, longest {words.duration(one.shortfalls[0].duration_s)}")
    if one.unknown_s:
        notes.append(f"unknown for {words.duration(one.unknown_s)}")
    if one.unjudged_s:
        notes.append(f"not judged for {words.duration(one.unjudged_s)} of maintenance")
    yield Cell(words.duration(one.under_s) if one.shortfalls else "none", ", ".join(notes))
    yield from _figures(slo)


def _shortfall(service: ServiceWeek, one: Shortfall) -> Iterator[Cell]:
    notes = ["began earlier or unseen"] * (not one.began) + ["its end was not seen"] * (not one.ended)
    yield Cell(service.slo.slo.service, needs(service))
    yield Cell(words.instant(one.start_ns))
    yield Cell(words.duration(one.duration_s), ", ".join(notes))
    yield Cell(words.few(one.failing, NAMED))


def _figures(slo: SloWeek) -> Iterator[Cell]:
    week, rolling, worst = slo.week, slo.rolling, slo.worst_hour
    yield Cell(
        STATES[week.state], judged(week) if week.state == "unknown" else week.likelihood, state=week.state
    )
    yield Cell(
        sli_text(slo, week.sli),
        f"{sli_text(slo, week.low)} to {sli_text(slo, week.high)}" if week.low is not None else "",
    )
    others = {"excluded": week.excluded, "invalid": week.invalid, "missing": week.missing}
    yield Cell(
        f"{words.count(week.good)} / {words.count(week.bad)}",
        ", ".join(f"{name} {words.count(slots)}" for name, slots in others.items() if slots),
    )
    yield Cell(words.percent(week.coverage))
    yield Cell(words.percent(week.budget, 0))
    unsure = "unknown" if rolling.state == "unknown" else rolling.likelihood
    yield Cell(words.percent(rolling.budget, 0), f"{slo.window}: {sli_text(slo, rolling.sli)}, {unsure}")
    yield (
        Cell(f"burn {worst.burn:,.1f}", f"{words.instant(worst.since_ns, seconds=False)}, {worst.bad} bad")
        if worst
        else Cell(words.NOTHING)
    )
    yield Cell("", days=tuple((day.state, _day(slo, day)) for day in slo.days))


def _day(slo: SloWeek, day: Share) -> str:
    name = datetime.fromtimestamp(day.since_ns // words.SECOND_NS, UTC).strftime("%a")
    return f"{name} {sli_text(slo, day.sli)}" + (" unknown" if day.state == "unknown" else "")
