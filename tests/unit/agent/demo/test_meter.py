"""A simulated rate limit counts down, refuses what is past it, and begins again each minute."""

from agent.demo.meter import Meter
from agent.demo.vendors import Limits


def test_requests_and_tokens_count_down() -> None:
    meter = Meter(Limits(5000, 1000), now_s=100.0)
    left = [meter.take(tokens=256, now_s=100.0 + second) for second in range(3)]
    assert [(one.requests, one.tokens) for one in left] == [(4999, 744), (4998, 488), (4997, 232)]
    assert [one.reset_s for one in left] == [60.0, 59.0, 58.0]


def test_what_is_past_the_limit_is_refused_and_not_counted() -> None:
    """A smaller request still gets what is left."""
    meter = Meter(Limits(10, 1000), now_s=0.0)
    assert not meter.take(900, 1.0).spent
    assert meter.take(200, 2.0).spent
    assert not meter.take(100, 3.0).spent


def test_each_minute_begins_whole() -> None:
    """Minutes follow from the first, however long nobody asked."""
    meter = Meter(Limits(2, 1000), now_s=0.0)
    meter.take(10, 1.0)
    left = meter.take(10, 190.0)
    assert (left.requests, left.reset_s) == (1, 50.0)


def test_who_throttles_has_nothing_left_and_says_when() -> None:
    left = Meter(Limits(5, 50), now_s=0.0).nothing(70.5)
    assert (left.requests, left.tokens, left.wait_s) == (0, 0, 50)
