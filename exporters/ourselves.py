"""What the asker saw of itself, as series."""

from collections.abc import Mapping

from exporters import conventions
from exporters.conventions import Family
from exporters.series import Series
from exporters.signals import Judged, SelfReport
from probes.result import Fault, Outcome


def show(series: Series, report: SelfReport) -> None:
    """Fold a report into the series; what it drops is for its caller to count, who knows the report before."""
    series.set(conventions.LAST_BEAT, (), report.at_ns / 1e9)
    _merge(series, conventions.SCHEDULE_LATENESS, report.lateness, report.lateness_sum_s)
    _merge(series, conventions.LOOP_LAG, report.loop_lag, report.loop_lag_sum_s)
    series.clear(conventions.CALIBRATION)
    for tls, stats in report.calibration.items():
        for stat, seconds in stats.items():
            series.set(conventions.CALIBRATION, (stat, tls), seconds)
    series.clear(conventions.CLOCK_OFFSET)
    if report.clock_offset_s is not None:
        series.set(conventions.CLOCK_OFFSET, (), report.clock_offset_s)
    _budget(series, report)
    series.clear(conventions.WITNESS_UP)
    for network, witnesses in report.witnesses.items():
        for witness, state in witnesses.items():
            series.set(conventions.WITNESS_UP, (network, witness), float(state == "up"))
    journal(series, report.journal_bytes, report.journal_oldest_ns)


def spoilt_by(judged: Judged) -> str | None:
    """Return what of ours spoilt an attempt, if anything did."""
    if judged.result.outcome is Outcome.AGENT_FAULT:
        return "delay"
    return "egress" if judged.fault is Fault.OURS and judged.result.meaning.confirm else None


def journal(series: Series, size_bytes: int, oldest_ns: int | None) -> None:
    series.set(conventions.JOURNAL_BYTES, (), size_bytes)
    series.clear(conventions.JOURNAL_OLDEST)
    if oldest_ns is not None:
        series.set(conventions.JOURNAL_OLDEST, (), oldest_ns / 1e9)


def _budget(series: Series, report: SelfReport) -> None:
    for unit, family in conventions.BUDGET_LEFT.items():
        series.clear(family)
        if unit in report.budget_left:
            series.set(family, (), report.budget_left[unit])
    series.clear(conventions.BUDGET_USED)
    for scope, units in report.budget_used.items():
        for unit, share in units.items():
            series.set(conventions.BUDGET_USED, (scope, unit), share)


def _merge(series: Series, family: Family, buckets: Mapping[str, int], total: float) -> None:
    if buckets:
        by_edge = sorted((float(edge), count) for edge, count in buckets.items())
        edges = tuple(edge for edge, _ in by_edge if edge != float("inf"))
        counts = [count for _, count in by_edge]
        series.merge(family, (), edges, counts + [0] * (len(edges) + 1 - len(counts)), total)
