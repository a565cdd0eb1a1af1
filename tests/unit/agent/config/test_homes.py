"""Where answers may be served, and who judges it."""

import pytest

from support.configuration import ENVIRON, findings, loaded

AZURE = "provider: azure, model: m, id: m, endpoint: 'https://{}.openai.azure.com', credentials: {{api_key: a-b-c-d-e-f}}"
TARGETS = f"""
targets:
  - {{name: home, {AZURE.format("home")}, served_in: [eastus2, Sweden Central]}}
  - {{name: away, {AZURE.format("away")}}}
  - {{name: blind, provider: vllm, model: m, endpoint: http://localhost:1, served_in: [on-prem]}}
"""
HOME = "objectives: [{name: home, sli: residency, percent: 99.9}, {name: a, sli: availability, percent: 99}]"


def test_residency_is_judged_of_the_targets_that_say_where_they_may_be_served() -> None:
    config = loaded(TARGETS + HOME).config
    assert config.objectives[0].pairs == (("home", "chat"), ("blind", "chat"))
    assert config.target("home").served_in == ("eastus2", "Sweden Central")
    assert config.target("away").served_in == ()


def test_a_target_that_is_named_and_may_be_served_anywhere_is_refused() -> None:
    (finding,) = findings(TARGETS + HOME.replace("99.9", "99.9, targets: [home, away]"))
    assert "objectives[0].targets: away may be served anywhere; write served_in: [REGION] there" in finding


def test_an_objective_on_residency_without_any_region_is_refused() -> None:
    (finding,) = findings(TARGETS + HOME.replace("99.9", "99.9, targets: away"))
    assert "none of them says where it may be served; write served_in: [REGION]" in finding


def test_regions_of_a_provider_that_tells_none_are_doubtful() -> None:
    """They would stay unknown for ever, which is never good."""
    told = [one for one in loaded(TARGETS + HOME).warnings if "served_in" in one]
    assert len(told) == 1
    assert "targets[2].served_in: no answer of `vllm` tells in which region it was served" in told[0]


@pytest.mark.parametrize(
    ("provider", "tells"),
    [("azure", True), ("litellm", True), ("groq", True), ("anthropic", True), ("bedrock", False), ("openai", False)],
)  # fmt: skip
def test_which_providers_tell_a_region_is_known(provider: str, tells: bool) -> None:  # noqa: FBT001 - parametrized
    target = (
        f"name: t, provider: {provider}, model: m, id: m, endpoint: 'https://h.example', region: us-east-1"
    )
    identity = "aws: default" if provider == "bedrock" else 'api_key: "${OPENAI_API_KEY}"'
    text = f"targets: [{{{target}, credentials: {{{identity}}}, served_in: [us]}}]\n{HOME}"
    warnings = loaded(text, ENVIRON).warnings
    assert any("would be unknown for ever" in one for one in warnings) is not tells


def test_regions_that_no_objective_judges_are_doubtful() -> None:
    told = "targets[0].served_in: is judged by no objective; write one of sli: residency"
    assert any(told in one for one in loaded(TARGETS).warnings)
    assert not any(told in one for one in loaded(TARGETS + HOME).warnings)


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ("eastus2", "a list of texts belongs here, not `eastus2`; as in [eastus2, swedencentral]"),
        ("[]", "a list of texts belongs here"),
        ("[eastus2, East US 2]", "names one of them twice; keep one"),
        ("[5]", "is a number or a truth value as YAML reads it"),
    ],
)
def test_regions_are_a_list_of_different_ones(regions: str, told: str) -> None:
    (finding, *_) = findings(TARGETS.replace("[on-prem]", regions) + HOME)
    assert f"targets[2].served_in: {told}" in finding


def test_regions_belong_to_targets() -> None:
    text = TARGETS + HOME.replace("99.9", "99.9, served_in: [eastus2]")
    assert any("unknown key `served_in`, which belongs to the targets" in one for one in findings(text))
