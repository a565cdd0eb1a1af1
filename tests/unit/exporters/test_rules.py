"""The golden file was made by `render` and read line by line; write it anew after a change that is meant."""

import dataclasses
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agent.slo.slices import Slices
from agent.telling.ruling import specs
from exporters.rules import render
from exporters.rules_tests import RULES_FILE, render_tests
from exporters.signals import RuleSpec, SloKey
from support.specs import a_config, available, quick, served

GOLDEN = Path(__file__).parents[2] / "golden" / "rules.yaml"
SPEC = dataclasses.replace(specs(a_config(team="platform"))[0], rules_hash="0123456789abcdef")


def loaded(text: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = YAML(typ="safe").load(text)["groups"]
    return [rule for group in groups for rule in group["rules"]]


def loaded_queries(text: str) -> list[str]:
    runs = YAML(typ="safe").load(text)["tests"]
    return [check["expr"] for run in runs for check in run["promql_expr_test"]]


def alert(rules: list[dict[str, Any]], name: str, severity: str) -> dict[str, Any]:
    return next(
        rule for rule in rules if rule.get("alert") == name and rule["labels"]["sloth_severity"] == severity
    )


def test_one_slos_rules_are_the_golden_ones() -> None:
    """Every name, label, expression and gate."""
    assert render([SPEC]) == GOLDEN.read_text()


def test_a_services_rules_pool_its_members_and_ask_them_to_agree() -> None:
    """The numbers are those that the agent judges it by: 2 members at 30 s are 240 events an hour."""
    [spec] = [spec for spec in specs(served()) if spec.impact]
    rules = loaded(render([spec]))
    pooled = 'slo=~"openai-chat-available|azure-chat-available"'
    assert all(pooled in rule["expr"] for rule in rules if rule.get("record", "").startswith("slo:sli_error"))
    page = alert(rules, "NephoscopeBudgetBurn", "page")
    assert page["labels"].items() >= {"service": "nano", "team": "assist", "burn_tier": "fast"}.items()
    assert (
        f"count by (vantage) (sum by (slo, vantage) (increase(nephoscope_sli_events_total{{{pooled}"
        in page["expr"]
    )
    assert ">= 6.5)" in page["expr"]  # 7 of 240
    assert ">= 2.5)" in page["expr"]  # a third of them beside the worst
    assert page["annotations"]["runbook_url"] == "https://runbooks.example/llm/"


def test_a_service_under_its_minimum_pages() -> None:
    """At once where two targets fail, after a while where one does."""
    [spec] = [spec for spec in specs(served()) if spec.impact]
    down = [rule for rule in loaded(render([spec])) if rule.get("alert") == "NephoscopeServiceDown"]
    assert [rule.get("for") for rule in down] == [None, "2m"]
    assert [rule["expr"].rpartition(" ")[2] for rule in down] == ["2", "1"]
    assert (
        down[0]["annotations"]["description"]
        == "Fewer than 1 of its 2 clouds are well, and at least two targets fail."
    )


def test_what_others_stand_in_for_is_a_ticket_and_a_critical_target_pages() -> None:
    pages = {
        spec.slo.id
        for spec in specs(served(critical=("azure",)))
        if any(one.severity == "page" for one in spec.alerts)
    }
    assert pages == {"azure-chat-available", "azure-chat-quick", "nano-service"}


def test_names_and_labels_are_sloths() -> None:
    """So its dashboards find every series."""
    recorded = {
        rule["record"]: rule["labels"] for rule in loaded(render([SPEC])) if "slo" in rule.get("record", "")
    }
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "28d")
    assert {f"slo:sli_error:ratio_rate{window}" for window in windows} <= recorded.keys()
    assert recorded.keys() - {f"slo:sli_error:ratio_rate{window}" for window in windows} == {
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
        "sloth_slo_info",
    }
    for labels in recorded.values():
        assert labels["sloth_id"] == "openai-chat-available"
        assert labels["sloth_service"] == "openai"
        assert labels["sloth_slo"] == "available"
    assert recorded["slo:sli_error:ratio_rate5m"]["sloth_window"] == "5m"
    assert recorded["sloth_slo_info"]["sloth_objective"] == "99.9"


def test_a_burn_alert_holds_both_windows_and_both_gates() -> None:
    """4 failures of 120 are compared as 3.5, for increase() extrapolates."""
    page = alert(loaded(render([SPEC])), "NephoscopeBudgetBurn", "page")
    assert page["expr"].count("> (13.44 * (1 - 0.999))") == 2
    assert "[1h])) >= 3.5)" in page["expr"]
    assert "[5m])) >= 1.5)" in page["expr"]
    assert page["keep_firing_for"] == "10m"
    assert page["labels"]["burn_tier"] == "fast"
    assert page["labels"]["team"] == "platform"
    assert page["annotations"]["runbook_url"] == "https://runbooks.example/llm/available"


