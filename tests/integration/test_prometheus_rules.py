"""The generated rules in the hands of a real promtool and a real Prometheus."""

import dataclasses
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.config.model import Config
from agent.slo.impact import impact
from agent.slo.objective import Objective
from agent.slo.slices import Slices
from agent.slo.standing import Standing
from agent.telling.ruling import specs
from agent.telling.series import series_plan
from exporters import conventions as names
from exporters.metrics import Metrics
from exporters.rules import render
from exporters.rules_tests import RULES_FILE, render_tests
from exporters.rules_words import alert_labels, sloth_labels
from exporters.signals import Judged, RuleSpec
from probes.result import Fault, Outcome
from support.llm import free_port
from support.prometheus import needs_prometheus, page, prometheus, promtool
from support.results import a_result
from support.specs import a_config, available, quick, served

pytestmark = [pytest.mark.heavy, needs_prometheus]

AWKWARD = {"text": 'a {{ $value }} "b" \\ \n\x7f end', "app.kubernetes.io/name": "ünïcode"}


def write(folder: Path, found: list[RuleSpec], tests: str | None = None) -> None:
    (folder / RULES_FILE).write_text(render(found))
    (folder / "tests.yaml").write_text(render_tests(found) if tests is None else tests)


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    """Two SLOs of two targets with labels that would break out of any missing quote."""
    write(tmp_path, specs(a_config(names=("openai", "azure"), team="a{{b", labels=AWKWARD)))
    assert "79 rules found" in promtool("check", "rules", RULES_FILE, cwd=tmp_path)


@pytest.mark.parametrize(
    ("objective", "every_s"),
    [
        (available(), 30.0),
        (quick(), 30.0),
        (available(ratio=0.9995), 300.0),
        (available(ratio=0.99), 600.0),
        (available(ratio=0.99, slices=Slices(420.0, 0.95)), 45.0),
    ],
    ids=["available", "quick", "one probe in a short window", "no fast page", "slices of many intervals"],
)
def test_the_generated_unit_tests_pass(tmp_path: Path, objective: Objective, every_s: float) -> None:
    """Quiet and a lone failure raise nothing, an outage the alert with its labels, silence and drift theirs."""
    write(tmp_path, specs(a_config(objectives=(objective,), every_s=every_s, labels=AWKWARD)))
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_the_unit_tests_of_slices_pass_and_bite(tmp_path: Path) -> None:
    """Four bad slices of an hour page and one does not; by one alone it would."""
    found = specs(a_config(objectives=(available(ratio=0.99, slices=Slices(300.0, 0.95)),)))
    write(tmp_path, found)
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)
    careless = [dataclasses.replace(one, factor=0.1, min_bad_long=1) for one in found[0].alerts]
    (tmp_path / RULES_FILE).write_text(render([dataclasses.replace(found[0], alerts=tuple(careless))]))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_the_unit_tests_of_a_services_rules_pass_and_bite(tmp_path: Path) -> None:
    """An outage of both members pages, one member that burns alone does not; without their agreement it would."""
    found = [spec for spec in specs(served()) if spec.impact]
    write(tmp_path, found)
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)
    careless = [dataclasses.replace(one, min_members=1) for one in found[0].alerts]
    (tmp_path / RULES_FILE).write_text(render([dataclasses.replace(found[0], alerts=tuple(careless))]))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_without_its_word_on_outages_a_services_burn_would_be_a_second_page(tmp_path: Path) -> None:
    found = [spec for spec in specs(served()) if spec.impact]
    write(tmp_path, found)
    forgetful = render(found).replace(f"count_over_time({names.SERVICE_DOWN}", "count_over_time(nothing")
    (tmp_path / RULES_FILE).write_text(forgetful)
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


