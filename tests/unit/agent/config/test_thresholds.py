"""Which latency is still good for whom."""

from typing import Any

import pytest

from agent.config.findings import BadValueError
from agent.config.thresholds import parse
from support.configuration import findings, loaded

TARGETS = """
models:
  nano: {class: fast}
  large: {class: slow}
targets:
  - {name: "a-{model}", for: {model: [nano, large]}, provider: vllm, endpoint: http://localhost:1}
  - {name: own, provider: vllm, model: m, endpoint: http://localhost:2}
"""


def goal(under: str, more: str = "") -> str:
    return f"{TARGETS}objectives: [{{name: quick, sli: ttft, percent: 99, under: {under}{more}}}]"


def test_each_threshold_has_an_objective_of_the_same_name_and_pairs_of_its_own() -> None:
    found = loaded(goal("{class: {fast: 1.5s, slow: 6s}, target: {own: 6s}}")).config.objectives
    assert [(one.name, one.threshold_s, one.pairs) for one in found] == [
        ("quick", 1.5, (("a-nano", "chat"),)),
        ("quick", 6.0, (("a-large", "chat"), ("own", "chat"))),
    ]


def test_the_nearer_wins_target_before_model_before_class() -> None:
    (one, other, third) = loaded(
        goal("{class: {fast: 1s, slow: 2s}, model: {nano: 3s}, target: {own: 4s, a-large: 5s}}")
    ).config.objectives
    assert {one.pairs: one.threshold_s for one in (one, other, third)} == {
        (("a-nano", "chat"),): 3.0,
        (("a-large", "chat"),): 5.0,
        (("own", "chat"),): 4.0,
    }


def test_a_threshold_changes_the_plan() -> None:
    plans = [
        loaded(goal(f"{{class: {{fast: {fast}, slow: 6s}}, target: {{own: 1s}}}}")).config
        for fast in ("1s", "2s")
    ]
    assert plans[0].hash != plans[1].hash


@pytest.mark.parametrize(
    ("under", "told"),
    [
        (
            "{class: {fast: 1.5s, slow: 6s}}",
            "under: says nothing for own; add a threshold for the class, model or target, or narrow `targets`",
        ),
        ("{class: {fast: 1.5s}}", "under: says nothing for a-large, own; add a threshold"),
        (
            "{class: {fats: 1s}, target: {'*': 1s}}",
            "under: `class: fats` is no target's; did you mean `fast`?",
        ),
        ("{class: {fast: 1}}", "under: 1 has no unit; write 1s for seconds"),
        ("{class: {fast: 0s}}", "under: `0s` leaves no time; write more than zero"),
        ("{clas: {fast: 1s}}", "under: unknown key `clas`; did you mean `class`?"),
        ("{class: 2s}", "under: `class` wants a map, as in under: {class: {NAME: 2s}}, not `2s`"),
        ("{}", "under: is empty; write 2s, or class: {fast: 1.5s, slow: 6s}"),
    ],
)
def test_a_target_without_a_threshold_and_a_threshold_without_a_target_are_told(
    under: str, told: str
) -> None:
    found = findings(goal(under))
    assert any(f"nephoscope.yaml:8: objectives[0].{told}" in finding for finding in found), found


def test_a_threshold_that_no_target_of_this_objective_meets_is_taken_where_the_estate_has_one() -> None:
    """So that a team may take the house's thresholds as they stand."""
    (one,) = loaded(goal("{class: {fast: 1s, slow: 6s}}", ", targets: {class: fast}")).config.objectives
    assert one.threshold_s == 1.0


def test_a_threshold_over_a_deadline_is_doubtful_for_those_it_holds_for() -> None:
    found = loaded(goal("{class: {fast: 1s, slow: 9s}, target: {own: 1s}}")).warnings
    assert [warning for warning in found if "9s is not below first_token of probe chat (8s)" in warning]


@pytest.mark.parametrize("value", [None, True, [], "soon", {"class": []}, {"class": {}}])
def test_what_is_no_threshold_is_refused(value: Any) -> None:
    with pytest.raises(BadValueError):
        parse(value)