def test_where_the_agent_tells_burns_are_guarded_and_silence_is_not() -> None:
    rules = loaded(render([dataclasses.replace(SPEC, guarded=True)]))
    for severity in ("page", "ticket"):
        assert alert(rules, "NephoscopeBudgetBurn", severity)["expr"].endswith(
            ")\nand on()\n(min(nephoscope_agent_database_up) == 0)"
        )
    assert "database_up" not in alert(rules, "NephoscopeNoResults", "ticket")["expr"]


def test_slices_burn_by_their_own_counters_and_are_missed_by_their_events() -> None:
    """A window's share is of all its slices that are over, the period's of all that it has: 8,064 in 28 d, each vantage's."""
    (spec,) = specs(a_config(objectives=(available(ratio=0.99, slices=Slices(300.0, 0.95)),)))
    rules = loaded(render([spec]))
    slices = 'nephoscope_slo_slices_total{slo="openai-chat-available"'
    recorded = {rule["record"]: rule["expr"] for rule in rules if "record" in rule}
    assert recorded["slo:sli_error:ratio_rate1h"] == (
        f'sum(increase({slices},result="bad"}}[1h]))\n/ (\n  sum(increase({slices}}}[1h]))\n  > 0\n)'
    )
    assert recorded["slo:sli_error:ratio_rate28d"] == (
        f'sum(increase({slices},result="bad"}}[28d]))\n'
        f'/ (\n  8064 * count(sum by (vantage) (increase({slices},result=~"good|bad"}}[28d])) > 0)\n)'
    )
    page = alert(rules, "NephoscopeBudgetBurn", "page")
    assert f'(sum by (vantage) (increase({slices},result="bad"}}[5m])) >= 0.5)' in page["expr"]
    assert "with at least 4 bad slices" in page["annotations"]["description"]
    assert "slo_slices" not in alert(rules, "NephoscopeNoResults", "ticket")["expr"]


def test_absence_waits_as_long_as_a_total_outage_would_take() -> None:
    """13.44 x 0.1 % of an hour is 49 s; two minutes more for the first scrapes."""
    absence = alert(loaded(render([SPEC])), "NephoscopeNoResults", "ticket")
    assert absence["for"] == "2m49s"


def test_only_what_brings_nothing_at_all_is_silent() -> None:
    """A cut way out of ours, maintenance and throttling bring results, and a target that is down no valid latency."""
    for objective in (available(), quick()):
        (spec,) = specs(a_config(objectives=(objective,)))
        silent = alert(loaded(render([spec])), "NephoscopeNoResults", "ticket")
        counted = f'nephoscope_sli_events_total{{slo="{spec.slo.id}"}}[5m]'
        expr, _, guard = silent["expr"].partition("\n")
        assert expr == f"(sum(increase({counted})) or vector(0)) == 0"
        assert guard == "unless on()\nnephoscope:agents:none_sees"
        assert silent["annotations"]["description"].startswith("No result at all came within 5m,")


def test_what_is_new_pages_nobody_and_tickets_as_ever() -> None:
    """A page on a target asks whether that is new; a service's is judged without what is."""
    new = 'unless on()\n  (max(nephoscope_target_warm{target=~"openai"}) == 0)'
    rules = loaded(render([SPEC]))
    assert alert(rules, "NephoscopeBudgetBurn", "page")["expr"].count(new) == 2
    assert "target_warm" not in alert(rules, "NephoscopeBudgetBurn", "ticket")["expr"]
    [service] = [spec for spec in specs(served()) if spec.impact]
    rules = loaded(render([service]))
    page = alert(rules, "NephoscopeBudgetBurn", "page")["expr"]
    assert "max(nephoscope:warm_sli_error:ratio_rate1h" in page
    counted = [line for line in page.splitlines() if "increase(" in line]
    left_out = "unless on(target, vantage) (nephoscope_target_warm == 0)"
    assert counted
    assert all(line.count(left_out) == line.count("increase(") for line in counted)
    assert "warm" not in alert(rules, "NephoscopeBudgetBurn", "ticket")["expr"]
    assert all(
        rule["expr"].count(left_out) == rule["expr"].count("increase(")
        for rule in rules
        if rule.get("record", "").startswith("nephoscope:warm_sli_error:")
    )
    (down, alone) = [rule for rule in rules if rule.get("alert") == "NephoscopeServiceDown"]
    assert down["expr"].count(left_out) == alone["expr"].count(left_out) == 3