SERVICE_DOWN = f"""
rule_files: [{RULES_FILE}]
evaluation_interval: 30s
tests:
  - interval: 30s
    name: two clouds fail, one after the other
    input_series:
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="good"}}', values: "1x4 0x30"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="down"}}', values: "0x4 1x30"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="good"}}', values: "1x9 0x25"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="down"}}', values: "0x9 1x25"}}
    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown"}})', eval_time: 4m30s, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing"}})', eval_time: 5m, exp_samples: [{{value: 1}}]}}
  - interval: 30s
    name: the other cloud was never seen
    input_series:
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="good"}}', values: "0x30"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="down"}}', values: "0x4 1x30"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="good"}}', values: "0x34"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="down"}}', values: "0x34"}}
    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing"}})', eval_time: 4m, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing"}})', eval_time: 4m30s, exp_samples: [{{value: 1}}]}}
  - interval: 30s
    name: nothing is known of the other cloud any more, so nobody is seen to serve
    input_series:
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="good"}}', values: "0x30"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="down"}}', values: "0x4 1x30"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="good"}}', values: "1x4 0x30"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="down"}}', values: "0x34"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="unknown"}}', values: "0x4 1x30"}}
    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing"}})', eval_time: 4m, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing",agreement="one"}})', eval_time: 4m30s, exp_samples: [{{value: 1}}]}}
"""


def test_a_service_goes_down_once_two_bear_each_other_out_or_one_has_failed_long_enough(
    tmp_path: Path,
) -> None:
    found = [spec for spec in specs(served()) if spec.impact]
    write(tmp_path, found, SERVICE_DOWN)
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


DOWN = f"""
rule_files: [{RULES_FILE}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",state="good"}}', values: "0x10"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",state="down"}}', values: "1x10"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",state="good"}}', values: "0x10"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",state="down"}}', values: "1x10"}}
    alert_rule_test:
      - eval_time: 5m
        alertname: NephoscopeServiceDown
        exp_alerts:
          - exp_labels: {{sloth_severity: page, agreement: several, team: assist, service: nano}}
            exp_annotations:
              summary: Service nano is down
              description: Fewer than 1 of its 2 clouds are well, and at least two targets fail.
              failing: azure, openai
              runbook_url: https://runbooks.example/llm/
"""

BURNING = f"""
rule_files: [{RULES_FILE}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'nephoscope_sli_events_total{{slo="openai-chat-available",result="good"}}', values: "0+3x10"}}
      - {{series: 'nephoscope_sli_events_total{{slo="openai-chat-available",result="bad"}}', values: "0+1x10"}}
      - {{series: 'nephoscope_sli_events_total{{slo="openai-chat-available",result="excluded"}}', values: "0x10"}}
      - {{series: 'nephoscope_sli_expected_events_total{{slo="openai-chat-available"}}', values: "0+4x10"}}
    alert_rule_test:
      - eval_time: 5m
        alertname: NephoscopeBudgetBurn
        exp_alerts:
          - exp_labels: {{LABELS}}
            exp_annotations:
              summary: "openai (chat): objective available burns its error budget too fast"
              description: >-
                99.9 % over 28d allows a burn of 1; it is above 13.4 over 1h and 5m with at least 4 failures or
                5.6 over 6h and 30m with at least 8 failures. Of what was due, 25% were bad.
              exhaustion: 0s
              runbook_url: https://runbooks.example/llm/available
"""


def test_a_page_names_what_fails_and_a_burn_says_how_much(tmp_path: Path) -> None:
    """By queries in its annotations, which Prometheus fills in when it fires."""
    write(tmp_path, [spec for spec in specs(served()) if spec.impact], DOWN)
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)
    [spec] = specs(a_config(objectives=(available(),)))
    labels = {**sloth_labels(spec.slo), **alert_labels(spec), "sloth_severity": "page", "burn_tier": "fast"}
    write(tmp_path, [spec], BURNING.replace("{LABELS}", json.dumps(labels)))
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def page_of(config: Config, states: Mapping[str, Outcome]) -> str:
    """Return as promtool's input what a page shows of the states of some targets; the others were never settled."""
    metrics = Metrics("0.1.0")
    metrics.plan(series_plan(config))
    for target, outcome in states.items():
        result = a_result(target=target, outcome=outcome)
        metrics.settle(Judged(result=result, fault=Fault.NONE, confirmed=not result.meaning.good))
    shown = [line.rpartition(" ") for line in metrics.render()[1].decode().splitlines()]
    return "".join(
        f"      - {{series: '{name}', values: '{value}x10'}}\n"
        for name, _, value in shown
        if name.startswith(names.TARGET_STATE.name)
    )


