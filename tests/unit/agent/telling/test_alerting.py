"""What an agent finds wrong is remembered as rows before it is told, over restarts and without a database."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from agent.config.model import Config, Paging
from agent.slo.alerts import HOLD_NS
from agent.slo.burning import Window
from agent.slo.service import Member, Service
from agent.telling.alerting import Alerting
from agent.telling.standings import Standings
from exporters.signals import Judged, Notice
from probes.result import Fault, Outcome
from storage.base import StoreUnavailableError
from storage.memory import MemoryAlerts
from storage.readings import AlertRow, NoticeRow, SliCounts
from support.told import SECOND_NS, START_NS, configuration, result


def service(*targets: str, **changes: Any) -> Service:
    members = tuple(
        Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in targets
    )
    known = {"name": "nano", "members": members, "ratio": 0.999, "window_s": 28 * 86400.0}
    return Service(**known | changes)


def estate(*targets: str, warm_up_s: float = 0.0, **changes: Any) -> Config:
    config = configuration(*targets)
    placed = tuple(dataclasses.replace(target, cloud=target.name) for target in config.targets)
    return dataclasses.replace(
        config,
        targets=placed,
        services=(service(*targets, **changes),),
        paging=Paging(after_s=120.0, warm_up_s=warm_up_s),
    )


class Rows(MemoryAlerts):
    """Rows in a database that may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    def save(self, rows: Sequence[AlertRow], notices: Sequence[NoticeRow] = ()) -> None:
        if self.away:
            raise StoreUnavailableError("away")
        super().save(rows, notices)


class Told:
    """One agent's alerting on a clock that is set by hand."""

    def __init__(self, config: Config, rows: Rows | None = None, standings: Standings | None = None) -> None:
        self.config = config
        self.rows = rows or Rows()
        self.standings = standings or Standings()
        self.standings.plan(config)
        self.notices: Sequence[Notice] = ()
        self.now_ns = START_NS
        self.alerting = Alerting(self.standings, self.rows, self._shown, lambda: self.now_ns)

    def _shown(self, notices: Sequence[Notice]) -> None:
        self.notices = notices

    def settle(
        self, slot: int, target: str, outcome: Outcome = Outcome.OK, *, confirmed: bool = True
    ) -> None:
        bad = outcome is not Outcome.OK
        self.standings.settle(
            Judged(
                result=result(slot, outcome, target=target),
                fault=Fault.NOT_OURS if bad else Fault.NONE,
                confirmed=bad and confirmed,
                answered=bad and not confirmed,
            )
        )

    def look(self, seconds: float) -> list[tuple[str, str, str]]:
        """Look so many seconds after START_NS and return the alerts that are alive."""
        self.now_ns = START_NS + round(seconds * SECOND_NS)
        self.alerting.look(self.config)
        return [(notice.name, notice.severity, notice.subject) for notice in self.notices]


def down(told: Told, slot: int, *targets: str) -> None:
    for target in targets:
        told.settle(slot, target, Outcome.SERVER_ERROR)


def test_a_part_tickets_and_the_whole_pages() -> None:
    told = Told(estate("aws", "azure"))
    for target in ("aws", "azure"):
        told.settle(0, target)
    assert told.look(1) == []
    down(told, 1, "aws")
    assert told.look(41) == [("TargetDown", "ticket", "aws")]
    down(told, 2, "azure")
    assert told.look(71) == [
        ("TargetDown", "ticket", "aws"),
        ("TargetDown", "ticket", "azure"),
        ("ServiceDown", "page", "nano"),
    ]
    page = told.notices[-1]
    assert page.summary.startswith("Service nano is down since ")
    assert page.summary.endswith(": 0 of 2 clouds are well, and it needs 1")
    assert page.detail.startswith("failing: aws, azure; fault: ")
    assert page.detail.endswith("; healthy: none")


def test_a_blip_that_a_confirmation_answered_is_nothing() -> None:
    told = Told(estate("aws"))
    told.settle(0, "aws", Outcome.SERVER_ERROR, confirmed=False)
    assert told.look(41) == []


