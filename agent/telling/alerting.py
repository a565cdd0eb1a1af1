"""The alerts of an agent: what is wrong is looked for again and again, remembered as rows, and told."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from agent.config.model import Config
from agent.slo.alerts import Alert, Finding, step
from agent.slo.burning import Windows
from agent.slo.findings import Ways, burn_findings, service_findings, target_findings
from agent.telling import routing, verdict
from agent.telling.notices import notice
from agent.telling.others import NOBODY, Others, own_standings
from agent.telling.ours import is_hidden, own_findings
from agent.telling.quorum import Quorum, Vote, freed, reheld, untold
from agent.telling.sights import View
from agent.telling.standings import Pair, Standings
from agent.telling.vendors import Spoken
from agent.telling.verdict import Verdict
from agent.telling.words import worded
from exporters.signals import Notice
from storage.base import Alerts, StoreUnavailableError
from storage.readings import AlertRow

LOOK_S: Final = 1.0
"""How often targets are looked at; a settlement is judged within this time of being read."""

log = structlog.get_logger("telling")


class Alerting:
    """Looks, and remembers each change before it is shown: a restart neither fires anew nor forgets an end."""

    def __init__(
        self,
        standings: Standings,
        rows: Alerts,
        shown: Callable[[Sequence[Notice]], None],
        wall_ns: Callable[[], int],
        others: Others | None = None,
        vendors: Callable[[], Sequence[Spoken]] = list,
    ) -> None:
        self._burns: Sequence[Finding] = ()
        self._standings = standings
        self._rows = rows
        self._shown = shown
        self._wall_ns = wall_ns
        self._others = others
        self._vendors = vendors
        self._quorum = Quorum()
        self._alive: Mapping[str, Alert] | None = None
        self._seq: dict[str, int] = {}

    def counted(self, config: Config, series: Mapping[Pair, Windows], now_ns: int) -> None:
        """Take what an evaluation of history counted: from it follows which services burn."""
        ways, born_ns = ways_of(config), self._standings.born_ns()
        self._burns = [
            finding
            for service in config.services
            if (known := [series[one.pair] for one in service.members if one.pair in series])
            for finding in burn_findings(service, known, now_ns, born_ns, ways)
        ]

    def look(self, config: Config) -> None:
        """Look once; raises StoreUnavailableError where what changed cannot be remembered, and nothing has changed then."""
        alive = self._alive if self._alive is not None else self._restored(config.vantage)
        now_ns = self._wall_ns()
        done = step(alive, self._found(config, alive, now_ns), now_ns)
        targets = {target.name: target for target in config.targets}
        done, reworded = worded(done, alive, self._vendors(), targets)
        changed = [*done.began, *done.rose, *done.ended]
        changed += freed(done.alive.values(), changed, self._seq)
        calmed = [
            alert for alert in done.alive.values() if _turned_quiet(alert, alive) or reheld(alert, alive)
        ]
        if changed or calmed or reworded:
            speaks = [alert for alert in changed if not untold(alert, self._seq.get(alert.id, 0))]
            seqs = {alert.id: self._seq.get(alert.id, 0) for alert in changed}
            seqs |= {alert.id: seqs[alert.id] + 1 for alert in speaks}
            told = self._seq | seqs
            rows = {
                alert.id: _row(config.vantage, alert, told[alert.id])
                for alert in [*calmed, *reworded, *changed]
            }
            notices = [_notice(config, alert, seqs[alert.id]) for alert in speaks]
            self._rows.save(list(rows.values()), routing.rows(config, notices, now_ns))
            self._seq |= seqs
        self._alive = done.alive
        for alert in changed:
            _tell(alert)
        self._shown([_notice(config, alert, self._seq[alert.id]) for alert in done.alive.values()])

    def _found(self, config: Config, alive: Mapping[str, Alert], now_ns: int) -> list[Finding]:
        """Return what is wrong now: of our own faults one finding each, and none for what they only seem to break."""
        others = NOBODY if self._others is None else self._others.heard()
        view = View(config=config, standings=self._standings, now_ns=now_ns, others=others)
        scene = view.scene()
        verdicts = verdict.verdicts(scene)
        blames = {name: found for found in verdicts for name in found.targets}
        found = [_blamed(finding, blames) for finding in self._findings(view)]
        hidden = [finding for finding in found if is_hidden(finding, blames)]
        about_us = own_findings(view, verdicts, hidden, ways_of(config))
        shown = [*(finding for finding in found if finding not in hidden), *about_us]
        voted = self._quorum.judged(shown, config.paging.quorum, _vote(view, alive), now_ns)
        if self._others is not None:
            own = own_standings(config.vantage, scene.sights, verdicts, view.targets)
            self._others.note(config.vantage, own, urgent=voted != shown)
        return voted

    def _restored(self, vantage: str) -> Mapping[str, Alert]:
        rows = self._rows.alive(vantage)
        self._seq = {row.id: row.seq for row in rows}
        return {row.key: revived(row) for row in rows}

    def _findings(self, view: View) -> Iterable[Finding]:
        config, standings, now_ns = view.config, view.standing, view.now_ns
        ways = ways_of(config)
        born_ns = self._standings.born_ns()
        members = dict.fromkeys(member for service in config.services for member in service.members)
        critical = frozenset(target.name for target in config.targets if target.critical)
        yield from target_findings(members, critical, standings, born_ns, now_ns, ways)
        yield from service_findings(config.services, standings, born_ns, now_ns, ways, view.elsewhere)
        known = {service.name for service in config.services}
        yield from (finding for finding in self._burns if finding.subject in known)


def _vote(view: View, alive: Mapping[str, Alert]) -> Vote:
    return Vote(
        vantage=view.config.vantage,
        heard=view.others,
        targets=view.targets,
        members={
            service.name: [member.target for member in service.members] for service in view.config.services
        },
        alive=alive,
    )


async def keep_looking(alerting: Alerting, configured: Callable[[], Config]) -> None:
    """Look every second, for ever; with the database away nothing changes, and that is told once."""
    away = False
    while True:
        try:
            await asyncio.to_thread(alerting.look, configured())
            away = False
        except StoreUnavailableError as failure:
            if not away:
                log.warning("alerts.unremembered", error=str(failure))
            away = True
        await asyncio.sleep(LOOK_S)


def _notice(config: Config, alert: Alert, seq: int) -> Notice:
    simulated = frozenset(target.name for target in config.targets if target.simulated)
    return notice(alert, seq, runbook=config.runbook, simulated=simulated)


def ways_of(config: Config) -> Ways:
    return Ways(after_ns=round(config.paging.after_s * 1e9), warm_up_ns=round(config.paging.warm_up_s * 1e9))


def _turned_quiet(alert: Alert, before: Mapping[str, Alert]) -> bool:
    """Return whether it became quiet or ceased to be: nothing to tell, and to remember over a restart."""
    known = before.get(alert.finding.key)
    return known is not None and (known.quiet_ns is None) != (alert.quiet_ns is None)


# -- whose fault


def _blamed(finding: Finding, blames: Mapping[str, Verdict]) -> Finding:
    """Return the finding with whose fault it is, where its targets agree on it."""
    names = finding.facts.get("failing") or [finding.labels.get("target", "")]
    told = dict.fromkeys((blames[name].fault.value, blames[name].subject) for name in names if name in blames)
    if not told:
        return finding
    evidence = dict.fromkeys(said for name in names if name in blames for said in blames[name].evidence)
    facts = {
        "fault": ", ".join(f"{fault} {subject}" for fault, subject in told),
        "evidence": list(evidence),
    }
    return dataclasses.replace(finding, facts={**finding.facts, **facts})


# -- as rows


def _row(vantage: str, alert: Alert, seq: int) -> AlertRow:
    finding = alert.finding
    return AlertRow(
        vantage=vantage,
        id=alert.id,
        key=finding.key,
        name=finding.name,
        severity=finding.severity,
        subject=finding.subject,
        since_ns=finding.since_ns,
        fired_ns=alert.fired_ns,
        quiet_ns=alert.quiet_ns,
        ended_ns=alert.ended_ns,
        seq=seq,
        labels=finding.labels,
        facts=finding.facts,
    )


def revived(row: AlertRow) -> Alert:
    """Return the alert that a row remembers."""
    finding = Finding(
        key=row.key,
        name=row.name,
        severity="page" if row.severity == "page" else "ticket",
        subject=row.subject,
        since_ns=row.since_ns,
        labels=row.labels,
        facts=row.facts,
    )
    return Alert(finding=finding, fired_ns=row.fired_ns, quiet_ns=row.quiet_ns, ended_ns=row.ended_ns)


def _tell(alert: Alert) -> None:
    finding = alert.finding
    tell = log.warning if alert.ended_ns is None else log.info
    tell(
        "alert.fired" if alert.ended_ns is None else "alert.ended",
        alert=finding.name,
        severity=finding.severity,
        subject=finding.subject,
        fault=finding.facts.get("fault"),
    )
