import json

from exporters import conventions
from exporters.series import Exemplar, Histogram, Series

LABELS = ("openai", "chat", "fra-1")


def test_a_value_at_an_edge_belongs_under_it() -> None:
    histogram = Histogram.empty((0.1, 2.0)).observe(2.0)
    assert histogram.counts == (0, 1, 0)


def test_the_newest_exemplar_of_a_bucket_stands_for_it() -> None:
    first, second = Exemplar("a" * 32, 0.3, 1.0), Exemplar("b" * 32, 0.4, 2.0)
    histogram = Histogram.empty((0.1, 2.0)).observe(0.3, first).observe(0.4, second).observe(0.5)
    assert histogram.exemplars == (None, second, None)


def test_other_edges_begin_a_histogram_again() -> None:
    series = Series()
    series.observe(conventions.PROBE_TTFT, LABELS, (1.0,), 0.5)
    series.merge(conventions.PROBE_TTFT, LABELS, (1.0, 2.0), (0, 0, 0), 0.0)
    assert series.histograms[conventions.PROBE_TTFT.name][LABELS].counts == (0, 0, 0)


def test_a_copy_does_not_follow_the_original() -> None:
    series = Series()
    series.add(conventions.RUNS_SKIPPED, ("late",))
    twin = series.copy()
    series.add(conventions.RUNS_SKIPPED, ("late",))
    assert (
        twin.get(conventions.RUNS_SKIPPED, ("late",)),
        series.get(conventions.RUNS_SKIPPED, ("late",)),
    ) == (
        1,
        2,
    )


def test_series_survive_json() -> None:
    series = Series()
    series.add(conventions.PROBE_COST, LABELS, 0.1 + 0.2)
    series.observe(conventions.PROBE_TTFT, LABELS, (1.0,), 0.1 + 0.2, Exemplar("a" * 32, 0.3, 1.5))
    revived = Series.revived(json.loads(json.dumps(series.plain())))
    assert (revived.values, revived.histograms) == (series.values, series.histograms)


def test_families_that_are_gone_are_left_out_of_what_is_revived() -> None:
    plain = {"values": {"nephoscope_gone": [[["x"], 1.0]]}, "histograms": {}}
    assert Series.revived(plain).values == {}
