"""The database away for long: the one alert that cannot be a row there first, told straight to every receiver."""

import asyncio
import dataclasses
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agent.asking.remembered import Remembered
from agent.config.model import Config
from agent.slo.alerts import LEFT, Alert, Finding, Severity, step
from agent.telling import routing
from agent.telling.delivering import LOOK_S, Deliveries, Opener
from agent.telling.firing import Firing
from agent.telling.handover import WHY
from agent.telling.link import Link
from agent.telling.notices import notice
from exporters.signals import Notice
from storage.memory_outbox import MemoryOutbox

AWAY_NS: Final = 120 * 1_000_000_000
"""How long the database is away before that is told: a restart of it takes less."""

KEY: Final = "agent-blind/database"


class Blackout:
    """Tells by an outbox of its own, in memory; what was told to whom is in a file, so that no restart repeats it.

    Meanwhile what fires is refreshed where a receiver would take its silence for an end.
    As every alert it ends when its cause has been gone for `alerts.page.hold`, and is told of by a task for each
    receiver.
    """

    def __init__(
        self,
        file: Path,
        opener: Opener,
        *,
        born_ns: Callable[[], Mapping[str, int]],
        notified: Callable[[str, str], None],
        wall_ns: Callable[[], int],
        uniform: Callable[[float, float], float],
        firing: Callable[[], Sequence[Notice] | None] = tuple,
    ) -> None:
        self._file = Remembered(file, "blackout", lost="it may be told again that the database is away")
        self._opener = opener
        self._born_ns = born_ns
        self._wall_ns = wall_ns
        self._outbox = MemoryOutbox()
        self._deliveries = functools.partial(
            Deliveries, opener=opener, notified=notified, wall_ns=wall_ns, uniform=uniform
        )
        self._telling = self._deliveries(self._outbox)
        self._firing = Firing(file.with_name("firing.json"), firing, wall_ns)
        self._refreshing: Deliveries | None = None
        self._asked = False
        self._since_ns: int | None = None
        self._alert: Alert | None = None
        self._told: frozenset[tuple[str, int]] = frozenset()
        self._saved: bytes | None = None

    def database(self, *, up: bool, at_ns: int) -> None:
        """Take whether the database answered just now; from any thread."""
        if up:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = at_ns
        self._asked = True

    async def look(self, config: Config) -> None:
        """Look once, and go on telling; waits for no receiver. Where Prometheus pages that is an end, if anything."""
        if self._saved is None:
            self._saved = b""
            await asyncio.to_thread(self._file.load, self._restore)
            self._resume(config)
        await self._firing.keep()
        if config.engine == "agent":
            self._step(config)
        else:
            self._leave(config)
        await self._telling.look(config)
        await self._refresh(config)
        self._forget_what_is_over(config)
        await self._save()

    async def stop(self) -> None:
        await self._telling.stop()
        await self._let_go()
        await self._save()

    def _step(self, config: Config) -> None:
        if not self._asked:  # a new process knows nothing of it yet, and so not that it is back
            return
        now_ns, since_ns, alert = self._wall_ns(), self._since_ns, self._alert
        known = alert is not None and alert.ended_ns is None
        away = since_ns is not None and (known or now_ns - since_ns >= AWAY_NS)
        found = [self._finding(config, since_ns, now_ns)] if away and since_ns is not None else []
        if alert is not None and alert.ended_ns is not None:
            if not found:
                return
            alert = None  # away again, before everybody was told that it had been back
        alive = {} if alert is None else {KEY: alert}
        done = step(alive, found, now_ns, round(config.paging.hold_s * 1e9))
        for began in done.began:
            self._told = frozenset()
            self._put(config, began, 1)
        for ended in done.ended:
            self._put(config, ended, 2)
        self._alert = next(iter((*done.alive.values(), *done.ended)), None)

    def _leave(self, config: Config) -> None:
        alert = self._alert
        if alert is None or alert.ended_ns is not None:
            return
        finding = dataclasses.replace(alert.finding, facts={**alert.finding.facts, LEFT: WHY})
        self._alert = ended = dataclasses.replace(alert, finding=finding, ended_ns=self._wall_ns())
        self._put(config, ended, 2)

    async def _refresh(self, config: Config) -> None:
        """Tell what fires to whom forgets it otherwise, for as long as the rows that it is told from are away."""
        if self._since_ns is None or self._alert is None or self._alert.ended_ns is not None:
            await self._let_go()
            return
        if self._refreshing is None:
            forgetful = {one.name for one in config.receivers if self._opener(one).refresh_s is not None}
            rows = routing.rows(config, self._firing(), self._wall_ns())
            outbox = MemoryOutbox()
            outbox.put([row for row in rows if row.receiver in forgetful])
            self._refreshing = self._deliveries(outbox)
        await self._refreshing.look(config)

    async def _let_go(self) -> None:
        refreshing, self._refreshing = self._refreshing, None
        if refreshing is not None:
            await refreshing.stop()

    def _finding(self, config: Config, since_ns: int, now_ns: int) -> Finding:
        warm_up_ns = round(config.paging.warm_up_s * 1e9)
        warm = any(now_ns - born_ns >= warm_up_ns for born_ns in self._born_ns().values())
        return _finding(config.vantage, since_ns, "page" if warm else "ticket")

    def _put(self, config: Config, alert: Alert, seq: int, *, to: frozenset[str] | None = None) -> None:
        """Put what is to be told to every receiver, past all routes: whoever is on call must know."""
        said = notice(alert, seq, runbook=config.runbook, page=config.export.page)
        everybody = dataclasses.replace(config, engine="agent", routes=())
        rows = routing.rows(everybody, [said], self._wall_ns())
        self._outbox.put([row for row in rows if to is None or row.receiver in to])

    def _forget_what_is_over(self, config: Config) -> None:
        """Note who was told, and forget an end that everybody was told of, or that will be told no more."""
        alert = self._alert
        if alert is None:
            return
        theirs = [one for one in list(self._outbox.kept.values()) if one.row.alert == alert.id]
        self._told |= {(one.row.receiver, one.row.seq) for one in theirs if one.told_ns is not None}
        known = {receiver.name for receiver in config.receivers}
        waiting = any(one.due_ns is not None and one.row.receiver in known for one in theirs)
        if alert.ended_ns is not None and not waiting:
            self._alert, self._told = None, frozenset()

    # -- over restarts

    def _resume(self, config: Config) -> None:
        """Go on telling: to whom nothing was told yet, and to whom it has to be told again and again."""
        alert = self._alert
        if alert is None or (alert.ended_ns is None and config.engine != "agent"):
            return
        seq = 1 if alert.ended_ns is None else 2
        left = {one.name for one in config.receivers if (one.name, seq) not in self._told}
        if seq == 1:
            left |= {one.name for one in config.receivers if self._opener(one).refresh_s is not None}
        self._put(config, alert, seq, to=frozenset(left))

    def _restore(self, kept: Mapping[str, Any]) -> None:
        if not kept:
            return
        finding = _finding(kept["vantage"], int(kept["since_ns"]), kept["severity"])
        if LEFT in kept:
            finding = dataclasses.replace(finding, facts={**finding.facts, LEFT: kept[LEFT]})
        instants = {name: kept[name] for name in ("fired_ns", "quiet_ns", "ended_ns")}
        self._alert = Alert(finding=finding, **instants)
        self._told = frozenset((str(receiver), int(seq)) for receiver, seq in kept["told"])

    async def _save(self) -> None:
        payload = self._plain()
        if payload != (self._saved or b"{}") and await asyncio.to_thread(self._file.save, payload):
            self._saved = payload

    def _plain(self) -> bytes:
        alert = self._alert
        if alert is None:
            return b"{}"
        kept = {
            "vantage": alert.finding.subject,
            "since_ns": alert.finding.since_ns,
            "severity": alert.finding.severity,
            "fired_ns": alert.fired_ns,
            "quiet_ns": alert.quiet_ns,
            "ended_ns": alert.ended_ns,
            "told": sorted(self._told),
        }
        if LEFT in alert.finding.facts:
            kept[LEFT] = alert.finding.facts[LEFT]
        return json.dumps(kept).encode()


def _finding(vantage: str, since_ns: int, severity: Severity) -> Finding:
    return Finding(
        key=KEY,
        name="AgentBlind",
        severity=severity,
        subject=vantage,
        since_ns=since_ns,
        facts={
            "reason": "database",
            "fault": f"agent {vantage}",
            "evidence": [
                "the database does not answer, so nothing is judged by history and no other alert is told"
            ],
        },
    )


async def keep_telling(blackout: Blackout, link: Link, configured: Callable[[], Config]) -> None:
    """Look every second, for ever."""
    try:
        while True:
            link.look()
            await blackout.look(configured())
            await asyncio.sleep(LOOK_S)
    finally:
        await blackout.stop()
