import threading
from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from exporters.base import HORIZON_NS
from exporters.signals import Judged
from exporters.traces import Traces
from probes.result import Fault
from support.clock import FakeClock
from support.results import STARTED_NS, a_result

RESOURCE = Resource({})
SPANS = 10
"""Spans of the good cold result."""


class Kept(SpanExporter):
    """Keeps what it is given once it may, or answers as told."""

    def __init__(self, answer: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.answer = answer
        self.spans: list[ReadableSpan] = []
        self.may = threading.Event()
        self.may.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.may.wait()
        self.spans += spans
        return self.answer

    def shutdown(self) -> None:
        self.may.set()


class Lost:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, count: int) -> None:
        self.count += count


def test_every_attempt_is_one_trace_and_settling_adds_none() -> None:
    kept, lost = Kept(), Lost()
    traces = Traces(kept, RESOURCE, FakeClock().wall_ns, lost)
    first, second = a_result(), a_result(attempt=1)
    traces.take(first)
    traces.take(second)
    traces.settle(Judged(result=first, fault=Fault.NONE))
    traces.close(5)
    assert [span.context.trace_id for span in kept.spans if span.parent is None] == [
        first.id.int,
        second.id.int,
    ]
    assert (len(kept.spans), lost.count) == (2 * SPANS, 0)


def test_a_result_older_than_a_quarter_of_an_hour_is_not_traced() -> None:
    kept = Kept()
    traces = Traces(kept, RESOURCE, lambda: STARTED_NS + HORIZON_NS, Lost())
    traces.take(a_result(started_ns=STARTED_NS - 1))
    traces.take(a_result())
    traces.close(5)
    assert len(kept.spans) == SPANS


def test_a_full_queue_refuses_whole_traces_and_counts_them() -> None:
    kept, lost = Kept(), Lost()
    kept.may.clear()
    traces = Traces(kept, RESOURCE, FakeClock().wall_ns, lost, queue=2 * SPANS + 1)
    for _ in range(5):
        traces.take(a_result())
    assert lost.count == 3 * SPANS
    kept.may.set()
    traces.close(5)
    assert len(kept.spans) == 2 * SPANS


def test_what_the_collector_refuses_is_counted() -> None:
    lost = Lost()
    traces = Traces(Kept(SpanExportResult.FAILURE), RESOURCE, FakeClock().wall_ns, lost)
    traces.take(a_result())
    traces.close(5)
    assert lost.count == SPANS


def test_closing_gives_up_on_a_collector_that_never_answers_and_counts_what_is_left() -> None:
    kept, lost = Kept(), Lost()
    kept.may.clear()
    traces = Traces(kept, RESOURCE, FakeClock().wall_ns, lost)
    traces.take(a_result())
    kept.answer = SpanExportResult.FAILURE
    traces.close(0.05)
    assert lost.count == SPANS