@pytest.mark.parametrize(
    ("azure", "under", "fired"),
    [(Outcome.OK, False, "[]"), (Outcome.SERVER_ERROR, True, "[{value: 1}]")],
    ids=["it decides", "nobody serves"],
)
def test_a_member_that_was_never_settled_speaks_neither_for_nor_against(
    tmp_path: Path, azure: Outcome, *, under: bool, fired: str
) -> None:
    """The service needs two of three clouds: one that was never seen keeps no page back and makes none, as with SQL."""
    config = served(names=("openai", "azure", "aws"), at_least=2)
    bad, good = Standing(state="bad", since_ns=1, judged_ns=1), Standing(state="good", judged_ns=1)
    standings = {("openai", "chat"): bad, ("azure", "chat"): good if azure is Outcome.OK else bad}
    judged = impact(config.services[0], standings, 1)
    assert (judged.under, judged.doubt) == (under, not under)
    count = f'count(ALERTS{{alertname="{names.SERVICE_ALERT}",alertstate="firing"}})'
    tests = f"""
rule_files: [{RULES_FILE}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
{page_of(config, {"openai": Outcome.SERVER_ERROR, "azure": azure})}    promql_expr_test:
      - {{expr: '{count}', eval_time: 10m, exp_samples: {fired}}}
"""
    write(tmp_path, [spec for spec in specs(config) if spec.impact], tests)
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_where_the_agent_tells_prometheus_does_only_without_a_database(tmp_path: Path) -> None:
    """One engine pages: the rules of `engine: agent` speak while the agent has nothing to judge by, and else record."""
    config = dataclasses.replace(a_config(objectives=(available(),)), engine="agent")
    write(tmp_path, specs(config))
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)
    unguarded = [dataclasses.replace(spec, guarded=False) for spec in specs(config)]
    (tmp_path / RULES_FILE).write_text(render(unguarded))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


NEW = f"""
rule_files: [{RULES_FILE}]
evaluation_interval: 30s
tests:
  - interval: 30s
    name: a new member that fails since ever keeps back no page of the old one, and the new one alone makes none
    input_series:
      - {{series: 'nephoscope_target_warm{{target="openai",vantage="a"}}', values: "1x60"}}
      - {{series: 'nephoscope_target_warm{{target="azure",vantage="a"}}', values: "0x60"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="good"}}', values: "1x20 0x40"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="down"}}', values: "0x20 1x40"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="good"}}', values: "0x60"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="unknown"}}', values: "1x60"}}
    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown"}})', eval_time: 10m, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing"}})', eval_time: 13m, exp_samples: [{{value: 1}}]}}
  - interval: 30s
    name: what is new bears nobody out, and counts as well where it is
    input_series:
      - {{series: 'nephoscope_target_warm{{target="openai",vantage="a"}}', values: "1x60"}}
      - {{series: 'nephoscope_target_warm{{target="azure",vantage="a"}}', values: "0x60"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="good"}}', values: "0x60"}}
      - {{series: 'nephoscope_target_state{{target="openai",probe="chat",vantage="a",state="down"}}', values: "1x60"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="good"}}', values: "1x20 0x40"}}
      - {{series: 'nephoscope_target_state{{target="azure",probe="chat",vantage="a",state="down"}}', values: "0x20 1x40"}}
    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown"}})', eval_time: 10m, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing"}})', eval_time: 11m30s, exp_samples: []}}
      - {{expr: 'count(ALERTS{{alertname="NephoscopeServiceDown",alertstate="firing"}})', eval_time: 13m, exp_samples: [{{value: 1}}]}}
"""


def test_a_new_member_neither_pages_nor_keeps_a_page_back(tmp_path: Path) -> None:
    """And rules that know nothing of new targets fail their own tests."""
    found = [spec for spec in specs(served()) if spec.impact]
    write(tmp_path, found, NEW)
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)
    write(tmp_path, found)
    forgetful = render(found).replace(names.TARGET_WARM.name, "nothing")
    (tmp_path / RULES_FILE).write_text(forgetful)
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        (f"unless on()\n          {names.NONE_SEES}", ""),
        ("changes(", "1 + changes("),
        ("> 0.2", "> 0.9"),
        ("> 0.2", "> 0.05"),
        (f"max_over_time({names.DATABASE_UP.name}", "max_over_time(nothing"),
        (f"absent({names.LAST_BEAT.name})\n          and", "nothing\n          and"),
        (f"absent({names.LAST_BEAT.name})\n          unless", "nothing\n          unless"),
        (f"and on()\n          present_over_time({names.LAST_BEAT.name}[7d])", ""),
        (f"(max by (instance) ({names.TARGET_WARM.name}) == 0)", "(nothing)"),
    ],
    ids=[
        "unguarded silence",
        "silence",
        "share too high",
        "share too low",
        "database",
        "gone",
        "awaited",
        "not awaited",
        "cold",
    ],
)
def test_an_agent_that_does_not_see_is_one_alert_whatever_blinds_it(
    tmp_path: Path, word: str, instead: str
) -> None:
    """Rules without any one part of it fail the tests of the right ones, which pass elsewhere here."""
    found = specs(a_config(objectives=(available(),)))
    write(tmp_path, found)
    rules = render(found)
    assert word in rules
    (tmp_path / RULES_FILE).write_text(rules.replace(word, instead))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


