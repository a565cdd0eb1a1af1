"""What remembering alerts promises, whoever remembers."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine

from storage.alert_readings import AckRow, AlertRow, ChangeRow
from storage.alerts import PostgresAlerts
from storage.base import Alerts, TakenError
from storage.memory import MemoryAlerts


@pytest.fixture(params=["memory", "postgres", pytest.param("system", marks=pytest.mark.heavy)])
def alerts(request: pytest.FixtureRequest) -> Alerts:
    if request.param == "memory":
        return MemoryAlerts()
    fixture = {"postgres": "database", "system": "system_database"}[request.param]
    return PostgresAlerts(request.getfixturevalue(fixture))


def row(fired_ns: int, **changes: Any) -> AlertRow:
    known = AlertRow(
        vantage="fra-1",
        id=f"service-down/nano@{fired_ns}",
        key="service-down/nano",
        name="ServiceDown",
        severity="page",
        subject="nano",
        since_ns=fired_ns - 40_000_000_000,
        fired_ns=fired_ns,
        quiet_ns=None,
        ended_ns=None,
        seq=1,
        labels={"service": "nano"},
        facts={"failing": ["aws", "azure"], "well": 0},
    )
    return dataclasses.replace(known, **changes)


def test_what_is_alive_comes_back_as_it_was_saved(alerts: Alerts) -> None:
    first, second = row(2_000), row(1_000, key="k", id="k@1000", severity="ticket")
    alerts.save([first, second])
    alerts.save([])
    assert alerts.alive("fra-1") == [second, first]
    assert alerts.alive("elsewhere") == []


def test_a_change_is_another_state_of_the_same_occurrence(alerts: Alerts) -> None:
    alerts.save([row(1_000)])
    ended = row(1_000, quiet_ns=5_000, ended_ns=9_000, seq=2, facts={"well": 2})
    for _ in range(2):
        alerts.save([ended])
    assert alerts.alive("fra-1") == []
    assert alerts.lately("fra-1", 9_000, 10) == [ended]
    assert alerts.lately("fra-1", 9_001, 10) == []


def test_lately_is_the_newest_first_and_no_more_than_asked_for(alerts: Alerts) -> None:
    alerts.save([row(nth) for nth in (1_000, 3_000, 2_000)])
    alerts.save([row(500, ended_ns=600)])
    assert [one.fired_ns for one in alerts.lately("fra-1", 0, 3)] == [3_000, 2_000, 1_000]
    assert [one.fired_ns for one in alerts.lately("fra-1", 0, 9)] == [3_000, 2_000, 1_000, 500]


def test_an_occurrence_is_found_by_the_beginning_of_its_name(alerts: Alerts) -> None:
    alerts.save([row(nth) for nth in (1_000, 3_000)])
    alerts.save([row(2_000, key="service_down", id="service_down@2000")])
    assert [one.fired_ns for one in alerts.named("fra-1", "service-down/na", 5)] == [3_000, 1_000]
    assert [one.fired_ns for one in alerts.named("fra-1", "service_", 5)] == [2_000]
    assert [one.fired_ns for one in alerts.named("fra-1", "", 2)] == [3_000, 2_000]
    assert alerts.named("elsewhere", "service-down", 5) == []


def change(seq: int, **fields: Any) -> ChangeRow:
    known = ChangeRow(
        vantage="fra-1", alert="a@1", seq=seq, at_ns=seq, what="fired", severity="page", facts={"n": seq}
    )
    return dataclasses.replace(known, **fields)


def test_what_became_of_an_occurrence_is_kept_as_it_was_first_said(alerts: Alerts) -> None:
    alerts.save([row(1_000)], (), [change(2, what="ended"), change(1), change(1, alert="b@1")])
    alerts.save([row(1_000)], (), [change(1, facts={"n": 9})])
    assert alerts.changes("fra-1", "a@1") == [change(1), change(2, what="ended")]
    assert alerts.changes("elsewhere", "a@1") == []


def test_acknowledgements_come_back_in_their_order(alerts: Alerts) -> None:
    known = AckRow(
        vantage="fra-1", alert="a@1", severity="ticket", author="ada", reason="on it", made_ns=20, until_ns=90
    )
    first = dataclasses.replace(known, made_ns=10, until_ns=None)
    for ack in (known, first, known, dataclasses.replace(known, alert="b@1")):
        alerts.acknowledge(ack)
    assert alerts.acknowledgements("fra-1", ["a@1", "c@1"]) == [first, known]
    assert alerts.acknowledgements("fra-1", []) == []


def test_what_an_endpoint_said_spoils_no_alert(alerts: Alerts) -> None:
    said = {"evidence": ["half a pair \ud800 and a NUL \0"]}
    alerts.save([row(1_000, facts=said)], (), [change(1, facts=said)])
    assert [one.id for one in alerts.alive("fra-1")] == ["service-down/nano@1000"]


def test_a_page_that_another_vantage_told_of_is_refused_with_all_that_came_with_it(alerts: Alerts) -> None:
    """For as long as that one finds it, and is there; nobody asks of a ticket or of another trouble."""
    alerts.save([row(1_000)], sole={"service-down/nano": {"lon-1"}})
    alerts.save([row(1_000)], sole={"service-down/nano": {"lon-1"}})
    theirs = row(2_000, vantage="lon-1")
    with pytest.raises(TakenError, match="fra-1 pages for service-down/nano already"):
        alerts.save([theirs, row(2_000, vantage="lon-1", key="k", id="k@2000")], sole={theirs.key: {"fra-1"}})
    assert alerts.alive("lon-1") == []
    alerts.save([row(2_000, vantage="lon-1", key="k", id="k@2000")], sole={"k": {"fra-1"}})
    alerts.save([theirs], sole={theirs.key: {"nyc-1"}})
    for changes in ({"quiet_ns": 3_000}, {"ended_ns": 3_000}, {"severity": "ticket"}):
        alerts.save([row(1_000, **changes)])
        alerts.save([theirs], sole={theirs.key: {"fra-1"}})


def test_of_two_that_page_at_once_one_is_refused(database: Engine) -> None:
    alerts, together = PostgresAlerts(database), threading.Barrier(2)

    def page(vantage: str, other: str) -> bool:
        together.wait(10)
        try:
            alerts.save([row(1_000, vantage=vantage)], sole={"service-down/nano": {other}})
        except TakenError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        for _ in range(20):
            told = list(threads.map(page, ("fra-1", "lon-1"), ("lon-1", "fra-1")))
            assert sorted(told) == [False, True]
            for vantage in ("fra-1", "lon-1"):
                alerts.save([row(1_000, vantage=vantage, ended_ns=2_000)])


def test_elsewhere_is_what_is_alive_at_every_other_vantage(alerts: Alerts) -> None:
    theirs = [row(nth, vantage=name) for nth, name in ((2_000, "lon-1"), (1_000, "nyc-1"))]
    alerts.save([row(1_500), *theirs, row(500, vantage="lon-1", ended_ns=900)])
    assert alerts.elsewhere("fra-1") == [theirs[1], theirs[0]]
    assert [one.vantage for one in alerts.elsewhere("lon-1")] == ["nyc-1", "fra-1"]
