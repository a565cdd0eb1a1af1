"""What is wrong with slices: those that no burn alert can be had of, and how long they might be."""

import dataclasses

from agent.slo.lint_slices import lint_slices
from agent.slo.objective import Objective
from agent.slo.slices import Slices

HOURLY = Objective(
    name="steady", sli="availability", ratio=0.98, window_s=28 * 86400, pairs=(), slices=Slices(3600.0, 0.95)
)

LEFT_OUT = (
    "objective steady: its {} page alert is left out, because too few slices of 1h lie in {}; use slices of {} or "
    "shorter"
)


def said(objective: Objective) -> list[tuple[str, str]]:
    return [(finding.level, finding.message) for finding in lint_slices(objective, 30)]


def test_burn_alerts_that_slices_are_too_long_for_are_told_with_the_length_that_would_do() -> None:
    """Of slices of an hour six hours hold six, and half an hour none."""
    assert said(HOURLY) == [
        (
            "warning",
            LEFT_OUT.format("1h/5m", "1h (1) or in 5m (0)", "5m"),
        ),
        (
            "warning",
            LEFT_OUT.format("6h/30m", "6h (6) or in 30m (0)", "30m"),
        ),
    ]


def test_a_percent_that_bad_slices_alone_cannot_burn_fast_enough_is_a_warning() -> None:
    """Of 90 % they burn ten times as fast as planned, and an hour's alert asks for 13.44."""
    low = dataclasses.replace(HOURLY, ratio=0.9, slices=Slices(300.0, 0.95))
    ((level, message),) = said(low)
    assert level == "warning"
    assert "1h/5m page alert is left out, because not even bad slices alone burn fast enough" in message


def test_slices_that_carry_every_alert_are_sound() -> None:
    assert said(dataclasses.replace(HOURLY, ratio=0.99, slices=Slices(300.0, 0.95))) == []