@pytest.mark.parametrize(
    "broken",
    [{"min_bad_long": 1, "min_bad_short": 1}, {"min_bad_long": 60}, {"factor": 1100.0}],
    ids=["gates gone", "gate too high", "factor unreachable"],
)
def test_the_generated_unit_tests_bite(tmp_path: Path, broken: dict[str, Any]) -> None:
    """Rules whose gates or factors are off fail the tests of the right ones."""
    (right,) = specs(a_config(objectives=(available(),)))
    wrong = dataclasses.replace(
        right, alerts=tuple(dataclasses.replace(alert, **broken) for alert in right.alerts)
    )
    (tmp_path / RULES_FILE).write_text(render([wrong]))
    (tmp_path / "tests.yaml").write_text(render_tests([right]))
    with pytest.raises(AssertionError, match="FAILED"):
        promtool("test", "rules", "tests.yaml", cwd=tmp_path)


DENOMINATORS = f"""
rule_files: [{RULES_FILE}]
evaluation_interval: 30s
tests:
  - interval: 30s
    name: a gap does not shrink the denominator, and vantages are summed
    input_series:
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="good"}}', values: "0+0x20"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="b",result="good"}}', values: "0+0x20"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="bad"}}', values: "0x15 1+0x5"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="b",result="bad"}}', values: "0+0x20"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="excluded"}}', values: "0+0x20"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="invalid"}}', values: "0+0x20"}}
      - {{series: 'nephoscope_sli_expected_events_total{{SLO,vantage="a"}}', values: "0+1x20"}}
      - {{series: 'nephoscope_sli_expected_events_total{{SLO,vantage="b"}}', values: "0+1x20"}}
    promql_expr_test:
      - expr: round(slo:sli_error:ratio_rate5m * 20, 0.001)
        eval_time: 10m
        exp_samples:
          - labels: '{{sloth_id="openai-chat-available",sloth_service="openai",sloth_slo="available",sloth_window="5m"}}'
            value: 1
      - expr: slo:sli_error:ratio_rate28d
        eval_time: 10m
        exp_samples:
          - labels: 'slo:sli_error:ratio_rate28d{{sloth_id="openai-chat-available",sloth_service="openai",sloth_slo="available",sloth_window="28d"}}'
            value: 1
  - interval: 30s
    name: what is excluded leaves the denominator
    input_series:
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="good"}}', values: "0+1x40"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="bad"}}', values: "0+1x40"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="excluded"}}', values: "0+1x40"}}
      - {{series: 'nephoscope_sli_events_total{{SLO,vantage="a",result="invalid"}}', values: "0+1x40"}}
      - {{series: 'nephoscope_sli_expected_events_total{{SLO,vantage="a"}}', values: "0+4x40"}}
    promql_expr_test:
      - expr: slo:sli_error:ratio_rate5m == bool 0.5
        eval_time: 20m
        exp_samples:
          - labels: '{{sloth_id="openai-chat-available",sloth_service="openai",sloth_slo="available",sloth_window="5m"}}'
            value: 1
""".replace("SLO,", 'slo="openai-chat-available",objective="available",target="openai",probe="chat",')


