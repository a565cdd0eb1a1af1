"""Spans on their way to a collector: a bounded queue, counted losses, and never a wait."""

import threading
from collections.abc import Callable, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from exporters import spans
from exporters.base import HORIZON_NS
from exporters.signals import Judged
from probes.result import ProbeResult

QUEUE = 8192
"""Spans that may wait: 500 targets with 9 spans each fill it in two rounds of a dead collector."""

_BATCH = 512
_DELAY_MS = 2000.0


class Traces:
    """A `ResultSink`: each attempt becomes one trace, once, when it arrives.

    `lost` is told of spans that did not arrive: whole traces that found the queue full, and batches that the
    collector refused. It is called from the exporter's thread too.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        resource: Resource,
        wall_ns: Callable[[], int],
        lost: Callable[[int], None],
        queue: int = QUEUE,
    ) -> None:
        self._exporter = _Counting(exporter, lost)
        self._resource = resource
        self._wall_ns = wall_ns
        self._lost = lost
        self._queue = queue
        self._queued = 0
        # The SDK's own queue drops the oldest span, which beheads traces: ours refuses whole ones before.
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=queue,
            schedule_delay_millis=_DELAY_MS,
            max_export_batch_size=min(_BATCH, queue),
        )

    def take(self, result: ProbeResult) -> None:
        if self._wall_ns() - result.started_ns > HORIZON_NS:
            return
        tree = spans.tree(result, self._resource)
        if self._queued - self._exporter.handed + len(tree) > self._queue:
            self._lost(len(tree))
            return
        self._queued += len(tree)
        for span in tree:
            self._processor.on_end(span)

    def settle(self, judged: Judged) -> None:
        """Nothing: a span tells what an attempt saw, not what settlement made of it."""

    def close(self, timeout_s: float) -> None:
        """Send what waits, for so long at most; what is left then is lost, and counted."""
        # The processor's own shutdown waits half a minute for a dead collector, whatever one asks for.
        flushing = threading.Thread(target=self._processor.shutdown, name="traces-close", daemon=True)
        flushing.start()
        flushing.join(timeout_s)
        if flushing.is_alive():
            self._exporter.abandoned = True
            self._lost(self._queued - self._exporter.handed)
            self._exporter.shutdown()


class _Counting(SpanExporter):
    """Passes spans on, and counts those handed over; what fails is told as lost, until it is abandoned."""

    def __init__(self, exporter: SpanExporter, lost: Callable[[int], None]) -> None:
        self._exporter = exporter
        self._lost = lost
        self.handed = 0
        self.abandoned = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        sent = SpanExportResult.FAILURE
        try:
            sent = self._exporter.export(spans)
        finally:
            self.handed += len(spans)
            if sent is not SpanExportResult.SUCCESS and not self.abandoned:
                self._lost(len(spans))
        return sent

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
