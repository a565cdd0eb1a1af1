"""Whose fault an incident is: what fails beside what is well, what the witnesses of a path say, what others see. Pure.

The narrowest thing that all failing targets have in common, and that no target which is well shares, is at fault.
A vendor's own word is evidence beside ours, never a verdict.
"""

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from agent.slo.impact import AGREE
from agent.telling.scene import (
    Bearing,
    Health,
    Kin,
    Scene,
    Sight,
    Witness,
    grouped,
    is_unasked,
    is_well,
    mute,
    seen_elsewhere,
)
from exporters import words
from probes.result import DEADLINES, ON_THE_WAY, REFUSALS, Outcome


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

SOON_NS: Final = 30 * 1_000_000_000
"""Nobody waits for targets whose next slot is due later than this after the failed one."""

AGENT_SHARE: Final = 0.2
"""More than this share of answers that our own delay spoilt, and the agent is blind."""

_MISSED: Final = DEADLINES | {Outcome.CONNECT_TIMEOUT}
"""Outcomes that a late look at the clock can make."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is at fault for these targets' failing, and on what evidence, in sentences.

    `open_` names targets that may show another fault and have said nothing since. At `known_ns` those have that are
    asked soon; until then it is not to be told, if that can wait.
    """

    fault: Fault
    subject: str
    targets: tuple[str, ...]
    evidence: tuple[str, ...]
    open_: tuple[str, ...] = ()
    known_ns: int = 0


def verdicts(scene: Scene) -> list[Verdict]:
    """Return one verdict for each thing that is at fault; every failing target is in exactly one.

    >>> well = Sight(target="a", cloud="aws", model="nano", network="internet", health="good")
    >>> down = Sight(target="b", cloud="gcp", model="nano", network="internet", health="bad", outcome=Outcome.SERVER_ERROR)
    >>> [(verdict.fault.value, verdict.subject) for verdict in verdicts(Scene(sights=[well, down]))]
    [('target', 'b')]
    """
    failing = [sight for sight in scene.sights if sight.health == "bad"]
    turned = [sight for sight in scene.sights if sight.outcome in REFUSALS and sight.health != "good"]
    found = [*_slow(scene, failing), *_identities(scene, turned), *_quotas(turned)]
    taken = {name for verdict in found for name in verdict.targets}
    failing = [sight for sight in failing if sight.target not in taken]
    for network, theirs in grouped(failing, lambda one: one.network).items():
        if verdict := _network(scene, network, theirs):
            found.append(verdict)
            taken.update(verdict.targets)
    return found + list(_parts(Kin(scene.sights), [sight for sight in failing if sight.target not in taken]))


def _verdict(
    fault: Fault, subject: str, of: Iterable[Sight], *evidence: str, open_: Sequence[Sight] = ()
) -> Verdict:
    names, theirs = tuple(sight.target for sight in open_), tuple(of)
    soon_ns = max((sight.since_ns for sight in theirs), default=0) + SOON_NS
    return Verdict(
        fault=fault,
        subject=subject,
        targets=tuple(sight.target for sight in theirs),
        evidence=(*evidence, f"not yet known: {words.few(names, 3)}") if names else evidence,
        open_=names,
        known_ns=max((one.due_ns for one in open_ if one.turning or one.next_ns <= soon_ns), default=0),
    )


def _slow(scene: Scene, failing: Sequence[Sight]) -> Iterator[Verdict]:
    """Yield that our own delay is at fault for deadlines that passed; no delay of ours makes a server refuse."""
    if scene.spoilt > AGENT_SHARE:
        said = f"{scene.spoilt:.0%} of its recent answers were spoilt by its own delay"
        missed = [sight for sight in failing if sight.outcome in _MISSED]
        yield _verdict(Fault.AGENT, "this agent", missed, said)


def _identities(scene: Scene, turned: Sequence[Sight]) -> Iterator[Verdict]:
    """Yield whose fault it is that identities are refused: ours, unless the asker, which hears all of a cloud, says not.

    What it says so (`agent.asking.refusals`) is an outcome of its own, which objectives judge by as well.
    """
    refused = (sight for sight in turned if sight.outcome is not Outcome.QUOTA)
    for cloud, theirs in grouped(refused, lambda one: one.cloud).items():
        if any(sight.outcome is Outcome.IDENTITY_SERVICE for sight in theirs):
            said = f"identities of {cloud} are refused at once, and none was accepted since"
            yield _verdict(Fault.CLOUD, cloud, theirs, said)
            continue
        near = [one for one in scene.sights if one.cloud == cloud]
        began_ns = min(sight.since_ns for sight in theirs)
        accepted = {one.identity for one in near if one.health == "good" and is_well(one, began_ns)}
        for identity, sights in grouped(theirs, lambda one: one.identity).items():
            said = f"{cloud} refuses {identity or 'the identity'}" + (
                ", and accepts others" if accepted - {identity} else ""
            )
            others = [one for one in near if one.turning and one.identity != identity and not accepted]
            yield _verdict(Fault.CREDENTIALS, identity or sights[0].target, sights, said, open_=others)


def _quotas(turned: Sequence[Sight]) -> Iterator[Verdict]:
    by_identity: dict[tuple[str, str], list[Sight]] = defaultdict(list)
    for sight in turned:
        if sight.outcome is Outcome.QUOTA:
            by_identity[sight.cloud, sight.identity].append(sight)
    for (cloud, identity), sights in by_identity.items():
        yield _verdict(Fault.QUOTA, identity or sights[0].target, sights, f"{cloud} says that it is spent")


