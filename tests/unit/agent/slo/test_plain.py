"""Plain multiwindow alerting: what the engine is compared with."""

import pytest

from agent.slo import plain

WINDOW_S = 28 * 86400.0


@pytest.mark.parametrize(
    ("bad_s", "pages"),
    [
        ([], []),
        ([0.0], []),
        ([0.0, 3000.0], [3000.0]),
        ([0.0, 4000.0], []),
        ([0.0, 30.0], [30.0]),
        ([0.0, 30.0, 60.0, 90.0], [30.0]),
        ([0.0, 30.0, 9000.0, 9030.0], [30.0, 9030.0]),
    ],
)
def test_two_failures_within_an_hour_page_and_go_on_paging_as_one(
    bad_s: list[float], pages: list[float]
) -> None:
    """99.9 % at 30 s: more than 1.6 of 120 in an hour, and more than 0.1 of 10 in 5 minutes."""
    assert plain.pages(bad_s, 30.0, 0.999, WINDOW_S) == pages


def test_where_no_condition_can_hold_nothing_pages() -> None:
    assert plain.pages([0.0, 30.0, 60.0], 30.0, 0.5, WINDOW_S) == []
