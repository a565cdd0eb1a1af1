"""What a verdict looks at: how each target stands and since when, what it is part of, and what witnesses say. Pure."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, Self, TypeVar

from probes.result import Outcome

K = TypeVar("K")

Health = Literal["good", "bad", "unknown"]

TOGETHER_NS: Final = 60 * 1_000_000_000
"""What begins to fail within this time of each other may be one fault: its probes are due at different instants."""

JUST_NS: Final = 3 * 1_000_000_000
"""A fault that is seen at a slot began up to an interval before it. Who was well so shortly before was so during it,
nine times in ten at one slot in 30 s, and would not be asked again in time for a page."""

STEADY_NS: Final = 60 * 1_000_000_000
"""How long a target that failed meanwhile must be well before that speaks against what others still suffer from."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How one target stands, as this agent saw it last, and what it is part of.

    `outcome` is that of its last failure while it is not good. `identity` names the credentials that it is asked
    with, never their value. `elsewhere` is how it stands at other vantages, by their names. Instants are those for
    which slots were due: `since_ns` the first of the run of its health, `judged_ns` the last that said so, `asked_ns`
    the last that brought anything, `next_ns` the next one, which will have said something at `due_ns`, and
    `doubted_ns` a failed one that is not settled yet. `turning` says that its identity was refused, and not so often
    yet that it is no accident, `cut` that its slots fail by our own way out, as its witnesses said of each.
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
    since_ns: int = 0
    judged_ns: int = 0
    asked_ns: int = 0
    next_ns: int = 0
    due_ns: int = 0
    doubted_ns: int | None = None
    turning: bool = False
    cut: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What the witnesses of a network say: whether names are resolved, and whether anything is reached.

    None is no vote: there is no witness, it has not succeeded within 24 h, or it is doubted.
    """

    resolves: bool | None = None
    reaches: bool | None = None


def mute(witness: Witness | None) -> str:
    """Return why no witness tells.

    >>> mute(None), mute(Witness(resolves=True))
    ('it has no witness that could tell', 'it has no witness that could tell')
    >>> mute(Witness())
    'its witnesses were not reached within a day, or are doubted, so they cannot tell'
    """
    if witness == Witness():
        return "its witnesses were not reached within a day, or are doubted, so they cannot tell"
    return "it has no witness that could tell"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that a verdict looks at.

    `spoilt` is the share of recent answers that our own delay spoilt (`agent_fault`).
    """

    sights: Sequence[Sight]
    witnesses: Mapping[str, Witness] = dataclasses.field(default_factory=dict)
    spoilt: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bearing:
    """What some targets say to a fault that others suffer from, which had begun at `began_ns`.

    `with_` fail or are about to, `against` are well though the fault goes on. Of all others nobody knows yet: they
    were not asked since, or were ill a moment ago.
    """

    began_ns: int
    with_: tuple[Sight, ...]
    against: tuple[Sight, ...]

    @classmethod
    def of(cls, failing: Sequence[Sight], sights: Iterable[Sight]) -> Self:
        """Return what `sights` say to what `failing` suffer from; who fails otherwise speaks against it.

        >>> down = Sight(target="a", cloud="c", model="m", network="n", health="bad", since_ns=90 * 10**9)
        >>> well = dataclasses.replace(down, target="b", health="good", since_ns=0)
        >>> asked = [dataclasses.replace(well, judged_ns=at_s * 10**9) for at_s in (80, 88, 95)]
        >>> [len(Bearing.of([down], [one]).against) for one in asked]
        [0, 1, 1]
        """
        newest_ns = max(one.since_ns for one in failing)
        together = (one.since_ns for one in failing if newest_ns - one.since_ns <= TOGETHER_NS)
        began_ns = min(together) - JUST_NS
        names = {one.target for one in failing}
        with_, against = list(failing), []
        for one in sights:
            if one.target in names:
                continue
            doubted = one.doubted_ns is not None and abs(one.doubted_ns - newest_ns) <= TOGETHER_NS
            if one.health != "bad" and doubted:
                with_.append(one)
            elif one.health == "bad" or is_well(one, began_ns):
                against.append(one)
        return cls(began_ns=began_ns, with_=tuple(with_), against=tuple(against))


class Kin:
    """Targets by what they are part of: gone through once, however many of them fail."""

    def __init__(self, sights: Sequence[Sight]) -> None:
        self._sights = sights
        self.of_cloud = grouped(sights, lambda one: one.cloud)
        self._unasked: dict[str, list[Sight]] = {}
        self._ill: dict[str, set[str]] = {}
        for one in sights:
            if one.health == "bad" or one.doubted_ns is not None:
                self._ill.setdefault(one.model, set()).add(one.cloud)
        for cloud, theirs in self.of_cloud.items():
            calm = (one for one in theirs if one.health == "good" and one.doubted_ns is None)
            self._unasked[cloud] = sorted(calm, key=lambda one: one.asked_ns)

    def of(self, part: Callable[[Sight], K]) -> dict[K, list[Sight]]:
        """Return all targets by a thing that they have in common."""
        return grouped(self._sights, part)

    def open_(self, theirs: Sequence[Sight]) -> list[Sight]:
        """Return those who were well before some failed, and of whom nobody knows yet whether they are now.

        That is of the same clouds, and of others where the same model fails.
        """
        began_ns = Bearing.of(theirs, ()).began_ns
        clouds = {one.cloud for one in theirs}
        clouds = clouds.union(*(self._ill.get(model, ()) for model in {one.model for one in theirs}))
        return [
            one
            for cloud in sorted(clouds)
            for one in itertools.takewhile(lambda one: one.asked_ns < began_ns, self._unasked[cloud])
        ]

    def well(self, cloud: str, since_ns: int) -> Iterator[Sight]:
        """Yield those of a cloud that are well and were asked since."""
        return (one for one in self.of_cloud.get(cloud, ()) if is_well(one, since_ns))

    def clouds_well(self, since_ns: int) -> list[str]:
        """Return the clouds of which anything is well and was asked since."""
        return sorted(cloud for cloud in self.of_cloud if any(True for _ in self.well(cloud, since_ns)))


def grouped(sights: Iterable[Sight], of: Callable[[Sight], K]) -> dict[K, list[Sight]]:
    found: dict[K, list[Sight]] = {}
    for sight in sights:
        found.setdefault(of(sight), []).append(sight)
    return found


def is_well(sight: Sight, since_ns: int) -> bool:
    """Return whether a target was well all the while since then, or is again for good, as a slot of it showed."""
    recovered = sight.since_ns > since_ns + JUST_NS and sight.judged_ns - sight.since_ns < STEADY_NS
    return sight.health == "good" and sight.judged_ns >= since_ns and not recovered


def is_unasked(sight: Sight, since_ns: int) -> bool:
    """Return whether no slot of a target that was well has said anything since then."""
    return sight.health == "good" and sight.asked_ns < since_ns and sight.doubted_ns is None


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
