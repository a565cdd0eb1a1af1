import pytest

from agent.slo.lint import Finding, lint
from agent.slo.objective import Objective

DAY = 86400


def findings(ratio: float, days: float, every_s: float) -> list[Finding]:
    return lint(
        Objective(name="available", sli="availability", ratio=ratio, window_s=days * DAY, pairs=()), every_s
    )


def test_the_defaults_are_sound() -> None:
    """99.9 % availability and 99 % latency over 28 d at 30 s."""
    assert not findings(0.999, 28, 30)
    assert not findings(0.99, 28, 30)


def test_a_month_with_less_than_one_failure_cannot_be_measured() -> None:
    """At 1 h a 99.9 % month holds 0.7 failures: an error with the interval that would do."""
    (found,) = findings(0.999, 30, 3600)
    assert found.level == "error"
    assert "objective available" in found.message
    assert "holds 0.7 failures" in found.message
    assert "probe every 4m19s or more often" in found.message


def test_a_month_with_few_failures_is_coarse() -> None:
    """At 5 minutes it holds 8.6: a warning."""
    (found,) = findings(0.999, 30, 300)
    assert found.level == "warning"
    assert "holds 8.6 failures" in found.message


@pytest.mark.parametrize(("ratio", "every_s"), [(0.9999, 24.192), (0.999, 241.92), (0.9995, 120.96)])
def test_a_budget_of_exactly_ten_failures_is_enough(ratio: float, every_s: float) -> None:
    """Float noise in 1 - ratio does not decide."""
    assert not findings(ratio, 28, every_s)


def test_an_alert_that_can_never_fire_is_refused_with_both_remedies() -> None:
    """13.44 times as fast as planned is unreachable against 92.5 % over 28 d."""
    found = findings(0.925, 28, 30)[0]
    assert found.level == "error"
    assert "1h/5m page alert can never fire" in found.message
    assert "percent above 92.56" in found.message
    assert not [one for one in findings(0.9256, 28, 30) if one.level == "error"]


def test_the_windows_remedy_does() -> None:
    """The window that the finding names is one that passes."""
    found = findings(0.9, 28, 30)[0]
    assert "a window under 20d20h" in found.message
    assert not [one for one in findings(0.9, 20.8, 30) if one.level == "error"]


def test_an_alert_with_too_few_probes_is_named_with_the_interval_that_does() -> None:
    """At 10 minutes the fast page goes; at 5 it is there."""
    found = findings(0.99, 28, 600)[0]
    assert found.level == "warning"
    assert "1h/5m page alert is left out" in found.message
    assert "probe every 5m or more often" in found.message
    assert not [one for one in findings(0.99, 28, 300) if "left out" in one.message]


def test_a_window_shorter_than_the_interval_is_refused() -> None:
    """Most windows would hold no probe."""
    (found,) = findings(0.5, 1 / 24, 7200)
    assert found.level == "error"
    assert "shorter than the probe's interval of 2h" in found.message


@pytest.mark.parametrize("ratio", [0.0, 1.0, 99.9])
def test_a_ratio_outside_its_range_is_refused(ratio: float) -> None:
    """1 leaves no budget, 99.9 is a percentage."""
    (found,) = findings(ratio, 28, 30)
    assert found.level == "error"


def test_a_short_period_says_which_alerts_it_goes_without() -> None:
    """Over 7 d there is a page and no ticket, over 1 d neither."""
    assert ["ticket alert" in one.message for one in findings(0.99, 7, 30)] == [True]
    assert [one.level for one in findings(0.99, 1, 30)] == ["warning", "warning"]


def test_errors_come_first() -> None:
    """What has to be mended before what may be."""
    levels = [found.level for found in findings(0.9, 28, 3600)]
    assert levels == sorted(levels)
    assert levels[0] == "error"


def test_no_remedy_is_named_that_nobody_can_follow() -> None:
    """No probe is asked every 2 ms, and no percent lies above 100."""
    (found,) = findings(0.99999999, 28, 30)
    assert found.message.endswith(
        "cannot be measured at this interval; lengthen the window or lower the percent"
    )
    unreachable = "\n".join(one.message for one in findings(0.999, 36500, 30))
    assert "asks for 1.752e+04; use a window under 2083d8h" in unreachable
    assert "use a percent above 99.92 or a window under 30000d" in unreachable
