"""One agent's alerting on a clock that is set by hand: its estate, its rows, and what it tells."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from agent.config.model import Config, Paging
from agent.slo.quiet import Quiet
from agent.slo.service import Member, Service
from agent.telling.alerting import Alerting
from agent.telling.standings import Standings
from exporters.signals import Judged, Notice
from probes.result import MEANING, Fault, Outcome
from storage.alert_readings import AckRow, AlertRow, ChangeRow, NoticeRow
from storage.base import NOBODY, StoreUnavailableError
from storage.memory import MemoryAlerts
from storage.memory_outbox import MemoryOutbox
from storage.readings import MaintenanceRow
from support.told import SECOND_NS, START_NS, beat, configuration, result

BAD = {outcome.value for outcome, meaning in MEANING.items() if meaning.confirm}
WITNESSES = {"tls": "tls:www.example.com:443", "tcp": "tcp:192.0.2.1:443", "dns": "dns:www.example.org"}


def service(*targets: str, **changes: Any) -> Service:
    members = tuple(
        Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in targets
    )
    known: dict[str, Any] = {"name": "nano", "members": members, "ratio": 0.999, "window_s": 28 * 86400.0}
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


def apart(config: Config, *targets: str) -> Config:
    """Return the plan with these targets in no service, each critical."""
    return dataclasses.replace(
        config,
        targets=tuple(dataclasses.replace(one, critical=one.name in targets) for one in config.targets),
        services=tuple(one.without(targets) for one in config.services),
        lone=tuple(one for one in config.members if one.target in targets),
    )


def work(target: str, since_s: float, until_s: float) -> MaintenanceRow:
    """Return maintenance of a target, in seconds after START_NS."""
    return MaintenanceRow(
        key=f"m-{target}",
        target=target,
        since_ns=START_NS + round(since_s * SECOND_NS),
        until_ns=START_NS + round(until_s * SECOND_NS),
        source="command",
        author="ada",
        reason="upgrades",
        made_ns=START_NS,
    )


class Rows(MemoryAlerts):
    """Rows in a database that may be away, or goes away with what was written before it says so (`unsaid`)."""

    def __init__(self) -> None:
        self.outbox = MemoryOutbox()
        super().__init__(self.outbox)
        self.away = False
        self.unsaid = False

    def save(
        self,
        rows: Sequence[AlertRow],
        notices: Sequence[NoticeRow] = (),
        changes: Sequence[ChangeRow] = (),
        sole: Mapping[str, Collection[str]] = NOBODY,
    ) -> None:
        self._answer()
        super().save(rows, notices, changes, sole)
        if self.unsaid:
            raise StoreUnavailableError("the connection is lost")

    def acknowledgements(self, vantage: str, alerts: Collection[str]) -> list[AckRow]:
        self._answer()
        return super().acknowledgements(vantage, alerts)

    def _answer(self) -> None:
        if self.away:
            raise StoreUnavailableError("away")


class Told:
    """One agent's alerting on a clock that is set by hand; by `set_ns` it was set forward meanwhile."""

    def __init__(
        self,
        config: Config,
        rows: Rows | None = None,
        standings: Standings | None = None,
        certificate_ends: Callable[[str], int | None] = lambda _: None,
        resolved: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.config = config
        self.rows = rows or Rows()
        self.standings = standings or Standings()
        self.standings.plan(config)
        self.notices: Sequence[Notice] = ()
        self.now_ns = START_NS
        self.set_ns = 0
        self.uncounted_ns = 0
        self.quiet = Quiet()
        self.alerting = Alerting(
            self.standings,
            self.rows,
            self._shown,
            lambda: self.now_ns,
            lambda: self.quiet,
            certificate_ends,
            resolved=resolved,
            mono_ns=lambda: self.now_ns - self.set_ns,
            uncounted_ns=lambda: self.uncounted_ns,
        )

    def _shown(self, notices: Sequence[Notice]) -> None:
        self.notices = notices

    def settle(
        self,
        slot: int,
        target: str,
        outcome: Outcome = Outcome.OK,
        *,
        confirmed: bool = True,
        fault: Fault = Fault.NOT_OURS,
        maintained: bool = False,
        **fields: Any,
    ) -> None:
        bad = outcome.value in BAD
        self.standings.settle(
            Judged(
                result=result(slot, outcome, target=target, **fields),
                fault=fault if bad else Fault.NONE,
                confirmed=bad and confirmed,
                answered=bad and not confirmed,
                maintained=maintained,
            )
        )

    @property
    def key(self) -> str:
        """Return the id of the only occurrence that there was."""
        ((_, key),) = self.rows.rows
        return key

    def beat(self, seconds: float, **states: str) -> None:
        """Let the asker say how the witnesses of the internet stand."""
        self.standings.beat(
            beat(seconds, witnesses={"internet": {WITNESSES[name]: state for name, state in states.items()}})
        )

    def look(self, seconds: float) -> list[tuple[str, str, str]]:
        """Look so many seconds after START_NS and return the alerts that are alive."""
        self.now_ns = START_NS + round(seconds * SECOND_NS)
        self.alerting.look(self.config)
        return [(notice.name, notice.severity, notice.subject) for notice in self.notices]
