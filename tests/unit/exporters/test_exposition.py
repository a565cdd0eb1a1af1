from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as ShownExemplar
from prometheus_client.utils import floatToGoString

from exporters import conventions, exposition
from exporters.conventions import FAMILIES, Family
from exporters.series import Exemplar, Histogram, Labels, Series

LABELS = ("openai", "chat", "fra-1")
CLASSIC = "text/plain;version=0.0.4"
OPEN = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"


def test_an_empty_page_is_a_page() -> None:
    assert exposition.render(Series(), {}, "")[1] == b""


def test_openmetrics_ends_with_its_mark() -> None:
    assert exposition.render(Series(), {}, "application/openmetrics-text; version=1.0.0")[1] == b"# EOF\n"


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "text/plain;version=0.0.4"])
def test_whoever_asks_for_nothing_special_gets_the_classic_text(accept: str) -> None:
    assert exposition.render(Series(), {}, accept)[0].startswith("text/plain; version=0.0.4")


def test_what_prometheus_asks_for_is_openmetrics() -> None:
    accept = (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    )
    content_type, _ = exposition.render(Series(), {}, accept)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")


def test_buckets_are_cumulative_and_a_summary_has_none() -> None:
    series = Series()
    for seconds in (0.5, 1.5, 9.0):
        series.observe(conventions.PROBE_TTFT, LABELS, (1.0, 2.0), seconds)
    series.observe(conventions.PROBE_PHASE, (*LABELS, "dns"), (), 0.25)
    lines = exposition.render(series, {}, "")[1].decode().splitlines()
    at = 'probe="chat",target="openai",vantage="fra-1"'
    assert [line for line in lines if not line.startswith("#")] == [
        f'nephoscope_probe_ttft_seconds_bucket{{le="1.0",{at}}} 1.0',
        f'nephoscope_probe_ttft_seconds_bucket{{le="2.0",{at}}} 2.0',
        f'nephoscope_probe_ttft_seconds_bucket{{le="+Inf",{at}}} 3.0',
        f"nephoscope_probe_ttft_seconds_count{{{at}}} 3.0",
        f"nephoscope_probe_ttft_seconds_sum{{{at}}} 11.0",
        'nephoscope_probe_phase_seconds_count{phase="dns",probe="chat",target="openai",vantage="fra-1"} 1.0',
        'nephoscope_probe_phase_seconds_sum{phase="dns",probe="chat",target="openai",vantage="fra-1"} 0.25',
    ]


# -- the library's own writer says the same

_TEXTS = st.text(max_size=6) | st.sampled_from(['say "x"', "a\\b", "two\nlines", ""])
_NUMBERS = st.floats(allow_subnormal=False) | st.integers(0, 10**9).map(float)
_EXEMPLARS = st.builds(
    Exemplar, st.text("0123456789abcdef", min_size=32, max_size=32), _NUMBERS, st.floats(0, 2e9)
)


def _rows(family: Family) -> st.SearchStrategy[Labels]:
    return st.tuples(*(_TEXTS for _ in family.labels))


@st.composite
def pages(draw: st.DrawFn) -> tuple[Series, exposition.Infos]:
    series = Series()
    infos: dict[str, list[dict[str, str]]] = {}
    for family in draw(st.lists(st.sampled_from(list(FAMILIES.values())), max_size=4)):
        if family.kind == "info":
            infos[family.name] = draw(
                st.lists(st.dictionaries(st.sampled_from(["target", "le_x", "a"]), _TEXTS), max_size=2)
            )
        elif family.kind in {"counter", "gauge"}:
            series.values[family.name] = draw(st.dictionaries(_rows(family), _NUMBERS, max_size=3))
        else:
            series.histograms[family.name] = draw(st.dictionaries(_rows(family), histograms(), max_size=2))
    return series, infos


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    edges = tuple(sorted(draw(st.sets(st.floats(0.001, 1e7), max_size=4))))
    slots = len(edges) + 1
    counts = draw(st.lists(st.integers(0, 10**7), min_size=slots, max_size=slots))
    exemplars = draw(st.lists(st.none() | _EXEMPLARS, min_size=slots, max_size=slots))
    return Histogram(edges, tuple(counts), draw(_NUMBERS), tuple(exemplars))


class Page(Collector):
    """The same numbers as the library reads them."""

    def __init__(self, series: Series, infos: exposition.Infos) -> None:
        self.series = series
        self.infos = infos

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for family in FAMILIES.values():
            metric = Metric(
                family.name.removesuffix("_total").removesuffix("_info"), family.help, family.kind
            )
            for labels in self.infos.get(family.name, ()):
                metric.add_sample(family.name, dict(labels), 1.0)
            for values, value in self.series.values.get(family.name, {}).items():
                metric.add_sample(family.name, dict(zip(family.labels, values, strict=True)), value)
            for values, row in self.series.histograms.get(family.name, {}).items():
                distribute(metric, dict(zip(family.labels, values, strict=True)), row)
            if metric.samples:
                yield metric


def distribute(metric: Metric, labels: dict[str, str], row: Histogram) -> None:
    cumulated = 0
    edges = [*map(floatToGoString, row.edges), "+Inf"] if metric.type == "histogram" else []
    for edge, count, exemplar in zip(edges, row.counts, row.exemplars, strict=False):
        cumulated += count
        ids = exemplar and {"trace_id": exemplar.trace_id, "span_id": exemplar.trace_id[-16:]}
        shown = ShownExemplar(ids, exemplar.value, exemplar.at_s) if exemplar and ids else None
        metric.add_sample(f"{metric.name}_bucket", labels | {"le": edge}, cumulated, exemplar=shown)
    metric.add_sample(f"{metric.name}_count", labels, row.count)
    metric.add_sample(f"{metric.name}_sum", labels, row.sum)


@given(pages(), st.sampled_from([CLASSIC, OPEN]))
def test_a_page_is_the_librarys_to_the_byte(page: tuple[Series, exposition.Infos], accept: str) -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Page(*page))
    encode, content_type = choose_encoder(accept)
    assert exposition.render(*page, accept) == (content_type, encode(registry))


@pytest.mark.parametrize("escaping", ["dots", "values"])
def test_names_are_written_alike_whatever_a_scraper_lacks_letters_for(escaping: str) -> None:
    series = Series()
    series.set(conventions.LAST_BEAT, (), 1.0)
    content_type, page = exposition.render(
        series, {}, f"application/openmetrics-text;version=1.0.0;escaping={escaping}"
    )
    assert content_type.endswith("escaping=underscores")
    assert f"{conventions.LAST_BEAT.name} 1.0\n".encode() in page
