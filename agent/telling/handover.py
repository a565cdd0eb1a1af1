"""Who pages is another now: what the agent told of ends where it was told, and what goes on is told once it pages again."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from agent.slo.alerts import Alert
from agent.telling import routing
from agent.telling.notices import closed
from agent.telling.quorum import HELD, told_as
from storage.alert_readings import NoticeRow
from storage.base import Outbox

WHY: Final = "Prometheus judges from now on"


class Handover:
    """What receivers were told to be over though it goes on; the outbox says so, and so it outlasts restarts."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._over: frozenset[str] = frozenset()

    def leave(self, vantage: str, now_ns: int) -> None:
        """End all that receivers were told of, or are to be; what they have heard the end of is left as it is."""
        rows = self._outbox.open(vantage)
        newest: dict[str, int] = {}
        for row in rows:
            newest[row.alert] = max(row.seq, newest.get(row.alert, 0))
        self._outbox.put(list(_ends(rows, newest, now_ns)))
        self._over = frozenset()

    def take(self, vantage: str, alive: Collection[Alert], seqs: Mapping[str, int]) -> dict[str, int]:
        """Find what goes on and was told to be over, and return from which sequences it is told on."""
        told = {alert.id: told_as(alert) for alert in alive if seqs[alert.id]}
        last = self._outbox.last(vantage, set(told.values())) if told else {}
        over = {one: last[key].seq for one, key in told.items() if key in last and last[key].ends}
        self._over = frozenset(over)
        return {one: max(seq, over.get(one, 0)) for one, seq in seqs.items()}

    def is_over(self, alert: Alert) -> bool:
        """Return whether receivers were told that it is over, and of nothing since."""
        return alert.id in self._over

    def found(self, alive: Iterable[Alert], changed: Iterable[Alert]) -> Iterator[Alert]:
        """Yield what goes on in earnest and is to be told anew, beside what changed anyhow."""
        known = {alert.id for alert in changed}
        for alert in alive:
            goes_on = alert.quiet_ns is None and HELD not in alert.finding.facts
            if goes_on and self.is_over(alert) and alert.id not in known:
                yield alert

    def number(self, vantage: str, alert: Alert) -> int:
        """Return which notice was the last one that this vantage told of what an alert takes over; 0 for its own key."""
        key = told_as(alert)
        found = None if key == alert.id else self._outbox.last(vantage, [key]).get(key)
        return 0 if found is None else found.seq

    def told(self, ids: Iterable[str]) -> None:
        self._over = self._over.difference(ids)


def _ends(rows: Iterable[NoticeRow], newest: Mapping[str, int], now_ns: int) -> Iterator[NoticeRow]:
    for row in rows:
        try:
            notice = routing.unpacked(row.payload)
        except ValueError:  # another release wrote it, and this one cannot read it
            continue
        yield routing.end(row, closed(notice, newest[row.alert] + 1, WHY, now_ns), now_ns)
