"""What a probe asks of whom, where an override changes it for some."""

import pytest

from support.configuration import findings, loaded

TARGETS = """
models:
  nano: {class: fast}
  large: {class: slow}
targets:
  - {name: "a-{model}", for: {model: [nano, large]}, provider: vllm, endpoint: http://localhost:1}
  - {name: "b-{model}", for: {model: [nano, large]}, provider: vllm, endpoint: http://localhost:2, team: sre}
"""


def probe(keys: str) -> str:
    return f"{TARGETS}probes: [{{name: chat, {keys}}}]\n"


def test_an_override_makes_a_workload_of_its_own_under_the_probes_name() -> None:
    config = loaded(probe("override: [{when: {class: slow}, every: 60s, first_token: 20s}]")).config
    assert [(plan.workload.name, plan.workload.every_s, plan.targets) for plan in config.probes] == [
        ("chat", 30.0, ("a-nano", "b-nano")),
        ("chat", 60.0, ("a-large", "b-large")),
    ]
    assert [plan.workload.first_token_s for plan in config.probes] == [8.0, 20.0]
    assert config.workloads()["b-large", "chat"].every_s == 60.0


def test_the_later_override_wins_key_by_key() -> None:
    config = loaded(
        probe("override: [{when: {class: slow}, every: 60s, max_tokens: 16}, {when: {team: sre}, every: 5m}]")
    ).config
    found = {target: workload for (target, _), workload in config.workloads().items()}
    assert {name: (one.every_s, one.max_tokens) for name, one in found.items()} == {
        "a-nano": (30.0, 256),
        "a-large": (60.0, 16),
        "b-nano": (300.0, 256),
        "b-large": (300.0, 16),
    }


def test_a_cap_under_what_a_speed_needs_is_refused_with_the_number() -> None:
    assert not findings(probe("kind: throughput, max_tokens: 250"))
    (finding,) = findings(probe("kind: throughput, max_tokens: 249"))
    assert (
        "probes[0].max_tokens: 249 are too few: an answer under 250 tokens tells no speed; write 1024"
        in finding
    )
    (finding,) = findings(probe("kind: throughput, override: [{when: {class: slow}, max_tokens: 50}]"))
    assert "probes[0].override[0].max_tokens: 50 are too few" in finding


def test_an_override_for_all_leaves_no_empty_plan() -> None:
    (plan,) = loaded(probe("override: [{when: all, every: 1m}]")).config.probes
    assert (plan.workload.every_s, len(plan.targets)) == (60.0, 4)


def test_an_objective_is_judged_at_every_interval_it_is_measured_at() -> None:
    """Every 30 s would do; every hour the budget of a day holds nothing."""
    text = probe("override: [{when: {class: slow}, every: 1h}]")
    goal = "objectives: [{name: up, sli: availability, percent: 99.9, window: 3d, targets: %s}]"
    assert not findings(text + goal % "'*-nano'")
    (finding,) = findings(text + goal % "all")
    assert (
        "objective up: at one probe every 1h the budget of 99.9 % over 3d holds 0.1 failures, so it cannot"
        in finding
    )


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "{when: {class: slow}, kind: models}",
            "override[0].kind: unknown key `kind`, which is the probe's own: what",
        ),
        ("{when: {class: slow}, evry: 60s}", "override[0].evry: unknown key `evry`; did you mean `every`?"),
        ("{when: {class: slow}, every: 60}", "override[0].every: 60 has no unit; write 60s for seconds"),
        (
            "{when: {class: fats}}",
            "override[0].when: `class: fats` selects no target that this probe asks; did you",
        ),
        (
            "{when: all, first_token: 40s, timeout: 30s}",
            "override[0].first_token: 40s is longer than the timeout of 30s",
        ),
        (
            "{when: all, timeout: 5s}, {when: {class: slow}, stall: 6s}",
            "override[1].stall: 6s is longer than the timeout of 5s",
        ),
    ],
)
def test_a_mistake_points_to_the_override(override: str, told: str) -> None:
    (finding,) = findings(probe(f"override: [{override}]"))
    assert f"nephoscope.yaml:8: probes[0].{told}" in finding


def test_a_probe_that_asks_some_is_overridden_among_these() -> None:
    (finding,) = findings(probe("targets: '*-nano', override: [{when: {class: slow}, every: 1m}]"))
    assert finding.endswith(
        "probes[0].override[0].when: `class: slow` selects no target that this probe asks; known are fast"
    )
