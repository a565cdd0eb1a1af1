import pytest
from structlog.testing import capture_logs

from agent.telling.link import Link
from storage.base import StoreUnavailableError


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
