"""Which services burn by the last evaluation, and which of that an outage explains that was told already."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from agent.slo import outages
from agent.slo.alerts import Alert, Finding, paging
from agent.slo.burning import Windows
from agent.slo.findings import Ways, burn_findings
from agent.slo.impact import Impact
from agent.slo.outages import Outage, Outages
from agent.slo.service import Service
from agent.telling.quorum import HELD
from agent.telling.seen import Pair
from storage.alert_readings import AlertRow


class Burns:
    """What evaluations count is set from another thread than the one that looks; each is taken over whole."""

    def __init__(self) -> None:
        self._burns: Sequence[Finding] = ()
        self._echoes: Sequence[Finding] = ()
        self._outages: Outages = {}
        self._paging: frozenset[str] = frozenset()

    def counted(
        self,
        services: Iterable[Service],
        series: Mapping[Pair, Windows],
        now_ns: int,
        born_ns: Mapping[str, int],
        ways: Ways,
    ) -> None:
        """Take what an evaluation counted; a burn that pages already is explained by no later outage."""
        going, last = self._paging, self._outages
        burns: list[Finding] = []
        echoes: list[Finding] = []
        for service in services:
            if not service.is_judged:
                continue
            outage = None if f"service-burn/{service.name}" in going else last.get(service.name)
            burns += burn_findings(service, series, now_ns, born_ns, ways, outage)
            if outage is not None:
                echoes += burn_findings(service, series, now_ns, born_ns, ways)
        self._burns, self._echoes = burns, echoes

    def look(self, impacts: Mapping[str, Impact], alive: Mapping[str, Alert], now_ns: int) -> None:
        """Take how services stand now, and which alerts there are."""
        told = {alert.finding.subject for alert in alive.values() if _is_told(alert.finding)}
        self._outages = outages.after(self._outages, impacts, told, now_ns)
        self._paging = paging(alive)

    def restore(self, rows: Iterable[AlertRow], now_ns: int) -> None:
        """Go on from the outages that rows remember, the newest first."""
        found: dict[str, Outage] = {}
        for row in rows:
            if row.name == "ServiceDown" and (row.severity == "page" or HELD in row.facts):
                found.setdefault(row.subject, _outage(row, now_ns))
        self._outages = found

    def findings(self, services: Collection[str], down: Collection[str]) -> Iterator[Finding]:
        """Yield which of these services burn; of those that are down also what their outage explains, and speaks for."""
        burning = {finding.subject for finding in self._burns}
        yield from (one for one in self._burns if one.subject in services)
        yield from (one for one in self._echoes if one.subject in down and one.subject not in burning)


def _is_told(finding: Finding) -> bool:
    """Return whether an outage is told as a page, by this vantage or by another."""
    return finding.name == "ServiceDown" and (finding.severity == "page" or HELD in finding.facts)


def _outage(row: AlertRow, now_ns: int) -> Outage:
    until_ns = row.quiet_ns if row.quiet_ns is not None else (row.ended_ns or now_ns)
    return Outage(since_ns=row.since_ns, until_ns=until_ns, paged=True)
