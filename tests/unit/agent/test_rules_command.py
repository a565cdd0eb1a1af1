import argparse
import dataclasses
import io
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from agent.config.model import ProbePlan
from agent.errors import ConfigError
from agent.rules_command import rules
from agent.slo.calendars import Calendar
from agent.slo.slices import Slices
from agent.telling.ruling import rules_hash, specs
from exporters.rules import render
from support.specs import a_config, available

FILE = """
targets:
  - {name: openai, provider: openai, model: gpt-5-nano, credentials: {api_key: "${UNSET_KEY_OF_A_TEST}"}}
"""


def asked(file: Path, **changes: object) -> argparse.Namespace:
    given = {
        "config": file,
        "format": "prometheus",
        "tests": False,
        "name": None,
        "namespace": None,
        "label": None,
    }
    return argparse.Namespace(**(given | changes))


def test_an_slo_becomes_a_spec_with_derived_factors_and_gates() -> None:
    """28 d at 30 s: 13.44, 5.6, 2.8, 0.933 and the gates of 120, 720, 2880 and 8640 probes."""
    config = a_config()
    spec = specs(config)[0]
    assert [(alert.long, round(alert.factor, 3), alert.min_bad_long) for alert in spec.alerts] == [
        ("1h", 13.44, 4),
        ("6h", 5.6, 8),
        ("1d", 2.8, 13),
        ("3d", 0.933, 13),
    ]
    assert spec.slo.id == "openai-chat-available"
    assert spec.windows == ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
    assert (spec.period, spec.period_days, spec.every_s) == ("28d", 28.0, 30.0)
    assert spec.rules_hash == rules_hash(config)


def test_there_is_one_spec_for_each_objective_target_and_probe() -> None:
    """In the order of the configuration."""
    found = specs(a_config(names=("openai", "azure")))
    assert [spec.slo.id for spec in found] == [
        "openai-chat-available",
        "azure-chat-available",
        "openai-chat-quick",
        "azure-chat-quick",
    ]
    assert [spec.sli for spec in found] == ["availability", "availability", "ttft", "ttft"]


def test_a_throughput_slo_has_the_rules_of_any_other_at_its_own_interval() -> None:
    """They read counted events: what was asked for, seconds or tokens a second, is in no rule."""
    fast = available(sli="throughput", ratio=0.95, at_least_per_s=30.0, name="fast")
    spec = specs(a_config(objectives=(fast,), every_s=3600.0))[0]
    assert (spec.slo.id, spec.sli, spec.every_s) == ("openai-chat-fast", "throughput", 3600.0)
    told = render([spec])
    assert 'slo="openai-chat-fast"' in told
    assert "No result at all came within 3h" in told
    late = available(sli="ttft", ratio=0.95, threshold_s=2.0, name="fast")
    other = specs(a_config(objectives=(late,), every_s=3600.0))[0]
    assert render([dataclasses.replace(other, rules_hash=spec.rules_hash)]) == told


def test_labels_are_those_of_target_info_and_the_runbook_is_filled_in() -> None:
    """Under the same names as on the metrics page."""
    spec = specs(a_config(team="platform", region="eu", labels={"costCentre": "42"}))[0]
    assert spec.labels == {
        "provider": "openai",
        "target_cloud": "openai",
        "target_region": "eu",
        "model": "nano",
        "team": "platform",
        "label_cost_centre": "42",
    }
    assert spec.runbook == "https://runbooks.example/llm/available"


def test_what_cannot_fire_is_left_out_and_said() -> None:
    """At 10 minutes the fast page goes, with a note that names the remedy."""
    spec = specs(a_config(objectives=(available(ratio=0.99),), every_s=600))[0]
    assert [alert.long for alert in spec.alerts] == ["6h", "1d", "3d"]
    assert any("1h/5m page alert is left out" in note for note in spec.notes)


def test_rules_of_a_calendar_look_back_over_its_nominal_length_and_say_so() -> None:
    month = available(window_s=30 * 86400.0, calendar=Calendar("month", "Europe/Berlin"))
    spec = specs(a_config(objectives=(month,)))[0]
    assert (spec.period, spec.period_days) == ("30d", 30.0)
    assert [round(alert.factor, 3) for alert in spec.alerts] == [14.4, 6.0, 3.0, 1.0]
    note = (
        "objective available: Prometheus knows no calendar, so its rules look back over 30d; the budget of the "
        "calendar month (Europe/Berlin) is on the agent's gauges"
    )
    assert spec.notes == (note,)
    assert f"# openai-chat-available: {note}" in render([spec])


