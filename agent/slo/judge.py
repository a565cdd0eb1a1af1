"""What a settled attempt counts as for each objective that looks at it."""

from collections.abc import Iterable, Sequence

from agent.slo.objective import Objective
from probes.events import event_class, overridden
from probes.result import SCHEDULED, EventClass, Fault, ProbeResult
from probes.target import Target


def throttled_class(objective: Objective, target: Target) -> EventClass:
    """Return what a throttled answer counts as: the objective's word, else the target's, else excluded."""
    return objective.throttled or EventClass(target.count_throttled or EventClass.EXCLUDED)


def throttled_classes(
    objectives: Sequence[Objective], targets: Iterable[Target]
) -> dict[tuple[str, str], EventClass]:
    """Return what a throttled answer counts as by (target, probe): the first objective on its availability says it.

    So its services count it too (`agent.config.model.Config.service_slos`). What none watches is left out.
    """
    known = {target.name: target for target in targets}
    return {
        pair: throttled_class(objective, known[pair[0]])
        for objective in reversed(objectives)
        if objective.sli == "availability"
        for pair in objective.pairs
    }


class Judge:
    """Knows which objectives look at which probe of which target."""

    def __init__(self, objectives: Iterable[Objective], targets: Iterable[Target]) -> None:
        self._known = {target.name: target for target in targets}
        self._lookers: dict[tuple[str, str], list[tuple[Objective, EventClass]]] = {}
        for objective in objectives:
            for target, probe in objective.pairs:
                throttled = throttled_class(objective, self._known[target])
                self._lookers.setdefault((target, probe), []).append((objective, throttled))

    def lookers(self, target: str, probe: str) -> list[str]:
        """Return the names of the objectives that look at a probe of a target."""
        return [objective.name for objective, _ in self._lookers.get((target, probe), ())]

    def classes(
        self, result: ProbeResult, fault: Fault | None, *, maintained: bool = False
    ) -> dict[str, EventClass]:
        """Return objective name -> class; empty for what enters no SLI, such as a confirmation.

        `fault` is settlement's word, None before it: an unsettled failure counts for no objective yet. What is
        settled of a target in maintenance (`maintained`) is excluded.
        """
        if result.attempt != SCHEDULED:
            return {}
        found = {
            objective.name: event_class(
                result,
                fault,
                sli=objective.sli,
                threshold_s=objective.threshold_s,
                at_least_per_s=objective.at_least_per_s,
                served_in=self._known[result.target].served_in,
                throttled=throttled,
            )
            for objective, throttled in self._lookers.get((result.target, result.probe), ())
        }
        override = EventClass.EXCLUDED if maintained else None
        return {name: overridden(kind, override) for name, kind in found.items() if kind is not None}
