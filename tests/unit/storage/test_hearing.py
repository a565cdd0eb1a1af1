"""Who is told of the next notice of an alert; how the outbox keeps to it is its contract's."""

from typing import Any

from storage.alert_readings import NoticeRow
from storage.hearing import Heard, Hushed, spread

ALERT = ("fra-1", "a@1")


def row(seq: int, receiver: str = "pager", **changes: Any) -> NoticeRow:
    known: dict[str, Any] = {
        "vantage": "fra-1",
        "receiver": receiver,
        "alert": "a@1",
        "seq": seq,
        "ends": False,
        "urgent": True,
        "bundle": "a",
        "made_ns": 1,
        "due_ns": 2,
        "repeat_ns": 3,
        "payload": {"seq": seq},
    }
    return NoticeRow(**known | changes)


def test_whoever_is_named_is_told_and_reminded() -> None:
    named = [row(1), row(1, "mail")]
    assert spread(named, {}) == (named, [])
    assert spread(named, {ALERT: [Heard("mail", 1, reached=True)]}) == (named, [])


def test_whoever_heard_of_it_is_told_the_same_and_not_reminded() -> None:
    there = {ALERT: [Heard("mail", 1, reached=True), Heard("chat", 1, reached=False)]}
    assert spread([row(2)], there) == (
        [row(2), row(2, "mail", repeat_ns=None)],
        [Hushed("fra-1", "chat", "a@1", 2)],
    )


def test_the_same_notice_for_another_receiver_tells_nobody_else_anything() -> None:
    there = {ALERT: [Heard("mail", 2, reached=True), Heard("chat", 2, reached=False)]}
    assert spread([row(2)], there) == ([row(2)], [])


def test_what_is_older_than_what_is_there_is_left_out() -> None:
    assert spread([row(1)], {ALERT: [Heard("mail", 2, reached=True)]}) == ([], [])


def test_alerts_and_vantages_are_apart() -> None:
    others = [row(1, alert="b@1"), row(1, vantage="ams-2")]
    kept, hushed = spread(others, {ALERT: [Heard("mail", 2, reached=True)]})
    assert (len(kept), hushed) == (2, [])