def test_a_pool_has_rules_of_its_own_at_the_interval_of_its_events() -> None:
    """Two at 30 s are one at 15 s: 7 of 240 page, where either alone would want 4 of 120."""
    both = (("openai", "chat"), ("azure", "chat"))
    (spec,) = specs(
        a_config(names=("openai", "azure"), objectives=(available(both, per=("model",)),), region="eu")
    )
    assert (spec.slo.id, spec.slo.service, spec.every_s) == ("nano-available", "nano", 15.0)
    assert (spec.alerts[0].long, spec.alerts[0].min_bad_long) == ("1h", 7)
    assert spec.labels == {
        "provider": "openai",
        "target_cloud": "openai",
        "target_region": "eu",
        "model": "nano",
    }
    told = render([spec])
    assert 'slo="nano-available"' in told
    assert "target:" not in told
    assert "probe:" not in told


def test_slices_have_rules_with_the_gates_of_slices() -> None:
    """12, 72, 288 and 864 of five minutes: the very numbers that the agent judges them by; their events come every 30 s."""
    steady = available(ratio=0.99, slices=Slices(300.0, 0.95))
    (spec,) = specs(a_config(objectives=(steady,)))
    assert [
        (alert.long, round(alert.factor, 2), alert.min_bad_long, alert.min_bad_short) for alert in spec.alerts
    ] == [("1h", 13.44, 4, 1), ("6h", 5.6, 8, 2), ("1d", 2.8, 13, 2), ("3d", 0.93, 13, 2)]
    assert (spec.slice_s, spec.every_s, spec.notes) == (300.0, 30.0, ())
    other = dataclasses.replace(steady, slices=Slices(60.0, 0.95))
    assert rules_hash(a_config(objectives=(other,))) != spec.rules_hash


def test_windows_that_slices_are_too_long_for_are_in_no_rule(tmp_path: Path) -> None:
    """Of an hour each there are those of a day and longer, and the rest is told as `check` tells it."""
    file = tmp_path / "nephoscope.yaml"
    file.write_text(
        FILE
        + """objectives:
  - {name: steady, sli: availability, percent: 99, method: {timeslices: 1h, percent: 95}}
"""
    )
    out, err = io.StringIO(), io.StringIO()
    assert rules(asked(file), out, err) == 0
    recorded = [name for name in ("30m", "1h", "2h", "6h") if f'ratio_rate{name}"\n' in out.getvalue()]
    assert recorded == ["1h", "2h", "6h"]
    assert "its 1h/5m page alert is left out, because too few slices of 1h lie in 1h (1)" in err.getvalue()
    assert "  # openai-chat-steady: objective steady: its 1h/5m page alert is left out" in out.getvalue()


def test_the_command_prints_rules_or_their_tests(tmp_path: Path) -> None:
    """Without the secrets that the daemon needs."""
    file = tmp_path / "nephoscope.yaml"
    file.write_text(FILE)
    out, err = io.StringIO(), io.StringIO()
    assert rules(asked(file), out, err) == 0
    assert "slo:sli_error:ratio_rate28d" in out.getvalue()
    assert not err.getvalue()
    assert rules(asked(file, tests=True), out, err) == 0
    assert "rule_files:" in out.getvalue()


def test_the_operators_objects_hold_the_same_groups(tmp_path: Path) -> None:
    """Under the name and the labels that the flags give."""
    file = tmp_path / "nephoscope.yaml"
    file.write_text(FILE)
    plain, objects = io.StringIO(), io.StringIO()
    rules(asked(file), plain, io.StringIO())
    flags = {"format": "operator", "name": "llm", "label": [("release", "prometheus")]}
    assert rules(asked(file, **flags), objects, io.StringIO()) == 0
    found = YAML(typ="safe").load(objects.getvalue())
    assert found["metadata"] == {"name": "llm", "labels": {"release": "prometheus"}}
    assert found["spec"] == YAML(typ="safe").load(plain.getvalue())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"name": "llm"}, "add --format operator, or take them out"),
        ({"format": "operator", "tests": True}, "test them with --format prometheus"),
        ({"format": "operator", "name": "LLM"}, "'LLM' is no name of an object"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    flags: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    """Each with what to do."""
    with pytest.raises(ConfigError, match=sentence):
        rules(asked(tmp_path / "none.yaml", **flags), io.StringIO(), io.StringIO())


def test_gates_follow_the_interval_at_which_each_target_is_asked() -> None:
    """One probe's name, two intervals: half as many probes an hour need fewer failures for the same confidence."""
    config = a_config(names=("openai", "slow"))
    (plan,) = config.probes
    slower = dataclasses.replace(plan.workload, every_s=60.0)
    config = dataclasses.replace(
        config,
        probes=(
            dataclasses.replace(plan, targets=("openai",)),
            ProbePlan(workload=slower, targets=("slow",)),
        ),
    )
    by_id = {spec.slo.id: spec for spec in specs(config)}
    fast, slow = by_id["openai-chat-available"], by_id["slow-chat-available"]
    assert (fast.every_s, slow.every_s) == (30.0, 60.0)
    assert [alert.min_bad_long for alert in fast.alerts] != [alert.min_bad_long for alert in slow.alerts]
