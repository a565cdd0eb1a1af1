"""A pool burns where its members burn together; one of them that burns alone is no page of the pool's."""

from agent.slo import windows
from agent.slo.burning import Window, Windows, burning
from agent.slo.conditions import Condition, condition
from storage.readings import SliCounts


def fast(every_s: float) -> Condition:
    found = condition(0.999, 28 * 86400.0, every_s, windows.default()[0])
    assert isinstance(found, Condition)
    return found


def series(long_bad: int, short_bad: int, due: int = 120) -> Windows:
    short = due // 12
    return {
        "1h": Window(counts=SliCounts(due - long_bad, long_bad), expected=due),
        "5m": Window(counts=SliCounts(short - short_bad, short_bad), expected=short),
    }


def test_the_gate_holds_at_its_own_number_of_failures() -> None:
    least = fast(30.0).min_bad_long
    assert not burning(fast(30.0), 0.999, [series(least - 1, 2)])
    assert burning(fast(30.0), 0.999, [series(least, 2)])
    assert not burning(fast(30.0), 0.999, [series(least, 1)])


def test_a_pool_wants_failures_of_two_of_its_members_now() -> None:
    pool = fast(15.0)
    least = pool.min_bad_long
    assert burning(pool, 0.999, [series(least - 3, 2), series(3, 1)])
    assert not burning(pool, 0.999, [series(least - 2, 2), series(2, 1)])
    assert not burning(pool, 0.999, [series(least - 2, 3), series(2, 0)])


def test_one_member_that_burns_alone_is_not_the_pool() -> None:
    pool = fast(15.0)
    assert not burning(pool, 0.999, [series(30, 9), series(1, 1)])


def test_a_gap_does_not_raise_the_burn() -> None:
    """Of 120 due slots only 20 came: 4 failures are 4 of 120, which is over 13.44 times 0.1 %, not 4 of 20."""
    few = {
        "1h": Window(counts=SliCounts(16, 4), expected=400),
        "5m": Window(counts=SliCounts(0, 4), expected=33),
    }
    assert not burning(fast(30.0), 0.999, [few])