def test_ratios_take_the_expected_denominator(tmp_path: Path) -> None:
    """One failure and a gap of ten minutes: 1 of 20 due slots of two vantages; the period counts what was valid."""
    write(tmp_path, specs(a_config(objectives=(available(),))), DENOMINATORS)
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def two_vantages(failures: tuple[int, int], samples: str) -> str:
    """Return a test in which each vantage sees so many failures at the end of an hour of good slots."""
    series = ""
    for vantage, count in zip("ab", failures, strict=True):
        labels = f'slo="openai-chat-available",vantage="{vantage}"'
        moving = {
            "good": f"0+1x110 110+0x{count} 110+1x{9 - count}",
            "bad": f"0x110 1+1x{count - 1} {count}x{9 - count}",
            "excluded": "0x120",
            "invalid": "0x120",
        }
        for result, values in moving.items():
            name = f'nephoscope_sli_events_total{{{labels},result="{result}"}}'
            series += f"      - {{series: '{name}', values: '{values}'}}\n"
        expected = f"nephoscope_sli_expected_events_total{{{labels}}}"
        series += f"      - {{series: '{expected}', values: '0+1x120'}}\n"
    return f"""
rule_files: [{RULES_FILE}]
evaluation_interval: 30s
tests:
  - interval: 30s
    input_series:
{series}    promql_expr_test:
      - {{expr: 'count(ALERTS{{alertname="NephoscopeBudgetBurn",sloth_severity="page"}})', eval_time: 59m, exp_samples: {samples}}}
"""


@pytest.mark.parametrize(("failures", "pages"), [((2, 2), "[]"), ((4, 1), "[{value: 1}]")])
def test_a_gate_asks_for_the_failures_of_one_vantage(
    tmp_path: Path, failures: tuple[int, int], pages: str
) -> None:
    """4 of 120 probes are certain enough, 4 of the 240 of two vantages are not."""
    write(tmp_path, specs(a_config(objectives=(available(),))), two_vantages(failures, pages))
    assert "SUCCESS" in promtool("test", "rules", "tests.yaml", cwd=tmp_path)


def test_a_real_prometheus_records_and_alerts(tmp_path: Path) -> None:
    """Scraped counters of an outage become every recorded series and a page; other rules are read on reload."""
    found = specs(a_config(team="platform"))
    # The slow groups are due every two minutes; nobody waits for them here.
    rules = render(found).replace("interval: 2m", "interval: 1s")
    (tmp_path / "rules.yaml").write_text(rules)
    scrapes = itertools.count()
    with (
        page(lambda: outage(found, next(scrapes))) as scraped,
        prometheus(tmp_path, scraped, free_port()) as server,
    ):
        assert len(server.rules()) == 43
        fired = server.until(
            'ALERTS{alertname="NephoscopeBudgetBurn",alertstate="firing",sloth_severity="page"}'
        )
        for spec in found:
            for window in (*spec.windows, spec.period):
                server.until(f'slo:sli_error:ratio_rate{window}{{sloth_id="{spec.slo.id}"}} == 1')
            burn = server.until(f'slo:current_burn_rate:ratio{{sloth_id="{spec.slo.id}"}}')
            assert burn[0][1] == pytest.approx(1 / (1 - spec.objective_ratio))
            server.until(f'slo:period_error_budget_remaining:ratio{{sloth_id="{spec.slo.id}"}} < 0')
        assert (
            fired[0][0].items()
            >= {"team": "platform", "burn_tier": "fast", "sloth_service": "openai"}.items()
        )
        server.until('sloth_slo_info{sloth_id="openai-chat-quick"}')
        annotations = next(
            alert["annotations"]
            for alert in server.get("alerts")["alerts"]
            if alert["labels"]["alertname"] == "NephoscopeBudgetBurn"
        )
        assert annotations["exhaustion"] in {"0s", "unknown"}
        assert annotations["runbook_url"].startswith("https://runbooks.example/llm/")
        assert server.unhealthy() == []

        (tmp_path / "rules.yaml").write_text(rules.replace(found[0].rules_hash, "f" * 16))
        server.reload()
        drift = server.until('ALERTS{alertname="NephoscopeRulesOutdated"}')
        assert drift[0][0]["rules"] == found[0].rules_hash


def outage(found: list[RuleSpec], scrape: int) -> str:
    """Return a page on which every slot of every SLO fails."""
    lines = [f'nephoscope_agent_config_info{{rules="{found[0].rules_hash}"}} 1']
    for spec in found:
        key = spec.slo
        labels = f'slo="{key.id}",objective="{key.objective}",target="{key.target}",probe="{key.probe}",vantage="fra-1"'
        lines += [
            f'nephoscope_sli_events_total{{{labels},result="{result}"}} {3 * scrape if result == "bad" else 0}'
            for result in ("good", "bad", "excluded", "invalid")
        ]
        lines.append(f"nephoscope_sli_expected_events_total{{{labels}}} {3 * scrape}")
    return "\n".join(lines) + "\n"
