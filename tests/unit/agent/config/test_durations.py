"""Durations, sizes and percentages."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.durations import duration, ratio, shown, size


@pytest.mark.parametrize("value", [30, 1.5])
def test_a_duration_without_a_unit_is_refused_with_both_likely_ones(value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{value} has no unit; write {value}s for seconds, or {value}m"):
        duration(value)


@pytest.mark.parametrize("value", ["30", "s", "", "30 sx", "1.5", "-5s", "5x", "s5", None, True, [], {}])
def test_what_is_no_duration_is_refused_with_examples(value: object) -> None:
    with pytest.raises(
        ValueError, match="is not a duration; write a number and a unit: 250ms, 30s, 5m, 1h, 28d"
    ):
        duration(value)


@pytest.mark.parametrize(
    ("value", "meant"),
    [("30 s", "30s"), ("30sec", "30s"), ("30 days", "30d"), ("1.5 Minutes", "1.5m"), ("200 msec", "200ms")],
)
def test_a_unit_in_words_is_refused_with_the_one_that_is_meant(value: str, meant: str) -> None:
    with pytest.raises(ValueError, match=rf"^`{value}` is not a duration; write {meant}$"):
        duration(value)


def test_units_up_to_years_are_known() -> None:
    assert [duration(text) for text in ("1ms", "1s", "1m", "1h", "1d", "1w", "1y")] == [
        0.001,
        1,
        60,
        3600,
        86400,
        604800,
        31536000,
    ]


def test_a_size_wants_its_unit() -> None:
    assert [size(text) for text in ("512B", "64KiB", "8 MiB", "2GiB", "1MB")] == [
        512,
        65536,
        8388608,
        2**31,
        10**6,
    ]
    with pytest.raises(ValueError, match="8 has no unit; write 8KiB or 8MiB"):
        size(8)
    with pytest.raises(ValueError, match="`8M` is not a size"):
        size("8M")


@pytest.mark.parametrize(
    ("value", "remedy"),
    [(0.999, "write 99.9"), (0.9995, "write 99.95"), (0.99, "write 99"), (1, "write 100")],
)
def test_a_ratio_for_a_percentage_is_refused_with_the_percentage(value: float, remedy: str) -> None:
    with pytest.raises(ValueError, match=f"looks like a ratio; percent is out of 100: {remedy}$"):
        ratio(value)


@pytest.mark.parametrize("value", [0, 100, -5, 101, "99.9", True, None, float("nan"), float("inf")])
def test_what_leaves_no_budget_or_is_no_percentage_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"99\.9"):
        ratio(value)


@given(st.decimals(min_value="1.001", max_value="99.9999", places=4))
def test_a_percentage_becomes_the_float_nearest_to_its_ratio(percent: Decimal) -> None:
    """99.9 is 0.999 and not 0.9990000000000001, for any number of up to four decimals."""
    assert repr(ratio(float(str(percent)))) == repr(float(str(percent / 100)))


def test_a_value_is_quoted_shortly() -> None:
    values: tuple[object, ...] = (None, True, {}, [], "x" * 100)
    assert [shown(value) for value in values] == [
        "an empty value",
        "true",
        "a map",
        "a list",
        f"`{'x' * 57}...`",
    ]
