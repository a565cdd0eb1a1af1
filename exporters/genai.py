"""The `gen_ai.client` metrics of OpenTelemetry: exponential histograms of every attempt."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from exporters import semconv
from exporters.base import HORIZON_NS
from exporters.signals import Judged
from exporters.spans import identity
from probes.result import Outcome, ProbeResult

_EVERY_S = 60.0


class GenAi:
    """A `ResultSink`: each attempt is one client operation, counted when it arrives.

    The operation lasts from its first mark to its last, as its span does: name, connection and token
    included. A chunk is not a token, and the first chunk not the first token: the SLIs do not use these.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        resource: Resource,
        wall_ns: Callable[[], int],
        every_s: float = _EVERY_S,
    ) -> None:
        self._wall_ns = wall_ns
        # Scale 5 is a relative error of 1.1 %; 160 buckets of it span a factor of 32, and the scale
        # gives way where a series is wider.
        buckets = ExponentialBucketHistogramAggregation(max_size=160, max_scale=5)
        self._provider = MeterProvider(
            metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=every_s * 1e3)],
            resource=resource,
            views=[View(instrument_name="gen_ai.client.*", aggregation=buckets)],
            shutdown_on_exit=False,
        )
        meter = self._provider.get_meter(semconv.SERVICE_NAME)
        self._duration = meter.create_histogram(
            semconv.OPERATION_DURATION, unit="s", description="Duration of an operation."
        )
        self._first_chunk = meter.create_histogram(
            semconv.TIME_TO_FIRST_CHUNK, unit="s", description="Request sent to first chunk."
        )
        self._per_chunk = meter.create_histogram(
            semconv.TIME_PER_OUTPUT_CHUNK, unit="s", description="Time between successive chunks."
        )
        self._tokens = meter.create_histogram(
            semconv.TOKEN_USAGE, unit="{token}", description="Tokens of an operation."
        )

    def take(self, result: ProbeResult) -> None:
        if self._wall_ns() - result.started_ns > HORIZON_NS:
            return
        attributes = _attributes(result)
        if result.marks:
            failed = result.outcome is not Outcome.OK
            error = {semconv.ERROR_TYPE: result.outcome.value} if failed else {}
            self._duration.record(max(at for _, at in result.marks) / 1e9, attributes | error)
        if result.chunks:
            self._first_chunk.record(result.chunks[0], attributes)
        for before, after in pairwise(result.chunks):
            self._per_chunk.record(after - before, attributes)
        for direction, tokens in (("input", result.input_tokens), ("output", result.output_tokens)):
            if tokens is not None:
                self._tokens.record(tokens, attributes | {semconv.TOKEN_TYPE: direction})

    def settle(self, judged: Judged) -> None:
        """Nothing: an operation is what an attempt saw, not what settlement made of it."""

    def close(self, timeout_s: float) -> None:
        """Send what was counted, for so long at most."""
        self._provider.shutdown(timeout_millis=timeout_s * 1e3)


def _attributes(result: ProbeResult) -> dict[str, Any]:
    known = identity(result) | {
        semconv.OUR_TARGET: result.target,
        semconv.OUR_PROBE: result.probe,
        semconv.OUR_VANTAGE: result.vantage,
    }
    return {name: value for name, value in known.items() if value is not None}
