"""Which receivers are told of an alert, when, and with which others."""

import dataclasses
from typing import Any

from agent.config.model import Config, Receiver, Route
from agent.telling.routing import GRID_NS, packed, routed, rows, stand_ins, unpacked
from exporters.signals import Acknowledged
from support.notices import FIRED_NS, a_notice, ended
from support.told import configuration

PAGER = Receiver(name="pager", kind="pagerduty", routing_key="${PD}")
MAIL = Receiver(name="mail", kind="email", smtp="smtp://mail", to=("sre@bank.example",))
ASSIST = Route(when=(("team", ("assist",)), ("severity", ("page",))), to=("pager",))
REST = Route(to=("mail",))


def config(*routes: Route, **changes: Any) -> Config:
    return dataclasses.replace(
        configuration("azure"), receivers=(PAGER, MAIL), routes=routes, engine="agent", **changes
    )


def told(plan: Config, *notices: Any) -> list[str]:
    return [row.receiver for row in rows(plan, notices or [a_notice()], FIRED_NS)]


def test_the_first_route_that_takes_an_alert_has_it() -> None:
    """As in Alertmanager, where `continue` is false unless it is said."""
    assert told(config(ASSIST, REST)) == ["pager"]
    assert told(config(ASSIST, REST), a_notice(severity="ticket")) == ["mail"]
    assert told(config(REST, ASSIST)) == ["mail"]


def test_what_no_route_takes_goes_to_every_receiver() -> None:
    """Nobody is told of too little."""
    assert told(config(ASSIST), a_notice(labels={"team": "search"})) == ["pager", "mail"]
    assert told(config()) == ["pager", "mail"]


def test_a_page_that_is_refused_goes_where_it_would_go_without_who_refuses_it() -> None:
    """To the others of its route, else to the next that takes it, else to whoever is left."""

    def instead(plan: Config, *refusing: str) -> list[str]:
        return [row.receiver for row in stand_ins(plan, a_notice(), refusing, FIRED_NS)]

    both = dataclasses.replace(ASSIST, to=("pager", "mail"))
    assert instead(config(both, REST), "pager") == ["mail"]
    assert instead(config(ASSIST, REST), "pager") == ["mail"]
    assert instead(config(ASSIST), "pager") == ["mail"]
    assert instead(config(ASSIST, REST), "pager", "mail") == []
    (row,) = stand_ins(config(ASSIST, REST), a_notice(), ["pager"], FIRED_NS)
    assert unpacked(row.payload).facts["refused_by"] == "pager"


def test_nobody_is_told_where_prometheus_pages() -> None:
    assert rows(dataclasses.replace(config(REST), engine="prometheus"), [a_notice()], FIRED_NS) == []


def test_routes_see_labels_and_what_the_alert_is() -> None:
    notice = a_notice(labels={"service": "chat", "env": "prod"})
    for field, value in {
        "service": "chat",
        "label.env": "prod",
        "name": "ServiceDown",
        "severity": "page",
    }.items():
        assert routed(notice, [Route(when=((field, (value,)),), to=("mail",))]) is not None
        assert routed(notice, [Route(when=((field, ("other",)),), to=("mail",))]) is None


def test_a_page_is_due_at_once_and_grouped_tickets_at_the_next_half_minute() -> None:
    """The targets of one cloud are probed within half a minute, and one message tells of all."""
    plan = config(dataclasses.replace(REST, group_by=("cloud",)))
    now_ns = FIRED_NS + 7
    made = [
        a_notice(key=f"k{n}", severity=severity, labels={"cloud": "aws"})
        for n, severity in enumerate(("page", "ticket", "ticket"))
    ]
    page, first, second = rows(plan, made, now_ns)
    assert (page.due_ns, page.urgent, first.urgent) == (now_ns, True, False)
    assert first.due_ns == second.due_ns == -(-now_ns // GRID_NS) * GRID_NS
    assert first.bundle == second.bundle == page.bundle


def test_without_grouping_each_alert_is_a_message_of_its_own() -> None:
    first, second = rows(config(REST), [a_notice(key="a"), a_notice(key="b", severity="ticket")], FIRED_NS)
    assert first.bundle != second.bundle
    assert second.due_ns == FIRED_NS


def test_a_row_names_its_alert_and_says_when_it_is_repeated() -> None:
    (row,) = rows(config(dataclasses.replace(REST, repeat_s=4 * 3600.0)), [ended(a_notice())], FIRED_NS)
    assert (row.alert, row.seq, row.ends, row.repeat_ns) == (a_notice().key, 2, True, 4 * 3600 * 10**9)


def test_what_is_in_hands_is_never_repeated() -> None:
    taken = a_notice(acknowledged=Acknowledged(by="ada", reason="rolling back", at_ns=FIRED_NS))
    (row,) = rows(config(dataclasses.replace(REST, repeat_s=4 * 3600.0)), [taken], FIRED_NS)
    assert row.repeat_ns is None
    assert unpacked(row.payload) == taken


def test_a_notice_comes_back_as_it_was_kept() -> None:
    """Also one that a newer release wrote."""
    notice = ended(a_notice())
    assert unpacked(packed(notice)) == notice
    assert unpacked(packed(notice) | {"invented_later": 1}) == notice