def test_an_agent_that_does_not_see_is_one_alert() -> None:
    """Whether it is there and silent, spoilt or without a database; where it tells that itself, only that it is gone."""
    blind = [rule for rule in loaded(render([SPEC, SPEC])) if rule.get("alert") == "NephoscopeAgentBlind"]
    assert [rule["labels"]["sloth_severity"] for rule in blind] == ["page", "ticket", "page", "ticket"]
    page, ticket, gone, awaited = blind
    new = "on(instance)\n(max by (instance) (nephoscope_target_warm) == 0)"
    assert page["expr"].endswith(f")\nunless {new}")
    assert ticket["expr"].endswith(f")\nand {new}")
    beat = "nephoscope_agent_last_beat_timestamp_seconds"
    assert (gone["expr"], gone["for"]) == (f"absent({beat})\nand on()\npresent_over_time({beat}[7d])", "2m")
    assert awaited["expr"] == f"absent({beat})\nunless on()\npresent_over_time({beat}[7d])"
    assert awaited["for"] == "15m"
    rules = loaded(render([dataclasses.replace(SPEC, guarded=True)]))
    assert [rule for rule in rules if rule.get("alert") == "NephoscopeAgentBlind"] == [gone, awaited]


def test_a_slow_probe_is_missed_after_three_intervals() -> None:
    """Not after 5 minutes, which may hold a single slot."""
    spec = specs(a_config(objectives=(available(ratio=0.99),), every_s=300))[0]
    assert "[15m]" in alert(loaded(render([spec])), "NephoscopeNoResults", "ticket")["expr"]


def test_what_was_left_out_is_a_comment() -> None:
    """On one line, whatever the note holds."""
    text = render([dataclasses.replace(SPEC, notes=("left out\ngroups: []",))])
    assert "  # openai-chat-available: left out groups: []\n" in text
    assert loaded(text) == loaded(render([SPEC]))


def test_odd_numbers_are_explained_in_one_comment_a_group() -> None:
    """What share of the budget a factor spends, and what the wait for silence is made of."""
    lines = [line.strip() for line in render([SPEC]).splitlines()]
    comments = [line for line in lines if line.startswith("#")][2:]
    fast, slow = comments
    assert fast == (
        "# 13.44 = 2 % of the 28d budget in 1h; 5.6 = 5 % of the 28d budget in 6h; "
        "2m49s = 49s from an outage to its first alert + 2m for the first scrapes"
    )
    assert slow == "# 2.8 = 10 % of the 28d budget in 1d; 0.9333 = 10 % of the 28d budget in 3d"
    bare = render([dataclasses.replace(SPEC, alerts=())])
    assert "  # 2m for the first scrapes\n" in bare
    assert "budget in" not in bare


def test_the_tests_name_the_file_that_their_comment_writes() -> None:
    assert RULES_FILE == "rules.yaml"
    text = render_tests([SPEC])
    assert f"nephoscope rules > {RULES_FILE} && " in text
    assert YAML(typ="safe").load(text)["rule_files"] == [RULES_FILE]


def test_no_objectives_make_an_empty_file() -> None:
    """Which Prometheus takes too."""
    assert YAML(typ="safe").load(render([])) == {"groups": []}
    assert YAML(typ="safe").load(render_tests([]))["tests"] == []


def test_the_running_configuration_is_compared() -> None:
    """An agent with another hash is told of."""
    outdated = alert(loaded(render([SPEC])), "NephoscopeRulesOutdated", "ticket")
    assert 'nephoscope_agent_config_info{rules!~"0123456789abcdef"}' in outdated["expr"]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(texts, texts, st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), texts, max_size=2))
def test_no_text_breaks_out_of_its_quotes(target: str, objective: str, labels: dict[str, str]) -> None:
    """YAML gives back every label, save that a template's braces are escaped in what Prometheus expands."""
    key = SloKey(objective=objective, target=target, probe="chat")
    labels = {f"label_{name}": value for name, value in labels.items()}
    spec: RuleSpec = dataclasses.replace(SPEC, slo=key, labels=labels)
    rules = loaded(render([spec]))
    info = next(rule for rule in rules if rule.get("record") == "sloth_slo_info")
    assert info["labels"]["target"] == target
    assert labels.items() <= info["labels"].items()
    page = alert(rules, "NephoscopeBudgetBurn", "page")
    assert page["labels"]["target"].replace('{{"{{"}}', "{{") == target
    assert len(rules) == len(loaded(render([SPEC])))
    asked = loaded_queries(render_tests([spec]))
    assert len(asked) == len(loaded_queries(render_tests([SPEC])))
    assert all(len(query.splitlines()) == 1 for query in asked)


def test_no_group_has_the_name_of_another() -> None:
    """Prometheus refuses a file that repeats one: an objective may be called like another and `-slow`."""
    slow = dataclasses.replace(SPEC.slo, objective=f"{SPEC.slo.objective}-slow")
    groups = YAML(typ="safe").load(render([SPEC, dataclasses.replace(SPEC, slo=slow)]))["groups"]
    names = [group["name"] for group in groups]
    assert len(names) == len(set(names)) == 5
