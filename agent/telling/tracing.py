"""The follower that sends traces: each attempt as it comes and as it becomes final."""

from collections.abc import Sequence

from agent.telling.messages import heard
from agent.telling.settling import Settling
from exporters.base import ResultSink
from exporters.signals import Judged
from probes.result import ProbeResult
from storage.base import Batch


class TracesFollower:
    """Hands attempts to sinks that pass over what is old; what stood in their queue at a kill is not sent again."""

    limit = 500
    pause_s = 1.0

    def __init__(self, sinks: Sequence[ResultSink]) -> None:
        self._sinks = sinks
        self._settling = Settling()

    def fold(self, batch: Batch) -> None:
        for seq, message in heard(batch.records):
            if message is None:
                continue
            if isinstance(message, ProbeResult):
                for sink in self._sinks:
                    sink.take(message)
            for final in self._settling.fold(seq, message):
                judged = Judged(result=final.result, fault=final.fault, confirmed=final.confirmed)
                for sink in self._sinks:
                    sink.settle(judged)

    def keep(self, position: int, *, last: bool) -> int | None:  # noqa: ARG002 - each time is like the last
        return position
