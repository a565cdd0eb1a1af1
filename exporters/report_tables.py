"""The weekly report as tables of texts, which each format then writes in its own way."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from exporters import words
from exporters.report_sentences import NAMED, SHOWN, STATES, judged, sli_text, within
from exporters.weeks import (
    CorrectionWeek,
    Gap,
    Incident,
    LatencyWeek,
    MaintenanceWeek,
    Percentiles,
    Share,
    SloWeek,
    SpendWeek,
    WeeklyReport,
)

_FAULTS = {"none": "none", "not_ours": "not ours", "ours": "ours", "undetermined": "undetermined"}
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


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """A text, what is said beside it in small, and the state that it tells, if any; `days` are drawn."""

    text: str
    small: str = ""
    state: str | None = None
    days: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """`columns` are names and whether they hold numbers; `empty` stands where there are no rows."""

    title: str
    intro: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""


def tables(report: WeeklyReport) -> Iterator[Table]:
    yield Table(
        "Objectives",
        "SLI with Wilson's 95 % interval. Missing slots were due and not seen, and coverage is what was seen of what was "
        "due; excluded and invalid slots were seen and count neither way; what is not named is 0. The word beside the state is the probability that the objective is truly met: likely from "
        "90 % on, inconclusive between, likely breached up to 10 %. The interval and that probability (Jeffreys' posterior) "
        "are made as if slots failed independently of each other; failures cluster, so both are surer than they should be "
        "where one hour holds most of them, and are not corrected for it.",
        (
            ("Target", False),
            ("Objective", False),
            ("Week", False),
            ("SLI", True),
            ("Good / bad slots", True),
            ("Coverage", True),
            ("Budget left, week", True),
            ("Budget left, window", True),
            ("Worst hour", True),
            ("Days", False),
        ),
        tuple(tuple(_objective(slo)) for slo in report.slos),
        "No objective is configured.",
    )
    yield Table(
        "Incidents",
        "Bad slots in a row, longest first, those of a target's probes that overlap in one. An incident lasts from "
        "its first bad slot to the first good one after it.",
        (
            ("Target", False),
            ("Start (UTC)", False),
            ("Duration", True),
            ("Bad slots", True),
            ("Outcomes", False),
            ("Fault", False),
        ),
        tuple(tuple(_incident(one)) for one in report.incidents[:SHOWN]),
        "None.",
    )
    if report.maintenances:
        yield Table(
            "Maintenance",
            "What was seen of these targets meanwhile is excluded, and no slot of it is missing.",
            (
                ("Targets", False),
                ("From (UTC)", False),
                ("To (UTC)", False),
                ("Duration", True),
                ("Reason", False),
                ("Author", False),
            ),
            tuple(tuple(_maintenance(one)) for one in report.maintenances),
        )
    if report.corrections:
        yield Table(
            "Corrections",
            "What somebody said afterwards that events count as; rows stay as they are, and metrics as they were.",
            (
                ("Target", False),
                ("From (UTC)", False),
                ("To (UTC)", False),
                ("Counts as", False),
                ("Reason", False),
                ("Author", False),
            ),
            tuple(tuple(_correction(one)) for one in report.corrections),
        )
    yield Table(
        "Latency",
        "Percentiles of trusted samples, seconds after the request was sent; totals of answers alone.",
        (
            ("Target", False),
            *((f"First token {name}", True) for name in ("p50", "p95", "p99")),
            *((f"Total {name}", True) for name in ("p50", "p95", "p99")),
            ("Untrusted", True),
        ),
        tuple(tuple(_latency(one)) for one in report.latencies),
    )
    if swift := [one for one in report.latencies if one.per_500 is not None]:
        yield Table(
            "Throughput",
            "Of answers that are long enough for a speed: tokens a second from the first one on, and what 500 "
            "tokens take at each answer's first token and speed, in seconds. Trusted samples.",
            (
                ("Target", False),
                ("Tokens a second p50", True),
                *((f"500 tokens {name}", True) for name in ("p50", "p95", "p99")),
            ),
            tuple(tuple(_speed(one)) for one in swift),
        )
    yield Table(
        "Spend",
        "All attempts, confirmations and manual ones included.",
        (
            ("Target", False),
            ("Attempts", True),
            ("Input tokens", True),
            ("Output tokens", True),
            ("Cost", True),
            ("Price from", False),
        ),
        tuple(tuple(_spend(one)) for one in _with_total(report.spends)),
    )
    longest = sorted(report.gaps, key=lambda gap: (gap.start_ns - gap.end_ns, gap.start_ns))[:SHOWN]
    yield Table(
        "What we did not see",
        "Slots that were due and have no row: our own absence, shown as such and never filled in. From the last slot "
        "seen to the next one.",
        (
            ("From (UTC)", False),
            ("To (UTC)", False),
            ("Duration", True),
            ("Missing slots", True),
            ("Of", False),
        ),
        tuple(tuple(_gap(one)) for one in longest),
        "Nothing: every slot that was due has a row.",
    )


def _objective(slo: SloWeek) -> Iterator[Cell]:
    week, rolling, worst = slo.week, slo.rolling, slo.worst_hour
    yield Cell(slo.slo.service, slo.slo.probe or "pooled")
    named = f", revision {slo.revisions[-1].digest}" if slo.revisions else ""
    yield Cell(
        slo.slo.objective,
        f"{words.goal(slo.objective_ratio)} {_SLI.get(slo.sli, slo.sli)}{within(slo)}{named}",
    )
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


def _incident(one: Incident) -> Iterator[Cell]:
    notes = ["began earlier or unseen"] * (not one.began) + ["its end was not seen"] * (not one.ended)
    code = next(iter(one.error_codes), None)
    yield Cell(one.target, ", ".join(one.probes))
    yield Cell(words.instant(one.start_ns))
    yield Cell(words.duration(one.duration_s), ", ".join(notes))
    yield Cell(words.count(one.slots))
    yield Cell(_counted(one.outcomes), f"code {words.one_line(code)}" if code else "")
    yield Cell(_counted({_FAULTS.get(fault, fault): slots for fault, slots in one.faults.items()}))


def _maintenance(one: MaintenanceWeek) -> Iterator[Cell]:
    more = f" and {len(one.targets) - NAMED} more" if len(one.targets) > NAMED else ""
    ended = f"ended early by {words.one_line(one.ended_by)}" if one.ended_by else ""
    yield Cell(f"{', '.join(one.targets[:NAMED])}{more}")
    yield Cell(words.instant(one.since_ns))
    yield Cell(words.instant(one.until_ns), ended)
    yield Cell(words.duration((one.until_ns - one.since_ns) / words.SECOND_NS))
    yield Cell(words.one_line(one.reason))
    yield Cell(words.one_line(one.author))


def _correction(one: CorrectionWeek) -> Iterator[Cell]:
    about = ", ".join(said for said in (one.probe, one.vantage and f"from {one.vantage}") if said)
    withdrawn = f"withdrawn by {words.one_line(one.withdrawn_by)}" if one.withdrawn_by else ""
    yield Cell(one.target, about)
    yield Cell(words.instant(one.since_ns))
    yield Cell(words.instant(one.until_ns))
    yield Cell(one.kind, withdrawn)
    yield Cell(words.one_line(one.reason))
    yield Cell(words.one_line(one.author), f"on {words.instant(one.made_ns, seconds=False)}")


def _counted(counts: Mapping[str, int]) -> str:
    """Return what there is one of by its name alone.

    >>> _counted({"overloaded": 7}), _counted({"overloaded": 7, "dns": 2}), _counted({})
    ('overloaded', 'overloaded 7, dns 2', '-')
    """
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} {words.count(number)}" for name, number in counts.items()) or words.NOTHING


def _asked(one: LatencyWeek) -> Cell:
    return Cell(one.target, one.probe if one.probe == one.kind else f"{one.probe} ({one.kind})")


def _speed(one: LatencyWeek) -> Iterator[Cell]:
    yield _asked(one)
    yield Cell(words.NOTHING if one.tokens_per_s is None else f"{one.tokens_per_s:.1f}")
    yield from _percentiles(one.per_500)


def _latency(one: LatencyWeek) -> Iterator[Cell]:
    yield _asked(one)
    for spread in (one.ttft, one.total):
        yield from _percentiles(spread)
    reasons = ", ".join(f"{reason} {words.count(slots)}" for reason, slots in one.reasons.items())
    yield Cell(words.percent(one.untrusted / one.slots) if one.slots else words.NOTHING, reasons)


def _percentiles(spread: Percentiles | None) -> Iterator[Cell]:
    if spread is None:
        yield from (Cell(words.NOTHING),) * 3
        return
    yield Cell(words.latency(spread.p50_s), f"of {words.count(spread.samples)}")
    yield Cell(words.latency(spread.p95_s))
    yield Cell(words.latency(spread.p99_s))


def _spend(one: SpendWeek) -> Iterator[Cell]:
    unpriced = f"price unknown for {words.count(one.unpriced)} attempts" if one.unpriced else ""
    yield Cell(one.target)
    yield Cell(words.count(one.attempts))
    yield Cell(words.count(one.input_tokens))
    yield Cell(words.count(one.output_tokens))
    yield Cell("unknown" if one.cost_usd is None and one.unpriced else words.usd(one.cost_usd), unpriced)
    yield Cell(words.one_line(one.price_source or words.NOTHING))


def _with_total(spends: Iterable[SpendWeek]) -> Iterator[SpendWeek]:
    theirs = list(spends)
    yield from theirs
    costs = [one.cost_usd for one in theirs if one.cost_usd is not None]
    if len(theirs) > 1:
        yield SpendWeek(
            target="all",
            attempts=sum(one.attempts for one in theirs),
            input_tokens=sum(one.input_tokens for one in theirs),
            output_tokens=sum(one.output_tokens for one in theirs),
            cost_usd=sum(costs) if costs else None,
            unpriced=sum(one.unpriced for one in theirs),
            price_source=None,
        )


def _gap(one: Gap) -> Iterator[Cell]:
    named = ", ".join(f"{target} {probe}" for target, probe in one.probes[:NAMED])
    more = f" and {len(one.probes) - NAMED} more" if len(one.probes) > NAMED else ""
    yield Cell(words.instant(one.start_ns))
    yield Cell(words.instant(one.end_ns))
    yield Cell(words.duration((one.end_ns - one.start_ns) / words.SECOND_NS))
    yield Cell(words.count(one.slots))
    yield Cell(f"{named}{more}")
