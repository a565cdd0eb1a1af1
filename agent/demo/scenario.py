"""How the simulated clouds behave: their usual latencies, and which fault each scenario brings when."""

import dataclasses
import random
from collections.abc import Mapping
from typing import Literal

Fault = Literal["overloaded"]
Scenario = Literal["calm", "outage"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A simulated vendor: the time to its first token is log-normal (median in seconds, sigma of the log)."""

    name: str
    provider: str
    model: str
    region: str
    ttft_median_s: float
    ttft_sigma: float
    token_s: float

    def draw_ttft_s(self, chance: random.Random) -> float:
        return self.ttft_median_s * chance.lognormvariate(0.0, self.ttft_sigma)


CLOUDS: Mapping[str, Cloud] = {
    cloud.name: cloud
    for cloud in (
        Cloud(name="openai", provider="openai", model="gpt-5-nano", region="global", ttft_median_s=0.42, ttft_sigma=0.35, token_s=0.012),
        Cloud(name="azure-eastus2", provider="azure", model="nano-prod", region="eastus2", ttft_median_s=0.31, ttft_sigma=0.28, token_s=0.010),
        Cloud(name="mistral", provider="mistral", model="mistral-small", region="eu", ttft_median_s=0.26, ttft_sigma=0.30, token_s=0.009),
        Cloud(name="deepseek", provider="deepseek", model="deepseek-chat", region="cn", ttft_median_s=0.88, ttft_sigma=0.45, token_s=0.022),
        Cloud(name="qwen", provider="qwen", model="qwen-flash", region="ap-southeast-1", ttft_median_s=0.61, ttft_sigma=0.40, token_s=0.015),
        Cloud(name="vllm", provider="vllm", model="gpt-oss-20b", region="on-prem", ttft_median_s=0.14, ttft_sigma=0.20, token_s=0.008),
        Cloud(name="ray", provider="ray", model="gpt-oss-20b", region="on-prem", ttft_median_s=0.16, ttft_sigma=0.22, token_s=0.008),
        Cloud(name="nim", provider="nim", model="gpt-oss-20b", region="on-prem", ttft_median_s=0.15, ttft_sigma=0.20, token_s=0.007),
    )
}  # fmt: skip

OUTAGE_OF = "openai"
OUTAGE_AFTER_S = 30.0


def fault(scenario: Scenario, cloud: str, elapsed_s: float) -> Fault | None:
    """Return what ails a cloud so many seconds after the start.

    >>> fault("calm", "openai", 60.0), fault("outage", "openai", 10.0), fault("outage", "openai", 60.0)
    (None, None, 'overloaded')
    >>> fault("outage", "vllm", 60.0)
    """
    if scenario == "outage" and cloud == OUTAGE_OF and elapsed_s >= OUTAGE_AFTER_S:
        return "overloaded"
    return None
