from exporters import conventions
from probes.result import ProbeResult


def test_names_follow_the_customs_of_prometheus() -> None:
    for family in conventions.FAMILIES.values():
        assert family.name.startswith("nephoscope_")
        assert (family.kind == "counter") == family.name.endswith("_total"), family.name
        assert (family.kind == "info") == family.name.endswith("_info"), family.name
        assert family.help.endswith("."), family.name


def test_no_family_claims_a_label_that_the_site_gives() -> None:
    # `cloud` and `region` are external labels at most sites, `instance` and `job` the scraper's.
    for family in conventions.FAMILIES.values():
        assert not {"cloud", "region", "instance", "job", "le", "quantile"} & set(family.labels)


def test_edges_rise() -> None:
    for name, edges in conventions.EDGES.items():
        assert list(edges) == sorted(set(edges)), name


def test_every_phase_is_a_duration_of_the_result() -> None:
    durations = {name for name in ProbeResult.__slots__ if name.endswith("_s")}
    assert {f"{phase}_s" for phase in conventions.PHASES} <= durations


def test_an_exemplars_labels_fit_openmetrics() -> None:
    assert len(conventions.TRACE_ID) + 32 + len(conventions.SPAN_ID) + 16 == 63
