"""How numbers become a page: classic text or OpenMetrics, through a registry of our own."""

import functools
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as ShownExemplar
from prometheus_client.utils import floatToGoString

from exporters import conventions
from exporters.conventions import FAMILIES, Family
from exporters.series import Exemplar, Histogram, Series

Infos = Mapping[str, Sequence[Mapping[str, str]]]
"""Labels of the info families by family name; their sets differ, so they are no `Series`."""


def render(series: Series, infos: Infos, accept: str) -> tuple[str, bytes]:
    """Return (content type, page) in the format that the Accept header asks for."""
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Page(series, infos))
    return content_type, encode(registry)


class _Page(Collector):
    """One moment's numbers as prometheus_client reads them."""

    def __init__(self, series: Series, infos: Infos) -> None:
        self._series = series
        self._infos = infos

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for family in FAMILIES.values():
            metric = self._shown(family)
            if metric.samples:
                yield metric

    def _shown(self, family: Family) -> Metric:
        match family.kind:
            case "info":
                return _info(family, self._infos.get(family.name, ()))
            case "counter" | "gauge":
                metric = Metric(family.name.removesuffix("_total"), family.help, family.kind)
                for labels, value in self._series.values.get(family.name, {}).items():
                    metric.add_sample(family.name, dict(zip(family.labels, labels, strict=True)), value)
                return metric
            case "histogram" | "summary":
                metric = Metric(family.name, family.help, family.kind)
                for labels, row in self._series.histograms.get(family.name, {}).items():
                    _distribution(metric, dict(zip(family.labels, labels, strict=True)), row)
                return metric


def _info(family: Family, rows: Sequence[Mapping[str, str]]) -> Metric:
    metric = Metric(family.name.removesuffix("_info"), family.help, "info")
    for labels in rows:
        metric.add_sample(family.name, dict(labels), 1.0)
    return metric


def _distribution(metric: Metric, labels: dict[str, str], row: Histogram) -> None:
    if metric.type == "histogram":
        cumulated = 0
        edges = (*(_edge(edge) for edge in row.edges), "+Inf")
        for edge, count, exemplar in zip(edges, row.counts, row.exemplars, strict=True):
            cumulated += count
            metric.add_sample(
                f"{metric.name}_bucket",
                labels | {"le": edge},
                cumulated,
                exemplar=_exemplar(exemplar) if exemplar else None,
            )
    metric.add_sample(f"{metric.name}_count", labels, row.count)
    metric.add_sample(f"{metric.name}_sum", labels, row.sum)


@functools.cache
def _edge(edge: float) -> str:
    return str(floatToGoString(edge))  # type: ignore[no-untyped-call]  # the library's own helper is untyped


def _exemplar(exemplar: Exemplar) -> ShownExemplar:
    # The root span's id is the last 8 of the trace id's 16 bytes (decision 6 of the architecture).
    ids = {conventions.TRACE_ID: exemplar.trace_id, conventions.SPAN_ID: exemplar.trace_id[-16:]}
    return ShownExemplar(ids, exemplar.value, exemplar.at_s)
