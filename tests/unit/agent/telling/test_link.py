import pytest
from structlog.testing import capture_logs

from agent.telling.link import Link
from storage.base import StoreUnavailableError
from support.clock import FakeClock


def use(link: Link, answers: str) -> None:
    """Use it once a sign: `+` where the database answers, `-` where it is away."""
    for answer in answers:
        if answer == "+":
            with link.used():
                pass
        else:
            with pytest.raises(StoreUnavailableError), link.used():
                raise StoreUnavailableError("gone")


def test_the_gauge_follows_each_use_and_the_log_each_change() -> None:
    seen: list[bool] = []
    with capture_logs() as said:
        use(Link(seen.append), "++---+")
    assert seen == [True, True, False, False, False, True]
    assert [event["event"] for event in said] == ["database.up", "database.down", "database.up"]
    assert said[1]["error"] == "gone"


def test_any_other_failure_says_nothing_of_the_database() -> None:
    seen: list[bool] = []
    with pytest.raises(ZeroDivisionError), Link(seen.append).used():
        raise ZeroDivisionError
    assert seen == []


def test_a_use_that_hangs_while_no_other_comes_back_says_that_the_database_is_away() -> None:
    """Nothing fails there: a stopped server holds its connections open."""
    seen: list[bool] = []
    clock = FakeClock()
    link = Link(seen.append, clock.mono_ns)
    link.look()
    with capture_logs() as said, link.used():
        clock.advance(40)
        use(link, "+")
        clock.advance(44)
        link.look()
        assert seen == [True]
        clock.advance(1)
        for _ in range(2):
            link.look()
        assert seen == [True, False, False]
    assert seen == [True, False, False, True]
    assert [event["event"] for event in said] == ["database.up", "database.down", "database.up"]


def test_what_may_take_minutes_hangs_for_nobody() -> None:
    seen: list[bool] = []
    clock = FakeClock()
    link = Link(seen.append, clock.mono_ns)
    with link.used(long=True):
        clock.advance(600)
        link.look()
        assert seen == []
    clock.advance(600)
    link.look()
    assert seen == [True]
