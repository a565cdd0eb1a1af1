"""What the outbox promises, wherever it is kept."""

from typing import Any

import pytest

from storage.alert_readings import Claim, Last, NoticeRow, NoticeState, Told
from storage.base import Outbox
from storage.memory_outbox import MemoryOutbox
from storage.outbox import PostgresOutbox

S = 1_000_000_000
T0 = 1_800_000_000 * S
DAY = 86_400 * S
LEASE = 120 * S


@pytest.fixture(params=["memory", "postgres", pytest.param("system", marks=pytest.mark.heavy)])
def outbox(request: pytest.FixtureRequest) -> Outbox:
    if request.param == "memory":
        return MemoryOutbox()
    return PostgresOutbox(
        request.getfixturevalue({"postgres": "database", "system": "system_database"}[request.param])
    )


def row(seq: int = 1, **changes: Any) -> NoticeRow:
    known: dict[str, Any] = {
        "vantage": "fra-1",
        "receiver": "pager",
        "alert": "service-down/chat@1",
        "seq": seq,
        "ends": False,
        "urgent": False,
        "bundle": "a",
        "made_ns": T0,
        "due_ns": T0,
        "repeat_ns": None,
        "payload": {"summary": "down", "facts": {"n": 1}},
    }
    return NoticeRow(**known | changes)


def claimed(outbox: Outbox, at_ns: int = T0, *receivers: str, limit: int = 10) -> list[Claim]:
    return outbox.claim("fra-1", receivers or ("pager",), at_ns, at_ns + LEASE, limit)


def settle(outbox: Outbox, claim: Claim, state: NoticeState, at_ns: int = T0, **more: Any) -> None:
    outbox.settle([Told(claim=claim, state=state, at_ns=at_ns, **more)])


def seqs(claims: list[Claim]) -> list[int]:
    return [claim.row.seq for claim in claims]


def test_what_is_put_comes_back_as_it_was(outbox: Outbox) -> None:
    outbox.put([row()])
    assert claimed(outbox) == [Claim(row(), 0, T0 + LEASE, known=False)]


def test_nothing_is_due_before_its_time(outbox: Outbox) -> None:
    outbox.put([row(due_ns=T0 + S)])
    assert claimed(outbox) == []
    assert seqs(claimed(outbox, T0 + S)) == [1]


def test_put_twice_it_is_told_once(outbox: Outbox) -> None:
    """Whoever does not know whether it was put puts it again."""
    outbox.put([row(), row()])
    (claim,) = claimed(outbox)
    settle(outbox, claim, "told")
    outbox.put([row(payload={})])
    assert claimed(outbox, T0 + DAY) == []


def test_what_is_claimed_is_nobody_elses_until_the_lease_lapses(outbox: Outbox) -> None:
    """A kill between claim and telling repeats it: the same alert, the same number, the same payload."""
    outbox.put([row()])
    (first,) = claimed(outbox)
    assert claimed(outbox, T0 + LEASE - 1) == []
    (second,) = claimed(outbox, T0 + LEASE)
    assert (first.row, first.tries) == (second.row, second.tries)


def test_who_lost_the_lease_settles_nothing(outbox: Outbox) -> None:
    outbox.put([row()])
    (first,) = claimed(outbox)
    (second,) = claimed(outbox, T0 + LEASE)
    settle(outbox, first, "told")
    settle(outbox, second, "waiting", due_ns=T0 + 2 * LEASE, error="no")
    (third,) = claimed(outbox, T0 + 2 * LEASE)
    assert (third.tries, third.known) == (1, False)


def test_what_failed_is_due_again_when_it_was_said(outbox: Outbox) -> None:
    outbox.put([row()])
    settle(outbox, claimed(outbox)[0], "waiting", due_ns=T0 + 5 * S, error="HTTP 503")
    assert claimed(outbox, T0 + 4 * S) == []
    (again,) = claimed(outbox, T0 + 5 * S)
    assert again.tries == 1
    settle(outbox, again, "waiting", due_ns=T0 + 6 * S)
    (third,) = claimed(outbox, T0 + 6 * S)
    assert third.tries == 1
    settle(outbox, third, "told", due_ns=T0 + 7 * S)
    assert claimed(outbox, T0 + 7 * S)[0].tries == 0


