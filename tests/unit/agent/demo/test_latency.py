"""The simulated latencies: their medians, their tails, and that a seed repeats them."""

import dataclasses
import itertools
import random
import statistics

import pytest

from agent.demo.latency import LONGEST_S, Latency, Pareto, SecondMode, Timing
from agent.demo.vendors import CLOUDS, Cloud

DRAWS = 5_000


def drawn(latency: Latency, seed: int = 7) -> list[Timing]:
    chance = random.Random(seed)
    return [latency.draw(chance) for _ in range(DRAWS)]


def at(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def median_of(cloud: str, tokens: int) -> float:
    return statistics.median(timing.total_s(tokens) for timing in drawn(CLOUDS[cloud].latency))


def test_five_hundred_tokens_take_azure_a_second_and_a_half() -> None:
    assert median_of("azure-eastus2", 500) == pytest.approx(1.5, abs=0.05)


def test_five_hundred_tokens_take_aws_a_little_longer() -> None:
    assert 1.6 <= median_of("aws-us-east-1", 500) <= 1.8


def test_no_two_vendors_are_alike() -> None:
    """Neither in their first token nor in a long answer."""
    draws = [drawn(cloud.latency) for cloud in CLOUDS.values()]
    for tokens in (1, 500):
        medians = sorted(statistics.median(timing.total_s(tokens) for timing in each) for each in draws)
        assert all(low * 1.02 < high for low, high in itertools.pairwise(medians))


@pytest.mark.parametrize("cloud", CLOUDS.values(), ids=list(CLOUDS))
def test_the_median_is_that_of_the_body_and_the_tail_is_heavy(cloud: Cloud) -> None:
    """The tail moves the median little, and the last per mille far beyond what the body alone reaches."""
    ttft = [timing.ttft_s for timing in drawn(cloud.latency)]
    body = dataclasses.replace(cloud.latency, tail=Pareto(share=0.0))
    alone = [timing.ttft_s for timing in drawn(body)]
    assert statistics.median(ttft) == pytest.approx(cloud.latency.ttft_s, rel=0.05)
    assert at(ttft, 0.999) > 1.25 * at(alone, 0.999)


def test_a_pareto_tail_has_a_chance_that_falls_with_the_power_of_the_factor() -> None:
    """At alpha 2, a hundredth of the tail is ten times its start."""
    chance = random.Random(7)
    tail = Pareto(share=1.0, start=2.0, alpha=2.0)
    factors = [tail.draw(chance) for _ in range(100_000)]
    assert min(factors) >= 2.0
    assert sum(factor > 20.0 for factor in factors) == pytest.approx(1000, rel=0.15)


def test_a_second_mode_is_a_hump_of_its_own() -> None:
    """Few waits lie between those that queued and those that did not."""
    latency = Latency(
        ttft_s=1.0, ttft_sigma=0.1, token_s=0.01, tail=SecondMode(share=0.1, factor=4.0, sigma=0.1)
    )
    ttft = [timing.ttft_s for timing in drawn(latency)]
    queued = sum(seconds > 2.0 for seconds in ttft)
    assert queued == pytest.approx(DRAWS * 0.1, rel=0.1)
    assert sum(1.6 < seconds < 2.6 for seconds in ttft) < queued / 100


def test_no_wait_outlasts_every_deadline() -> None:
    chance = random.Random(7)
    latency = Latency(ttft_s=50.0, ttft_sigma=0.1, token_s=0.01, tail=Pareto(share=1.0))
    assert {latency.draw(chance).ttft_s for _ in range(100)} == {LONGEST_S}


def test_the_same_seed_draws_the_same() -> None:
    latency = CLOUDS["openai"].latency
    assert drawn(latency, 3) == drawn(latency, 3)
    assert drawn(latency, 3) != drawn(latency, 4)
