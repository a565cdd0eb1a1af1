"""The rules' own hash: whatever setting changes the rules changes it, so that outdated rules are told of."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.config.model import Config, Paging
from agent.telling.ruling import rules_hash, specs
from exporters.rules import render
from support.specs import served

PLAN = dataclasses.replace(served(critical=("openai",)), engine="agent", paging=Paging(hold_s=300.0))


def text(config: Config) -> str:
    """Return the rules, but for the hash in them."""
    return render([dataclasses.replace(spec, rules_hash="") for spec in specs(config)])


def variants(value: Any) -> Iterator[Any]:
    """Yield values with one setting in them changed, however deep it stands."""
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value * 2
        case str():
            yield f"{value}x"
        case tuple() if value:
            yield value[:-1]
            for place, one in enumerate(value):
                yield from ((*value[:place], other, *value[place + 1 :]) for other in variants(one))
        case _ if dataclasses.is_dataclass(value):
            yield from _of_fields(value)


def _of_fields(value: Any) -> Iterator[Any]:
    for field in dataclasses.fields(value):
        for other in variants(getattr(value, field.name)):
            yield dataclasses.replace(value, **{field.name: other})


def test_every_setting_that_changes_the_rules_changes_their_hash() -> None:
    """Each setting of a plan is changed in its turn; what makes no plan that can be judged is passed over."""
    told, named = text(PLAN), rules_hash(PLAN)
    changed = same = 0
    for other in variants(PLAN):
        try:
            differs = text(other) != told
        except (KeyError, ValueError, ZeroDivisionError, StopIteration):
            continue
        changed, same = changed + differs, same + (not differs)
        assert not differs or rules_hash(other) != named, other
    assert changed > 20
    assert same > 20


def _service(config: Config, **changes: Any) -> Config:
    return dataclasses.replace(config, services=(dataclasses.replace(config.services[0], **changes),))


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: _service(plan, at_least=2),
        lambda plan: _service(plan, ratio=0.9995),
        lambda plan: _service(plan, members=plan.services[0].members[::-1]),
        lambda plan: dataclasses.replace(plan, services=()),
        lambda plan: dataclasses.replace(plan, paging=Paging(hold_s=60.0)),
        lambda plan: dataclasses.replace(plan, paging=Paging(hold_s=300.0, after_s=60.0)),
        lambda plan: dataclasses.replace(plan, engine="prometheus"),
        lambda plan: dataclasses.replace(plan, runbook="https://elsewhere.example"),
    ],
)
def test_services_pages_and_the_engine_are_in_it(change: Callable[[Config], Config]) -> None:
    other = change(PLAN)
    assert text(other) != text(PLAN)
    assert rules_hash(other) != rules_hash(PLAN)


@pytest.mark.parametrize(
    "changes",
    [
        {"vantage": "lon-1"},
        {"state_dir": "/elsewhere"},
        {"paging": Paging(hold_s=300.0, warm_up_s=0.0, quorum=2)},
    ],
)
def test_where_an_agent_stands_makes_no_other_rules(changes: dict[str, Any]) -> None:
    assert rules_hash(dataclasses.replace(PLAN, **changes)) == rules_hash(PLAN)


@pytest.mark.parametrize(("hold_s", "line"), [(90.0, 'keep_firing_for: "1m30s"'), (0.0, None)])
def test_rules_hold_an_alert_as_long_as_the_agent_does(hold_s: float, line: str | None) -> None:
    told = render(specs(dataclasses.replace(PLAN, paging=Paging(hold_s=hold_s))))
    held = {one.strip() for one in told.splitlines() if "keep_firing_for" in one}
    assert held == ({line} if line else set())
