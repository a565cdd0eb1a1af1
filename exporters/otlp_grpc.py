"""OTLP over gRPC: costs grpcio, so that it is imported only where a collector speaks it."""

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter


def span_exporter(endpoint: str) -> SpanExporter:
    """Return an exporter; `http://` is plain text, `https://` is TLS."""
    return OTLPSpanExporter(endpoint=endpoint)


def metric_exporter(endpoint: str) -> MetricExporter:
    return OTLPMetricExporter(endpoint=endpoint)
