from agent.slo import burn, windows

DAY = 86400


def test_factors_are_derived_from_the_share_and_the_period() -> None:
    """The windows hold shares alone: 28 d and 30 d give their own factors."""

    def factors(days: int) -> list[float]:
        return [
            round(burn.factor(window.budget_share, days * DAY, window.long_s), 3)
            for window in windows.default()
        ]

    assert factors(30) == [14.4, 6.0, 3.0, 1.0]
    assert factors(28) == [13.44, 5.6, 2.8, 0.933]


def test_each_short_window_is_a_twelfth_of_its_long_one() -> None:
    """As the workbook has it."""
    assert all(window.long_s == 12 * window.short_s for window in windows.default())


def test_an_objective_is_counted_over_every_window_and_its_period_once() -> None:
    """A period that is a burn window too stands there once."""
    assert list(windows.counted(3 * DAY)) == ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
    assert windows.counted(28 * DAY)["28d"] == 28 * DAY
