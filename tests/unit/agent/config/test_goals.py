"""Which probe asks which target, and what each SLO watches."""

import pytest

from agent.config.model import Config
from agent.slo.calendars import Calendar
from agent.slo.slices import Slices
from support.configuration import findings, loaded

TARGETS = """
targets:
  - {name: azure-eu, provider: vllm, model: m, endpoint: http://localhost:1}
  - {name: azure-us, provider: vllm, model: m, endpoint: http://localhost:2}
  - {name: own, provider: qwen, model: m, endpoint: http://localhost:3, credentials: {api_key: local-key}}
"""


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ("all", ("azure-eu", "azure-us", "own")),
        ("own", ("own",)),
        ("azure-*", ("azure-eu", "azure-us")),
        ("[own, 'azure-?u']", ("azure-eu", "own")),
    ],
)
def test_a_selector_is_all_a_name_a_glob_or_a_list_of_them(selector: str, chosen: tuple[str, ...]) -> None:
    (plan,) = loaded(f"{TARGETS}probes: [{{name: chat, targets: {selector}}}]").config.probes
    assert plan.targets == chosen


def test_deadlines_left_out_fit_into_the_timeout() -> None:
    config = loaded(
        f"{TARGETS}probes: [{{name: a, timeout: 5s}}, {{name: b, first_token: 40s}}, {{name: c}}]"
    ).config
    assert [(w.first_token_s, w.stall_s, w.timeout_s) for w in (plan.workload for plan in config.probes)] == [
        (5, 5, 5),
        (40, 10, 40),
        (8, 10, 30),
    ]


def test_an_objective_watches_where_its_probes_and_targets_meet() -> None:
    config = loaded(f"""{TARGETS}
probes: [{{name: chat, targets: azure-*}}, {{name: whole, kind: chat-sync, targets: [own, azure-eu]}}]
objectives:
  - {{name: default, sli: availability, percent: 99.9}}
  - {{name: both, sli: total, percent: 99, under: 2s, probes: all, targets: azure-eu, count: {{throttled: bad}}}}
""").config
    assert [objective.pairs for objective in config.objectives] == [
        (("azure-eu", "chat"), ("azure-us", "chat")),
        (("azure-eu", "chat"), ("azure-eu", "whole")),
    ]
    assert config.objectives[1].throttled == "bad"


def test_an_objective_whose_probes_never_ask_its_targets_is_refused() -> None:
    (finding,) = findings(f"""{TARGETS}
probes: [{{name: chat, targets: azure-*}}, {{name: other, targets: own}}]
objectives: [{{name: o, sli: availability, percent: 99.9, probes: chat, targets: own}}]
""")
    assert finding.endswith(
        "objectives[0]: none of its probes asks any of its targets; mend `probes` or `targets`"
    )


def test_two_slos_of_one_id_are_refused() -> None:
    """Target `a-b` with probe `c` would record the same series as target `a` with probe `b-c`."""
    found = findings("""
targets:
  - {name: a, provider: vllm, model: m, endpoint: http://localhost}
  - {name: a-b, provider: vllm, model: m, endpoint: http://localhost}
probes: [{name: c, targets: a-b}, {name: b-c, targets: a}]
objectives: [{name: o, sli: availability, percent: 99.9}]
""")
    (finding,) = found
    assert (
        "`a-b-c-o` would name two SLOs, ('a-b', 'c', 'o') and ('a', 'b-c', 'o'); rename a target," in finding
    )


def test_a_plan_without_chat_probes_has_no_default_objectives_and_says_so() -> None:
    found = loaded(f"{TARGETS}probes: [{{name: m, kind: models}}]")
    assert found.config.objectives == ()
    assert "the default objectives watch chat probes and there is none; write objectives" in found.warnings[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "objectives: [{name: o, sli: availability, percent: 99.9}]\nprobes: [{name: c}, {name: w, connection: warm}]",
            "6: objectives[0].probes: watches cold and warm probes, each as an SLO of its own",
        ),
        (
            "objectives: [{name: o, sli: ttft, percent: 99, under: 8s}]",
            "6: objectives[0].under: 8s is not below first_token of probe chat (8s), so every answer in time is good",
        ),
        (
            "objectives: [{name: o, sli: total, percent: 99, under: 1m}]",
            "6: objectives[0].under: 60s is not below timeout of probe chat (30s)",
        ),
        (
            "objectives: [{name: o, sli: ttft, percent: 99, under: 2s}]",
            "6: objectives: no availability objective watches ",
        ),
        (
            "probes: [{name: p, first_token: 2s}]",
            "the default objective quick: 2s is not below first_token of probe p (2s)",
        ),
        ("probes: [{name: p, reasoning: minimal}]", "6: probes[0].reasoning: has no effect for qwen"),
        ("probes: [{name: p, every: 10m}]", "so each one costs "),
    ],
)
def test_what_is_legal_and_doubtful_is_a_warning(text: str, told: str) -> None:
    assert any(told in warning for warning in loaded(TARGETS + text).warnings), loaded(
        TARGETS + text
    ).warnings


