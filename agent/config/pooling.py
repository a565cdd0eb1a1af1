"""Pooled objectives: which pool a target is in, how often a pool is asked, and what cannot be pooled."""

import collections
from collections.abc import Iterable, Mapping

from agent.config.context import Context
from agent.config.findings import Path
from agent.config.schema_judged import ObjectiveSection
from agent.config.selecting import View
from agent.slo import pools
from agent.slo.objective import Objective
from exporters import words
from probes.target import Workload


def values(objective: Objective, view: View) -> tuple[str, ...]:
    """Return what a target is pooled by."""
    return tuple(view.get(field, view["name"]) for field in objective.per or ())


def intervals_s(
    found: Iterable[Objective], workloads: Mapping[tuple[str, str], Workload], views: Mapping[str, View]
) -> set[float]:
    """Return the intervals of the pools' events: those of all probes of a pool together, in seconds."""
    rates: dict[tuple[str, ...], float] = collections.defaultdict(float)
    for objective in found:
        for target, probe in objective.pairs:
            rates[values(objective, views[target])] += 1 / workloads[target, probe].every_s
    return {round(1 / rate, 3) for rate in rates.values()}


def judge(context: Context, path: Path, section: ObjectiveSection, asked: Mapping[str, View]) -> None:
    """Tell of targets that lack what they are pooled by, and of a name that is the services'."""
    if section.name == pools.SERVICE:
        context.findings.error(
            (*path, "name"), f"`{pools.SERVICE}` names what services promise; choose another"
        )
    for field in section.per or ():
        bare = [name for name, view in asked.items() if field not in view]
        if bare:
            context.findings.error(
                (*path, "per"),
                f"no {field} is known of {words.few(bare)}, and so no pool; say it, or pool by "
                "something else",
            )
