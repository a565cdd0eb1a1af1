"""The weekly report as tables of texts, which each format then writes in its own way."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from exporters import report_promises, words
from exporters.report_cells import Cell, Table
from exporters.report_sentences import NAMED, SHOWN
from exporters.weeks import (
    CorrectionWeek,
    Gap,
    Incident,
    LatencyWeek,
    MaintenanceWeek,
    Percentiles,
    SpendWeek,
    WeeklyReport,
)

_FAULTS = {"none": "none", "not_ours": "not ours", "ours": "ours", "undetermined": "undetermined"}


def tables(report: WeeklyReport) -> Iterator[Table]:
    yield from report_promises.tables(report)
    yield Table(
        "Incidents",
        "Bad slots in a row, longest first, those of a target's probes that overlap in one. An incident lasts from "
        "its first bad slot to the first good one after it. Fault is what was settled of its slots: not ours where an "
        "answer or a witness showed that our way was whole, undetermined where nobody could tell. What is ours is no "
        "incident: it counts as invalid.",
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
        tuple(tuple(_spend(one)) for one in _with_total(_by_target(report.spends))),
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
    ended = f"ended early by {words.one_line(one.ended_by)}" if one.ended_by else ""
    yield Cell(words.few(one.targets, NAMED))
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


def _by_target(spends: Iterable[SpendWeek]) -> Iterator[SpendWeek]:
    """Yield one row a target: what has no price, for it spent nothing, stands with what has."""
    theirs: dict[str, list[SpendWeek]] = {}
    for one in spends:
        theirs.setdefault(one.target, []).append(one)
    for target, found in theirs.items():
        sources = dict.fromkeys(one.price_source for one in found if one.price_source)
        yield dataclasses.replace(_sum(target, found), price_source=", ".join(sources) or None)


def _sum(target: str, spends: Sequence[SpendWeek]) -> SpendWeek:
    costs = [one.cost_usd for one in spends if one.cost_usd is not None]
    return SpendWeek(
        target=target,
        attempts=sum(one.attempts for one in spends),
        input_tokens=sum(one.input_tokens for one in spends),
        output_tokens=sum(one.output_tokens for one in spends),
        cost_usd=sum(costs) if costs else None,
        unpriced=sum(one.unpriced for one in spends),
        price_source=None,
    )


def _with_total(spends: Iterable[SpendWeek]) -> Iterator[SpendWeek]:
    theirs = list(spends)
    yield from theirs
    if len(theirs) > 1:
        yield _sum("all", theirs)


def _gap(one: Gap) -> Iterator[Cell]:
    yield Cell(words.instant(one.start_ns))
    yield Cell(words.instant(one.end_ns))
    yield Cell(words.duration((one.end_ns - one.start_ns) / words.SECOND_NS))
    yield Cell(words.count(one.slots))
    yield Cell(words.few([f"{target} {probe}" for target, probe in one.probes], NAMED))