SWIFT = "probes: [{name: swift, kind: throughput}, {name: chat}]\n"


def test_a_speed_is_asked_of_throughput_probes_unless_others_are_named() -> None:
    goal = "objectives: [{name: fast, sli: throughput, percent: 95, window: 28d, at_least: 30}]"
    (objective,) = loaded(f"{TARGETS}{SWIFT}{goal}").config.objectives
    assert objective.pairs == tuple((name, "swift") for name in ("azure-eu", "azure-us", "own"))
    assert (objective.at_least_per_s, objective.threshold_s) == (30.0, None)


def test_a_speed_may_go_by_target() -> None:
    goal = "{name: fast, sli: throughput, percent: 95, at_least: {target: {'azure-*': 60, own: 12.5}}}"
    found = loaded(f"{TARGETS}{SWIFT}objectives: [{goal}]").config.objectives
    assert [(one.at_least_per_s, len(one.pairs)) for one in found] == [(60.0, 2), (12.5, 1)]


def test_a_first_token_is_judged_of_every_kind_that_streams() -> None:
    goal = "objectives: [{name: o, sli: ttft, percent: 95, under: 5s, probes: [swift, t, j, l]}]"
    asked = "{name: t, kind: tools}, {name: j, kind: json}, {name: l, kind: long-context}"
    found = loaded(f"{TARGETS}probes: [{{name: swift, kind: throughput}}, {asked}]\n{goal}")
    (objective,) = found.config.objectives
    assert len(objective.pairs) == 12


def test_the_default_objectives_watch_chat_probes_alone() -> None:
    found = loaded(f"{TARGETS}{SWIFT}").config.objectives
    assert {probe for objective in found for _, probe in objective.pairs} == {"chat"}


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        ("sli: throughput, percent: 95", "at_least: is missing; say which throughput is still good, as in at_least: 30"),
        ("sli: throughput, percent: 95, under: 2s, at_least: 3", "under: throughput has no threshold; take it out"),
        ("sli: availability, percent: 95, at_least: 3", "at_least: availability has no speed; take it out, or use sli"),
        ("sli: throughput, percent: 95, at_least: 30s", "at_least: `30s` is no speed; write tokens a second as a"),
        ("sli: throughput, percent: 95, at_least: 0", "at_least: `0` is no speed"),
        ("sli: throughput, percent: 95, at_least: {}", "at_least: is empty; write 30, or class: {fast: 60, slow: 20}"),
        ("sli: throughput, percent: 95, at_least: {class: 3}", "at_least: `class` wants a map, as in at_least: {class"),
        (
            "sli: throughput, percent: 95, at_least: 3, probes: chat",
            "probes: `chat` (chat) answers too little for a speed; name probes of kind throughput",
        ),
        (
            "sli: throughput, percent: 95, at_least: 3, probes: short",
            "at_least: probe short allows 100 tokens, and a speed is told of answers of 250 or more; raise",
        ),
        ("sli: ttft, percent: 95, under: 2s, probes: whole", "`whole` (chat-sync) has no first token; use sli: total"),
    ],
)  # fmt: skip
def test_a_speed_that_cannot_be_judged_is_refused(goal: str, told: str) -> None:
    more = "{name: short, kind: throughput, max_tokens: 100, targets: own}, {name: whole, kind: chat-sync}"
    probes = SWIFT.replace("]", f", {more}]")
    found = findings(f"{TARGETS}{probes}objectives: [{{name: o, window: 28d, {goal}}}]")
    assert any(told in one for one in found), found


def test_a_throughput_objective_without_such_a_probe_says_to_add_one() -> None:
    goal = "objectives: [{name: fast, sli: throughput, percent: 95, at_least: 30}]"
    (finding,) = findings(TARGETS + goal)
    assert "there is no throughput probe to watch by default; add one of kind: throughput" in finding


def test_a_speed_that_no_answer_in_time_could_miss_is_doubtful() -> None:
    goal = "objectives: [{name: fast, sli: throughput, percent: 95, at_least: 2}]"
    found = loaded(f"{TARGETS}{SWIFT}{goal}").warnings
    told = "250 tokens take 125s at 2 a second, not below timeout of probe swift (120s)"
    assert any(told in warning for warning in found)