def test_the_newest_notice_of_an_alert_is_told_alone(outbox: Outbox) -> None:
    """A firing that was never told and is over is told as one end."""
    outbox.put([row(1), row(2, ends=True, made_ns=T0 + S)])
    (claim,) = claimed(outbox, T0 + S)
    assert (claim.row.seq, claim.known) == (2, False)
    settle(outbox, claim, "told")
    assert claimed(outbox, T0 + DAY) == []


def test_an_end_never_overtakes_its_firing(outbox: Outbox) -> None:
    """While that is being told the end waits, and then it knows that it was."""
    outbox.put([row(1)])
    (firing,) = claimed(outbox)
    outbox.put([row(2, ends=True)])
    assert claimed(outbox, T0 + S) == []
    settle(outbox, firing, "told", due_ns=T0 + 60 * S)
    (end,) = claimed(outbox, T0 + S)
    assert (end.row.seq, end.known) == (2, True)


def test_an_end_goes_on_when_the_one_who_told_its_firing_died(outbox: Outbox) -> None:
    outbox.put([row(1)])
    claimed(outbox)
    outbox.put([row(2, ends=True)])
    assert seqs(claimed(outbox, T0 + LEASE)) == [2]


def test_what_is_told_is_due_again_until_something_newer_is_there(outbox: Outbox) -> None:
    """Reminders and refreshes are the same row, told again."""
    outbox.put([row(1)])
    settle(outbox, claimed(outbox)[0], "told", due_ns=T0 + 60 * S)
    (again,) = claimed(outbox, T0 + 60 * S)
    assert again.known
    settle(outbox, again, "told", T0 + 60 * S, due_ns=T0 + 120 * S)
    outbox.put([row(2, ends=True, made_ns=T0 + 61 * S, due_ns=T0 + 61 * S)])
    (end,) = claimed(outbox, T0 + 120 * S)
    settle(outbox, end, "told", T0 + 120 * S)
    assert claimed(outbox, T0 + DAY) == []


def test_each_receiver_has_its_share_and_nobody_elses(outbox: Outbox) -> None:
    """A backlog of one does not crowd out another."""
    outbox.put([row(alert=f"a{number}", made_ns=T0 + number) for number in range(5)])
    outbox.put([row(receiver="mail", made_ns=T0 + 9), row(receiver="gone"), row(vantage="ams-2")])
    found = claimed(outbox, T0 + S, "pager", "mail", limit=3)
    assert [(claim.row.receiver, claim.row.alert) for claim in found] == [
        ("mail", "service-down/chat@1"),
        ("pager", "a0"),
        ("pager", "a1"),
        ("pager", "a2"),
    ]
    assert len(claimed(outbox, T0 + S, "pager", limit=3)) == 2


def test_a_page_goes_before_the_tickets_that_waited_longer(outbox: Outbox) -> None:
    outbox.put([row(alert=f"a{number}", made_ns=T0 + number) for number in range(5)])
    outbox.put([row(alert="page", made_ns=T0 + 9, urgent=True)])
    assert [claim.row.alert for claim in claimed(outbox, T0 + S, limit=2)] == ["page", "a0"]


def test_what_was_refused_for_good_is_not_told_again(outbox: Outbox) -> None:
    outbox.put([row()])
    settle(outbox, claimed(outbox)[0], "refused", error="HTTP 404")
    assert claimed(outbox, T0 + DAY) == []


def test_what_was_refused_is_tried_again_when_it_was_said(outbox: Outbox) -> None:
    outbox.put([row()])
    settle(outbox, claimed(outbox)[0], "refused", due_ns=T0 + 5 * S, error="HTTP 404")
    assert claimed(outbox, T0 + 4 * S) == []
    (again,) = claimed(outbox, T0 + 5 * S)
    assert (again.tries, again.again) == (1, False)


