"""Burn rates: how fast a budget goes, how fast is too fast, and when an alert would see and forget it.

Formulas: Google, The Site Reliability Workbook, chapter 5 "Alerting on SLOs". Objectives are ratios in (0, 1);
nothing is rounded.
"""


def error_ratio(bad: float, valid: float) -> float | None:
    """Return bad / valid, None where nothing was valid.

    >>> error_ratio(1, 60), error_ratio(0, 0)
    (0.016666666666666666, None)
    """
    return bad / valid if valid > 0 else None


def burn_rate(errors: float, objective: float) -> float:
    """Return by how much faster than planned the budget goes: 1 empties it exactly at the period's end.

    One failure among 60 probes against 99.9 % burns at 16.7:

    >>> f"{burn_rate(1 / 60, 0.999):.1f}"
    '16.7'
    """
    return errors / (1 - objective)


def factor(budget_share: float, period_s: float, long_s: float) -> float:
    """Return the burn at which `budget_share` of the period's budget goes within the long window.

    >>> hour, day = 3600, 86400
    >>> [round(factor(share, 30 * day, long), 3) for share, long in [(.02, hour), (.05, 6 * hour), (.1, day)]]
    [14.4, 6.0, 3.0]
    >>> [round(factor(share, 28 * day, long), 3) for share, long in [(.02, hour), (.05, 6 * hour), (.1, 3 * day)]]
    [13.44, 5.6, 0.933]
    """
    return budget_share * period_s / long_s


def reachable(factor: float, objective: float) -> bool:
    """Tell whether a total outage burns faster than the factor; else an alert on it can never fire.

    >>> reachable(14.4, 0.9307), reachable(14.4, 0.93)
    (True, False)
    """
    return factor * (1 - objective) < 1


def reachable_above(factor: float) -> float:
    """Return the objective above which the factor is reachable.

    >>> f"{reachable_above(14.4):.4f}"
    '0.9306'
    """
    return 1 - 1 / factor


def detection_s(factor: float, objective: float, errors: float, long_s: float) -> float | None:
    """Return how long an error ratio that begins after quiet lasts until the long window exceeds the factor.

    None where it never does. A total outage against 99.9 % over 30 d is seen after 52 s, 2 % after 43 minutes:

    >>> [round(detection_s(14.4, 0.999, errors, 3600), 1) for errors in (1.0, 0.02)]
    [51.8, 2592.0]
    >>> detection_s(14.4, 0.999, 0.01, 3600) is None
    True
    """
    share = factor * (1 - objective) / errors if errors > 0 else 1.0
    return long_s * share if share < 1 else None


def reset_s(factor: float, objective: float, errors: float, short_s: float) -> float:
    """Return how long after a fault's end the short window still exceeds the factor.

    >>> round(reset_s(14.4, 0.999, 1.0, 300), 2), reset_s(14.4, 0.999, 0.01, 300)
    (295.68, 0.0)
    """
    share = factor * (1 - objective) / errors if errors > 0 else 1.0
    return short_s * max(0.0, 1 - share)


def exhaustion_s(budget_left: float | None, burn: float | None, period_s: float) -> float | None:
    """Return how long a budget lasts at this burn, 0 where it is spent, None where it is not going or nobody knows.

    Half of the budget of 28 d is gone in a day at a burn of 14:

    >>> exhaustion_s(0.5, 14.0, 28 * 86400.0), exhaustion_s(-0.1, 14.0, 86400.0), exhaustion_s(0.5, 0.0, 86400.0)
    (86400.0, 0.0, None)
    """
    if budget_left is None or budget_left <= 0:
        return None if budget_left is None else 0.0
    return budget_left * period_s / burn if burn else None
