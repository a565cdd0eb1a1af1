from agent.slo.conditions import Condition, Gap, conditions

DAY = 86400


def test_the_default_objective_carries_all_four_conditions() -> None:
    """99.9 % over 28 d at 30 s: the gates of the published table, two failures in each short window."""
    held, left = conditions(0.999, 28 * DAY, 30)
    assert [(one.min_bad_long, one.min_bad_short) for one in held] == [(4, 2), (8, 2), (13, 2), (13, 2)]
    assert not left


def test_an_unreachable_factor_is_left_out() -> None:
    """Against 90 % over 28 d even a total outage burns at 10 only."""
    held, left = conditions(0.9, 28 * DAY, 30)
    assert [(window.name, gap) for window, gap in left] == [("1h/5m page", Gap.UNREACHABLE)]
    assert len(held) == 3


def test_a_short_window_without_a_probe_is_left_out() -> None:
    """Every 10 minutes, 5 minutes hold none."""
    _, left = conditions(0.999, 28 * DAY, 600)
    assert [(window.name, gap) for window, gap in left] == [("1h/5m page", Gap.SPARSE)]


def test_a_short_window_of_one_probe_asks_for_one_failure_and_the_long_one_for_two() -> None:
    """Else an outage at an interval of 5 minutes could never page, or a lone failure would."""
    held, _ = conditions(0.9995, 28 * DAY, 300)
    assert (held[0].min_bad_long, held[0].min_bad_short) == (2, 1)


def test_a_burn_that_the_budget_bears_is_no_alert() -> None:
    """Over 7 d, 10 % of the budget in 3 d is a burn of 0.23."""
    held, left = conditions(0.99, 7 * DAY, 30)
    assert all(isinstance(one, Condition) and one.window.severity == "page" for one in held)
    assert [gap for _, gap in left] == [Gap.BEARABLE, Gap.BEARABLE]


def test_a_window_longer_than_the_period_says_nothing() -> None:
    """Three days within a period of one."""
    _, left = conditions(0.99, DAY, 30)
    assert [gap for _, gap in left][2:] == [Gap.TOO_LONG, Gap.TOO_LONG]