def test_what_was_refused_is_revived_for_a_receiver_that_was_mended(outbox: Outbox) -> None:
    """Its end as well; not what is old, or what another receiver refused."""
    outbox.put([row(), row(alert="over", ends=True), row(alert="old", made_ns=T0 - DAY)])
    outbox.put([row(receiver="mail"), row(alert="rose")])
    outbox.put([row(2, alert="rose", made_ns=T0 + S)])
    for claim in claimed(outbox, T0 + S, "pager", "mail"):
        settle(outbox, claim, "refused", due_ns=T0 + DAY, error="HTTP 404")
    outbox.revive("fra-1", ("pager",), T0, T0 + 2 * S)
    found = claimed(outbox, T0 + 2 * S, "pager", "mail")
    assert [(claim.row.alert, claim.row.seq, claim.tries) for claim in found] == [
        ("over", 1, 1),
        ("service-down/chat@1", 1, 1),
        ("rose", 2, 1),
    ]


def test_what_is_over_is_dropped_sooner_where_its_begin_was_never_told(outbox: Outbox) -> None:
    """A receiver that was down for a day hears of what still fires, and of the ends of what it heard of."""
    outbox.put([row(), row(alert="heard"), row(alert="on"), row(receiver="mail", alert="over", ends=True)])
    heard = next(claim for claim in claimed(outbox) if claim.row.alert == "heard")
    settle(outbox, heard, "told")
    outbox.put([row(2, ends=True, made_ns=T0 + S), row(2, alert="heard", ends=True, made_ns=T0 + S)])
    later = T0 + LEASE + S
    assert outbox.expire("fra-1", ("pager",), T0, T0 - DAY) == {}
    assert outbox.expire("fra-1", ("pager",), later, T0 - DAY) == {"mail": 1}
    assert [claim.row.alert for claim in claimed(outbox, T0 + DAY, limit=2)] == ["on", "heard"]


def test_what_a_receiver_may_have_heard_is_known_to_it(outbox: Outbox) -> None:
    """It may have taken what it did not answer."""
    outbox.put([row(), row(alert="other")])
    other, tried = claimed(outbox)
    settle(outbox, tried, "waiting", due_ns=T0 + S, error="took too long")
    settle(outbox, other, "waiting", due_ns=T0 + S)
    outbox.put([row(2, ends=True), row(2, alert="other", ends=True)])
    assert [(claim.row.alert, claim.known) for claim in claimed(outbox, T0 + S)] == [
        ("other", False),
        ("service-down/chat@1", True),
    ]


def test_what_is_being_told_is_not_dropped_and_what_was_never_settled_is(outbox: Outbox) -> None:
    outbox.put([row(ends=True)])
    claimed(outbox)
    assert outbox.expire("fra-1", ("pager",), T0 + S, T0 + S) == {}
    assert outbox.expire("fra-1", ("pager",), T0 + DAY, T0 + DAY) == {"pager": 1}


def test_what_goes_on_is_dropped_where_its_receiver_is_gone_alone(outbox: Outbox) -> None:
    """However long it waited, who is there hears of it at last; and who comes back, where it is said again."""
    outbox.put([row()])
    assert outbox.expire("fra-1", ("pager",), T0 + 7 * DAY, T0 + 7 * DAY) == {}
    assert outbox.expire("fra-1", ("mail",), T0 + 7 * DAY, T0 + 1) == {"pager": 1}
    assert claimed(outbox, T0 + 8 * DAY) == []
    outbox.put([row(due_ns=T0 + 8 * DAY)])
    assert seqs(claimed(outbox, T0 + 8 * DAY)) == [1]


def test_what_is_over_is_forgotten_and_what_may_still_be_told_is_not(outbox: Outbox) -> None:
    """Nothing of an alert goes that is still going on: who was told of it is to hear of its end."""
    outbox.put([row(), row(alert="on"), row(receiver="mail")])
    for claim in claimed(outbox, T0, "pager", "mail"):
        settle(outbox, claim, "told")
    outbox.put([row(2, ends=True, made_ns=T0 + S, due_ns=T0 + S)])
    outbox.forget("fra-1", T0 + DAY)
    for claim in claimed(outbox, T0 + S, "pager", "mail"):
        settle(outbox, claim, "told", T0 + S)
    assert len(outbox.deliveries("fra-1", "service-down/chat@1")) == 4
    outbox.forget("fra-1", T0 + DAY)
    assert outbox.deliveries("fra-1", "service-down/chat@1") == []
    assert len(outbox.deliveries("fra-1", "on")) == 1


