"""Where answers may be served: whom an objective on residency judges, and whose regions nobody does."""

from collections.abc import Iterable, Sequence

from agent.config.context import Context
from agent.config.findings import Path
from agent.config.schema_judged import ObjectiveSection
from agent.config.sections import File
from agent.config.selecting import EVERYTHING, View
from agent.slo.objective import Objective
from exporters import words


def judged(
    context: Context, path: Path, section: ObjectiveSection, file: File, views: Sequence[View]
) -> Sequence[View]:
    """Return the targets that an objective judges of those that it selects: for residency, not all are meant."""
    if section.sli != "residency":
        return views
    saying = {entry.section.name for entry in file.targets if entry.section.served_in}
    found = [view for view in views if view["name"] in saying]
    lacking = [view["name"] for view in views if view["name"] not in saying]
    where = (*path, "targets")
    if views and not found:
        context.findings.error(
            where, "none of them says where it may be served; write served_in: [REGION] in those that matter"
        )
    elif lacking and section.targets != EVERYTHING:
        context.findings.error(
            where,
            f"{words.few(lacking)} may be served anywhere; write served_in: [REGION] there, or narrow `targets`",
        )
    return found


def unjudged(context: Context, file: File, objectives: Iterable[Objective]) -> None:
    """Tell of regions that no answer is held against."""
    watched = {target for one in objectives if one.sli == "residency" for target, _ in one.pairs}
    for entry in file.targets:
        if entry.section.served_in and entry.section.name not in watched:
            context.findings.warn(
                (*entry.path, "served_in"), "is judged by no objective; write one of sli: residency"
            )
