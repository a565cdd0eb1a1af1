"""A collector on loopback that keeps what arrives over gRPC or HTTP, or answers nothing at all."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What arrived, in order; `endpoint` is what an exporter is pointed at."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.traces: list[trace_service_pb2.ExportTraceServiceRequest] = []
        self.pushes: list[metrics_service_pb2.ExportMetricsServiceRequest] = []

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def metrics(self) -> dict[str, Metric]:
        """Return the metrics of the last push, by name."""
        return {
            metric.name: metric
            for resource in self.pushes[-1].resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    @property
    def resource(self) -> dict[str, Any]:
        """Return the attributes of the resource that the last span came from."""
        return attributes(self.traces[-1].resource_spans[-1].resource.attributes)


def attributes(pairs: Any) -> dict[str, Any]:
    """Return protobuf's key-value pairs as a plain dictionary; arrays become lists."""

    def plain(value: Any) -> Any:
        kind = value.WhichOneof("value")
        if kind == "array_value":
            return [plain(one) for one in value.array_value.values]
        return getattr(value, kind)

    return {pair.key: plain(pair.value) for pair in pairs}


@contextlib.contextmanager
def grpc_collector() -> Iterator[Collector]:
    collector = Collector()

    class Traces(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - the protocol's signature
            collector.traces.append(request)
            return trace_service_pb2.ExportTraceServiceResponse()

    class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - the protocol's signature
            collector.pushes.append(request)
            return metrics_service_pb2.ExportMetricsServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), server)
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    collector.endpoint = f"http://127.0.0.1:{port}"
    try:
        yield collector
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def http_collector(status: int = 200) -> Iterator[Collector]:
    """Keep what is posted to `/v1/traces` and `/v1/metrics`; refuse it all with another status."""
    collector = Collector()

    class Route(NamedTuple):
        kept: list[Any]
        request: Callable[[], Any]

    routes = {
        "/v1/traces": Route(collector.traces, trace_service_pb2.ExportTraceServiceRequest),
        "/v1/metrics": Route(collector.pushes, metrics_service_pb2.ExportMetricsServiceRequest),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept, new = routes[self.path]
            request = new()
            request.ParseFromString(body)
            kept.append(request)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def dead_collector() -> Iterator[Collector]:
    """Accept connections into the kernel's backlog, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        collector = Collector()
        collector.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield collector
