"""What a verdict looks at: how every target stands, which of them only our own way cut off, and what witnesses say."""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from agent.config.model import Config
from agent.slo.evaluate import SETTLING_S
from agent.slo.impact import Impact, impact
from agent.slo.service import Member, Service, served_by
from agent.slo.standing import Standing
from agent.telling.others import NOBODY, Heard
from agent.telling.scene import Health, Scene, Sight, Witness
from agent.telling.seen import Pair, Seen
from agent.telling.standings import Standings, Voice
from probes import target as probing
from probes.identity import TURNED, identity
from probes.result import REFUSALS, Outcome
from probes.target import Target, Workload

_UNJUDGED: Final = REFUSALS - {Outcome.IDENTITY_SERVICE}
"""Refusals that are ours to mend, so they say nothing of how a target is; an identity service that is down does."""

VOTELESS: Final = frozenset({"doubted", "no_vote"})
"""How a witness stands whose not being reached means nothing."""

ANSWER_S: Final = 2.0
"""How long after its first token, or the deadline of that, a result is known, but for few."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class View:
    """What is known at an instant of everything that a plan watches."""

    config: Config
    standings: Standings
    now_ns: int
    drilled: Mapping[Pair, Seen] = dataclasses.field(default_factory=dict)
    """What a drill lets be seen in place of what is."""
    others: Heard = NOBODY

    @cached_property
    def seen(self) -> Mapping[Pair, Seen]:
        return {**self.standings.seen(), **self.drilled}

    @cached_property
    def standing(self) -> Mapping[Pair, Standing]:
        """Return how each probe stands; what was down before our own way was cut is not known until it is asked again."""
        return {pair: self._known(pair, seen) for pair, seen in self.seen.items()}

    def _known(self, pair: Pair, seen: Seen) -> Standing:
        target = self.targets.get(pair[0])
        if seen.lost_since_ns is None or target is None or self._way(target) in self.cut:
            return seen.standing
        return dataclasses.replace(seen.standing, state="unknown")

    @cached_property
    def voices(self) -> Mapping[tuple[str, str], Voice]:
        return self.standings.voices(self.now_ns)

    @cached_property
    def targets(self) -> Mapping[str, Target]:
        return {target.name: target for target in self.config.targets}

    @cached_property
    def workloads(self) -> Mapping[Pair, Workload]:
        return self.config.workloads()

    @cached_property
    def witnesses(self) -> Mapping[str, Witness]:
        """Return what the witnesses of each network say together."""
        states: dict[str, dict[str, str]] = {}
        for (network, name), voice in self.voices.items():
            states.setdefault(network, {})[name] = voice.state
        return {network: _heard(found) for network, found in states.items()}

    @cached_property
    def impacts(self) -> Mapping[str, Impact]:
        """Return what the failing of members means for each service, by its name."""
        return {one.name: impact(one, self.standing, self.now_ns) for one in self.config.services}

    @cached_property
    def serving(self) -> Mapping[Pair, list[Service]]:
        return served_by(self.config.services)

    @cached_property
    def elsewhere(self) -> frozenset[str]:
        """Return the targets that fail at another vantage."""
        return frozenset(name for name, one in self.targets.items() if "bad" in self.others.of(one).values())

    @cached_property
    def members(self) -> list[Member]:
        return self.config.members

    def scene(self) -> Scene:
        sights = [
            self._sight(self.targets[member.target], member, self.cut)
            for member in self.members
            if member.target in self.targets
        ]
        return Scene(
            sights=_one_each(sights), witnesses=self.witnesses, spoilt=self.standings.spoilt(self.now_ns)
        )

    def lost(self, member: Member) -> Seen | None:
        """Return what is known of a probe whose slots fail by our own fault, confirmed and lately."""
        seen = self.seen.get(member.pair)
        if seen is None or seen.lost_since_ns is None or not seen.lost_confirmed:
            return None
        # The fault of the last slot is what counts; one that is asked no more says nothing for long.
        asked = dataclasses.replace(seen.standing, judged_ns=seen.standing.seen_ns)
        return None if asked.stale(self.now_ns, member.every_s) else seen

    @cached_property
    def cut(self) -> Mapping[str, int]:
        """Return the networks that are cut, as far as is known, and when something was lost there last.

        A witness that is reached, or a target that answered since, says that the way is whole again; where nothing but
        names failed, one for which a name was resolved: kept connections outlast a resolver.
        """
        names: dict[str, bool] = {}
        cut: dict[str, int] = {}
        for member in self.members:
            target, seen = self.targets.get(member.target), self.lost(member)
            if target is None or seen is None:
                continue
            way = self._way(target)
            witness = self.witnesses.get(way, Witness())
            if not witness.reaches or witness.resolves is False:
                cut[way] = max(seen.lost_ns, cut.get(way, 0))
                names[way] = names.get(way, True) and seen.outcome is Outcome.DNS
        if not cut:
            return cut
        for member in self.members:
            target, seen = self.targets.get(member.target), self.seen.get(member.pair)
            if target is None or seen is None or (way := self._way(target)) not in cut:
                continue
            if ((seen.named_ns if names[way] else seen.good_ns) or 0) > cut[way]:
                del cut[way]
        return cut

    def _way(self, target: Target) -> str:
        """Return the name of a target's way: that of its network, or one of its own where it goes past its proxy."""
        network = next((one for one in self.config.networks if one.name == target.network), None)
        if network is None or network.carries(target):
            return target.network
        return f"{target.network}, by the proxy of {target.name}"

    def _sight(self, target: Target, member: Member, cut: Mapping[str, int]) -> Sight:
        health, outcome = self._health(target, member, cut)
        seen = self.seen.get(member.pair, Seen())
        turning = seen.outcome in _UNJUDGED and seen.refused < TURNED
        slots = TURNED - seen.refused if turning else 1
        next_ns = seen.doubted_ns or (seen.standing.seen_ns or 0) + round(slots * member.every_s * 1e9)
        return Sight(
            target=target.name,
            cloud=target.cloud,
            region=target.region,
            model=target.model,
            network=self._way(target),
            identity=identity(target),
            health=health,
            outcome=outcome,
            elsewhere=self.others.of(target),
            since_ns=_since_ns(seen, health),
            judged_ns=seen.standing.judged_ns or 0,
            asked_ns=seen.standing.seen_ns or 0,
            next_ns=next_ns,
            due_ns=next_ns + self._late_ns(seen, member),
            doubted_ns=seen.doubted_ns,
            turning=turning,
            cut=health == "bad" and seen.standing.state != "bad",
        )

    def _late_ns(self, seen: Seen, member: Member) -> int:
        """Return how long after its slot a probe has said something, or is settled where it failed."""
        workload = self.workloads.get(member.pair)
        first_token_s = 0.0 if workload is None else workload.first_token_s
        late_s = first_token_s + (ANSWER_S if seen.doubted_ns is None else first_token_s + SETTLING_S)
        return round(late_s * 1e9)

    def _health(
        self, target: Target, member: Member, cut: Mapping[str, int]
    ) -> tuple[Health, Outcome | None]:
        """Return how a target stands and its last failure's outcome, as a verdict is to see them.

        Where the way is cut, what was well before is not known to be well now. Refusals of an identity count once
        they are no accident.
        """
        seen = self.seen.get(member.pair, Seen())
        is_cut = self._way(target) in cut
        if is_cut and self.lost(member) is not None:
            return "bad", seen.outcome
        stale = seen.standing.stale(self.now_ns, member.every_s)
        health: Health = "unknown" if stale else seen.standing.state
        if is_cut and health == "good":
            health = "unknown"
        if seen.outcome in _UNJUDGED:
            # Its last judged slots may have been good; they are of the time before.
            return "unknown", seen.outcome if seen.turned else None
        return health, seen.outcome


