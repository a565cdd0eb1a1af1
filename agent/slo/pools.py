"""SLOs: what is evaluated as one of all that an objective watches."""

import dataclasses

from agent.slo.objective import Objective
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
        if self.objective.slices is not None:
            return self.objective.slices.length_ns
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
