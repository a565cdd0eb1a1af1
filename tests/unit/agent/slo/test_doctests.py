"""The worked numbers in the docstrings."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "agent.slo.budget",
        "agent.slo.burn",
        "agent.slo.calendars",
        "agent.slo.conditions",
        "agent.slo.covering",
        "agent.slo.evaluate",
        "agent.slo.gate",
        "agent.slo.lint",
        "agent.slo.lint_slices",
        "agent.slo.objective",
        "agent.slo.paging",
        "agent.slo.pools",
        "agent.slo.slices",
        "agent.slo.spans",
        "agent.slo.windows",
        "exporters.durations",
        "exporters.rules_words",
        "exporters.signals",
    ],
)
def test_worked_numbers_hold(module: str) -> None:
    """Every example in a docstring gives what it says."""
    outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.attempted
    assert not outcome.failed