def _since_ns(seen: Seen, health: Health) -> int:
    """Return since when it is as it is; what it was first it was for ever, as far as is known."""
    if seen.lost_since_ns is not None:
        return seen.lost_since_ns
    if seen.turned and health != "good":
        return seen.refused_ns
    return 0 if seen.standing.since_ns == seen.born_ns else seen.standing.since_ns


def _heard(states: Mapping[str, str]) -> Witness:
    """Return what witnesses say: anything that is up answers, and all that have a vote must be down for a no.

    A name that a connection was made to was resolved; one that could not be connected to may have been.
    """
    names: list[bool] = []
    ways: list[bool] = []
    for name, state in states.items():
        if state in VOTELESS:
            continue
        witness = probing.Witness.named(name)
        if witness.kind == "dns":
            names.append(state == "up")
        else:
            ways.append(state == "up")
    return Witness(resolves=any(names) if names else None, reaches=any(ways) if ways else None)


def _one_each(sights: Iterable[Sight]) -> list[Sight]:
    """Return one sight of each target: of several probes of one, the worst."""
    worst: dict[str, Sight] = {}
    for sight in sights:
        known = worst.get(sight.target)
        if known is None or _badness(sight) < _badness(known):
            worst[sight.target] = sight
    return list(worst.values())


def _badness(sight: Sight) -> tuple[int, bool, int]:
    """Return what sorts the worst first: of two that are alike, the one of which more is known."""
    if sight.health == "unknown":
        kind = 1 if sight.outcome in _UNJUDGED else 3
    else:
        kind = 0 if sight.health == "bad" else 2
    return kind, sight.doubted_ns is None, -sight.judged_ns
