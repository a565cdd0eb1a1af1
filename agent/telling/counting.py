"""The follower that counts: a pure fold of the journal into metrics and the page, kept with its position."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from agent.config.model import Config
from agent.slo.judge import Judge
from agent.telling.expecting import Expecting
from agent.telling.messages import Heard, heard
from agent.telling.series import page_plan, series_plan
from agent.telling.settling import Final, Settling
from agent.telling.slicing import Slicing
from agent.telling.standings import Standings
from exporters.base import ResultSink
from exporters.board import Board
from exporters.metrics import Metrics
from exporters.signals import Judged, SelfReport, SloKey, State
from exporters.snapshots import SnapshotError
from probes.result import ProbeResult
from storage.base import Batch
from storage.records import Beat, Drilled, Plan, Skipped

SNAPSHOT_EVERY_NS = 10_000_000_000
SNAPSHOT_SHARE = 50
"""A snapshot may take a fiftieth of the time at most: one that takes 0.4 s is written every 20 s."""

log = structlog.get_logger("telling")


class MetricsFollower:
    """Folds every record once, over kills and restarts: numbers and position stand in one snapshot.

    `switch` is told of each configuration as its plan is read; `configured` finds one by its hash. `maintained` says
    of a target and an instant whether it was in maintenance, as far as is known.
    """

    limit = 500
    pause_s = 0.5

    def __init__(
        self,
        metrics: Metrics,
        board: Board,
        standings: Standings,
        snapshot: Path,
        *,
        configured: Callable[[str], Config | None],
        switch: Callable[[Config], None],
        beaten: Callable[[Beat], None],
        mono_ns: Callable[[], int],
        maintained: Callable[[str, int], bool] = lambda _target, _at_ns: False,
    ) -> None:
        self._metrics = metrics
        self._board = board
        self._standings = standings
        self._sinks: tuple[ResultSink, ...] = (metrics, board, standings)
        self._file = snapshot
        self._configured = configured
        self._switch = switch
        self._beaten = beaten
        self._mono_ns = mono_ns
        self._maintained = maintained
        self._settling = Settling(repeats=True)
        self._expecting = Expecting()
        self._slicing = Slicing()
        self._config: Config | None = None
        self._changed = False
        self._judge = Judge((), ())
        self._kept: tuple[int | None, int | None] = None, None
        self._took_ns = 0

    def begin(self, config: Config) -> int | None:
        """Go on from the snapshot, or afresh under this configuration; return where to read on, None: anywhere."""
        position, config_hash = self._restore()
        if config_hash is None or not self._take_plan(config_hash):
            self._take_plan(config.hash)
        return position

    def reread(self) -> None:
        """Take the plan anew with the next records: it changed in what its hash leaves out, services say."""
        self._changed = True

    def fold(self, batch: Batch) -> None:
        if self._changed and self._config is not None:
            self._changed = False
            self._take(self._config.hash)
        if batch.lost:
            self._metrics.dropped("journal_gap", batch.lost)
        for one in heard(batch.records):
            self._fold(one)

    def _fold(self, one: Heard) -> None:
        match one.message:
            case None:
                self._metrics.dropped("unreadable", 1)
                return
            case ProbeResult():
                for sink in self._sinks:
                    sink.take(one.message)
            case Skipped():
                self._metrics.skipped(one.message.reason)
                self._standings.skip(one.message)
            case Plan():
                self._expecting.plan(one.message)
                self._take_plan(one.message.config_hash)
                self._slicing.plan(one.message)
            case Beat():
                report = _report(one.message)
                self._metrics.beat(report)
                self._board.beat(report)
                self._standings.beat(one.message)
                self._expect(one.message)
                self._beaten(one.message)
            case Drilled():
                self._standings.drilled(one.message)
        for final in self._settling.fold(one.seq, one.message):
            self._settle(final)
        if isinstance(one.message, Beat):
            self._slice(one.message)

    def _settle(self, final: Final) -> None:
        judged = self._judged(final)
        if final.again:  # it counts no more, and says how its target stands
            self._standings.settle(judged)
            return
        before = self._metrics.state(final.result)
        for sink in self._sinks:
            sink.settle(judged)
        self._slicing.settle(judged)
        _tell_change(final.result, before, self._metrics.state(final.result))

    def _judged(self, final: Final) -> Judged:
        maintained = self._maintained(final.result.target, final.result.scheduled_ns)
        return Judged(
            result=final.result,
            fault=final.fault,
            confirmed=final.confirmed,
            answered=final.answered,
            maintained=maintained,
            classes=self._judge.classes(final.result, final.fault, maintained=maintained),
        )

    def _expect(self, beat: Beat) -> None:
        for due in self._expecting.beat(beat):
            self._slicing.due(due)
            for objective in self._judge.lookers(due.target, due.probe):
                slo = SloKey(objective=objective, target=due.target, probe=due.probe)
                self._metrics.expect(slo, due.slots)

    def _slice(self, beat: Beat) -> None:
        passed_ns = self._expecting.passed_ns(beat)
        for slo, result in self._slicing.over(beat.at_ns, passed_ns, self._settling.waiting_ns):
            self._metrics.sliced(slo, result)

    def _take_plan(self, config_hash: str) -> bool:
        if self._config is not None and self._config.hash == config_hash:
            return True
        return self._take(config_hash)

    def _take(self, config_hash: str) -> bool:
        config = self._configured(config_hash)
        if config is None:
            log.warning("plan.unknown", config_hash=config_hash, consequence="the plan before it stays")
            return False
        self._config = config
        self._judge = Judge(config.objectives, config.targets)
        self._slicing.configure(config)
        self._metrics.plan(series_plan(config))
        self._board.plan(page_plan(config))
        self._standings.plan(config)
        self._switch(config)
        return True

    def keep(self, position: int, *, last: bool) -> int | None:
        """Write the snapshot every 10 s, or less often where that takes long, and at the end; nothing where nothing came."""
        if not self._is_due(position, last=last):
            return None
        began_ns = self._mono_ns()
        try:
            self._write(position)
        except OSError as failure:
            log.warning("snapshot.unsaved", file=str(self._file), error=failure.strerror)
            self._kept = None, self._mono_ns()
            return None
        self._kept = position, self._mono_ns()
        self._took_ns = self._mono_ns() - began_ns
        return position

    def _is_due(self, position: int, *, last: bool) -> bool:
        kept_position, kept_ns = self._kept
        rest_ns = max(SNAPSHOT_EVERY_NS, self._took_ns * SNAPSHOT_SHARE)
        rested = kept_ns is None or self._mono_ns() - kept_ns >= rest_ns
        return position != kept_position and (rested or last)

    def _write(self, position: int) -> None:
        state = {
            "position": position,
            "config_hash": self._config.hash if self._config else "",
            "settling": self._settling.snapshot(),
            "expecting": self._expecting.snapshot(),
            "slicing": self._slicing.snapshot(),
            "board": self._board.snapshot(),
            "standings": self._standings.snapshot(),
            "drill": self._standings.snapshot_drill(),
        }
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        with new.open("wb") as file:
            file.write(json.dumps(state, separators=(",", ":")).encode() + b"\n")
            file.write(self._metrics.snapshot())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)

    def _restore(self) -> tuple[int, str] | tuple[None, None]:
        """Return the snapshot's position and the hash of the configuration that held, or nothing without one."""
        try:
            head, _, numbers = self._file.read_bytes().partition(b"\n")
            state: dict[str, Any] = json.loads(head)
            settling, expecting, slicing = Settling(repeats=True), Expecting(), Slicing()
            settling.restore(state["settling"])
            expecting.restore(state["expecting"])
            slicing.restore(state.get("slicing", {}))
            position, config_hash = int(state["position"]), str(state["config_hash"])
            self._board.restore(state.get("board", ()))
            self._standings.restore(state.get("standings", ()))
            self._standings.restore_drill(state.get("drill", {}))
            self._metrics.restore(numbers)
        except FileNotFoundError:
            return None, None
        except (SnapshotError, ValueError, KeyError, TypeError) as failure:
            log.warning("snapshot.unreadable", file=str(self._file), error=str(failure))
            return None, None
        self._settling, self._expecting, self._slicing = settling, expecting, slicing
        return position, config_hash


def _tell_change(result: ProbeResult, before: State | None, after: State | None) -> None:
    """Log what became of a target: each change, and a first state that is not good."""
    if after is None or after == (before or "good"):
        return
    tell = log.info if after == "good" else log.warning
    tell(
        f"target.{after}",
        target=result.target,
        probe=result.probe,
        outcome=result.outcome.value,
        error=result.error,
    )


def _report(beat: Beat) -> SelfReport:
    return SelfReport(
        at_ns=beat.at_ns,
        boot=beat.boot,
        lateness=beat.lateness,
        lateness_sum_s=beat.lateness_sum_s,
        loop_lag=beat.loop_lag,
        loop_lag_sum_s=beat.loop_lag_sum_s,
        journal_bytes=beat.journal_bytes,
        journal_oldest_ns=beat.journal_oldest_ns,
        dropped=beat.dropped,
        calibration=beat.calibration,
        clock_offset_s=beat.clock_offset_s,
        budget_left=beat.budget_left,
        budget_used=beat.budget_used,
        witnesses=beat.witnesses,
    )
