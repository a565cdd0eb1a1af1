"""What a collector on loopback received: spans and metrics as they crossed the wire."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from exporters import otlp
from exporters.base import RemoteSink
from probes.result import Outcome, ProbeResult
from support.otlp import Collector, attributes, dead_collector, grpc_collector, http_collector
from support.results import MS, a_result

Protocol = Literal["grpc", "http/protobuf"]
Opened = Callable[[], AbstractContextManager[Collector]]
BOTH = pytest.mark.parametrize(
    ("protocol", "opened"),
    [("grpc", grpc_collector), ("http/protobuf", http_collector)],
    ids=["grpc", "http"],
)
EACH = pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"], ids=["grpc", "http"])


class Lost:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, count: int) -> None:
        self.count += count


def sinks(collector: Collector, protocol: Protocol, lost: Lost) -> tuple[RemoteSink, ...]:
    return otlp.open_sinks(
        collector.endpoint, protocol, vantage="fra-1", version="0.1.0", wall_ns=time.time_ns, lost=lost
    )


def recent(**changes: object) -> ProbeResult:
    return a_result(started_ns=time.time_ns(), **changes)


@BOTH
def test_spans_arrive_with_the_ids_and_instants_of_the_result(protocol: Protocol, opened: Opened) -> None:
    lost = Lost()
    good, bad = recent(), recent(outcome=Outcome.SERVER_ERROR, http_status=503, error="it broke")
    with opened() as collector:
        for sink in sinks(collector, protocol, lost):
            sink.take(good)
            sink.take(bad)
            sink.close(5)
        spans = {(span.trace_id, span.name): span for span in collector.spans}
        root = spans[good.id.bytes, "chat gpt-5-nano"]
        assert root.span_id == good.id.bytes[8:]
        assert not root.parent_span_id
        assert root.kind == Span.SPAN_KIND_CLIENT
        assert root.start_time_unix_nano == good.started_ns
        assert root.end_time_unix_nano == good.started_ns + 551 * MS + 1
        assert attributes(root.attributes)["gen_ai.response.finish_reasons"] == ["stop"]
        assert attributes(root.attributes)["user_agent.synthetic.type"] == "test"
        first_token = spans[good.id.bytes, "first_token"]
        assert first_token.parent_span_id == root.span_id
        assert first_token.end_time_unix_nano - first_token.start_time_unix_nano == 200 * MS
        broken = spans[bad.id.bytes, "chat gpt-5-nano"]
        assert (broken.status.code, broken.status.message) == (Status.STATUS_CODE_ERROR, "it broke")
        assert len(collector.spans) == 20
        assert collector.resource["service.name"] == "nephoscope"
        assert collector.resource["service.version"] == "0.1.0"
        assert collector.resource["nephoscope.vantage"] == "fra-1"
        assert lost.count == 0


@BOTH
def test_metrics_arrive_as_exponential_histograms(protocol: Protocol, opened: Opened) -> None:
    with opened() as collector:
        for sink in sinks(collector, protocol, Lost()):
            sink.take(recent())
            sink.take(recent())
            sink.close(5)
        assert set(collector.metrics) == {
            "gen_ai.client.operation.duration",
            "gen_ai.client.operation.time_to_first_chunk",
            "gen_ai.client.operation.time_per_output_chunk",
            "gen_ai.client.token.usage",
        }
        duration = collector.metrics["gen_ai.client.operation.duration"]
        (point,) = duration.exponential_histogram.data_points
        assert duration.unit == "s"
        assert (point.count, point.scale) == (2, 5)
        assert attributes(point.attributes)["gen_ai.request.model"] == "gpt-5-nano"


@EACH
def test_a_dead_collector_keeps_nobody_waiting_and_its_losses_are_counted(protocol: Protocol) -> None:
    lost = Lost()
    with dead_collector() as collector:
        traces, genai = sinks(collector, protocol, lost)
        for _ in range(1000):
            traces.take(recent())
        genai.take(recent())
        traces.close(0.1)
        genai.close(0.1)
    assert lost.count == 10_000


def test_spans_that_the_collector_refuses_are_counted_as_lost() -> None:
    lost = Lost()
    with http_collector(status=400) as collector:
        for sink in sinks(collector, "http/protobuf", lost):
            sink.take(recent())
            sink.close(5)
    assert lost.count == 10
