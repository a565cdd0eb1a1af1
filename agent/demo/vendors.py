"""The simulated vendors: what each serves where, how long it takes, and what it limits."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from agent.demo.latency import Latency, Pareto, SecondMode

Vendor = Literal["openai", "azure", "aws", "google", "mistral", "deepseek", "qwen", "vllm", "ray", "nim"]


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What a vendor lets through each minute, and says in its headers."""

    requests: int
    tokens: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """One simulated endpoint.

    `provider` is its row of the catalogue, which stands for `cloud` unless one is named; `keyed` says whether
    it wants a key. `served_from` is what it says of who serves, usually and after a reroute; empty where the
    vendor says nothing.
    """

    name: str
    vendor: Vendor
    provider: str
    model: str
    region: str
    latency: Latency
    cloud: str | None = None
    keyed: bool = True
    limits: Limits | None = None
    served_from: tuple[str, str] = ("", "")


CLOUDS: Mapping[str, Cloud] = {
    cloud.name: cloud
    for cloud in (
        Cloud(
            name="openai", vendor="openai", provider="openai", model="gpt-5-nano", region="global",
            latency=Latency(ttft_s=0.42, ttft_sigma=0.35, token_s=0.0032),
            limits=Limits(5000, 2_000_000), served_from=("FRA", "IAD"),
        ),
        Cloud(
            name="azure-eastus2", vendor="azure", provider="azure", model="nano-prod", region="eastus2",
            latency=Latency(ttft_s=0.31, ttft_sigma=0.28, token_s=0.0024),
            limits=Limits(1000, 1_000_000), served_from=("East US 2", "Central US"),
        ),
        Cloud(
            name="aws-us-east-1", vendor="aws", provider="openai-compatible", cloud="aws",
            model="openai.gpt-oss-120b-1:0", region="us-east-1",
            latency=Latency(ttft_s=0.38, ttft_sigma=0.32, token_s=0.0026, tail=Pareto(share=0.03, alpha=1.9)),
        ),
        Cloud(
            name="google-europe-west4", vendor="google", provider="openai-compatible", cloud="gcp",
            model="google/gemini-2.5-flash", region="europe-west4",
            latency=Latency(ttft_s=0.48, ttft_sigma=0.25, token_s=0.0018, tail=SecondMode(share=0.02, factor=2.5, sigma=0.2)),
        ),
        Cloud(
            name="mistral", vendor="mistral", provider="mistral", model="mistral-small", region="eu",
            latency=Latency(ttft_s=0.26, ttft_sigma=0.30, token_s=0.0045),
            limits=Limits(300, 500_000), served_from=("CDG", "AMS"),
        ),
        Cloud(
            name="deepseek", vendor="deepseek", provider="deepseek", model="deepseek-chat", region="cn",
            latency=Latency(ttft_s=0.88, ttft_sigma=0.45, token_s=0.011, tail=SecondMode(share=0.06, factor=2.0, sigma=0.25)),
            served_from=("HKG", "SIN"),
        ),
        Cloud(
            name="qwen", vendor="qwen", provider="qwen", model="qwen-flash", region="ap-southeast-1",
            latency=Latency(ttft_s=0.61, ttft_sigma=0.40, token_s=0.0075),
        ),
        Cloud(
            name="vllm", vendor="vllm", provider="vllm", model="gpt-oss-20b", region="on-prem", keyed=False,
            latency=Latency(ttft_s=0.14, ttft_sigma=0.20, token_s=0.006, tail=Pareto(share=0.01)),
        ),
        Cloud(
            name="ray", vendor="ray", provider="ray", model="gpt-oss-20b", region="on-prem", keyed=False,
            latency=Latency(ttft_s=0.16, ttft_sigma=0.22, token_s=0.0062, tail=Pareto(share=0.01)),
        ),
        Cloud(
            name="nim", vendor="nim", provider="nim", model="gpt-oss-20b", region="on-prem", keyed=False,
            latency=Latency(ttft_s=0.15, ttft_sigma=0.20, token_s=0.0055, tail=Pareto(share=0.01)),
        ),
    )
}  # fmt: skip
