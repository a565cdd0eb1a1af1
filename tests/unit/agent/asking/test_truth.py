import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.asking.truth import distance, spread, stream_errors

instants = st.integers(-(10**12), 10**12)


@given(instants, instants, instants)
def test_the_distance_is_the_least_shift_into_the_interval(at_ns: int, one: int, other: int) -> None:
    interval = (min(one, other), max(one, other))
    off = distance(at_ns, interval)
    assert interval[0] <= at_ns - off <= interval[1]
    assert off == 0 or at_ns - off in interval


def test_a_stream_with_other_arrivals_than_writes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        stream_errors(0, 0, [1, 2], [(1, 1)])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300))
def test_the_spread_is_made_of_errors_that_were_seen(errors: list[float]) -> None:
    told = spread(errors)
    assert {told["p50"], told["p99"]} <= set(errors)
    assert sum(error <= told["p50"] for error in errors) >= len(errors) / 2
    assert sum(error <= told["p99"] for error in errors) >= len(errors) * 0.99
