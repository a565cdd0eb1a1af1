"""Page on impact, ticket on a part: what the failing of members means for a service."""

import dataclasses
from collections.abc import Iterable, Mapping

from agent.slo.service import Member, Service
from agent.slo.standing import Standing

AGREE = 2
"""So many that fail at once bear each other out, be it targets, clouds or members of a pool; one alone is a ticket."""

Standings = Mapping[tuple[str, str], Standing]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """A service at an instant: members by how they stand, and units that are well.

    `under` says that fewer units are well than the service needs, as far as is known: what is not known of a
    member speaks neither for nor against it, but one alone that fails beside unknown ones is not borne out.
    `since_ns` is when the service went under: the first failing slot of the member whose failing made it so.
    """

    well: tuple[Member, ...]
    failing: tuple[Member, ...]
    unknown: tuple[Member, ...]
    units_well: int
    under: bool
    since_ns: int | None = None

    @property
    def agreed(self) -> bool:
        """Return whether at least two targets fail: one alone might be a fault of its own, or of ours."""
        return len({member.target for member in self.failing}) >= AGREE


def impact(service: Service, standings: Standings, now_ns: int) -> Impact:
    """Return what a service's members come to.

    >>> two = tuple(Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in "ab")
    >>> service = Service(name="nano", members=two, ratio=0.999, window_s=2419200.0)
    >>> good, bad = Standing(state="good", judged_ns=90), Standing(state="bad", since_ns=60, judged_ns=90)
    >>> impact(service, {("a", "chat"): bad, ("b", "chat"): good}, 100).under
    False
    >>> both = impact(service, {("a", "chat"): bad, ("b", "chat"): bad}, 100)
    >>> both.under, both.agreed, both.since_ns
    (True, True, 60)
    """
    sorted_: dict[str, list[Member]] = {"good": [], "bad": [], "unknown": []}
    for member in service.members:
        standing = standings.get(member.pair, Standing())
        state = "unknown" if standing.stale(now_ns, member.every_s) else standing.state
        sorted_[state].append(member)
    well, failing, unknown = (tuple(sorted_[state]) for state in ("good", "bad", "unknown"))
    units_well = {member.unit(service.of) for member in well}
    under = bool(failing) and len(units_well) < service.at_least
    since_ns = _since(service, standings, failing, len(units_well)) if under else None
    return Impact(
        well=well,
        failing=failing,
        unknown=unknown,
        units_well=len(units_well),
        under=under,
        since_ns=since_ns,
    )


def healthy(services: Iterable[Service], standings: Standings, now_ns: int) -> dict[str, tuple[int, int]]:
    """Return of each service how many of its units are well, and how many must be."""
    return {
        service.name: (impact(service, standings, now_ns).units_well, service.at_least)
        for service in services
    }


def _since(service: Service, standings: Standings, failing: tuple[Member, ...], units_well: int) -> int:
    """Return when too few units were left: the failing ones go in the order in which they began to fail.

    Whichever unit fails after so many others that fewer than `at_least` are left took the service under.
    """
    began: dict[str, int] = {}
    for member in failing:
        unit, since_ns = member.unit(service.of), standings[member.pair].since_ns
        began[unit] = max(began.get(unit, since_ns), since_ns)
    spare = units_well + len(began) - service.at_least
    ordered = sorted(began.values())
    return ordered[min(max(spare, 0), len(ordered) - 1)]
