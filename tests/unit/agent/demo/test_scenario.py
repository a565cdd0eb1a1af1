"""Faults and scenarios are data that fits together, with the chances that they tell."""

import random
from collections import Counter

import pytest

from agent.demo.scenario import CALM, FAULTS, SCENARIOS, Fault
from agent.demo.vendors import CLOUDS

DRAWS = 100_000


def mishaps(fault: Fault) -> Counter[str | None]:
    chance = random.Random(7)
    return Counter(fault.mishap(chance) for _ in range(DRAWS))


def test_the_scenarios_are_those_of_the_public_face() -> None:
    assert list(SCENARIOS) == [
        "calm", "outage", "brownout", "hang", "throttled", "truncation", "reroute", "own-network-down",
    ]  # fmt: skip


def test_every_scenario_names_clouds_and_faults_that_exist() -> None:
    for scenario in SCENARIOS.values():
        assert scenario.faults.keys() <= CLOUDS.keys(), scenario.name
        assert set(scenario.faults.values()) <= FAULTS.keys(), scenario.name


def test_every_scenario_but_our_own_network_leaves_most_clouds_well() -> None:
    """That is what tells a vendor's fault from ours."""
    assert all(len(scenario.faults) <= 1 for scenario in SCENARIOS.values())
    assert [scenario.name for scenario in SCENARIOS.values() if not scenario.network] == ["own-network-down"]


def test_calm_is_not_perfect() -> None:
    """0.2 % of requests fail and 0.05 % are cut."""
    seen = mishaps(CALM)
    assert seen["failing"] == pytest.approx(DRAWS * 0.002, rel=0.2)
    assert seen["cut"] == pytest.approx(DRAWS * 0.0005, rel=0.3)
    assert seen.keys() == {"failing", "cut", None}


def test_a_brownout_fails_in_10_to_20_percent_and_is_3_to_6_times_as_slow() -> None:
    fault, chance = FAULTS["brownout"], random.Random(7)
    seen = mishaps(fault)
    assert 0.10 < (seen["failing"] + seen["overloaded"]) / DRAWS < 0.20
    factors = [fault.factor(chance) for _ in range(1000)]
    assert 3.0 <= min(factors) < 3.1
    assert 5.9 < max(factors) <= 6.0


def test_truncation_comes_in_both_kinds() -> None:
    seen = mishaps(FAULTS["truncation"])
    assert seen.keys() == {"cut", "unended"}
    assert seen["cut"] == pytest.approx(DRAWS / 2, rel=0.05)


@pytest.mark.parametrize("name", ["outage", "hang", "throttled"])
def test_a_total_fault_spares_no_request(name: str) -> None:
    assert len(mishaps(FAULTS[name])) == 1
    assert None not in mishaps(FAULTS[name])


def test_a_reroute_fails_no_more_often_than_usual() -> None:
    assert FAULTS["reroute"].mishaps == CALM.mishaps
    assert FAULTS["reroute"].rerouted
