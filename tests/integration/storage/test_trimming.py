"""Alerts, what was told of them and drills are kept as long as failures are; those of a vantage that is gone end."""

import dataclasses

import pytest
from sqlalchemy import Engine, text

from probes.result import DRILL
from storage.alert_readings import AckRow, AlertRow, ChangeRow, NoticeRow, Told
from storage.alerts import PostgresAlerts
from storage.outbox import PostgresOutbox
from storage.readings import StandingRow
from storage.records import Drill, Drilled
from storage.results import PostgresStore
from storage.retention import maintain
from storage.vantages import PostgresVantages
from support.results import a_result

DAY = 86_400_000_000_000
NOW = 1_800_000_000_000_000_000
TABLES = ("alerts", "alert_changes", "acknowledgements", "notices", "drills")


@dataclasses.dataclass(frozen=True)
class Keep:
    keep_results_s: float = 120 * 86400.0
    keep_failures_s: float = 365 * 86400.0


def alert(days_ago: int, *, ended: bool = True, vantage: str = "fra-1", seq: int = 2) -> AlertRow:
    fired_ns = NOW - days_ago * DAY
    return AlertRow(
        vantage=vantage,
        id=f"target-down/nano@{fired_ns}",
        key="target-down/nano",
        name="TargetDown",
        severity="ticket",
        subject="nano",
        since_ns=fired_ns,
        fired_ns=fired_ns,
        quiet_ns=fired_ns if ended else None,
        ended_ns=fired_ns + 1 if ended else None,
        seq=seq,
        labels={},
        facts={"well": 1},
    )


def notice(row: AlertRow) -> NoticeRow:
    return NoticeRow(
        vantage=row.vantage,
        receiver="pager",
        alert=row.id,
        seq=row.seq,
        ends=row.ended_ns is not None,
        urgent=False,
        bundle=row.id,
        made_ns=row.fired_ns,
        due_ns=row.fired_ns,
        repeat_ns=None,
        payload={},
    )


def remember(engine: Engine, row: AlertRow, *, told: bool = True) -> None:
    """Keep an alert with all that comes with one: a change, an acknowledgement, a notice, and a drill's attempt."""
    rows, outbox = PostgresAlerts(engine), PostgresOutbox(engine)
    change = ChangeRow(
        vantage=row.vantage,
        alert=row.id,
        seq=1,
        at_ns=row.fired_ns,
        what="fired",
        severity="ticket",
        facts={},
    )
    rows.save([row], [notice(row)], [change])
    rows.acknowledge(
        AckRow(
            vantage=row.vantage,
            alert=row.id,
            severity="ticket",
            author="ada",
            reason="mine",
            made_ns=row.fired_ns,
        )
    )
    if told:
        claims = outbox.claim(row.vantage, ["pager"], row.fired_ns, row.fired_ns + 1, 9)
        outbox.settle([Told(claim=claim, state="told", at_ns=row.fired_ns) for claim in claims])
    attempt = a_result(scheduled_ns=row.fired_ns, started_ns=row.fired_ns, attempt=DRILL)
    drill = Drill(
        id="d", target="nano", fault="outage", since_ns=0, until_ns=1, severity="ticket", author="ada"
    )
    PostgresStore(engine, now_ns=lambda: NOW).drilled([Drilled(drill=drill, result=attempt)])


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in TABLES
        }


def test_what_ended_longer_ago_than_failures_are_kept_goes_with_all_that_is_known_of_it(
    database: Engine,
) -> None:
    for days_ago in (364, 366, 3000):
        remember(database, alert(days_ago))
    assert counts(database) == dict.fromkeys(TABLES, 3)
    maintain(database, Keep(), "fra-1", now_ns=lambda: NOW)
    assert counts(database) == dict.fromkeys(TABLES, 1)


def test_what_is_alive_stays_however_old_it_is(database: Engine) -> None:
    remember(database, alert(3000, ended=False))
    maintain(database, Keep(), "fra-1", now_ns=lambda: NOW)
    assert counts(database) == dict.fromkeys(TABLES, 1) | {"drills": 0}


def test_alerts_of_a_vantage_that_is_gone_end(database: Engine) -> None:
    """Nobody reads them any more; what it explains of them stays, and says why they ended."""
    rows = PostgresAlerts(database)
    rows.save([alert(9, ended=False, vantage=name) for name in ("fra-1", "gone", "probing", "saying")])
    rows.save([alert(6, ended=False, vantage="new")])
    PostgresStore(database, now_ns=lambda: NOW).store(
        [a_result(vantage=name, scheduled_ns=NOW - DAY) for name in ("probing",)]
        + [a_result(vantage="gone", scheduled_ns=NOW - 8 * DAY)],
        (),
    )
    PostgresVantages(database).tell([StandingRow(vantage="saying", target="nano", asks="a", state="good")])
    with database.begin() as connection:
        connection.execute(text("UPDATE standings SET told_at = to_timestamp(:at)"), {"at": NOW / 1e9})
    assert maintain(database, Keep(), "fra-1", now_ns=lambda: NOW).ended == 1
    assert sorted(row.vantage for row in rows.elsewhere("fra-1")) == ["new", "probing", "saying"]
    (gone,) = rows.lately("gone", 0, 9)
    assert (gone.ended_ns, gone.quiet_ns, gone.seq) == (NOW, None, 3), "nobody saw it over"
    (change,) = rows.changes("gone", gone.id)
    assert (change.what, change.seq, change.facts["well"]) == ("ended", 3, 1)
    assert maintain(database, Keep(), "fra-1", now_ns=lambda: NOW).ended == 0


@pytest.mark.parametrize("name", ["fra-1", "gone"])
def test_a_vantage_that_comes_back_goes_on_with_what_it_told(database: Engine, name: str) -> None:
    rows = PostgresAlerts(database)
    rows.save([alert(9, ended=False, vantage=name), alert(30, vantage=name)])
    maintain(database, Keep(), "fra-1", now_ns=lambda: NOW)
    assert [row.id for row in rows.alive(name)] == [alert(9).id]
