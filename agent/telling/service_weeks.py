"""The weeks of services: their own objectives, and when they were under their healthy minimum."""

import dataclasses
from collections.abc import Iterable, Mapping

from agent.config.model import Config
from agent.slo.pools import Slo
from agent.slo.service import Service
from agent.telling import revisions, shortfalls
from agent.telling.recorded import Classed, classed
from agent.telling.revisions import Held
from agent.telling.seen import Pair
from agent.telling.stretched import Told
from exporters.weeks import Revision, ServiceWeek, SloWeek
from storage.base import History


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A service and its own SLO as they were when a week ended, with what was promised in it."""

    service: Service
    slo: Slo
    revisions: tuple[Revision, ...]


def served(config: Config, known: Held, since_ns: int, until_ns: int) -> list[Served]:
    """Return the services that have an objective of their own."""
    services = {service.name: service for service in config.services}
    found = []
    for slo in config.service_slos():
        service, then = revisions.served(services[slo.key.service], slo, until_ns, known)
        held = revisions.within(slo, since_ns, until_ns, known)
        found.append(Served(service=service, slo=then, revisions=held))
    return found


def members_seen(
    config: Config, history: History, found: Iterable[Served], seen: Mapping[Pair, Told]
) -> dict[Pair, Classed]:
    """Return what the members of services saw, each of several services once."""
    pairs = dict.fromkeys(member.pair for one in found for member in one.service.members)
    return classed(config, {pair: seen.get(pair, Told(())) for pair in pairs}, history)


def service_week(
    one: Served, slo: SloWeek, seen: Mapping[Pair, Classed], since_ns: int, until_ns: int
) -> ServiceWeek:
    """Return the week of a service, whose objective came to `slo`."""
    service = one.service
    stood = shortfalls.phases(service, seen, since_ns, until_ns)
    return ServiceWeek(
        slo=slo,
        at_least=service.at_least,
        of=service.of,
        units=service.units,
        members=tuple(dict.fromkeys(member.target for member in service.members)),
        under_s=shortfalls.lasted_s(stood, "under"),
        unknown_s=shortfalls.lasted_s(stood, "unknown"),
        unjudged_s=shortfalls.lasted_s(stood, "unjudged"),
        shortfalls=tuple(shortfalls.shortfalls(stood)),
    )
