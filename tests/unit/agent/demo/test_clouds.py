"""The simulated clouds speak as their vendors do, and ail as their scenario says."""

import random
import statistics

import httpx
import pytest
from starlette.testclient import TestClient

from agent.demo.clouds import ANSWER, Clouds
from agent.demo.scenario import CLOUDS, OUTAGE_OF, Cloud, fault

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Reply with pong"}]}


def ask(cloud: Cloud, scenario: str = "calm", **extra: object) -> httpx.Response:
    app = Clouds(scenario, random.Random(7)).app()  # type: ignore[arg-type]  # a scenario's name, from a literal
    return TestClient(app).post(f"/{cloud.name}/v1/chat/completions", json=CHAT | extra)


@pytest.mark.parametrize("cloud", [cloud for cloud in CLOUDS.values() if cloud.ttft_median_s < 0.35], ids=str)
def test_a_stream_holds_the_answer_the_usage_and_the_end_mark(cloud: Cloud) -> None:
    """Whatever a vendor sends before and after, the answer is in the middle."""
    text = ask(cloud, stream=True).text
    assert all(f'"content":"{part}"' in text for part in ANSWER)
    assert '"usage":{' in text
    assert text.rstrip().endswith("data: [DONE]")


def test_azure_begins_with_its_prompt_filter() -> None:
    """Its first chunk has no choices: nothing that may count as a first token."""
    first = ask(CLOUDS["azure-eastus2"], stream=True).text.split("\n")[0]
    assert '"choices":[]' in first
    assert "prompt_filter_results" in first


def test_a_wrong_key_is_refused_as_vendors_do() -> None:
    """401 with the code that the vendors use."""
    app = Clouds("calm", random.Random(7)).app()
    answer = TestClient(app).get("/vllm/v1/models", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_the_outage_ails_one_cloud_and_begins_late_enough_to_see_it_come() -> None:
    """Every other cloud stays well: that is what tells a vendor's fault from ours."""
    assert {name for name in CLOUDS if fault("outage", name, 31.0)} == {OUTAGE_OF}
    assert not any(fault("outage", name, 29.0) for name in CLOUDS)


def test_latencies_keep_their_median_and_have_a_heavy_tail() -> None:
    """Log-normal: the 99th percentile stands clear of the median."""
    cloud = CLOUDS["openai"]
    drawn = sorted(cloud.draw_ttft_s(random.Random(number)) for number in range(2000))
    assert statistics.median(drawn) == pytest.approx(cloud.ttft_median_s, rel=0.1)
    assert drawn[1980] > 1.8 * cloud.ttft_median_s
