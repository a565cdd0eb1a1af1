"""The alerts of an agent: what is wrong is looked for again and again, remembered as rows, and told."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from agent.config.model import Config
from agent.slo import outages
from agent.slo.alerts import Alert, Finding, Unfound, step
from agent.slo.burning import Windows
from agent.slo.quiet import Quiet
from agent.slo.spent import Spent
from agent.telling import alert_rows, becoming, drilling, routing, verdict
from agent.telling.becoming import Changed
from agent.telling.clearer import clearer
from agent.telling.expiry import ClientCertificates, Tokens
from agent.telling.finder import Finder, awake
from agent.telling.notices import notice
from agent.telling.others import NOBODY, Others, own_standings
from agent.telling.quorum import Quorum, Vote, freed, reheld, sole, told_as, untold
from agent.telling.seen import Pair
from agent.telling.sights import View
from agent.telling.standings import Standings
from agent.telling.unfound import unfound
from agent.telling.vendors import Spoken
from agent.telling.words import worded
from exporters.signals import Notice
from storage.base import Alerts, StoreUnavailableError, TakenError

LOOK_S: Final = 1.0
"""How often targets are looked at; a settlement is judged within this time of being read."""

RENEWED_NS: Final = 15_000_000_000
"""How old the numbers of what fires may be in its row, which `alerts list` reads."""

_RECENT: Final = 10_000
"""So many alerts of the last hours are looked at for outages when an agent starts."""

log = structlog.get_logger("telling")


class Alerting:
    """Looks, and remembers each change before it is shown: a restart neither fires anew nor forgets an end."""

    def __init__(
        self,
        standings: Standings,
        rows: Alerts,
        shown: Callable[[Sequence[Notice]], None],
        wall_ns: Callable[[], int],
        quiet: Callable[[], Quiet] = Quiet,
        certificate_ends: Callable[[str], int | None] = lambda _: None,
        others: Others | None = None,
        vendors: Callable[[], Sequence[Spoken]] = list,
        resolved: Callable[[str], str] = lambda text: text,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        uncounted_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        self._quiet = quiet
        self._finder = Finder(
            standings, ClientCertificates(certificate_ends), Tokens(resolved), mono_ns, uncounted_ns
        )
        self._standings = standings
        self._rows = rows
        self._shown = shown
        self._wall_ns = wall_ns
        self._others = others
        self._vendors = vendors
        self._quorum = Quorum()
        self._heard = NOBODY
        self._alive: Mapping[str, Alert] | None = None
        self._seq: dict[str, int] = {}
        self._routes: tuple[object, ...] = ()
        self._said: Mapping[str, Finding] = {}
        self._renewed_ns = 0
        self._last: tuple[Config, Sequence[Alert], Mapping[str, int]] | None = None

    def counted(
        self, config: Config, series: Mapping[Pair, Windows], now_ns: int, objectives: Sequence[Spent] = ()
    ) -> None:
        """Take what an evaluation of history counted."""
        self._finder.counted(awake(config, self._quiet().targets(now_ns)), series, now_ns, objectives)

    def look(self, config: Config) -> None:
        """Look once; raises StoreUnavailableError where what changed cannot be remembered, and nothing has changed then."""
        now_ns = self._wall_ns()
        alive = self._alive if self._alive is not None else self._restored(config.vantage, now_ns)
        found, why = self._found(config, alive, now_ns)
        done = step(alive, found, now_ns, round(config.paging.hold_s * 1e9), why)
        done, reworded = worded(done, alive, self._vendors(), {one.name: one for one in config.targets})
        done, blamed = clearer(done, alive, now_ns)
        held = self._in_hands(config.vantage, done.alive, now_ns)
        changed = becoming.changed(done, alive, held, blamed)
        known = [alert for _, alert in changed]
        changed += [("fired", alert) for alert in freed(held.values(), known, self._seq)]
        kept = [alert for alert in held.values() if alert_rows.turned(alert, alive) or reheld(alert, alive)]
        kept += [held[alert.finding.key] for alert in reworded]
        if (changed or kept) and not self._remember(config, changed, kept, now_ns):
            return
        self._alive = held
        self._seq = {alert.id: self._seq[alert.id] for alert in held.values()}
        for what, alert in changed:
            becoming.tell(what, alert)
        self._shown([_notice(config, alert, self._seq[alert.id]) for alert in held.values()])
        self._last = config, tuple(held.values()), self._seq
        told = {alert.id for _, alert in changed}
        before = [alert for alert in held.values() if self._seq[alert.id] and alert.id not in told]
        self._reroute(config, before, now_ns)
        self._renew(config.vantage, held.values(), now_ns)

    def firing(self) -> list[Notice]:
        """Return what was told and fired at the last look that could be remembered."""
        if self._last is None:
            return []
        config, alerts, seqs = self._last
        return [_told(config, alert, seqs[alert.id]) for alert in alerts if seqs[alert.id]]

    def _reroute(self, config: Config, told: Sequence[Alert], now_ns: int) -> None:
        """Have what fires told to whom a changed plan names; who has it already is told nothing twice."""
        routes = (config.engine, config.receivers, config.routes)
        if routes == self._routes:
            return
        rows = [alert_rows.row(config.vantage, alert, self._seq[alert.id]) for alert in told]
        notices = [_told(config, alert, self._seq[alert.id]) for alert in told]
        self._rows.save(rows, routing.rows(config, notices, now_ns))
        self._routes = routes

    def _renew(self, vantage: str, held: Iterable[Alert], now_ns: int) -> None:
        """Have the rows of what fires say at times what is known of it now; where they cannot, the page still does."""
        old = [alert for alert in held if self._said.get(alert.id) != alert.finding]
        if not old or 0 <= now_ns - self._renewed_ns < RENEWED_NS:
            return
        self._renewed_ns = now_ns
        with contextlib.suppress(StoreUnavailableError):
            self._rows.save([alert_rows.row(vantage, alert, self._seq[alert.id]) for alert in old])
            self._said = {alert.id: alert.finding for alert in held}

    def _remember(
        self, config: Config, changed: Sequence[Changed], kept: Sequence[Alert], now_ns: int
    ) -> bool:
        """Write what changed and what is to be told of it, all or none; of what is only kept nothing is told.

        Return False, with nothing written, where another vantage was quicker with a page: it is heard now.
        """
        before = {alert.id: self._seq.get(alert.id, 0) for _, alert in changed}
        told = [alert for _, alert in changed if not untold(alert, before[alert.id])]
        seqs = before | {alert.id: before[alert.id] + 1 for alert in told}
        now = self._seq | seqs
        alerts = {alert.id: alert for alert in [*kept, *(alert for _, alert in changed)]}
        rows = [alert_rows.row(config.vantage, alert, now[alert.id]) for alert in alerts.values()]
        notices = [_told(config, alert, seqs[alert.id]) for alert in told]
        changes = [
            becoming.row(config.vantage, what, alert, seqs[alert.id], now_ns) for what, alert in changed
        ]
        try:
            one_alone = sole(told, self._heard, config.paging.quorum)
            self._rows.save(rows, routing.rows(config, notices, now_ns), changes, one_alone)
        except TakenError as taken:
            log.info("page.left", alert=taken.key, to=taken.vantage)
            if self._others is not None:
                self._others.exchange()
            return False
        except StoreUnavailableError:
            self._alive = None  # it may be written though no answer came: the rows know, and are read first
            raise
        self._seq |= seqs
        return True

    def _in_hands(self, vantage: str, alive: Mapping[str, Alert], now_ns: int) -> dict[str, Alert]:
        """Return the alerts with who has them in hands; with the database away, as was known before."""
        ids = [alert.id for alert in alive.values()]
        try:
            acks = self._rows.acknowledgements(vantage, ids) if ids else []
        except StoreUnavailableError:
            acks = [alert.acknowledged for alert in alive.values() if alert.acknowledged is not None]
        return {key: becoming.in_hand(alert, acks, now_ns) for key, alert in alive.items()}

    def _found(
        self, config: Config, alive: Mapping[str, Alert], now_ns: int
    ) -> tuple[list[Finding], Mapping[str, Unfound]]:
        """Return what is wrong now, by the vote of vantages, and marked, what a drill adds to it.

        With it goes what is known of alerts whose trouble is not found, and yet not seen to be over.
        A target in maintenance is looked at by nobody: it fails no service and bears out no other target.
        """
        out = self._quiet().targets(now_ns)
        heard = self._heard = NOBODY if self._others is None else self._others.heard()
        view = View(config=awake(config, out), standings=self._standings, now_ns=now_ns, others=heard)
        scene = view.scene()
        verdicts = verdict.verdicts(scene)
        self._finder.look(view, alive)
        found = self._finder.found(view, config, verdicts, out, alive)
        voted = self._quorum.judged(found, config.paging.quorum, _vote(view, alive), now_ns)
        if self._others is not None:
            asking = self._standings.is_asking(now_ns)
            own = own_standings(config.vantage, scene.sights, verdicts, view.targets, asking=asking)
            self._others.note(config.vantage, own, urgent=voted != found)
        why = unfound(view, alive, voted, config, out)
        drill, failing = self._standings.drill(now_ns)
        if drill is None or not failing:
            return voted, why
        drilled = dataclasses.replace(view, drilled=failing)
        with_it = self._finder.found(drilled, config, verdict.verdicts(drilled.scene()), out, alive)
        return [*voted, *drilling.findings(drill, found, with_it)], why

    def _restored(self, vantage: str, now_ns: int) -> Mapping[str, Alert]:
        rows = self._rows.alive(vantage)
        self._finder.restore(self._rows.lately(vantage, now_ns - outages.KEPT_NS, _RECENT), now_ns)
        self._seq = {row.id: row.seq for row in rows}
        self._routes = ()  # whoever is named now and has nothing of what fires is told, however long this was away
        return {row.key: becoming.going_on(alert_rows.revived(row)) for row in rows}


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
    return notice(alert, seq, runbook=config.runbook, page=config.export.page, simulated=simulated)


def _told(config: Config, alert: Alert, seq: int) -> Notice:
    """Return what receivers are told, under the key by which they know it."""
    return dataclasses.replace(_notice(config, alert, seq), key=told_as(alert))
