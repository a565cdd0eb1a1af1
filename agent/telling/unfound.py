"""What is known of alerts whose trouble is not found any more: whether it was seen to be over, or nobody sees. Pure."""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from agent.config.model import Config
from agent.slo.alerts import Alert, Finding, Unfound
from agent.slo.standing import Standing
from agent.telling.seen import Pair
from agent.telling.sights import View
from probes.target import Workload

_WELL: Final = frozenset({"TargetDown", "ServiceDown"})
"""What ends only once its target, or so many as its service needs, are seen well."""

_BROUGHT: Final = frozenset({"NoResults", "Throttled"})
"""What ends only once a result came since."""

_OF_TARGETS: Final = _WELL | _BROUGHT | {"NothingValid", "BudgetBurn", "BelowQuorum"}
"""What is told of targets; of these, what is in neither set above ends once anything is judged."""

GONE: Final = "the plan names it no more"
AWAY: Final = "it is in maintenance"
AWAY_MEMBERS: Final = "too many of its members are in maintenance"


def unfound(
    view: View, alive: Mapping[str, Alert], found: Iterable[Finding], config: Config, out: Collection[str]
) -> dict[str, Unfound]:
    """Return what keeps alerts that are not found any more from being over, or else why nobody looks at them.

    `config` is the whole plan, that of the view lacks the members who are in maintenance (`out`). What is over is
    not named.
    """
    findings = list(found)
    there = {one.key for one in findings}
    spoken = {key: one for one in findings for key in one.facts.get("covers", ())}
    looked = _Looked(view, config, frozenset(out))
    told: dict[str, Unfound] = {}
    for key, alert in alive.items():
        if key in there or alert.finding.over_ns is not None:
            continue
        if (speaker := spoken.get(key)) is not None:
            told[key] = Unfound(left=f"{speaker.name} of {speaker.subject} speaks for it")
        elif (why := looked.why(alert.finding)) is not None:
            told[key] = why
    return told


@dataclasses.dataclass(frozen=True)
class _Looked:
    """What is seen of everything that alerts are about."""

    view: View
    config: Config
    out: frozenset[str]

    @cached_property
    def workloads(self) -> Mapping[Pair, Workload]:
        return self.config.workloads()

    @cached_property
    def served(self) -> frozenset[Pair]:
        return frozenset(one.pair for one in self.config.members)

    def why(self, finding: Finding) -> Unfound | None:
        """Return why a trouble is not seen to be over; None where it is."""
        name = finding.facts.get("page", finding.name)
        if name in {"ServiceDown", "ServiceBudgetBurn"}:
            return self._of_service(finding)
        if finding.name in _OF_TARGETS:
            return self._of_targets(finding)
        return self._of_network(finding) if finding.name == "NetworkDown" else None

    def _of_service(self, finding: Finding) -> Unfound | None:
        name, failing = finding.labels["service"], set(finding.facts.get("failing", ()))
        left, planned = (
            {one.name: one for one in config.services if one.is_judged}.get(name)
            for config in (self.view.config, self.config)
        )
        if planned is None or (failing and failing.isdisjoint(one.target for one in planned.members)):
            return Unfound(left=GONE)
        if left is None:
            return Unfound(left=AWAY_MEMBERS)
        now = self.view.impacts[name]
        over = now.units_well >= left.at_least if finding.name in _WELL else bool(now.well or now.failing)
        return None if over else self._unseen([one.pair for one in (*now.failing, *now.unknown)], finding)

    def _of_targets(self, finding: Finding) -> Unfound | None:
        """Return what it is of an alert about probes: a target is well once all are, of others it is enough that one is seen."""
        planned = [pair for pair in self._pairs(finding) if pair in self.workloads]
        objectives = {"", *(one.name for one in self.config.objectives)}
        if not planned or finding.labels.get("objective", "") not in objectives:
            return Unfound(left=GONE)
        asked = [pair for pair in planned if pair[0] not in self.out]
        if not asked:
            return Unfound(left=AWAY)
        enough = all if finding.name == "TargetDown" else any
        return (
            None if enough(self._is_over(finding, pair) for pair in asked) else self._unseen(asked, finding)
        )

    def _pairs(self, finding: Finding) -> Iterator[Pair]:
        """Yield the probes that an alert is about: where it names none, all of its targets."""
        if parts := finding.facts.get("parts"):
            pairs = ((part["target"], part["probe"]) for part in parts)
            yield from (pair for pair in pairs if finding.name != "TargetDown" or pair in self.served)
        elif "probe" in finding.labels:
            yield finding.labels["target"], finding.labels["probe"]
        else:
            names = {*finding.facts.get("failing", ()), *finding.facts.get("targets", ())}
            yield from (pair for pair in self.workloads if pair[0] in names)

    def _is_over(self, finding: Finding, pair: Pair) -> bool:
        """Return whether what is seen of a probe lets the trouble be over."""
        standing = self.view.standing.get(pair, Standing())
        if finding.name in _BROUGHT:
            return (standing.seen_ns or 0) > finding.since_ns
        fresh = not standing.stale(self.view.now_ns, self.workloads[pair].every_s)
        return fresh and (standing.state == "good" or finding.name not in _WELL)

    def _of_network(self, finding: Finding) -> Unfound | None:
        """Return since when nobody knows of a network: it lost its targets, and neither witness nor target answers."""
        network, seen = finding.labels["network"], self.view.seen
        failing = finding.facts.get("failing", ())
        lost = [one.pair for one in self.view.members if one.target in failing and one.pair in seen]
        witness = self.view.witnesses.get(network)
        if not all(seen[pair].lost_since_ns for pair in lost) or (witness is not None and witness.reaches):
            return None
        last_ns = max((seen[pair].lost_ns for pair in lost), default=0)
        beside = {one.name for one in self.view.config.targets if one.network == network}
        answered = any(name in beside and (one.good_ns or 0) > last_ns for (name, _), one in seen.items())
        return self._unseen(lost, finding) if lost and not answered else None

    def _unseen(self, pairs: Iterable[Pair], finding: Finding) -> Unfound:
        """Return since when nothing is seen: the last slot of any of these probes that said good or bad."""
        judged = [self.view.standing.get(pair, Standing()).judged_ns or 0 for pair in pairs]
        return Unfound(unseen_ns=max([finding.since_ns, *judged]))