def test_an_only_member_pages_after_two_minutes_and_a_new_one_never() -> None:
    for warm_up_s, severity in ((0.0, "page"), (3600.0, "ticket")):
        told = Told(estate("aws", warm_up_s=warm_up_s))
        for slot in range(5):
            down(told, slot, "aws")
        assert told.look(119) == [("TargetDown", "ticket", "aws")]
        assert told.look(130)[-1] == ("ServiceDown", severity, "nano")


def test_an_alert_is_held_ends_once_and_is_remembered() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws", "azure")
    told.look(11)
    for target in ("aws", "azure"):
        told.settle(1, target)
    assert len(told.look(31)) == 3
    assert told.look(31 + HOLD_NS / SECOND_NS - 1) != []
    assert told.look(31 + HOLD_NS / SECOND_NS) == []
    rows = told.rows.lately("here", 0, 9)
    assert {(row.name, row.seq, row.ended_ns) for row in rows} == {
        ("TargetDown", 2, told.now_ns),
        ("ServiceDown", 2, told.now_ns),
    }


def test_a_restart_neither_fires_anew_nor_forgets_the_end() -> None:
    rows, standings = Rows(), Standings()
    first = Told(estate("aws", "azure"), rows, standings)
    down(first, 0, "aws", "azure")
    first.look(11)
    kept = Standings()
    kept.plan(first.config)
    kept.restore(standings.snapshot())
    second = Told(estate("aws", "azure"), rows, kept)
    assert second.look(12) == [(one.name, one.severity, one.subject) for one in first.notices]
    assert {row.seq for row in rows.alive("here")} == {1}
    for target in ("aws", "azure"):
        second.settle(1, target)
    second.look(31)
    assert second.look(700) == []
    assert rows.alive("here") == []


def test_without_a_database_nothing_changes_and_nothing_is_lost() -> None:
    told = Told(estate("aws", "azure"))
    told.look(0)
    told.rows.away = True
    down(told, 0, "aws", "azure")
    with pytest.raises(StoreUnavailableError):
        told.look(11)
    assert told.notices == []
    told.rows.away = False
    assert len(told.look(15)) == 3


def test_burning_is_what_the_last_evaluation_counted() -> None:
    told = Told(estate("aws", "azure"))
    for target in ("aws", "azure"):
        told.settle(0, target)
    bad = {
        name: Window(counts=SliCounts(good=due - 9, bad=9), expected=due)
        for name, due in (
            ("5m", 10),
            ("30m", 60),
            ("1h", 120),
            ("2h", 240),
            ("6h", 720),
            ("1d", 2880),
            ("3d", 8640),
        )
    }
    series = {("aws", "chat"): bad, ("azure", "chat"): bad}
    told.alerting.counted(told.config, series, told.now_ns)
    assert told.look(1) == [("ServiceBudgetBurn", "page", "nano")]
    assert "spends its error budget more than" in told.notices[0].summary
    told.alerting.counted(told.config, {}, told.now_ns)
    told.look(2)
    assert told.look(700) == []


def test_the_fault_and_its_evidence_are_told_and_no_secret_with_it() -> None:
    config = estate("aws", "azure", "gcp")
    told = Told(
        dataclasses.replace(
            config,
            targets=tuple(
                dataclasses.replace(target, credentials={"api_key": "sk-spelled-out"})
                for target in config.targets
            ),
            services=(service("aws", "azure", "gcp", at_least=3),),
        )
    )
    told.settle(0, "gcp")
    down(told, 0, "aws", "azure")
    told.look(11)
    by_name = {notice.key.split("@")[0]: notice for notice in told.notices}
    assert by_name["target-down/aws/chat"].fault == "target aws"
    page = by_name["service-down/nano"]
    assert page.fault == "target aws, target azure"
    assert page.detail.endswith("healthy: gcp")
    assert "sk-spelled-out" not in repr(told.notices)


def test_what_the_plan_no_longer_names_is_no_trouble_any_more() -> None:
    told = Told(estate("aws", "azure"))
    down(told, 0, "aws", "azure")
    told.look(11)
    told.config = estate("gcp")
    told.standings.plan(told.config)
    told.look(20)
    assert told.look(20 + HOLD_NS / SECOND_NS) == []
