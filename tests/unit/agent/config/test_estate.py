"""The example estate: what 24 targets over four clouds are, from at most 120 lines."""

from collections import Counter
from pathlib import Path

from agent.config.model import Config
from agent.config.read import read
from probes import catalog
from support.configuration import HOST

EXAMPLES = Path(__file__).parents[4] / "examples"
GOLDEN = [
    ("openai-eu-nano", "gpt-5-nano", "https://eu.api.openai.com/v1/chat/completions"),
    ("openai-eu-mini", "gpt-5-mini", "https://eu.api.openai.com/v1/chat/completions"),
    ("openai-eu-large", "gpt-5", "https://eu.api.openai.com/v1/chat/completions"),
    ("openai-us-nano", "gpt-5-nano", "https://us.api.openai.com/v1/chat/completions"),
    ("openai-us-mini", "gpt-5-mini", "https://us.api.openai.com/v1/chat/completions"),
    ("openai-us-large", "gpt-5", "https://us.api.openai.com/v1/chat/completions"),
    (
        "azure-swedencentral-nano",
        "nano-prod",
        "https://bank-swedencentral.openai.azure.com/openai/v1/chat/completions",
    ),
    (
        "azure-swedencentral-mini",
        "mini-prod",
        "https://bank-swedencentral.openai.azure.com/openai/v1/chat/completions",
    ),
    (
        "azure-swedencentral-large",
        "large-prod",
        "https://bank-swedencentral.openai.azure.com/openai/v1/chat/completions",
    ),
    ("azure-eastus2-nano", "nano-prod", "https://bank-eastus2.openai.azure.com/openai/v1/chat/completions"),
    ("azure-eastus2-mini", "mini-prod", "https://bank-eastus2.openai.azure.com/openai/v1/chat/completions"),
    ("azure-eastus2-large", "large-prod", "https://bank-eastus2.openai.azure.com/openai/v1/chat/completions"),
    (
        "azure-dr-nano",
        "nano-prod",
        "https://bank-dr.openai.azure.com/openai/deployments/nano-prod/chat/completions?api-version=2024-10-21",
    ),
    (
        "azure-dr-large",
        "large-prod",
        "https://bank-dr.openai.azure.com/openai/deployments/large-prod/chat/completions?api-version=2024-10-21",
    ),
    (
        "qwen-intl-qwen-flash",
        "qwen-flash",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
    ),
    (
        "qwen-intl-qwen-max",
        "qwen3-max",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
    ),
    (
        "qwen-us-qwen-flash",
        "qwen-flash",
        "https://dashscope-us.aliyuncs.com/compatible-mode/v1/chat/completions",
    ),
    (
        "own-fra-llama",
        "meta-llama/Llama-3.3-70B-Instruct",
        "https://vllm-llama.fra.bank.example:8000/v1/chat/completions",
    ),
    (
        "own-fra-llama-long",
        "meta-llama/Llama-3.1-405B-Instruct",
        "https://vllm-llama-long.fra.bank.example:8000/v1/chat/completions",
    ),
    (
        "own-dub-llama",
        "meta-llama/Llama-3.3-70B-Instruct",
        "https://vllm-llama.dub.bank.example:8000/v1/chat/completions",
    ),
    (
        "own-dub-llama-long",
        "meta-llama/Llama-3.1-405B-Instruct",
        "https://vllm-llama-long.dub.bank.example:8000/v1/chat/completions",
    ),
    ("gateway-fra-nano", "bank/nano", "https://llm.fra.bank.example/v1/chat/completions"),
    ("gateway-fra-large", "bank/large", "https://llm.fra.bank.example/v1/chat/completions"),
    ("gateway-dub-nano", "bank/nano", "https://llm.dub.bank.example/v1/chat/completions"),
]
"""Name, the model as its provider calls it, and what a chat probe calls."""


def config() -> Config:
    return read(EXAMPLES / "estate.yaml", {}, no_secrets=True, host=HOST).config


def test_it_expands_to_the_right_names_ids_and_urls() -> None:
    assert [(one.name, one.model_id, catalog.url(one, "chat")) for one in config().targets] == GOLDEN


def test_24_targets_over_four_clouds_fit_in_120_lines() -> None:
    targets = config().targets
    assert len((EXAMPLES / "estate.yaml").read_text().splitlines()) <= 120
    assert len(targets) == 24
    regions = {(one.cloud, one.region) for one in targets}
    assert all(count >= 2 for count in Counter(cloud for cloud, _ in regions).values())
    assert {cloud for cloud, _ in regions} == {"openai", "azure", "alibaba", "self-hosted"}
    assert Counter(one.team for one in targets) == {"platform": 13, "payments": 4, "research": 7}


def test_slow_models_are_asked_less_often_but_what_is_critical_is_not() -> None:
    asked = {
        target: work.every_s for (target, probe), work in config().workloads().items() if probe == "chat"
    }
    assert {name for name, every_s in asked.items() if every_s == 60.0} == {
        "openai-eu-large",
        "openai-us-large",
        "qwen-intl-qwen-max",
        "own-fra-llama-long",
        "own-dub-llama-long",
        "gateway-fra-large",
    }
    assert asked["azure-eastus2-large"] == 30.0
    assert not {"azure-dr-nano", "azure-dr-large"} & asked.keys()


def test_every_slo_has_one_threshold_and_one_interval() -> None:
    """However many plans and objectives share a name."""
    found = config()
    slos = [(one.name, pair) for one in found.objectives for pair in one.pairs]
    asked = [(target, plan.workload.name) for plan in found.probes for target in plan.targets]
    assert len(slos) == len(set(slos)) == 2 * 22 + 2
    assert len(asked) == len(set(asked))
    assert {pair for _, pair in slos} <= set(asked)


def test_a_file_of_three_lines_works() -> None:
    """Comments aside."""
    text = (EXAMPLES / "minimal.yaml").read_text().splitlines()
    assert len([line for line in text if not line.startswith("#")]) <= 3
    found = read(EXAMPLES / "minimal.yaml", {}, no_secrets=True, host=HOST).config
    assert [one.name for one in found.objectives] == ["available", "quick"]
