from exporters import conventions
from exporters.planned import Planned, info_labels
from exporters.signals import SeriesPlan, SloKey, TargetInfo
from support.results import a_result

PLAN = SeriesPlan(
    config_hash="0",
    vantage="fra-1",
    targets=(
        TargetInfo(
            target="openai",
            provider="openai",
            cloud="openai",
            region=None,
            model="nano",
            team=None,
            simulated=True,
            labels={"env": "prod"},
        ),
    ),
    probes=(("openai", "chat"),),
    slos=((SloKey(objective="available", target="openai", probe="chat"), 0.999),),
    thresholds={"ttft": (1.75, 2.0), "availability": (9.0,)},
)


def test_without_a_plan_nothing_is_planned() -> None:
    assert not Planned(None).has(a_result())


def test_a_result_is_planned_by_target_probe_and_vantage() -> None:
    planned = Planned(PLAN)
    assert planned.has(a_result())
    assert not planned.has(a_result(target="azure"))
    assert not planned.has(a_result(probe="chat-warm"))
    assert not planned.has(a_result(vantage="lon-1"))


def test_a_threshold_is_an_edge_once() -> None:
    edges = Planned(PLAN).edges[conventions.PROBE_TTFT.name]
    assert list(edges) == sorted({*conventions.EDGES[conventions.PROBE_TTFT.name], 1.75})


def test_series_that_name_no_target_stay() -> None:
    assert Planned(None).wants(conventions.RUNS_SKIPPED, ("late",))


def test_an_empty_label_is_left_out() -> None:
    assert info_labels(PLAN.targets[0]) == {
        "target": "openai",
        "provider": "openai",
        "target_cloud": "openai",
        "model": "nano",
        "simulated": "true",
        "label_env": "prod",
    }