def test_who_was_told_of_an_alert_hears_of_its_rise_and_its_end_though_it_is_not_named(
    outbox: Outbox,
) -> None:
    outbox.put([row(receiver="mail", repeat_ns=DAY)])
    settle(outbox, claimed(outbox, T0, "mail")[0], "told", due_ns=T0 + DAY)
    outbox.put([row(2, urgent=True, repeat_ns=DAY)])
    rise = claimed(outbox, T0, "mail", "pager")
    assert [(one.row.receiver, one.row.seq, one.row.repeat_ns, one.known) for one in rise] == [
        ("mail", 2, None, True),
        ("pager", 2, DAY, False),
    ]
    for claim in rise:
        settle(outbox, claim, "told")
    outbox.put([row(3, ends=True, receiver="chat")])
    end = claimed(outbox, T0, "mail", "pager", "chat")
    assert [(one.row.receiver, one.row.seq) for one in end] == [("chat", 3), ("mail", 3), ("pager", 3)]


def test_who_was_not_told_and_is_not_named_any_longer_hears_nothing(outbox: Outbox) -> None:
    """A ticket that rose before its turn came is no page of the receivers of tickets."""
    outbox.put([row(receiver="mail", due_ns=T0 + S)])
    outbox.put([row(2, urgent=True)])
    outbox.put([row(3, ends=True)])
    assert claimed(outbox, T0 + DAY, "mail") == []
    assert [one.state for one in outbox.deliveries("fra-1", "service-down/chat@1")] == [
        "superseded",
        "waiting",
        "waiting",
    ]


def test_who_is_being_told_while_it_rises_hears_of_that_too(outbox: Outbox) -> None:
    outbox.put([row(receiver="mail")])
    (ticket,) = claimed(outbox, T0, "mail")
    outbox.put([row(2, urgent=True)])
    settle(outbox, ticket, "told")
    assert seqs(claimed(outbox, T0, "mail")) == [2]


def test_what_is_older_than_what_is_there_comes_too_late(outbox: Outbox) -> None:
    """Whoever is told in another's place must not be told of what is over by then."""
    outbox.put([row()])
    outbox.put([row(2, ends=True)])
    outbox.put([row(receiver="mail")])
    assert claimed(outbox, T0, "mail") == []


def test_nothing_is_put_and_settled_without_harm(outbox: Outbox) -> None:
    outbox.put([])
    outbox.settle([])
    assert claimed(outbox) == []


def test_what_an_endpoint_said_spoils_no_notice(outbox: Outbox) -> None:
    """A NUL has no place in Postgres."""
    outbox.put([row(payload={"detail": "a\0b\ud800", "evidence": ["c\0"], "seq": 1})])
    (claim,) = claimed(outbox)
    assert claim.row.payload["seq"] == 1


def test_what_became_of_the_notices_of_an_alert_can_be_asked(outbox: Outbox) -> None:
    outbox.put([row(2, ends=True), row(), row(alert="another@1", receiver="other"), row(receiver="mail")])
    (claim,) = claimed(outbox, T0, "mail")
    settle(outbox, claim, "waiting", due_ns=T0 + S, error="HTTP 500")
    (claim,) = claimed(outbox)
    settle(outbox, claim, "told", T0 + S)
    found = outbox.deliveries("fra-1", "service-down/chat@1")
    assert [
        (one.row.receiver, one.row.seq, one.state, one.tries, one.told_ns, one.error) for one in found
    ] == [
        ("mail", 1, "waiting", 1, None, "HTTP 500"),
        ("pager", 1, "superseded", 0, None, None),
        ("pager", 2, "told", 0, T0 + S, None),
    ]
    assert found[2].row == row(2, ends=True)
    assert outbox.deliveries("elsewhere", "service-down/chat@1") == []


