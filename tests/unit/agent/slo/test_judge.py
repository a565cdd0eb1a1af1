import dataclasses

import pytest

from agent.slo.judge import Judge, throttled_class
from agent.slo.objective import Objective
from probes.result import MANUAL, EventClass, Fault, Outcome
from probes.target import Target
from support.results import a_result

AVAILABLE = Objective(
    name="available", sli="availability", ratio=0.999, window_s=2419200, pairs=(("openai", "chat"),)
)
QUICK = Objective(
    name="quick", sli="ttft", ratio=0.99, window_s=2419200, pairs=(("openai", "chat"),), threshold_s=0.25
)
ELSEWHERE = Objective(
    name="elsewhere", sli="availability", ratio=0.9, window_s=2419200, pairs=(("azure", "chat"),)
)


def a_target(name: str = "openai", **fields: object) -> Target:
    given = {"provider": "openai", "cloud": "openai", "model": "nano", "model_id": "nano", "group": "nano"}
    return Target(name=name, endpoint="https://api.example", **(given | fields))  # type: ignore[arg-type]  # fields of every kind


JUDGE = Judge((AVAILABLE, QUICK, ELSEWHERE), (a_target(), a_target("azure")))


def test_an_attempt_counts_for_the_objectives_that_look_at_it() -> None:
    """Good in availability, too slow for the other, nothing for another target's."""
    assert JUDGE.classes(a_result(), None) == {"available": EventClass.GOOD, "quick": EventClass.BAD}


def test_an_unsettled_failure_counts_for_nothing_yet() -> None:
    """Until its fault is known; then it counts once."""
    failure = a_result(outcome=Outcome.CONNECT_REFUSED, ttft_s=None, total_s=None)
    assert JUDGE.classes(failure, None) == {}
    assert JUDGE.classes(failure, Fault.UNDETERMINED) == {
        "available": EventClass.BAD,
        "quick": EventClass.INVALID,
    }
    assert JUDGE.classes(failure, Fault.OURS)["available"] is EventClass.INVALID


@pytest.mark.parametrize("attempt", [1, 3, MANUAL])
def test_only_the_scheduled_attempt_enters(attempt: int) -> None:
    """Neither confirmations nor what a person asked for."""
    assert JUDGE.classes(a_result(attempt=attempt), None) == {}


def test_a_probe_that_no_objective_watches_counts_nowhere() -> None:
    """Such as one of another name."""
    assert JUDGE.classes(a_result(probe="models"), None) == {}


def test_throttled_is_the_objectives_word_then_the_targets_then_excluded() -> None:
    """In this order."""
    bad = Objective(name="b", sli="availability", ratio=0.9, window_s=1, pairs=(), throttled=EventClass.BAD)
    assert throttled_class(bad, a_target(count_throttled="excluded")) is EventClass.BAD
    assert throttled_class(AVAILABLE, a_target(count_throttled="bad")) is EventClass.BAD
    assert throttled_class(AVAILABLE, a_target()) is EventClass.EXCLUDED


def test_each_target_is_judged_by_its_own_threshold_under_one_objectives_name() -> None:
    """Where fast and slow models have thresholds of their own."""
    slow = dataclasses.replace(QUICK, pairs=(("azure", "chat"),), threshold_s=60.0)
    judge = Judge((QUICK, slow), (a_target(), a_target("azure")))
    assert judge.classes(a_result(), None) == {"quick": EventClass.BAD}
    assert judge.classes(a_result(target="azure"), None) == {"quick": EventClass.GOOD}


def test_a_speed_is_judged_by_the_objectives_tokens_a_second() -> None:
    fast = dataclasses.replace(QUICK, name="fast", sli="throughput", threshold_s=None, at_least_per_s=30.0)
    judge = Judge((fast,), (a_target(),))
    assert judge.classes(a_result(tokens_per_s=30.0), None) == {"fast": EventClass.GOOD}
    assert judge.classes(a_result(tokens_per_s=29.0), None) == {"fast": EventClass.BAD}


def test_where_an_answer_was_served_is_judged_by_its_own_targets_regions() -> None:
    """One objective holds for clouds that spell their regions differently."""
    pairs = (("openai", "chat"), ("azure", "chat"))
    home = Objective(name="home", sli="residency", ratio=0.99, window_s=2419200, pairs=pairs)
    judge = Judge((home,), (a_target(served_in=("eu",)), a_target("azure", served_in=("East US 2",))))
    served = [
        judge.classes(a_result(target=target, backend={"region": "eastus2"}), None)["home"]
        for target in ("openai", "azure")
    ]
    assert served == [EventClass.BAD, EventClass.GOOD]


def test_what_an_answer_says_is_judged_apart_from_its_availability() -> None:
    right = dataclasses.replace(AVAILABLE, name="right", sli="correctness")
    judge = Judge((AVAILABLE, right), (a_target(),))
    wrong = a_result(outcome=Outcome.MISMATCH, checked=True)
    assert judge.classes(wrong, None) == {"available": EventClass.GOOD, "right": EventClass.BAD}
    assert judge.classes(a_result(), None)["right"] is EventClass.INVALID
