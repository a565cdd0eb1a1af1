"""What /metrics shows: a pure fold of what it is told, in one snapshot, rendered apart from the folding."""

import platform
import threading
from collections.abc import Mapping
from typing import get_args

from exporters import conventions, exposition, labelling, ourselves, snapshots
from exporters.conventions import Family
from exporters.planned import Planned, info_labels
from exporters.series import Exemplar, Labels, Series
from exporters.signals import Judged, SelfReport, SeriesPlan, SloKey, SloStatus, State
from exporters.states import state_of
from probes.result import ANSWERED, SCHEDULED, EventClass, Outcome, ProbeResult

_STATUS_FAMILIES = (
    conventions.SLI_RATIO,
    conventions.SLO_BUDGET,
    conventions.SLO_BURN,
    conventions.SLO_MET,
    conventions.SLO_COVERAGE,
    conventions.SLO_CORRECTED,
    conventions.SLO_STATE,
    conventions.SLO_EVALUATED,
)


class Metrics:
    """A `ResultSink` and `StatusSink` whose state is all that /metrics shows.

    Only what the newest `plan` names is counted: a result of a target that is gone, or that came before any
    plan, leaves no series behind. Every method may be called from any thread; rendering holds the lock no
    longer than a copy of dictionaries takes.
    """

    def __init__(self, version: str) -> None:
        self._lock = threading.Lock()
        self._version = version
        self._series = Series()
        self._plan: SeriesPlan | None = None
        self._planned = Planned(None)
        self._asker: tuple[str, dict[str, int]] = ("", {})

    # -- the plan

    def plan(self, plan: SeriesPlan) -> None:
        """Make the plan's series exist and drop all others; the same plan again changes nothing."""
        with self._lock:
            if self._plan is not None and self._plan.vantage != plan.vantage:
                self._series.keep(lambda family, _: "vantage" not in family.labels)
            self._plan = plan
            self._planned = Planned(plan)
            self._series.keep(self._planned.wants)
            self._begin(plan)

    def _begin(self, plan: SeriesPlan) -> None:
        for target, probe in plan.probes:
            for outcome in Outcome:
                self._series.add(conventions.PROBE_RESULTS, (target, probe, plan.vantage, outcome.value), 0)
            for family in conventions.THRESHOLD_OF.values():
                edges = self._planned.edges[family.name]
                self._series.merge(family, (target, probe, plan.vantage), edges, (0,) * (len(edges) + 1), 0.0)
            self._begin_state((target, probe, plan.vantage))
        self._begin_slos(plan)
        for reason in conventions.SKIP_REASONS:
            self._series.add(conventions.RUNS_SKIPPED, (reason,), 0)
        for reason in conventions.SPOILT_REASONS:
            self._series.add(conventions.RESULTS_SPOILT, (reason,), 0)

    def _begin_slos(self, plan: SeriesPlan) -> None:
        for slo, ratio in plan.slos:
            labels = _slo_labels(slo, plan.vantage)
            for result in EventClass:
                self._series.add(conventions.SLI_EVENTS, (*labels, result.value), 0)
            self._series.add(conventions.SLI_EXPECTED, labels, 0)
            self._series.set(conventions.SLO_OBJECTIVE, labels, ratio)
        for slo in plan.sliced:
            for kind in conventions.SLICE_RESULTS:
                self._series.add(conventions.SLO_SLICES, (*_slo_labels(slo, plan.vantage), kind), 0)

    # -- results

    def take(self, result: ProbeResult) -> None:
        """Count what every attempt spends, and show what the endpoint said last."""
        with self._lock:
            if not self._planned.has(result):
                return
            measured = _measured(result)
            self._spend(result, measured)
            self._newest(conventions.PROBE_LAST_RESULT, measured, result.started_ns / 1e9)
            if result.tls_expires_at is not None:
                self._series.set(conventions.TLS_NOT_AFTER, measured, result.tls_expires_at.timestamp())
            self._name_backend(result, measured)
            for said, family in conventions.RATELIMIT.items():
                if said in result.ratelimit:
                    quota = self._planned.quota(result.target)
                    self._series.set(family, (quota, result.vantage), result.ratelimit[said])

    def _spend(self, result: ProbeResult, measured: Labels) -> None:
        for direction, tokens in (("input", result.input_tokens), ("output", result.output_tokens)):
            if tokens is not None:
                self._series.add(conventions.PROBE_TOKENS, (*measured, direction), tokens)
        if result.cost_usd is not None:
            self._series.add(conventions.PROBE_COST, measured, result.cost_usd)

    def _name_backend(self, result: ProbeResult, measured: Labels) -> None:
        said = labelling.backend_labels(result)
        if not result.meaning.good or not any(said):
            return
        if self._series.get(conventions.PROBE_BACKEND, (*measured, *said)) is None:
            self._series.drop(conventions.PROBE_BACKEND, measured)
            self._series.set(conventions.PROBE_BACKEND, (*measured, *said), 1.0)

    def _newest(self, family: Family, labels: Labels, value: float) -> None:
        self._series.set(family, labels, max(value, self._series.get(family, labels) or 0.0))

    def settle(self, judged: Judged) -> None:
        """Count a scheduled attempt whose meaning is final."""
        result = judged.result
        with self._lock:
            if not self._planned.has(result) or result.attempt != SCHEDULED:
                return
            measured = _measured(result)
            self._series.add(conventions.PROBE_RESULTS, (*measured, result.outcome.value))
            if (spoilt := ourselves.spoilt_by(judged)) is not None:
                self._series.add(conventions.RESULTS_SPOILT, (spoilt,))
            for reason in result.quality_reasons:
                self._series.add(conventions.PROBE_UNTRUSTED, (*measured, reason))
            if result.trusted:
                self._time(result, measured)
            self._count(judged)
            was_down = self._series.get(conventions.TARGET_STATE, (*measured, "down")) == 1.0
            self._show_state(measured, state_of(judged, was_down=was_down))

    def _begin_state(self, measured: Labels) -> None:
        if self._series.get(conventions.TARGET_STATE, (*measured, "unknown")) is None:
            self._show_state(measured, "unknown")

    def _show_state(self, measured: Labels, state: State) -> None:
        for each in conventions.TARGET_STATES:
            self._series.set(conventions.TARGET_STATE, (*measured, each), float(each == state))

    def state(self, result: ProbeResult) -> State | None:
        """Return the state that is shown of a result's target and probe; None before the first is settled."""
        with self._lock:
            shown: tuple[State, ...] = get_args(State)
            measured = _measured(result)
            counts = (self._series.get(conventions.PROBE_RESULTS, (*measured, one.value)) for one in Outcome)
            if not any(counts):
                return None
            return next(
                (
                    each
                    for each in shown
                    if self._series.get(conventions.TARGET_STATE, (*measured, each)) == 1.0
                ),
                None,
            )

    def _time(self, result: ProbeResult, measured: Labels) -> None:
        for family, value in (
            (conventions.PROBE_TTFT, result.ttft_s),
            (conventions.PROBE_TTFO, result.ttfo_s),
            (conventions.PROBE_INTER_TOKEN, result.itl_s),
            (conventions.PROBE_SPEED, result.tokens_per_s),
            (conventions.PROBE_DURATION, result.total_s if result.outcome in ANSWERED else None),
        ):
            if value is not None:
                exemplar = Exemplar(result.trace_id, value, result.started_ns / 1e9)
                edges = self._planned.edges[family.name]
                self._series.observe(family, measured, edges, value, exemplar)
        for phase in conventions.PHASES:
            if (seconds := getattr(result, f"{phase}_s")) is not None:
                self._series.observe(conventions.PROBE_PHASE, (*measured, phase), (), seconds)

    def _count(self, judged: Judged) -> None:
        result = judged.result
        for objective, event in judged.classes.items():
            slo = self._planned.slo(objective, result.target, result.probe)
            if slo.id in self._planned.slos:
                labels = _slo_labels(slo, result.vantage)
                self._series.add(conventions.SLI_EVENTS, (*labels, event.value))

    # -- objectives

    def expect(self, slo: SloKey, slots: int) -> None:
        """Count slots that were due, for the pool where the SLO is part of one."""
        with self._lock:
            slo = self._planned.slo(slo.objective, slo.target, slo.probe)
            if self._plan is not None and slo.id in self._planned.slos:
                self._series.add(conventions.SLI_EXPECTED, _slo_labels(slo, self._plan.vantage), slots)

    def sliced(self, slo: SloKey, result: str) -> None:
        """Count a slice of time that is over."""
        with self._lock:
            if self._plan is not None and slo.id in self._planned.sliced:
                self._series.add(conventions.SLO_SLICES, (*_slo_labels(slo, self._plan.vantage), result))

    def show(self, statuses: tuple[SloStatus, ...]) -> None:
        with self._lock:
            for family in _STATUS_FAMILIES:
                self._series.clear(family)
            for status in statuses:
                # The plan may have changed while the evaluation went on.
                if self._plan is None or status.slo.id in self._planned.slos:
                    self._show(status)

    def _show(self, status: SloStatus) -> None:
        labels = _slo_labels(status.slo, status.vantage)
        self._series.set(conventions.SLO_OBJECTIVE, labels, status.objective_ratio)
        self._series.set(conventions.SLO_EVALUATED, labels, status.evaluated_ns / 1e9)
        self._series.set(conventions.SLO_CORRECTED, labels, status.corrected)
        for family, ratio in (
            (conventions.SLO_BUDGET, status.budget_remaining),
            (conventions.SLO_MET, status.met_probability),
            (conventions.SLO_COVERAGE, status.coverage),
        ):
            if ratio is not None:
                self._series.set(family, labels, ratio)
        for family, windows in ((conventions.SLI_RATIO, status.sli), (conventions.SLO_BURN, status.burn)):
            for window, value in windows.items():
                if value is not None:
                    self._series.set(family, (*labels, window), value)
        for each in conventions.SLO_STATES:
            self._series.set(conventions.SLO_STATE, (*labels, each), float(each == status.state))

    def services(self, well: Mapping[str, tuple[int, int]]) -> None:
        """Show of each service how many of its units are well, and how many must be."""
        with self._lock:
            if self._plan is None:
                return
            for service, (units, at_least) in well.items():
                if service in self._planned.services:
                    labels = (service, self._plan.vantage)
                    self._series.set(conventions.SERVICE_HEALTHY, labels, units)
                    self._series.set(conventions.SERVICE_AT_LEAST, labels, at_least)

    def warm(self, targets: Mapping[str, bool]) -> None:
        """Show of each target whether it is probed for long enough to page."""
        with self._lock:
            for target, warm in targets.items():
                if self._plan is not None and target in self._planned.targets:
                    self._series.set(conventions.TARGET_WARM, (target, self._plan.vantage), float(warm))

    # -- ourselves

    def skipped(self, reason: str) -> None:
        self._add(conventions.RUNS_SKIPPED, (reason,))

    def beat(self, report: SelfReport) -> None:
        """Fold what the asker saw of itself since its report before."""
        with self._lock:
            ourselves.show(self._series, report)
            # Drops are counted by the asker since it started: a new boot begins at 0 again.
            boot, before = self._asker
            for reason, count in report.dropped.items():
                more = count - (before.get(reason, 0) if boot == report.boot else 0)
                self._series.add(conventions.JOURNAL_DROPPED, (reason,), more)
            self._asker = (report.boot, dict(report.dropped))

    def journal(self, size_bytes: int, oldest_ns: int | None) -> None:
        """Show the journal's size and age, as was found on disk."""
        with self._lock:
            ourselves.journal(self._series, size_bytes, oldest_ns)

    def dropped(self, reason: str, count: int) -> None:
        """Count records missing from the journal's sequence."""
        self._add(conventions.RESULTS_DROPPED, (reason,), count)

    def duplicate(self, count: int) -> None:
        self._add(conventions.RESULTS_DUPLICATE, (), count)

    def spans_dropped(self, count: int) -> None:
        self._add(conventions.SPANS_DROPPED, (), count)

    def database_up(self, *, up: bool) -> None:
        self._set(conventions.DATABASE_UP, (), float(up))

    def default_partition_rows(self, rows: int) -> None:
        self._set(conventions.DEFAULT_PARTITION_ROWS, (), rows)

    def notified(self, receiver: str, state: str) -> None:
        self._add(conventions.NOTIFICATIONS, (receiver, state))

    def reloaded(self, taken_ns: int, *, taken: bool) -> None:
        """Show whether the configuration that was read last was taken, and when one was taken last."""
        self._set(conventions.CONFIG_RELOAD_OK, (), float(taken))
        self._set(conventions.CONFIG_RELOAD_AT, (), taken_ns / 1e9)

    def task_succeeded(self, task: str, at_ns: int) -> None:
        self._set(conventions.TASK_SUCCESS, (task,), at_ns / 1e9)

    def _add(self, family: Family, labels: Labels, amount: float = 1.0) -> None:
        with self._lock:
            self._series.add(family, labels, amount)

    def _set(self, family: Family, labels: Labels, value: float) -> None:
        with self._lock:
            self._series.set(family, labels, value)

    # -- out

    def render(self, accept: str = "") -> tuple[str, bytes]:
        """Return (content type, page) in the format that the Accept header asks for.

        Exemplars appear in OpenMetrics alone; anything else gets the classic text.
        """
        with self._lock:
            series, plan = self._series.copy(), self._plan
        return exposition.render(series, self._infos(plan), accept)

    @property
    def size(self) -> int:
        """Return how many series a scrape of the page brings now."""
        with self._lock:
            return self._series.size + sum(len(rows) for rows in self._infos(self._plan).values())

    def _infos(self, plan: SeriesPlan | None) -> exposition.Infos:
        infos = {
            conventions.BUILD_INFO.name: [{"version": self._version, "python": platform.python_version()}]
        }
        if plan is not None:
            infos[conventions.CONFIG_INFO.name] = [{"hash": plan.config_hash, "rules": plan.rules_hash}]
            infos[conventions.TARGET_INFO.name] = [info_labels(target) for target in plan.targets]
        return infos

    def snapshot(self) -> bytes:
        """Return everything that was folded, exemplars included."""
        with self._lock:
            fold = snapshots.Fold(self._series.copy(), self._plan, self._asker)
        return snapshots.written(fold)

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot; raises SnapshotError, and changes nothing, where it cannot be read."""
        fold = snapshots.read(snapshot)
        with self._lock:
            self._series, self._plan, self._asker = fold
            self._planned = Planned(fold.plan)


def _measured(result: ProbeResult) -> Labels:
    return (result.target, result.probe, result.vantage)


def _slo_labels(slo: SloKey, vantage: str) -> Labels:
    return (slo.id, slo.objective, slo.target, slo.probe, vantage)
