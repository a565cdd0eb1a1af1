"""The frozen plan that everything else reads: expanded, validated, secret references unresolved."""

import dataclasses
import hashlib
import platform
from collections.abc import Iterator
from typing import Literal

from pydantic import TypeAdapter

from agent.config.whens import When
from agent.slo import pools
from agent.slo.maintenance import Maintenance
from agent.slo.objective import Objective
from agent.slo.pools import Part, Slo
from agent.slo.service import Member, Service
from probes.target import Network, Path, Target, Workload


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where history lives: the embedded Postgres, or a named one; `url` may hold references."""

    embedded: bool = True
    url: str | None = None
    migrate: bool = True
    keep_results_s: float = 120 * 86400.0
    keep_failures_s: float = 7 * 365 * 86400.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class JournalLimits:
    """How large and how old the journal may grow before its oldest good records go."""

    max_bytes: int = 2 * 1024**3
    max_age_s: float = 86400.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """A workload and the names of the targets that it is asked of.

    Plans of one probe's name ask targets of their own each: an override changed the workload for some.
    """

    workload: Workload
    targets: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The dead man's switch: `url` may hold references."""

    url: str
    every_s: float = 60.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Otlp:
    endpoint: str
    protocol: Literal["grpc", "http/protobuf"] = "grpc"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    host: str = "127.0.0.1"
    port: int = 9464
    otlp: Otlp | None = None

    @property
    def page(self) -> str | None:
        """Return the address of the status page as this machine knows it; None where the system chooses the port.

        >>> Export().page, Export(host="::1", port=80).page, Export(port=0).page
        ('http://127.0.0.1:9464/', 'http://[::1]:80/', None)
        """
        host = platform.node() if self.host in {"", "0.0.0.0", "::"} else self.host  # noqa: S104 - compared with
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/" if self.port else None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    event_bytes: int = 8 * 1024**2
    body_bytes: int = 64 * 1024**2
    in_flight: int = 500


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What may be spent in a UTC day; None: no limit."""

    usd: float | None = None
    tokens: float | None = None


SHED = ("throughput", "long-context", "tools", "json")
"""What gives way first, unless the file says otherwise: the dearest."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What probing may spend in a UTC day: all of it, each target, each probe; `shed` names kinds, the first to go first."""

    day: Allowance = dataclasses.field(default_factory=Allowance)
    target: Allowance = dataclasses.field(default_factory=Allowance)
    probe: Allowance = dataclasses.field(default_factory=Allowance)
    shed: tuple[str, ...] = SHED


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """When a trouble pages: how long a service's only member is down before, and how old a target must be.

    `hold_s` is how long nothing must be found wrong before an alert, page or ticket, ends.
    `quorum` is how many vantages must find it; None: each pages for itself.
    """

    after_s: float = 120.0
    warm_up_s: float = 3600.0
    hold_s: float = 600.0
    quorum: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is told of alerts; all but `name`, `kind`, `to`, `sender` and `ca` may hold references."""

    name: str
    kind: str
    urls: tuple[str, ...] = ()
    url: str | None = None
    routing_key: str | None = None
    api_key: str | None = None
    secret: str | None = None
    smtp: str | None = None
    to: tuple[str, ...] = ()
    sender: str | None = None
    ca: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which alerts go to which receivers; without `when`, every alert that no route before it takes."""

    to: tuple[str, ...]
    when: When = ()
    group_by: tuple[str, ...] = ()
    repeat_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StatusFeed:
    """Where a vendor tells of its incidents; `match` are words of those that matter, none: all of them do."""

    cloud: str
    url: str
    kind: str
    match: tuple[str, ...] = ()
    path: Path = dataclasses.field(default_factory=Path)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The expanded plan."""

    vantage: str
    state_dir: str
    targets: tuple[Target, ...]
    probes: tuple[ProbePlan, ...]
    objectives: tuple[Objective, ...]
    secrets_dir: str | None = None
    storage: Storage = dataclasses.field(default_factory=Storage)
    journal: JournalLimits = dataclasses.field(default_factory=JournalLimits)
    heartbeat: Heartbeat | None = None
    export: Export = dataclasses.field(default_factory=Export)
    limits: Limits = dataclasses.field(default_factory=Limits)
    runbook: str | None = None
    budget: Budget | None = None
    networks: tuple[Network, ...] = ()
    services: tuple[Service, ...] = ()
    lone: tuple[Member, ...] = ()
    """What an availability objective watches, and no service has."""
    paging: Paging = dataclasses.field(default_factory=Paging)
    receivers: tuple[Receiver, ...] = ()
    routes: tuple[Route, ...] = ()
    engine: Literal["agent", "prometheus"] = "prometheus"
    maintenance: tuple[Maintenance, ...] = ()
    status_feeds: tuple[StatusFeed, ...] = ()

    def encode(self) -> bytes:
        """Return canonical JSON, which the children read."""
        return _ADAPTER.dump_json(self)

    @classmethod
    def decode(cls, payload: bytes) -> "Config":
        return _ADAPTER.validate_json(payload)

    @property
    def hash(self) -> str:
        """Return 16 hex digits that name what is probed and judged.

        Where this agent stands, by what way and identity it goes out, what it may spend and where it keeps its
        things is left out: rules made in one place fit everywhere. So is maintenance: it changes no rule, and what
        was announced is stored as it begins.
        """
        targets = tuple(
            dataclasses.replace(target, network="internet", path=Path(), credentials={}, headers={})
            for target in self.targets
        )
        judged = (targets, self.probes, self.objectives, self.runbook)
        return hashlib.blake2b(_JUDGED.dump_json(judged), digest_size=8).hexdigest()

    def workloads(self) -> dict[tuple[str, str], Workload]:
        """Return (target, probe) -> what is asked there."""
        return {
            (target, plan.workload.name): plan.workload for plan in self.probes for target in plan.targets
        }

    @property
    def members(self) -> list[Member]:
        """Return every probe of a target whose failing is an outage of it: those of services, and what serves nobody."""
        serving = (member for service in self.services for member in service.members)
        return list(dict.fromkeys((*serving, *self.lone)))

    def slos(self) -> list[Slo]:
        """Return what is evaluated, in the order of the objectives."""
        return pools.pooled(self._parts())

    def ids(self, objective: Objective) -> list[str]:
        """Return the ids of an objective's SLOs."""
        targets = {target.name: target for target in self.targets}
        found = (pools.key(objective, targets[target], probe).id for target, probe in objective.pairs)
        return list(dict.fromkeys(found))

    def service_slos(self) -> list[Slo]:
        """Return the services' own SLOs; a member counts as the first objective on its availability has it.

        A member that none watches tells nothing, and a service of such members has none.
        """
        watching: dict[tuple[str, str], Part] = {}
        for part in self._parts():
            if part.objective.sli == "availability":
                watching.setdefault(part.pair, part)
        return [
            pools.of_service(service, parts)
            for service in self.services
            if (parts := [watching[member.pair] for member in service.members if member.pair in watching])
        ]

    def _parts(self) -> Iterator[Part]:
        targets = {target.name: target for target in self.targets}
        workloads = self.workloads()
        for objective in self.objectives:
            for target, probe in objective.pairs:
                yield Part(objective=objective, target=targets[target], workload=workloads[target, probe])

    def target(self, name: str) -> Target:
        return next(target for target in self.targets if target.name == name)


_ADAPTER = TypeAdapter(Config)
_JUDGED = TypeAdapter(tuple[tuple[Target, ...], tuple[ProbePlan, ...], tuple[Objective, ...], str | None])
