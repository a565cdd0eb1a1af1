"""What other vantages that share the database say: their standings and alerts, exchanged beside the looking."""

import asyncio
import dataclasses
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, cast

import structlog

from agent.telling.scene import Health, Sight
from agent.telling.verdict import OURS, Verdict
from probes.target import Target
from storage.alert_readings import AlertRow, Occurrence
from storage.base import Alerts, Outbox, StoreUnavailableError, Vantages
from storage.readings import StandingRow

EVERY_S: Final = 10.0
SOON_S: Final = 2.0
"""How soon others are heard again where a page waits for their word."""

STALE_S: Final = 60.0
"""What a vantage said longer ago is not known any more: it may be gone."""

PATIENCE_S: Final = 15.0
"""So long a vantage that pages may fail to be heard by any receiver, three tries or four, before others tell of it.

Where a receiver has not answered its first try yet, it may be slow: then as long as a vantage may be silent.
"""

TOLD_AS: Final = "told_as"
"""The fact that names the occurrence which another vantage told of first: receivers know the trouble by it."""

EVERYBODY: Final = ""
"""No vantage has this name, so all are heard."""

_JITTER_S: Final = 1.0

REMEDY: Final = "another agent on this database has the same vantage, so every alert is told twice; stop one of them, or name each place apart"

log = structlog.get_logger("telling")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heard:
    """What other vantages said lately; `settled` is false while nobody can know yet whether there are any.

    `unheard` are pages that their vantages have told nobody of for too long.
    """

    standings: Sequence[StandingRow] = ()
    alerts: Sequence[AlertRow] = ()
    settled: bool = True
    unheard: frozenset[Occurrence] = frozenset()

    @cached_property
    def vantages(self) -> frozenset[str]:
        return frozenset(row.vantage for row in self.standings)

    def of(self, target: Target) -> Mapping[str, Health]:
        """Return vantage -> how the same target stands there: the one of its name, else one that asks the same."""
        if not self.standings:
            return {}
        found = {row.vantage: row for row in self._asking.get(asks(target), ())}
        found |= {row.vantage: row for row in self._named.get(target.name, ())}
        return {vantage: _health(found[vantage]) for vantage in sorted(found)}

    def finding(self, key: str) -> Mapping[str, AlertRow]:
        """Return vantage -> its alert of a key, where it finds the same trouble now."""
        return {row.vantage: row for row in self._finding.get(key, ())}

    def failing(self, key: str) -> frozenset[str]:
        """Return the vantages that page for a key, and whom no receiver hears."""
        rows = self.finding(key)
        return frozenset(vantage for vantage, row in rows.items() if known_as(row) in self.unheard)

    @cached_property
    def _named(self) -> Mapping[str, list[StandingRow]]:
        return _grouped((row.target, row) for row in self.standings)

    @cached_property
    def _asking(self) -> Mapping[str, list[StandingRow]]:
        """Return rows by what they ask, the worst of each vantage last."""
        worst_last = sorted(self.standings, key=lambda row: ("unknown", "good", "bad").index(_health(row)))
        return _grouped((row.asks, row) for row in worst_last)

    @cached_property
    def _finding(self) -> Mapping[str, list[AlertRow]]:
        now = (row for row in self.alerts if row.quiet_ns is None and row.vantage in self.vantages)
        found: dict[str, list[AlertRow]] = {}
        for row in now:
            found.setdefault(row.key, []).append(row)
        return found


NOBODY: Final = Heard()


def known_as(row: AlertRow) -> Occurrence:
    """Return under what a vantage tells receivers of an alert."""
    return row.vantage, str(row.facts.get(TOLD_AS, row.id))


def _health(row: StandingRow) -> Health:
    return cast("Health", row.state) if row.state in {"good", "bad"} else "unknown"


def _grouped(pairs: Iterable[tuple[str, StandingRow]]) -> Mapping[str, list[StandingRow]]:
    found: dict[str, list[StandingRow]] = {}
    for key, row in pairs:
        found.setdefault(key, []).append(row)
    return found


def asks(target: Target) -> str:
    """Return what names the same endpoint and model everywhere, however a vantage calls its target.

    A digest, for an endpoint's address is nobody else's business.
    """
    parts = (target.provider, target.endpoint.rstrip("/"), target.model_id, target.region or "")
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def own_standings(
    vantage: str,
    sights: Iterable[Sight],
    verdicts: Iterable[Verdict],
    targets: Mapping[str, Target],
    *,
    asking: bool = True,
) -> list[StandingRow]:
    """Return what this vantage tells others: nothing is known of what fails by its own fault, or while it does not ask."""
    ours = {name for verdict in verdicts if verdict.fault in OURS for name in verdict.targets}
    return [
        StandingRow(
            vantage=vantage,
            target=sight.target,
            asks=asks(targets[sight.target]),
            state="unknown" if sight.target in ours or not asking else sight.health,
        )
        for sight in sights
    ]


