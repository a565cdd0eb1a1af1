"""Which probes feed which SLI, by default and by name."""

import pytest

from agent.config import slis
from probes.events import Sli
from support.configuration import findings, loaded

TARGETS = """
targets:
  - {name: fast, provider: vllm, model: m, endpoint: http://localhost:1}
  - {name: slow, provider: vllm, model: m, endpoint: http://localhost:2}
"""
PROBES = """
probes:
  - {name: chat}
  - {name: asked, expect: {contains: pong}}
  - {name: story, prompt: Tell of a lighthouse.}
  - {name: whole, kind: chat-sync, expect: {contains: pong}}
  - {name: tools, kind: tools}
  - {name: json, kind: json}
  - {name: swift, kind: throughput}
  - {name: list, kind: models}
"""


def goal(rule: str, probes: str = PROBES) -> str:
    return f"{TARGETS}{probes}objectives: [{{name: o, percent: 95, {rule}}}]"


def watched(rule: str, probes: str = PROBES) -> list[str]:
    (objective,) = loaded(goal(rule, probes)).config.objectives
    return sorted({probe for _, probe in objective.pairs})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("sli: availability", ["asked", "chat", "story"]),
        ("sli: ttfo, under: 2s", ["asked", "chat", "story"]),
        ("sli: itl, under: 50ms", ["story", "swift"]),
        ("sli: throughput, at_least: 30", ["swift"]),
        ("sli: correctness", ["asked"]),
        ("sli: ttfo, under: 2s, probes: [tools, json, swift]", ["json", "swift", "tools"]),
        ("sli: correctness, probes: [tools, json, whole]", ["json", "tools", "whole"]),
    ],
)
def test_each_sli_watches_the_probes_that_can_tell_of_it(rule: str, expected: list[str]) -> None:
    assert watched(rule) == expected


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("sli: ttfo", "under: is missing; say which ttfo is still good, as in under: 2s"),
        ("sli: itl", "under: is missing; say which itl is still good, as in under: 50ms"),
        ("sli: correctness, under: 2s", "under: correctness has no threshold; take it out"),
        ("sli: residency, at_least: 2", "at_least: residency has no speed; take it out"),
        ("sli: ttfo, under: 2s, probes: whole", "`whole` (chat-sync) has no first output; use sli: total for it"),
        ("sli: itl, under: 2s, probes: list", "`list` (models) has no time between tokens; use sli: total for it"),
        (
            "sli: correctness, probes: [asked, chat]",
            "`chat` (chat) expects nothing of its answers, so none of them would be right or wrong; write expect: {contains: ...} in probe chat",
        ),
        ("sli: correctness, probes: list", "`list` (models) expects nothing of its answers, so none of them would be right or wrong; take it out"),
        ("sli: residency, probes: list", "`list` (models) asks for a list, which no model serves"),
        ("sli: latency", "`latency` is not known; write one of availability, ttft, ttfo, itl, total, throughput,"),
    ],
)  # fmt: skip
def test_an_objective_that_could_never_be_judged_is_refused(rule: str, told: str) -> None:
    found = findings(goal(rule))
    assert any(told in one for one in found), found


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("sli: itl, under: 50ms", "there is no chat or throughput probe to watch by default; add one of kind: thr"),
        ("sli: correctness", "there is no chat probe with `expect` to watch by default; write expect: {contains"),
        ("sli: residency", "there is no chat probe to watch by default; name the probes to watch"),
    ],
)  # fmt: skip
def test_where_there_is_no_such_probe_it_is_said_what_to_add(rule: str, told: str) -> None:
    assert any(told in one for one in findings(goal(rule, "probes: [{name: list, kind: models}]\n")))


def test_what_an_override_expects_is_expected_of_its_targets_alone() -> None:
    probes = "probes: [{name: chat, override: [{when: slow, expect: {contains: pong}}]}]\n"
    (objective,) = loaded(goal("sli: correctness", probes)).config.objectives
    assert objective.pairs == (("slow", "chat"),)
    (named,) = loaded(goal("sli: correctness, probes: chat, targets: slow", probes)).config.objectives
    assert named.pairs == objective.pairs
    assert findings(goal("sli: correctness, probes: chat", probes))


def test_a_single_word_has_hardly_a_pace_and_that_is_said() -> None:
    """Where nothing else is there it is watched all the same: some models think aloud."""
    rule, probes = "sli: itl, under: 50ms", "probes: [{name: chat}]\n"
    assert watched(rule, probes) == ["chat"]
    told = "probe chat asks for a single word, which has no time between its tokens"
    assert any(told in warning for warning in loaded(goal(rule, probes)).warnings)
    assert not any(told in warning for warning in loaded(goal(rule)).warnings)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("sli: ttfo, under: 1m", "60s is not below timeout of probe chat (30s)"),
        ("sli: itl, under: 10s", "10s is not below stall of probe story (10s)"),
    ],
)
def test_a_threshold_that_no_answer_in_time_could_miss_is_doubtful(rule: str, told: str) -> None:
    assert any(told in warning for warning in loaded(goal(rule)).warnings)


@pytest.mark.parametrize("sli", slis.DEADLINE)
def test_every_latency_is_held_against_a_deadline_of_its_probe(sli: Sli) -> None:
    assert slis.FIGURE[sli] == "under"
