"""What the status page shows: the last word of every target, folded from what is told, in memory alone."""

import dataclasses
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from exporters import labelling
from exporters.lines import Seen, objective_lines, target_lines
from exporters.pages import Failure, Head, Page, PagePlan, Served, TargetLine, Upkept
from exporters.signals import Judged, Notice, SelfReport, SloStatus
from exporters.states import state_of
from probes.result import SCHEDULED, ProbeResult

Pair = tuple[str, str]


class Board:
    """A `ResultSink` and `StatusSink`; every method may be called from any thread."""

    def __init__(self, version: str) -> None:
        self._lock = threading.Lock()
        self._version = version
        self._plan: PagePlan | None = None
        self._seen: dict[Pair, Seen] = {}
        self._statuses: tuple[SloStatus, ...] = ()
        self._alerts: tuple[Notice, ...] = ()
        self._calibration: Mapping[str, Mapping[str, float]] = {}
        self._database: tuple[bool, int] | None = None
        self._upkept: Mapping[str, Upkept] = {}
        self._unjudged: tuple[str, ...] = ()

    def plan(self, plan: PagePlan) -> None:
        """Show what the plan names and forget all else; what it names already is remembered."""
        with self._lock:
            self._plan = plan
            self._seen = {
                (probe.target, probe.probe): self._seen.get((probe.target, probe.probe), Seen())
                for probe in plan.probes
            }

    def take(self, result: ProbeResult) -> None:
        with self._lock:
            if seen := self._of(result):
                seen.last_ns = max(seen.last_ns or 0, result.started_ns)

    def settle(self, judged: Judged) -> None:
        result = judged.result
        with self._lock:
            seen = self._of(result)
            if seen is None or result.attempt != SCHEDULED:
                return
            state = state_of(judged, was_down=seen.state == "down")
            if state != seen.state:
                seen.state, seen.since_ns = state, result.started_ns
            if result.trusted and result.ttft_s is not None:
                seen.ttft.append((result.started_ns, result.ttft_s))
            if result.meaning.good:
                seen.served = _served(result, seen.served)
            else:
                seen.failure = Failure(
                    at_ns=result.started_ns,
                    probe=result.probe,
                    outcome=result.outcome.value,
                    error=result.error,
                    fault=judged.fault.value,
                )

    def show(self, statuses: tuple[SloStatus, ...]) -> None:
        with self._lock:
            self._statuses = statuses

    def alerts(self, notices: Sequence[Notice]) -> None:
        """Take the alerts that are alive, in place of those before."""
        with self._lock:
            self._alerts = tuple(notices)

    def upkeep(self, upkept: Mapping[str, Upkept], unjudged: Sequence[str]) -> None:
        """Take who is in maintenance, and a sentence on each service that is not judged for it."""
        with self._lock:
            self._upkept, self._unjudged = dict(upkept), tuple(unjudged)

    def beat(self, report: SelfReport) -> None:
        with self._lock:
            self._calibration = report.calibration

    def database(self, *, up: bool, at_ns: int) -> None:
        """Take the last word on the database; the instant of a change stays until the next."""
        with self._lock:
            if self._database is None or self._database[0] != up:
                self._database = up, at_ns

    def page(self, now_ns: int, troubles: Iterable[str] = ()) -> Page:
        """Return all that the page shows at an instant."""
        with self._lock:
            plan, calibration, database = self._plan, self._calibration, self._database
            statuses, alerts = self._statuses, self._alerts
            upkept, unjudged = self._upkept, self._unjudged
            seen = {pair: dataclasses.replace(one, ttft=one.ttft.copy()) for pair, one in self._seen.items()}
        lines = [
            dataclasses.replace(line, upkept=upkept.get(line.info.target))
            for line in (target_lines(plan, seen, statuses, now_ns) if plan else [])
        ]
        return Page(
            head=Head(
                now_ns=now_ns,
                version=self._version,
                vantage=plan.vantage if plan else None,
                config_hash=plan.config_hash if plan else None,
                simulated=sum(line.info.simulated for line in lines),
                calibration=calibration,
                database_up=database[0] if database else None,
                database_since_ns=database[1] if database else None,
                evaluated_ns=max((status.evaluated_ns for status in statuses), default=None),
                troubles=(*troubles, *unjudged),
            ),
            targets=tuple(sorted(lines, key=TargetLine.order)),
            objectives=objective_lines(plan, statuses) if plan else (),
            alerts=tuple(sorted(alerts, key=_urgency)),
        )

    def _of(self, result: ProbeResult) -> Seen | None:
        if self._plan is None or result.vantage != self._plan.vantage:
            return None
        return self._seen.get((result.target, result.probe))

    # -- kept with the fold's snapshot

    def snapshot(self) -> list[Any]:
        """Return what is remembered of each probe, as plain JSON values."""
        with self._lock:
            return [[*pair, one.plain()] for pair, one in self._seen.items()]

    def restore(self, kept: Iterable[Any]) -> None:
        """Go on from what `snapshot` returned."""
        seen = {(target, probe): Seen.revived(one) for target, probe, one in kept}
        with self._lock:
            self._seen = seen


def _served(result: ProbeResult, known: Served | None) -> Served | None:
    """Return who serves now that this good answer came; an answer that says nothing changes nothing."""
    by = labelling.served_by(result)
    if not by or (known is not None and known.by == by):
        return known
    return Served(by=by, since_ns=result.started_ns, before=known.by if known else None)


def _urgency(notice: Notice) -> tuple[bool, bool, int]:
    """Return where an alert stands on the page: what goes on before what is only held, pages before tickets."""
    return notice.quiet_ns is not None, notice.severity != "page", notice.fired_ns
