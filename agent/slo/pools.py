"""SLOs: what is evaluated as one of all that an objective watches."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final

from agent.slo.objective import Objective
from agent.slo.service import Service
from exporters.signals import SloKey
from probes.target import Target, Workload


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One probe of one target, with the objective as it is for them."""

    objective: Objective
    target: Target
    workload: Workload

    @property
    def pair(self) -> tuple[str, str]:
        return self.target.name, self.workload.name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """What is evaluated as one; its parts differ in their thresholds alone."""

    key: SloKey
    parts: tuple[Part, ...]

    @property
    def objective(self) -> Objective:
        return self.parts[0].objective

    @property
    def every_ns(self) -> int:
        """Return the interval of what is counted: of a slice, or of all parts' events together."""
        return self.objective.slices.length_ns if self.objective.slices else self.event_every_ns

    @property
    def event_every_ns(self) -> int:
        """Return the interval of all parts' events together."""
        if len(self.parts) == 1:
            return self.parts[0].workload.every_ns
        return round(1 / sum(1 / part.workload.every_ns for part in self.parts))

    @property
    def first_token_s(self) -> float:
        return max(part.workload.first_token_s for part in self.parts)


def single(part: Part) -> Slo:
    """Return the SLO of one probe of one target."""
    target, probe = part.pair
    return Slo(key=SloKey(objective=part.objective.name, target=target, probe=probe), parts=(part,))


def pooled(parts: Iterable[Part]) -> list[Slo]:
    """Return the SLOs that parts come to, in the order of the first of each."""
    found: dict[SloKey, list[Part]] = {}
    for part in parts:
        found.setdefault(key(part.objective, part.target, part.workload.name), []).append(part)
    return [Slo(key=slo, parts=tuple(theirs)) for slo, theirs in found.items()]


def key(objective: Objective, target: Target, probe: str) -> SloKey:
    """Return the SLO that a probe of a target is part of."""
    if objective.per is None:
        return SloKey(objective=objective.name, target=target.name, probe=probe)
    values = (getattr(target, field) or target.name for field in objective.per)
    return SloKey(objective=objective.name, pool=pool_of(values))


def pool_of(values: Iterable[str]) -> str:
    """Return the name of a pool: its values, or `all`.

    >>> pool_of(["aws", "nano"]), pool_of([])
    ('aws-nano', 'all')
    """
    return "-".join(values) or ALL


ALL: Final = "all"

SERVICE: Final = "service"
"""The name of every service's own objective, which no other objective may have."""


def of_service(service: Service, parts: Sequence[Part]) -> Slo:
    """Return a service's own SLO, of its members' availability as their objectives have it."""
    plain = Objective(
        name=SERVICE,
        sli="availability",
        ratio=service.ratio,
        window_s=service.window_s,
        pairs=tuple(member.pair for member in service.members),
    )
    kinds = {part.objective.throttled for part in parts}
    own = {kind: dataclasses.replace(plain, throttled=kind) for kind in kinds}
    return Slo(
        key=SloKey(objective=SERVICE, pool=service.name),
        parts=tuple(dataclasses.replace(part, objective=own[part.objective.throttled]) for part in parts),
    )
