"""In whose hands an alert is."""

import dataclasses

import pytest

from agent.slo.acknowledging import current, revived
from storage.alert_readings import AckRow

ACK = AckRow(vantage="here", alert="a@1", severity="page", author="ada", reason="on it", made_ns=10)


def test_the_last_word_counts() -> None:
    later = dataclasses.replace(ACK, author="grace", made_ns=20, until_ns=30)
    assert current([later, ACK], "a@1", "page", 25) == later
    assert current([later, ACK], "a@1", "page", 30) is None
    assert current([ACK], "b@1", "page", 25) is None


@pytest.mark.parametrize(
    ("taken", "now", "holds"),
    [("ticket", "ticket", True), ("ticket", "page", False), ("page", "page", True), ("page", "ticket", True)],
)
def test_who_took_a_ticket_took_no_page(taken: str, now: str, *, holds: bool) -> None:
    ack = dataclasses.replace(ACK, severity=taken)
    assert (current([ack], "a@1", now, 11) == ack) is holds


def test_it_is_remembered_as_it_was() -> None:
    assert revived(dataclasses.asdict(ACK)) == ACK
    assert revived(None) is None
