import dataclasses

from agent.telling.ruling import rules_hash
from agent.telling.series import page_plan, series_plan
from support.told import configuration


def test_a_configuration_brings_forth_a_series_per_probe_and_per_slo() -> None:
    config = configuration("openai", "azure")
    plan = series_plan(config)
    assert plan.config_hash == config.hash
    assert plan.rules_hash == rules_hash(config)
    assert plan.vantage == "here"
    assert [target.target for target in plan.targets] == ["openai", "azure"]
    assert plan.probes == (("openai", "chat"), ("azure", "chat"))
    assert [(slo.id, ratio) for slo, ratio in plan.slos] == [
        ("openai-chat-available", 0.999),
        ("azure-chat-available", 0.999),
        ("openai-chat-quick", 0.99),
        ("azure-chat-quick", 0.99),
    ]
    assert plan.thresholds == {"ttft": (2.0,)}


def test_every_threshold_is_an_edge_and_a_shared_quota_is_named() -> None:
    config = configuration("openai", "azure")
    available, quick = config.objectives
    config = dataclasses.replace(
        config,
        objectives=(
            available,
            dataclasses.replace(quick, pairs=quick.pairs[:1], threshold_s=1.5),
            dataclasses.replace(quick, pairs=quick.pairs[1:], threshold_s=6.0),
        ),
        targets=(dataclasses.replace(config.targets[0], quota="sre"), config.targets[1]),
    )
    plan = series_plan(config)
    assert plan.thresholds == {"ttft": (1.5, 6.0)}
    assert len(plan.slos) == len(set(plan.slos)) == 4
    assert plan.quotas == {"openai": "sre"}


def test_a_speed_is_an_edge_of_the_speeds_and_stands_on_the_page() -> None:
    config = configuration("openai")
    quick = config.objectives[1]
    fast = dataclasses.replace(quick, name="fast", sli="throughput", threshold_s=None, at_least_per_s=30.0)
    config = dataclasses.replace(config, objectives=(quick, fast))
    assert series_plan(config).thresholds == {"ttft": (2.0,), "throughput": (30.0,)}
    shown = page_plan(config).objectives[1]
    assert (shown.threshold_s, shown.at_least_per_s) == (None, 30.0)


def test_the_page_has_a_line_for_each_threshold_and_one_for_a_pool_of_several() -> None:
    """What is pooled is judged as one, though its targets differ in what is still good."""
    config = configuration("openai", "azure")
    _, quick = config.objectives
    graded = (
        dataclasses.replace(quick, pairs=quick.pairs[:1], threshold_s=0.1),
        dataclasses.replace(quick, pairs=quick.pairs[1:]),
    )
    shown = page_plan(dataclasses.replace(config, objectives=graded)).objectives
    assert [one.slos for one in shown] == [("openai-chat-quick",), ("azure-chat-quick",)]
    pooled = tuple(dataclasses.replace(one, per=()) for one in graded)
    shown = page_plan(dataclasses.replace(config, objectives=pooled)).objectives
    assert [one.slos for one in shown] == [("all-quick",)]
