"""The follower that sends traces: what is recent, as it comes and as it becomes final."""

from collections.abc import Callable, Sequence

from agent.telling.messages import heard
from agent.telling.settling import Settling
from exporters.base import ResultSink
from exporters.signals import Judged
from probes.result import ProbeResult
from storage.base import Batch

TOO_OLD_NS = 15 * 60 * 1_000_000_000
"""Collectors refuse or misplace what is older; after a long absence the past is in the store, not in traces."""


class TracesFollower:
    """Hands recent attempts to the sinks. What stood in an exporter's queue at a kill is not sent again."""

    limit = 500
    pause_s = 1.0

    def __init__(self, sinks: Sequence[ResultSink], wall_ns: Callable[[], int]) -> None:
        self._sinks = sinks
        self._wall_ns = wall_ns
        self._settling = Settling()

    def fold(self, batch: Batch) -> None:
        for seq, message in heard(batch.records):
            if message is None:
                continue
            if isinstance(message, ProbeResult) and self._is_recent(message):
                for sink in self._sinks:
                    sink.take(message)
            for final in self._settling.fold(seq, message):
                if self._is_recent(final.result):
                    judged = Judged(result=final.result, fault=final.fault, confirmed=final.confirmed)
                    for sink in self._sinks:
                        sink.settle(judged)

    def keep(self, position: int, *, last: bool) -> int | None:  # noqa: ARG002 - each time is like the last
        return position

    def _is_recent(self, result: ProbeResult) -> bool:
        return result.started_ns >= self._wall_ns() - TOO_OLD_NS