def _network(scene: Scene, network: str, failing: Sequence[Sight]) -> Verdict | None:
    """Return that our own way out is at fault, or that nobody can tell; None where the way is whole.

    What fails at other vantages too fails of itself, whatever witnesses say by now.
    """
    lost = [
        sight
        for sight in failing
        if sight.outcome in ON_THE_WAY and (sight.cut or "bad" not in _healths([sight]))
    ]
    if not lost:
        return None
    began_ns = Bearing.of(lost, ()).began_ns
    near = [sight for sight in scene.sights if sight.network == network]
    if any(is_well(sight, began_ns) for sight in near):
        return None  # whatever is reached proves the way
    if found := _cut(scene, network, lost):
        return found
    told = _healths(lost) or scene.witnesses.get(network, Witness()).reaches
    if told or len({sight.cloud for sight in lost}) < AGREE:
        return None
    said = f"nothing is reached on network {network}, and {mute(scene.witnesses.get(network))} whether that is ours"
    open_ = [sight for sight in near if is_unasked(sight, began_ns)]
    return _verdict(Fault.UNDETERMINED, network, lost, said, open_=open_)


def _cut(scene: Scene, network: str, lost: Sequence[Sight]) -> Verdict | None:
    """Return that our own way out is at fault, where its witnesses or other vantages say so."""
    witness, elsewhere = scene.witnesses.get(network, Witness()), _healths(lost)
    if witness.resolves is False and all(sight.outcome is Outcome.DNS for sight in lost):
        said = f"no name is resolved on network {network}, its witnesses' neither"
        return _verdict(Fault.NETWORK, f"resolver of {network}", lost, said)
    if witness.reaches is False:
        return _verdict(Fault.NETWORK, network, lost, f"the witnesses of network {network} are not reached")
    if not witness.reaches and elsewhere == {"good"}:
        said = f"nothing is reached on network {network}, and other vantages reach the same targets"
        return _verdict(Fault.NETWORK, network, lost, said)
    return None


def _healths(sights: Iterable[Sight]) -> set[Health]:
    return {health for sight in sights for health in sight.elsewhere.values() if health != "unknown"}


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """Something that targets have in common, and how to name it."""

    fault: Fault
    of: Callable[[Sight], object]
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


def _parts(kin: Kin, failing: Sequence[Sight]) -> Iterator[Verdict]:
    """Yield what failing targets have in common that no target which is well has, the widest first."""
    left = list(failing)
    if verdict := _model_everywhere(kin, left):
        yield verdict
        left = [sight for sight in left if sight.model != verdict.subject]
    for part in _COMMON:
        same, taken = kin.of(part.of), set()
        for key, theirs in grouped(left, part.of).items():
            bearing = Bearing.of(theirs, same[key])
            if len(bearing.with_) < AGREE or bearing.against or _narrower(part.fault, bearing.with_):
                continue
            said = _beside(part, theirs, bearing, kin)
            doubted = bearing.with_[len(theirs) :] if len(theirs) < AGREE else ()
            open_ = [*kin.open_(theirs), *doubted]  # which alone bear it out
            yield _verdict(part.fault, part.named(theirs[0]), theirs, *said, open_=open_)
            taken.add(key)
        left = [sight for sight in left if part.of(sight) not in taken]
    for sight in left:
        evidence = (_well_beside(sight, kin), *_elsewhere([sight]))
        yield _verdict(Fault.TARGET, sight.target, [sight], *evidence, open_=kin.open_([sight]))


def _well_beside(sight: Sight, kin: Kin) -> str:
    well = [
        one.target for one in itertools.islice(kin.well(sight.cloud, Bearing.of([sight], ()).began_ns), 3)
    ]
    if well:
        return f"{', '.join(well)} of {sight.cloud} are well"
    if len(kin.of_cloud[sight.cloud]) > 1:
        return f"of {sight.cloud} nothing else is known to be well"
    return f"{sight.cloud} has no other target"


def _narrower(fault: Fault, theirs: Sequence[Sight]) -> bool:
    """Return whether a whole cloud that fails is no more than one of its regions: all that is asked of it."""
    if fault is not Fault.CLOUD:
        return False
    regions = {sight.region for sight in theirs}
    return len(regions) == 1 and None not in regions and len({sight.model for sight in theirs}) == 1


def _model_everywhere(kin: Kin, failing: Sequence[Sight]) -> Verdict | None:
    """Return that one model fails on several clouds which serve others well."""
    same = kin.of(lambda one: one.model)
    for model, theirs in grouped(failing, lambda one: one.model).items():
        bearing = Bearing.of(theirs, same[model])
        clouds = {sight.cloud for sight in bearing.with_}
        if len(clouds) < AGREE or bearing.against or not clouds.issubset(kin.clouds_well(bearing.began_ns)):
            continue
        said = f"{model} fails on {', '.join(sorted(clouds))}, which serve other models well"
        return _verdict(Fault.MODEL, model, theirs, said, *_elsewhere(theirs))
    return None


def _beside(part: _Part, theirs: Sequence[Sight], bearing: Bearing, kin: Kin) -> Iterator[str]:
    """Yield the evidence: how much of it fails, and what is well beside it."""
    cloud, since_ns = theirs[0].cloud, bearing.began_ns
    doubted = len(bearing.with_) - len(theirs)
    more = f", {doubted} of them not confirmed yet" if doubted else ""
    yield f"all {len(bearing.with_)} targets of {part.named(theirs[0])} fail{more}"
    near = 0 if part.fault is Fault.CLOUD else sum(1 for _ in kin.well(cloud, since_ns))
    if near:
        yield f"{near} other targets of {cloud} are well"
    if far := [one for one in kin.clouds_well(since_ns) if one != cloud]:
        yield f"{', '.join(far)} are well"
    yield from _elsewhere(theirs)


def _elsewhere(theirs: Iterable[Sight]) -> Iterator[str]:
    yield from seen_elsewhere(sight.elsewhere for sight in theirs)