def test_what_several_vantages_told_under_one_key_is_known(outbox: Outbox) -> None:
    outbox.put([row(), row(vantage="lon-1"), row(vantage="lon-1", alert="another")])
    found = outbox.deliveries(None, "service-down/chat@1")
    assert [one.row.vantage for one in found] == ["fra-1", "lon-1"]


def test_ends_alone_are_claimed_where_that_is_asked(outbox: Outbox) -> None:
    outbox.put([row(alert="fires"), row(alert="ended", ends=True)])
    found = outbox.claim("fra-1", ["pager"], T0, T0 + LEASE, 10, ends=True)
    assert [claim.row.alert for claim in found] == ["ended"]
    assert [claim.row.alert for claim in claimed(outbox)] == ["fires"]


def test_what_fires_at_receivers_is_open_until_its_end_is_there(outbox: Outbox) -> None:
    """Told or not: what waits will be told."""
    outbox.put([row(alert=alert) for alert in ("told", "waits", "gone")])
    settle(outbox, next(claim for claim in claimed(outbox) if claim.row.alert == "told"), "told")
    outbox.put([row(2, alert="told"), row(2, alert="gone", ends=True)])
    outbox.put([row(vantage="lon-1", alert="elsewhere"), row(receiver="mail", alert="waits", made_ns=T0 + 1)])
    assert [(one.alert, one.receiver, one.seq) for one in outbox.open("fra-1")] == [
        ("told", "pager", 2),
        ("waits", "pager", 1),
        ("waits", "mail", 1),
    ]


def test_of_each_alert_the_last_notice_is_known(outbox: Outbox) -> None:
    outbox.put([row(), row(2), row(3, receiver="mail", ends=True), row(alert="b"), row(9, alert="c")])
    asked = ["service-down/chat@1", "b", "unknown"]
    assert outbox.last("fra-1", asked) == {
        "service-down/chat@1": Last(3, ends=True),
        "b": Last(1, ends=False),
    }
    assert outbox.last("lon-1", asked) == {}


def test_a_page_that_nobody_took_is_known_to_others(outbox: Outbox) -> None:
    """And whether somebody may be taking it this moment."""
    page = ("fra-1", "service-down/chat@1")
    asked = [page, ("fra-1", "unknown"), ("lon-1", page[1])]
    nobody = dict.fromkeys(asked, False)
    outbox.put([row(urgent=True), row(receiver="mail")])
    assert outbox.untaken([]) == {}
    assert outbox.untaken(asked) == nobody
    mail, pager = claimed(outbox, T0, "pager", "mail")
    assert outbox.untaken(asked) == nobody | {page: True}
    settle(outbox, pager, "waiting", due_ns=T0 + S, error="HTTP 503")
    settle(outbox, mail, "told")
    assert outbox.untaken(asked) == nobody, "a ticket that was told is no page"
    (pager,) = claimed(outbox, T0 + S)
    assert outbox.untaken(asked) == nobody, "it failed before"
    settle(outbox, pager, "told")
    assert set(outbox.untaken(asked)) == set(asked[1:])


def test_what_a_receiver_took_from_who_took_over_it_is_not_told_by_the_first(outbox: Outbox) -> None:
    """But for what somebody is telling this moment, other receivers, and an end."""
    outbox.put([row(receiver=name, urgent=True) for name in ("pager", "mail", "chat")])
    outbox.put([row(receiver="jira", alert="over", urgent=True, ends=True)])
    (leased,) = claimed(outbox, T0, "chat")
    taken = [("pager", "service-down/chat@1"), ("chat", "service-down/chat@1"), ("jira", "over")]
    outbox.put([row(vantage="lon-1", receiver=name, alert=alert, urgent=True) for name, alert in taken])
    for claim in outbox.claim("lon-1", [name for name, _ in taken], T0, T0 + LEASE, 9):
        settle(outbox, claim, "told")
    assert {claim.row.receiver for claim in claimed(outbox, T0, "pager", "mail", "jira")} == {"mail", "jira"}
    settle(outbox, leased, "waiting", due_ns=T0 + S, error="HTTP 503")
    assert len(claimed(outbox, T0 + S, "chat")) == 1
