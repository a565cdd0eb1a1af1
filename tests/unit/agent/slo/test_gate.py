import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo import burn, gate, windows

DAY = 86400

TABLE = [  # objective, interval, days of the period, k* of n for each window, failures in the budget
    (0.999, 60, 30, [(3, 60), (5, 360), (8, 1440), (8, 4320)], 43),
    (0.999, 30, 30, [(5, 120), (8, 720), (14, 2880), (14, 8640)], 86),
    (0.999, 15, 30, [(7, 240), (14, 1440), (25, 5760), (25, 17280)], 173),
    (0.9995, 60, 30, [(2, 60), (3, 360), (5, 1440), (5, 4320)], 22),
    (0.995, 60, 30, [(8, 60), (17, 360), (30, 1440), (30, 4320)], 216),
    (0.99, 60, 30, [(14, 60), (30, 360), (55, 1440), (55, 4320)], 432),
    (0.999, 30, 28, [(4, 120), (8, 720), (13, 2880), (13, 8640)], 81),
]


@pytest.fixture(scope="module")
def stats() -> Any:
    """Return scipy's distributions: their import takes two seconds, which not every worker has to spend."""
    return importlib.import_module("scipy.stats")


@pytest.mark.parametrize(("objective", "every_s", "days", "gates", "budget"), TABLE)
def test_the_gates_are_those_of_the_published_table(
    objective: float, every_s: int, days: int, gates: list[tuple[int, int]], budget: int, stats: Any
) -> None:
    """Every k* and n, at a credibility of 95 %, and the same from scipy's own beta distribution."""
    found, theirs = [], []
    for window in windows.default():
        valid = int(window.long_s // every_s)
        ratio = burn.factor(window.budget_share, days * DAY, window.long_s) * (1 - objective)
        found.append((gate.least_failures(valid, ratio), valid))
        theirs.append(
            (
                next(
                    bad
                    for bad in range(valid + 1)
                    if stats.beta.sf(ratio, bad + 0.5, valid - bad + 0.5) >= gate.CREDIBILITY
                ),
                valid,
            )
        )
    assert found == gates == theirs
    assert round((1 - objective) * days * DAY / every_s) == budget


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 2e5), st.floats(0.5, 2e5))
def test_the_incomplete_beta_is_scipys(stats: Any, x: float, a: float, b: float) -> None:
    """To ten digits wherever it is not next to nothing."""
    assert gate.beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-8, abs=1e-12)


@given(st.integers(1, 5000), st.floats(1e-4, 0.999))
def test_k_star_is_the_least(valid: int, ratio: float) -> None:
    """One failure fewer is not credible, k* is; where there is none, not even all of them would be."""
    least = gate.least_failures(valid, ratio)
    if least is None:
        assert gate.exceeds(valid, valid, ratio) < gate.CREDIBILITY
        return
    assert gate.exceeds(least, valid, ratio) >= gate.CREDIBILITY
    assert least == 0 or gate.exceeds(least - 1, valid, ratio) < gate.CREDIBILITY


@given(st.integers(0, 300), st.integers(1, 3000), st.floats(0.5, 0.9999))
def test_met_and_exceeded_are_two_sides(bad: int, good: int, objective: float) -> None:
    """P(objective met) and P(error ratio over the budget) make one."""
    met = gate.met_probability(bad, bad + good, objective)
    assert met is not None
    assert met + gate.exceeds(bad, bad + good, 1 - objective) == pytest.approx(1)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_wilsons_interval_is_scipys(stats: Any, good: int, bad: int) -> None:
    """Against scipy's binomial test, which gives the same score interval."""
    if not good + bad:
        assert gate.wilson(good, good + bad) is None
        return
    theirs = stats.binomtest(good, good + bad).proportion_ci(method="wilson")
    assert gate.wilson(good, good + bad) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_bounds_of_the_distribution() -> None:
    """Below 0 lies nothing, above 1 everything."""
    assert gate.beta_cdf(-1, 2, 3) == 0
    assert gate.beta_cdf(1, 2, 3) == 1
