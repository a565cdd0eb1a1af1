"""What is wrong by all that is known: how targets stand, what was counted last, our own clock and our credentials."""

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from agent.config.model import Config
from agent.slo import inhibiting
from agent.slo.alerts import Alert, Finding, paging
from agent.slo.burning import Windows
from agent.slo.covering import uncovered
from agent.slo.findings import Ways, service_findings, target_findings
from agent.slo.quiet import is_quiet
from agent.slo.spending import spending
from agent.slo.spent import Counted, Spent
from agent.telling import burns, drilling
from agent.telling.absence import absent, nothing_valid
from agent.telling.blind import Ourselves, Pulse
from agent.telling.capacity import throttled
from agent.telling.clearer import waits
from agent.telling.expiry import ClientCertificates, Tokens, expiring
from agent.telling.labels import labelled
from agent.telling.ours import is_aftermath, is_hidden, own_findings
from agent.telling.particulars import detailed
from agent.telling.seen import Pair
from agent.telling.sights import View
from agent.telling.standings import Standings
from agent.telling.verdict import Fault, Verdict
from storage.alert_readings import AlertRow


class Finder:
    """Finds; what it was given by the last evaluation, which comes from another thread, it takes over whole."""

    def __init__(
        self,
        standings: Standings,
        certificates: ClientCertificates,
        tokens: Tokens,
        mono_ns: Callable[[], int],
        uncounted_ns: Callable[[], int],
    ) -> None:
        self._standings = standings
        self._certificates = certificates
        self._tokens = tokens
        self._mono_ns = mono_ns
        self._uncounted_ns = uncounted_ns
        self._burns = burns.Burns()
        self._parts: tuple[Sequence[Finding], frozenset[Pair]] = (), frozenset()
        self._pulse = Pulse()
        self._cut_ns = 0

    def counted(
        self, awake: Config, series: Mapping[Pair, Windows], now_ns: int, objectives: Sequence[Spent]
    ) -> None:
        """Take what an evaluation of history counted: from it follows which services burn, and which objectives do."""
        ways, born_ns = ways_of(awake), self._standings.born_ns()
        standings = self._standings.standings()
        found = [
            *spending(objectives, _critical(awake), standings, born_ns, now_ns, ways),
            *uncovered(_by_event(objectives), awake.vantage, now_ns),
        ]
        down = target_findings(awake.members, frozenset(), standings, born_ns, now_ns, ways)
        self._parts = found, inhibiting.down(down)
        self._burns.counted(awake.services, series, now_ns, born_ns, ways)

    def restore(self, rows: Iterable[AlertRow], now_ns: int) -> None:
        """Go on from the outages that rows remember."""
        self._burns.restore(rows, now_ns)

    def look(self, view: View, alive: Mapping[str, Alert]) -> None:
        """Take how services stand now, and which alerts there are."""
        judged = {one.name: view.impacts[one.name] for one in view.config.services if one.is_judged}
        self._burns.look(judged, alive, view.now_ns)

    def found(
        self,
        view: View,
        whole: Config,
        verdicts: Sequence[Verdict],
        out: Collection[str],
        alive: Mapping[str, Alert],
    ) -> list[Finding]:
        """Return what is wrong in a view: of our own faults one finding each, none for what they only seem to break.

        What nobody was told of yet may wait for a moment, until it can be said whose fault it is. `whole` is the plan
        with those in maintenance (`out`), who are members of services by their labels still.
        """
        known = {key.removeprefix(drilling.KEY) for key in alive}
        config, now_ns = view.config, view.now_ns
        blames = {name: found for found in verdicts for name in found.targets}
        found = [_blamed(finding, blames) for finding in self._findings(view)]
        hidden = [finding for finding in found if is_hidden(finding, blames)]
        if any(found.fault is Fault.NETWORK for found in verdicts):
            self._cut_ns = now_ns
        about_us = own_findings(view, verdicts, hidden, ways_of(config), self._ourselves())
        shown = [*(finding for finding in found if finding not in hidden), *about_us]
        members = {one.name: frozenset(member.target for member in one.members) for one in config.services}
        told = inhibiting.told(shown, members, paging(alive))
        return [
            labelled(detailed(one, view), whole, view.targets)
            for one in told
            if not is_quiet(one.labels, one.facts.get("failing", ()), out)
            and not is_aftermath(one, view, known)
            and (one.key in known or not waits(one, blames, now_ns))
        ]

    def _ourselves(self) -> Ourselves:
        still_ns = self._pulse.still_ns(self._standings.beating_ns()[1], self._mono_ns())
        return Ourselves(still_ns=still_ns, uncounted_ns=self._uncounted_ns(), cut_ns=self._cut_ns)

    def _findings(self, view: View) -> Iterable[Finding]:
        config, standings, now_ns, ways = view.config, view.standing, view.now_ns, ways_of(view.config)
        born_ns = self._standings.born_ns()
        targets = list(target_findings(view.members, _critical(config), standings, born_ns, now_ns, ways))
        yield from targets
        judged = [service for service in config.services if service.is_judged]
        down = list(service_findings(judged, standings, born_ns, now_ns, ways, view.elsewhere))
        yield from down
        yield from self._burns.findings({one.name for one in judged}, {one.subject for one in down})
        planned = {"", *view.targets}
        parts = inhibiting.fresh(*self._parts, inhibiting.down(targets))
        yield from (one for one in parts if one.labels.get("target", "") in planned)
        yield from absent(view)
        yield from nothing_valid(view)
        yield from throttled(view)
        yield from expiring(view, self._certificates.of(config, now_ns), self._tokens.of(config, now_ns))


def ways_of(config: Config) -> Ways:
    paging = config.paging
    return Ways(
        after_ns=round(paging.after_s * 1e9),
        warm_up_ns=round(paging.warm_up_s * 1e9),
        hold_ns=round(paging.hold_s * 1e9),
    )


def awake(config: Config, out: Collection[str]) -> Config:
    """Return the plan as if nobody watched these targets, for a service or for themselves."""
    if not out:
        return config
    return dataclasses.replace(
        config,
        services=tuple(one.without(out) for one in config.services),
        lone=tuple(one for one in config.lone if one.target not in out),
    )


def _critical(config: Config) -> frozenset[str]:
    return frozenset(target.name for target in config.targets if target.critical)


def _by_event(objectives: Iterable[Spent]) -> Iterator[Counted]:
    """Yield what each probe brought to the objectives that count events."""
    for one in objectives:
        yield from () if one.objective.slices else one.parts


def _blamed(finding: Finding, blames: Mapping[str, Verdict]) -> Finding:
    """Return the finding with whose fault it is and on what evidence; where its targets differ in it, with each."""
    found = [blames[name] for name in finding.failing if name in blames]
    if not found:
        return finding
    told = dict.fromkeys((verdict.fault.value, verdict.subject) for verdict in found)
    evidence = dict.fromkeys(said for verdict in found for said in verdict.evidence)
    facts = {
        "fault": ", ".join(f"{fault} {subject}" for fault, subject in told),
        "evidence": list(evidence),
    }
    return dataclasses.replace(finding, facts={**finding.facts, **facts})
