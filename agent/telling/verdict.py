"""Whose fault an incident is: what fails beside what is well, what the witnesses of a path say, what others see. Pure.

The narrowest thing that all failing targets have in common, and that no target which is well shares, is at fault.
A vendor's own word is evidence beside ours, never a verdict.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, Literal, TypeVar

from agent.slo.impact import AGREE
from probes.result import ON_THE_WAY, Outcome

K = TypeVar("K")


class Fault(StrEnum):
    """Whose fault an incident is."""

    TARGET = "target"
    MODEL = "model"
    REGION = "region"
    CLOUD = "cloud"
    NETWORK = "network"
    AGENT = "agent"
    CREDENTIALS = "credentials"
    QUOTA = "quota"
    UNDETERMINED = "undetermined"


OURS: Final = frozenset({Fault.NETWORK, Fault.AGENT, Fault.CREDENTIALS, Fault.QUOTA})
"""Faults that are ours to mend; they give one alert about us, and none about a cloud."""

AGENT_SHARE: Final = 0.2
"""More than this share of answers that our own delay spoilt, and the agent is blind."""

Health = Literal["good", "bad", "unknown"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How one target stands, as this agent saw it last, and what it is part of.

    `outcome` is that of its last failure while it is not good. `identity` names the credentials that it is asked
    with, never their value. `elsewhere` is how it stands at other vantages, by their names.
    """

    target: str
    cloud: str
    model: str
    network: str
    health: Health
    region: str | None = None
    identity: str = ""
    outcome: Outcome | None = None
    elsewhere: Mapping[str, Health] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What the witnesses of a network say: whether names are resolved, and whether anything is reached.

    None is no vote: there is no witness, or it has not succeeded within 24 h.
    """

    resolves: bool | None = None
    reaches: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is at fault for these targets' failing, and on what evidence, in sentences."""

    fault: Fault
    subject: str
    targets: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def ours(self) -> bool:
        return self.fault in OURS


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that a verdict looks at.

    `spoilt` is the share of recent answers that our own delay spoilt (`agent_fault`).
    """

    sights: Sequence[Sight]
    witnesses: Mapping[str, Witness] = dataclasses.field(default_factory=dict)
    spoilt: float = 0.0


def verdicts(scene: Scene) -> list[Verdict]:
    """Return one verdict for each thing that is at fault; every failing target is in exactly one.

    >>> well = Sight(target="a", cloud="aws", model="nano", network="internet", health="good")
    >>> down = Sight(target="b", cloud="gcp", model="nano", network="internet", health="bad", outcome=Outcome.SERVER_ERROR)
    >>> [(verdict.fault.value, verdict.subject) for verdict in verdicts(Scene(sights=[well, down]))]
    [('target', 'b')]
    """
    failing = [sight for sight in scene.sights if sight.health == "bad"]
    if scene.spoilt > AGENT_SHARE:
        said = f"{scene.spoilt:.0%} of its recent answers were spoilt by its own delay"
        return [_verdict(Fault.AGENT, "this agent", failing, said)]
    turned = [sight for sight in scene.sights if sight.outcome in {Outcome.CONFIG, Outcome.QUOTA}]
    found = [*_identities(scene, turned), *_quotas(turned)]
    taken = {name for verdict in found for name in verdict.targets}
    failing = [sight for sight in failing if sight.target not in taken]
    reached = {sight.network for sight in scene.sights if sight.health == "good"}
    for network, theirs in _grouped(failing, lambda one: one.network).items():
        # Whatever is reached proves the way.
        if network not in reached and (verdict := _network(scene, network, theirs)):
            found.append(verdict)
            taken.update(verdict.targets)
    return found + list(_parts(scene.sights, [sight for sight in failing if sight.target not in taken]))


def _verdict(fault: Fault, subject: str, of: Iterable[Sight], *evidence: str) -> Verdict:
    return Verdict(
        fault=fault, subject=subject, targets=tuple(sight.target for sight in of), evidence=evidence
    )


def _identities(scene: Scene, turned: Sequence[Sight]) -> Iterator[Verdict]:
    """Yield whose fault it is that identities are refused: ours, unless several of one cloud turned at once."""
    refused = [sight for sight in turned if sight.outcome is Outcome.CONFIG]
    by_cloud: dict[str, dict[str, list[Sight]]] = defaultdict(lambda: defaultdict(list))
    for sight in refused:
        by_cloud[sight.cloud][sight.identity].append(sight)
    for cloud, identities in by_cloud.items():
        theirs = {sight.identity for sight in scene.sights if sight.cloud == cloud and sight.health == "good"}
        if len(identities) >= AGREE and not theirs:
            said = f"{len(identities)} identities of {cloud} are refused at once, and none is accepted"
            yield _verdict(Fault.CLOUD, cloud, (one for all_ in identities.values() for one in all_), said)
            continue
        for identity, sights in identities.items():
            said = f"{cloud} refuses {identity or 'the identity'}" + (
                ", and accepts others" if theirs - {identity} else ""
            )
            yield _verdict(Fault.CREDENTIALS, identity or sights[0].target, sights, said)


def _quotas(turned: Sequence[Sight]) -> Iterator[Verdict]:
    by_identity: dict[tuple[str, str], list[Sight]] = defaultdict(list)
    for sight in turned:
        if sight.outcome is Outcome.QUOTA:
            by_identity[sight.cloud, sight.identity].append(sight)
    for (cloud, identity), sights in by_identity.items():
        yield _verdict(Fault.QUOTA, identity or sights[0].target, sights, f"{cloud} says that it is spent")


def _network(scene: Scene, network: str, failing: Sequence[Sight]) -> Verdict | None:
    """Return that our own way out, by which nothing is reached, is at fault, or that nobody can tell; else None."""
    lost = [sight for sight in failing if sight.outcome in ON_THE_WAY]
    if not lost:
        return None
    elsewhere = [health for sight in lost for health in sight.elsewhere.values() if health != "unknown"]
    witness = scene.witnesses.get(network, Witness())
    if witness.resolves is False and all(sight.outcome is Outcome.DNS for sight in lost):
        said = f"no name is resolved on network {network}, its witnesses' neither"
        return _verdict(Fault.NETWORK, f"resolver of {network}", lost, said)
    if witness.reaches is False:
        return _verdict(Fault.NETWORK, network, lost, f"the witnesses of network {network} are not reached")
    if not witness.reaches and elsewhere and all(health == "good" for health in elsewhere):
        said = f"nothing is reached on network {network}, and other vantages reach the same targets"
        return _verdict(Fault.NETWORK, network, lost, said)
    if witness.reaches or elsewhere or len({sight.cloud for sight in lost}) < AGREE:
        return None
    said = (
        f"nothing is reached on network {network}, and it has no witness that could tell whether that is ours"
    )
    return _verdict(Fault.UNDETERMINED, network, lost, said)


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """Something that targets have in common, and how to name it."""

    fault: Fault
    of: Callable[[Sight], Hashable]
    named: Callable[[Sight], str]


_COMMON: Final = (
    _Part(Fault.CLOUD, lambda one: one.cloud, lambda one: one.cloud),
    _Part(
        Fault.REGION,
        lambda one: (one.cloud, one.region),
        lambda one: f"{one.cloud} {one.region or '(no region)'}",
    ),
    _Part(
        Fault.MODEL,
        lambda one: (one.cloud, one.model),
        lambda one: f"{one.model} on {one.cloud}",
    ),
)
"""From wide to narrow."""


def _parts(sights: Sequence[Sight], failing: Sequence[Sight]) -> Iterator[Verdict]:
    """Yield what failing targets have in common that no target which is well has, the widest first."""
    left, well = list(failing), _well(sights)
    if verdict := _model_everywhere(sights, left, well):
        yield verdict
        left = [sight for sight in left if sight.model != verdict.subject]
    for part in _COMMON:
        known = Counter(part.of(sight) for sight in sights if sight.health != "unknown")
        taken = set()
        for key, theirs in _grouped(left, part.of).items():
            if len(theirs) < AGREE or len(theirs) < known[key] or _narrower(part.fault, theirs):
                continue
            yield _verdict(part.fault, part.named(theirs[0]), theirs, *_beside(part, theirs, well))
            taken.add(key)
        left = [sight for sight in left if part.of(sight) not in taken]
    for sight in left:
        kin = ", ".join(well.get(sight.cloud, ())[:3])
        said = f"{kin} of {sight.cloud} are well" if kin else f"{sight.cloud} has no other target"
        yield _verdict(Fault.TARGET, sight.target, [sight], said, *_elsewhere([sight]))


Well = Mapping[str, Sequence[str]]
"""Which targets of each cloud are well, of clouds that have any."""


def _well(sights: Iterable[Sight]) -> Well:
    good = _grouped((sight for sight in sights if sight.health == "good"), lambda one: one.cloud)
    return {cloud: [sight.target for sight in theirs] for cloud, theirs in good.items()}


def _grouped(sights: Iterable[Sight], of: Callable[[Sight], K]) -> dict[K, list[Sight]]:
    found: dict[K, list[Sight]] = {}
    for sight in sights:
        found.setdefault(of(sight), []).append(sight)
    return found


def _narrower(fault: Fault, theirs: Sequence[Sight]) -> bool:
    """Return whether a whole cloud that fails is no more than one of its regions: all that is asked of it."""
    if fault is not Fault.CLOUD:
        return False
    regions = {sight.region for sight in theirs}
    return len(regions) == 1 and None not in regions and len({sight.model for sight in theirs}) == 1


def _model_everywhere(sights: Sequence[Sight], failing: Sequence[Sight], well: Well) -> Verdict | None:
    """Return that one model fails on several clouds which serve others well."""
    known = Counter(sight.model for sight in sights if sight.health != "unknown")
    for model, theirs in _grouped(failing, lambda one: one.model).items():
        clouds = {sight.cloud for sight in theirs}
        if len(clouds) >= AGREE and len(theirs) == known[model] and clouds <= well.keys():
            said = f"{model} fails on {', '.join(sorted(clouds))}, which serve other models well"
            return _verdict(Fault.MODEL, model, theirs, said, *_elsewhere(theirs))
    return None


def _beside(part: _Part, theirs: Sequence[Sight], well: Well) -> Iterator[str]:
    """Yield the evidence: how much of it fails, and what is well beside it."""
    yield f"all {len(theirs)} targets of {part.named(theirs[0])} fail"
    near = well.get(theirs[0].cloud, ())
    if part.fault is not Fault.CLOUD and near:
        yield f"{len(near)} other targets of {theirs[0].cloud} are well"
    far = sorted(well.keys() - {theirs[0].cloud})
    if far:
        yield f"{', '.join(far)} are well"
    yield from _elsewhere(theirs)


def _elsewhere(theirs: Iterable[Sight]) -> Iterator[str]:
    yield from seen_elsewhere(sight.elsewhere for sight in theirs)


def seen_elsewhere(elsewhere: Iterable[Mapping[str, Health]]) -> list[str]:
    """Return what other vantages see of targets that fail here, each by vantage -> health, in sentences.

    >>> seen_elsewhere([{"fra-1": "good", "lon-1": "good"}]), seen_elsewhere([{"lon-1": "unknown"}])
    (['well from fra-1 and lon-1'], [])
    >>> seen_elsewhere([{"fra-1": "bad", "lon-1": "bad"}])
    ['failing from 3 of 3 vantages']
    >>> seen_elsewhere([{"fra-1": "bad", "lon-1": "good"}, {"fra-1": "good"}])
    ['failing from 2 of 3 vantages', 'well from lon-1']
    """
    seen: dict[str, Health] = {}
    for healths in elsewhere:
        for vantage, health in healths.items():
            if health != "unknown" and seen.get(vantage) != "bad":
                seen[vantage] = health
    well = sorted(vantage for vantage, health in seen.items() if health == "good")
    said = []
    if len(well) < len(seen):
        said.append(f"failing from {len(seen) - len(well) + 1} of {len(seen) + 1} vantages")
    if well:
        said.append(f"well from {' and '.join([', '.join(well[:-1]), well[-1]] if well[:-1] else well)}")
    return said
