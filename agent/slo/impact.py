"""Page on impact, ticket on a part: what the failing of members means for a service."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from agent.slo.service import Member, Service
from agent.slo.standing import Standing

AGREE = 2
"""So many that fail at once bear each other out, be it targets, clouds or members of a pool; one alone is a ticket."""

Standings = Mapping[tuple[str, str], Standing]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """A service at an instant: members by how they stand, and units that are well.

    `under` says that fewer units are well than the service needs, whatever those are of which nothing is known. What
    is not known of a member speaks neither for nor against it: where it decides, the service is in `doubt`.
    `since_ns` is when it came so far: the first failing slot of the member whose failing made it so.
    """

    well: tuple[Member, ...]
    failing: tuple[Member, ...]
    unknown: tuple[Member, ...]
    units_well: int
    under: bool
    doubt: bool = False
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
    >>> one = impact(service, {("a", "chat"): bad}, 100)  # nobody is known to serve
    >>> one.under, one.doubt, one.since_ns
    (True, False, 60)
    """
    sorted_: dict[str, list[Member]] = {"good": [], "bad": [], "unknown": []}
    for member in service.members:
        standing = standings.get(member.pair, Standing())
        state = "unknown" if standing.stale(now_ns, member.every_s) else standing.state
        sorted_[state].append(member)
    well, failing, unknown = (tuple(sorted_[state]) for state in ("good", "bad", "unknown"))
    units_well = {member.unit(service.of) for member in well}
    # Of which nothing is known may be well, where anybody is: a service that nobody is seen to serve is under.
    units_left = units_well | {member.unit(service.of) for member in unknown if units_well}
    under_ns = _since(service, standings, failing, units_left)
    doubt_ns = _since(service, standings, failing, units_well)
    return Impact(
        well=well,
        failing=failing,
        unknown=unknown,
        units_well=len(units_well),
        under=under_ns is not None,
        doubt=under_ns is None and doubt_ns is not None,
        since_ns=doubt_ns if under_ns is None else under_ns,
    )


def healthy(services: Iterable[Service], standings: Standings, now_ns: int) -> dict[str, tuple[int, int]]:
    """Return of each service how many of its units are well, and how many must be."""
    return {
        service.name: (impact(service, standings, now_ns).units_well, service.at_least)
        for service in services
    }


def _since(
    service: Service, standings: Standings, failing: Iterable[Member], left: Collection[str]
) -> int | None:
    """Return since when too few units are `left`, None while there are enough or none fails beside them.

    The failing ones go in the order in which they began to fail: whichever fails after so many others that fewer than
    `at_least` are left took the service under.
    """
    began: dict[str, int] = {}
    for member in failing:
        unit, since_ns = member.unit(service.of), standings[member.pair].since_ns
        if unit not in left:
            began[unit] = max(began.get(unit, since_ns), since_ns)
    if not began or len(left) >= service.at_least:
        return None
    spare = len(left) + len(began) - service.at_least
    ordered = sorted(began.values())
    return ordered[max(spare, 0)]
