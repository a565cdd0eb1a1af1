"""OTLP as protobuf over HTTP, under the paths that a collector listens on."""

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter


def span_exporter(endpoint: str) -> SpanExporter:
    """Return an exporter to a collector's base address, with or without a slash at its end."""
    return OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")


def metric_exporter(endpoint: str) -> MetricExporter:
    return OTLPMetricExporter(endpoint=endpoint.rstrip("/") + "/v1/metrics")
