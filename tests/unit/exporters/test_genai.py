from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.resources import Resource

from exporters.base import HORIZON_NS
from exporters.genai import GenAi
from exporters.signals import Judged
from probes.result import Fault, Outcome, ProbeResult
from support.clock import FakeClock
from support.results import STARTED_NS, a_result


class Kept(MetricExporter):
    def __init__(self) -> None:
        super().__init__()
        self.points: dict[str, list[ExponentialHistogramDataPoint]] = {}

    def export(self, metrics_data: MetricsData, *_: Any, **__: Any) -> MetricExportResult:
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    assert isinstance(metric.data, ExponentialHistogram)
                    self.points[metric.name] = list(metric.data.data_points)
        return MetricExportResult.SUCCESS

    def force_flush(self, *_: Any, **__: Any) -> bool:
        return True

    def shutdown(self, *_: Any, **__: Any) -> None:
        """Nothing is held."""


def counted(
    *results: ProbeResult, now_ns: int = STARTED_NS
) -> dict[str, list[ExponentialHistogramDataPoint]]:
    kept = Kept()
    genai = GenAi(kept, Resource({}), lambda: now_ns)
    for result in results:
        genai.take(result)
        genai.settle(Judged(result=result, fault=Fault.NONE))
    genai.close(5)
    return kept.points


def test_an_operation_lasts_from_its_first_mark_to_its_last() -> None:
    (point,) = counted(a_result())["gen_ai.client.operation.duration"]
    assert (point.count, point.scale) == (1, 5)
    assert point.sum == pytest.approx(0.551)
    assert dict(point.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-nano",
        "gen_ai.response.model": "gpt-5-nano-2026-08-07",
        "server.address": "api.openai.example",
        "server.port": 443,
        "nephoscope.target": "openai",
        "nephoscope.probe": "chat",
        "nephoscope.vantage": "fra-1",
    }


def test_chunks_are_timed_as_they_came() -> None:
    points = counted(a_result(chunks=(0.25, 0.5, 1.0)))
    (first,) = points["gen_ai.client.operation.time_to_first_chunk"]
    (each,) = points["gen_ai.client.operation.time_per_output_chunk"]
    assert (first.count, first.sum) == (1, 0.25)
    assert (each.count, each.sum, each.min, each.max) == (2, 0.75, 0.25, 0.5)


def test_tokens_are_told_by_direction() -> None:
    points = counted(a_result(), a_result(output_tokens=None))["gen_ai.client.token.usage"]
    told = {(point.attributes or {})["gen_ai.token.type"]: (point.count, point.sum) for point in points}
    assert told == {"input": (2, 24), "output": (1, 11)}


def test_a_failure_is_a_duration_with_its_error_and_nothing_that_was_not_seen() -> None:
    failed = a_result(outcome=Outcome.SERVER_ERROR, chunks=(), input_tokens=None, output_tokens=None)
    points = counted(failed)
    assert set(points) == {"gen_ai.client.operation.duration"}
    (point,) = points["gen_ai.client.operation.duration"]
    assert (point.attributes or {})["error.type"] == "server_error"


def test_a_backlog_is_not_counted_as_if_it_happened_now() -> None:
    assert counted(a_result(), now_ns=STARTED_NS + HORIZON_NS + 1) == {}


def test_buckets_keep_to_one_percent_within_a_factor_of_32() -> None:
    (point,) = counted(*(a_result(chunks=(0.1 * 1.2**k,)) for k in range(18)))[
        "gen_ai.client.operation.time_to_first_chunk"
    ]
    assert point.scale == 5


def test_the_clock_is_asked_anew_each_time() -> None:
    clock = FakeClock(wall_ns=STARTED_NS)
    kept = Kept()
    genai = GenAi(kept, Resource({}), clock.wall_ns)
    genai.take(a_result())
    clock.advance(HORIZON_NS / 1e9 + 1)
    genai.take(a_result())
    genai.close(5)
    assert kept.points["gen_ai.client.operation.duration"][0].count == 1
