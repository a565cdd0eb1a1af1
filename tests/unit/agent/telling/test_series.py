from agent.telling.series import series_plan
from support.told import configuration


def test_a_configuration_brings_forth_a_series_per_probe_and_per_slo() -> None:
    config = configuration("openai", "azure")
    plan = series_plan(config)
    assert plan.config_hash == config.hash
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
