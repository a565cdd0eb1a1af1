import pytest

from exporters import conventions, exposition
from exporters.series import Series

LABELS = ("openai", "chat", "fra-1")


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