def test_a_failing_target_is_told_once_and_not_again_by_its_selectors() -> None:
    found = findings("""
targets:
  - {name: good, provider: vllm, model: m, endpoint: http://localhost}
  - {name: bad, provider: vllm, model: m, endpoint: http://localhost, labels: 5}
probes: [{name: p, targets: bad}, {name: q, targets: good}]
objectives: [{name: o, sli: availability, percent: 99.9, targets: bad}]
""")
    assert [finding.split(": ")[1] for finding in found] == ["targets[1].labels"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("storage: {keep: {results: 7d}}", "objective available looks back 28d, but results are kept for 7d"),
        (
            "objectives: [{name: yearly, sli: availability, percent: 99.9, window: 365d}]",
            "objectives[0]: objective yearly looks back 365d, but results are kept for 120d",
        ),
    ],
)
def test_a_window_behind_what_is_kept_is_refused(text: str, told: str) -> None:
    """Its coverage would never suffice, so that it would be unknown for ever."""
    assert told in findings(f"{TARGETS}{text}")[0]


def test_a_window_as_long_as_what_is_kept_is_taken() -> None:
    assert findings(f"{TARGETS}storage: {{keep: {{results: 28d}}}}") == []


def test_a_window_may_be_a_unit_of_a_place_s_calendar() -> None:
    config = loaded(f"""{TARGETS}
objectives:
  - {{name: monthly, sli: availability, percent: 99.9, window: {{calendar: month, timezone: Europe/Berlin}}}}
  - {{name: weekly, sli: availability, percent: 99, window: {{calendar: week}}}}
""").config
    assert [(one.calendar, one.window_s, one.period) for one in config.objectives] == [
        (Calendar("month", "Europe/Berlin"), 30 * 86400.0, "month"),
        (Calendar("week", "UTC"), 7 * 86400.0, "week"),
    ]
    assert Config.decode(config.encode()) == config


def test_an_objective_may_count_slices_instead_of_events() -> None:
    config = loaded(f"""{TARGETS}
objectives:
  - {{name: steady, sli: availability, percent: 99, method: {{timeslices: 5m, percent: 95}}}}
  - {{name: events, sli: availability, percent: 99.9, method: occurrences}}
""").config
    assert [one.slices for one in config.objectives] == [Slices(300.0, 0.95), None]
    assert config.objectives[0].window == "28d by slices of 5m"
    assert Config.decode(config.encode()) == config


def test_a_slice_shorter_than_the_interval_is_refused() -> None:
    (finding,) = findings(f"""{TARGETS}
probes: [{{name: chat, every: 10m, targets: own}}]
objectives: [{{name: o, sli: availability, percent: 99, targets: own, method: {{timeslices: 5m, percent: 95}}}}]
""")
    assert finding.endswith(
        "objectives[0]: objective o: a slice of 5m is shorter than the probe's interval of 10m, so most would hold "
        "nothing; use slices of 10m or more, or a shorter interval"
    )


def test_a_budget_of_few_slices_is_told() -> None:
    text = f"""{TARGETS}
objectives: [{{name: o, sli: availability, percent: 99.9, method: {{timeslices: 5m, percent: 95}}}}]
"""
    (told,) = loaded(text).warnings
    assert told.endswith(
        "the budget of 99.9 % over 28d holds 8.1 slices of 5m, so each bad one costs 12% of it; use shorter slices, "
        "lengthen the window or lower the percent"
    )


def test_a_pooled_objective_is_measured_at_the_interval_of_all_its_probes() -> None:
    """Alone each target would spend 39 % of its budget on one failure; pooled by three, 13 %."""
    text = f"""{TARGETS}
probes: [{{name: chat, every: 15m}}]
objectives: [{{name: o, sli: availability, percent: 99.9, per: %s}}]
"""
    apart = [told for told in loaded(text % "target").warnings if "each one costs" in told]
    (pooled,) = (told for told in loaded(text % "all").warnings if "each one costs" in told)
    assert all("at one probe every 15m" in told for told in apart)
    assert "at one probe every 5m the budget of 99.9 % over 28d holds 8.1 failures" in pooled
    assert loaded(text % "[cloud, model]").config.objectives[0].per == ("cloud", "model")


def test_two_pools_of_one_id_are_refused() -> None:
    found = findings("""
targets:
  - {name: x, provider: vllm, model: b-c, cloud: a, endpoint: "http://localhost:1"}
  - {name: y, provider: vllm, model: c, cloud: a-b, endpoint: "http://localhost:2"}
objectives: [{name: o, sli: availability, percent: 99.9, per: [cloud, model]}]
""")
    assert any(
        "`a-b-c-o` would name two SLOs, ('a', 'b-c', 'o') and ('a-b', 'c', 'o')" in one for one in found
    )


def test_an_objective_may_be_written_once_for_several_percentages() -> None:
    """As the reference shows it; a percentage is a number with a point, and no name lacks one."""
    goals = 'objectives: [{name: "available-{percent}", sli: availability, for: {percent: [99, 99.9]}}]'
    found = loaded(f"{TARGETS}{goals}").config.objectives
    assert [(one.name, one.ratio) for one in found] == [("available-99", 0.99), ("available-99.9", 0.999)]