class Others:
    """Says how this vantage sees things and hears how others do; every method may be called from any thread."""

    def __init__(
        self, vantages: Vantages, alerts: Alerts, mono_ns: Callable[[], int], outbox: Outbox | None = None
    ) -> None:
        self._vantages = vantages
        self._alerts = alerts
        self._mono_ns = mono_ns
        self._outbox = outbox
        self._untaken_ns: dict[Occurrence, int] = {}
        self._lock = threading.Lock()
        self._own: tuple[str, Sequence[StandingRow]] | None = None
        self._urgent = False
        self._heard: Heard | None = None
        self._heard_ns = 0
        self._deaf_ns: int | None = None
        self._told_ns: int | None = None
        self._doubled = False

    @property
    def doubled(self) -> bool:
        """Return whether another agent told under the name of this vantage since this one did."""
        with self._lock:
            return self._doubled

    def note(self, vantage: str, rows: Sequence[StandingRow], *, urgent: bool) -> None:
        """Keep what this vantage sees until it is said; `urgent` where a page waits for the word of others."""
        with self._lock:
            self._own, self._urgent = (vantage, rows), urgent

    def due(self) -> bool:
        """Return whether it is time to exchange."""
        with self._lock:
            every_s = SOON_S if self._urgent else EVERY_S
            past_s = (self._mono_ns() - self._heard_ns) / 1e9
            return self._own is not None and (self._heard is None or past_s >= every_s)

    def exchange(self) -> None:
        """Say and hear; raises StoreUnavailableError where the database does not answer."""
        with self._lock:
            own = self._own
        if own is None:
            return
        vantage, rows = own
        alerts = self._alerts.elsewhere(vantage)
        try:
            said = self._vantages.heard(EVERYBODY)
            self._recognise(vantage, [row for row in said if row.vantage == vantage])
            self._vantages.tell(rows)
            theirs = [row for row in said if row.vantage != vantage]
            heard = Heard(standings=theirs, alerts=alerts, unheard=self._unheard(alerts))
        except StoreUnavailableError:
            # The database is there, for the alerts were read: others may be away for ever, so we wait for a while only.
            with self._lock:
                self._deaf_ns = self._mono_ns() if self._deaf_ns is None else self._deaf_ns
            raise
        with self._lock:
            self._heard, self._heard_ns, self._deaf_ns = heard, self._mono_ns(), None
            self._told_ns = self._heard_ns if rows else None

    def _unheard(self, alerts: Iterable[AlertRow]) -> frozenset[Occurrence]:
        """Return the pages of others that nobody has taken from them for too long, by our own clock."""
        pages = {known_as(row) for row in alerts if row.severity == "page" and row.quiet_ns is None}
        untaken = {} if self._outbox is None else self._outbox.untaken(pages)
        now_ns, before = self._mono_ns(), self._untaken_ns
        self._untaken_ns = {page: before.get(page, now_ns) for page in untaken}
        return frozenset(
            page
            for page, begun in untaken.items()
            if now_ns - self._untaken_ns[page] >= (STALE_S if begun else PATIENCE_S) * 1e9
        )

    def _recognise(self, vantage: str, own: Sequence[StandingRow]) -> None:
        """Tell of another agent under the same name: what stands there is younger than what this one told last."""
        with self._lock:
            past_s = None if self._told_ns is None else (self._mono_ns() - self._told_ns) / 1e9
            before = self._doubled
            self._doubled = past_s is not None and any(row.age_s < past_s - _JITTER_S for row in own)
            now = self._doubled
        if now and not before:
            log.error("vantage.doubled", vantage=vantage, remedy=REMEDY)

    def heard(self) -> Heard:
        """Return what is not too old; where this vantage itself could not hear, nothing is settled for a while."""
        with self._lock:
            heard, at_ns, deaf_ns, now_ns = self._heard, self._heard_ns, self._deaf_ns, self._mono_ns()
        since_s = (now_ns - at_ns) / 1e9
        if heard is None or since_s > STALE_S:
            return Heard(settled=deaf_ns is not None and (now_ns - deaf_ns) / 1e9 > STALE_S)
        fresh = [row for row in heard.standings if row.age_s + since_s <= STALE_S]
        return dataclasses.replace(heard, standings=fresh)


async def keep_exchanging(others: Others, prepared: asyncio.Event) -> None:
    """Exchange for ever once the schema is there; with the database away nothing is said, and what was heard grows old."""
    await prepared.wait()
    away = False
    while True:
        if others.due():
            try:
                await asyncio.to_thread(others.exchange)
                away = False
            except StoreUnavailableError as failure:
                if not away:
                    log.warning("vantages.unheard", error=str(failure))
                away = True
                await asyncio.sleep(EVERY_S)
        await asyncio.sleep(SOON_S / 2)
