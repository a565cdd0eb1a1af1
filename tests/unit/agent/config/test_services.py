"""What a service is made of, named or implied, and when it is refused."""

import pytest

from agent.config.model import Config, Paging
from support.configuration import findings, loaded

TARGETS = """
models:
  nano: {class: fast}
  large: {class: slow}
targets:
  - {name: a-nano, provider: vllm, cloud: a, region: eu, model: nano, endpoint: http://localhost:1}
  - {name: b-nano, provider: vllm, cloud: b, region: eu, model: nano, endpoint: http://localhost:2}
  - {name: c-nano, provider: vllm, cloud: c, model: nano, endpoint: http://localhost:3}
  - {name: a-large, provider: vllm, cloud: a, region: us, model: large, endpoint: http://localhost:4}
"""


def test_each_logical_model_is_a_service_of_its_own_unless_some_are_named() -> None:
    config = loaded(TARGETS).config
    told = [
        (one.name, [member.target for member in one.members], one.at_least, one.of) for one in config.services
    ]
    assert told == [
        ("nano", ["a-nano", "b-nano", "c-nano"], 1, "cloud"),
        ("large", ["a-large"], 1, "cloud"),
    ]
    assert {(one.ratio, one.window_s) for one in config.services} == {(0.999, 28 * 86400.0)}
    assert loaded(TARGETS + "services: []").config.services == ()


def test_what_is_watched_and_in_no_service_stands_by_itself() -> None:
    config = loaded(
        f"""{TARGETS}
probes:
  - {{name: chat, kind: chat, every: 15s, targets: [a-nano, b-nano, c-nano, a-large]}}
objectives:
  - {{name: available, sli: availability, percent: 99.9, targets: [a-nano, c-nano, a-large]}}
  - {{name: quick, sli: ttft, percent: 99, under: 2s, targets: b-nano}}
services:
  - {{name: assist, members: "a-*"}}
"""
    ).config
    assert [(one.target, one.probe, one.every_s) for one in config.lone] == [("c-nano", "chat", 15.0)]
    assert [one.target for one in config.members] == ["a-nano", "a-large", "c-nano"]
    assert loaded(TARGETS).config.lone == ()
    assert Config.decode(config.encode()) == config


def test_an_implied_service_promises_what_the_strictest_of_its_objectives_does() -> None:
    config = loaded(
        f"""{TARGETS}
objectives:
  - {{name: loose, sli: availability, percent: 99, targets: a-nano}}
  - {{name: strict, sli: availability, percent: 99.95, window: 7d, targets: b-nano}}
  - {{name: quick, sli: ttft, percent: 99, under: 2s, targets: c-nano}}
"""
    ).config
    (nano,) = config.services
    assert (nano.ratio, nano.window_s) == (0.9995, 7 * 86400.0)
    assert [member.target for member in nano.members] == ["a-nano", "b-nano"]


def test_a_named_service_has_members_a_minimum_and_an_objective() -> None:
    config = loaded(
        f"""{TARGETS}
services:
  - name: "assist-{{class}}"
    for: {{class: [fast, slow]}}
    team: assist
    members: {{class: "{{class}}"}}
    healthy_when: {{at_least: 1, of: region}}
    objective: {{percent: 99.95, window: 14d}}
"""
    ).config
    fast, slow = config.services
    assert (fast.name, fast.team, fast.units, fast.ratio, fast.window_s) == (
        "assist-fast",
        "assist",
        3,
        0.9995,
        14 * 86400.0,
    )
    assert [member.pair for member in slow.members] == [("a-large", "chat")]


@pytest.mark.parametrize(
    ("services", "told"),
    [
        (
            "[{name: s, members: {class: fast}, healthy_when: {at_least: 4}}]",
            "services[0].healthy_when.at_least: 4 is more than the 3 clouds that its members have, so it could",
        ),
        ("[{name: s, members: nobody}]", "services[0].members: `nobody` selects no target"),
        (
            "[{name: s, members: a-nano, at_least: 2}]",
            "services[0].at_least: unknown key `at_least`, which belongs under healthy_when",
        ),
        ("[{name: s, objective: {percent: 100}}]", "services[0].objective.percent: "),
        (
            "[{name: s, members: a-nano, objective: {percent: 99.9, window: 1s}}]",
            "services[0].objective: service s: its window of 1s is shorter than the probe's interval of 30s",
        ),
        ("[{name: s}, {name: s}]", "services[1].name: `s` is taken"),
        ("[{members: all}]", "services[0].name: is missing; give each entry a name of its own"),
        (
            "[{name: s, objective: {percent: 90}}]",
            "services[0].objective: service s: its 1h/5m page alert can never fire",
        ),
        (
            "[{name: s, members: a-nano, objective: {percent: 99.999, window: 1d}}]",
            "services[0].objective: service s: at one probe every 30s the budget of 99.999 % over 1d holds 0.0",
        ),
        (
            "[{name: s, objective: {percent: 99.9, window: 365d}}]",
            "services[0].objective: service s looks back 365d, but results are kept for 120d",
        ),
    ],
)
def test_what_is_wrong_with_a_service_is_said(services: str, told: str) -> None:
    assert any(told in finding for finding in findings(f"{TARGETS}services: {services}"))


def test_members_that_no_availability_objective_watches_are_refused() -> None:
    (finding,) = [
        one
        for one in findings(
            f"""{TARGETS}
objectives: [{{name: available, sli: availability, percent: 99.9, targets: a-nano}}]
services: [{{name: s, members: b-nano}}]
"""
        )
        if "services" in one
    ]
    assert finding.endswith(
        "services[0].members: no availability objective watches any of them, so nobody would know how it is; add one"
    )


def test_when_a_trouble_pages_is_said_in_the_file() -> None:
    assert loaded(TARGETS).config.paging == Paging(after_s=120.0, warm_up_s=3600.0, hold_s=600.0)
    told = loaded(f"{TARGETS}alerts: {{page: {{after: 5m, warm_up: 0s, hold: 30s}}}}").config.paging
    assert told == Paging(after_s=300.0, warm_up_s=0.0, hold_s=30.0)


def test_a_service_whose_slo_has_the_id_of_an_objectives_is_refused() -> None:
    found = findings(
        f"""{TARGETS}
objectives: [{{name: x-service, sli: availability, percent: 99.9, per: all}}]
services: [{{name: all-x}}]
"""
    )
    assert any(
        "`all-x-service` would name two SLOs, that of service all-x and one of" in one for one in found
    )
