import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo import burn

ratios = st.floats(0.5, 0.99999)
errors = st.floats(0.001, 1)
factors = st.floats(0.5, 20)


@given(factors, ratios, errors)
def test_detection_is_when_the_long_window_reaches_the_factor(
    factor: float, ratio: float, bad: float
) -> None:
    """After quiet, errors fill the window's share `seen / long`: at detection that share burns at the factor."""
    seen_s = burn.detection_s(factor, ratio, bad, 3600)
    if seen_s is None:
        assert burn.burn_rate(bad, ratio) <= factor * (1 + 1e-9)
    else:
        assert burn.burn_rate(bad * seen_s / 3600, ratio) == pytest.approx(factor)


@given(factors, ratios)
def test_what_is_reachable_is_detected_in_a_total_outage(factor: float, ratio: float) -> None:
    """Reachability is the existence of a detection time at an error ratio of 1."""
    assert burn.reachable(factor, ratio) == (burn.detection_s(factor, ratio, 1.0, 3600) is not None)


@given(factors, ratios, errors)
def test_an_alert_resets_within_its_short_window(factor: float, ratio: float, bad: float) -> None:
    """The short window forgets a fault at the latest when it holds none of it."""
    assert 0 <= burn.reset_s(factor, ratio, bad, 300) <= 300


def test_nothing_valid_has_no_error_ratio() -> None:
    """Not observed is not zero."""
    assert burn.error_ratio(0, 0) is None
