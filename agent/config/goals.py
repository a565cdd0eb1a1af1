"""Objective sections to objectives: what each SLO watches, and which latency is still good for whom."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.config import homes, pooling, promises, slis
from agent.config.context import Context
from agent.config.expanding import BY_DEFAULT
from agent.config.findings import Path
from agent.config.schema_alerts import ReceiverSection
from agent.config.schema_asked import ProbeSection, TargetSection
from agent.config.schema_judged import ObjectiveSection, ServiceSection
from agent.config.sections import Entry, File
from agent.config.selecting import View
from agent.config.thresholds import Graded
from agent.config.workloads import Planned, select
from agent.slo import pools
from agent.slo.calendars import Calendar
from agent.slo.lint import lint
from agent.slo.lint_slices import lint_slices
from agent.slo.objective import Objective
from exporters import words
from probes.quality import SPEED_TOKENS
from probes.result import EventClass
from probes.target import Workload

DEFAULT_OBJECTIVES = tuple(ObjectiveSection.model_validate(entry) for entry in BY_DEFAULT["objectives"])

_Pair = tuple[str, str]


def objectives(context: Context, file: File, planned: list[Planned]) -> tuple[Objective, ...]:
    """Return the objectives with their (target, probe)s; one that watches nothing is an error."""
    entries = file.objectives
    if entries is None:
        if planned and not any(section.kind == "chat" for _, section, _ in planned):
            context.findings.warn(
                (), "the default objectives watch chat probes and there is none; write objectives"
            )
            return ()
        entries = [Entry((), section) for section in DEFAULT_OBJECTIVES]
    found = [
        (entry.path, objective)
        for entry in entries
        for objective in _objectives(context, entry.path, entry.section, file, planned)
    ]
    _ids(context, found, {view["name"]: view for view in file.views})
    _silent(context, [objective for _, objective in found], planned)
    homes.unjudged(context, file, [objective for _, objective in found])
    return tuple(objective for _, objective in found)


def _silent(context: Context, found: Sequence[Objective], planned: list[Planned]) -> None:
    """Tell of targets whose refusals nobody counts: a latency objective knows nothing of what did not answer."""
    watched = {target for one in found if one.sli == "availability" for target, _ in one.pairs}
    asked = dict.fromkeys(name for _, _, plan in planned for name in plan.targets)
    silent = [name for name in asked if name not in watched]
    if silent:
        context.findings.warn(
            ("objectives",),
            f"no availability objective watches {words.few(silent)}, so nobody is paged when they refuse; add one",
        )


def duplicates(
    context: Context,
    entries: Sequence[
        Entry[TargetSection]
        | Entry[ProbeSection]
        | Entry[ObjectiveSection]
        | Entry[ServiceSection]
        | Entry[ReceiverSection]
    ],
) -> None:
    """Tell of names that stand twice in one list."""
    first: dict[str, Path] = {}
    for entry in entries:
        name = entry.section.name
        where = (*entry.path, "name")
        if name in first:
            context.findings.error(
                where, f"`{name}` is taken {context.findings.place(first[name], where)}; choose another"
            )
        first.setdefault(name, where)


def _objectives(
    context: Context, path: Path, section: ObjectiveSection, file: File, planned: list[Planned]
) -> list[Objective]:
    """Return one objective for each threshold, of the same name, each with the SLOs that it holds for."""
    watched = _watched(context, path, section, file, planned)
    asked = {name for plan in (plan for _, _, plan in planned) for name in plan.targets}
    views = [view for view in file.views if view["name"] in asked]
    chosen = select(context, (*path, "targets"), section.targets, views, "target that is probed")
    targets = {view["name"]: view for view in homes.judged(context, path, section, file, chosen)}
    workloads = {
        (name, plan.workload.name): plan.workload
        for _, _, plan in watched
        for name in plan.targets
        if name in targets
    }
    if watched and targets and not workloads:
        context.findings.error(path, "none of its probes asks any of its targets; mend `probes` or `targets`")
    for lacking in slis.unexpecting(section, workloads.values()):
        context.findings.error((*path, "probes"), lacking)
    window = section.window
    reach_s = window.longest_s if isinstance(window, Calendar) else window
    promises.remembered(context, path, f"objective {section.name}", reach_s, file)
    throttled = section.count.throttled
    found = [
        Objective(
            name=section.name,
            sli=section.sli,
            ratio=section.percent,
            window_s=section.window.nominal_s if isinstance(section.window, Calendar) else section.window,
            calendar=section.window if isinstance(section.window, Calendar) else None,
            slices=section.method,
            per=section.per,
            pairs=tuple(pairs),
            threshold_s=None if section.sli == "throughput" else figure,
            at_least_per_s=figure if section.sli == "throughput" else None,
            throttled=EventClass(throttled) if throttled else None,
        )
        for figure, pairs in _graded(context, path, section, file, workloads, targets).items()
    ]
    pooling.judge(context, path, section, {name: targets[name] for name, _ in workloads})
    for objective in found:
        _judge(context, path, objective, workloads)
    if found and section.per is not None and section.method is None:
        _lint(context, path, found[0], pooling.intervals_s(found, workloads, targets))
    return found


def _watched(
    context: Context, path: Path, section: ObjectiveSection, file: File, planned: list[Planned]
) -> list[Planned]:
    where = (*path, "probes")
    if section.probes is None:
        chosen = slis.usual(section.sli, planned)
        connections = {probe.connection for _, probe, _ in chosen}
        if not chosen and file.names["probes"] <= {probe.name for _, probe, _ in planned}:
            context.findings.error(where, slis.none_usual(section.sli))
        if len(connections) > 1:
            context.findings.warn(
                where, "watches cold and warm probes, each as an SLO of its own; name those you mean"
            )
        return chosen
    names = dict.fromkeys([*(probe.name for _, probe, _ in planned), *sorted(file.names["probes"])])
    views = [{"name": name} for name in names]
    named = {view["name"] for view in select(context, where, section.probes, views, "probe")}
    watched = [one for one in planned if one[1].name in named]
    for probe in {probe.name: probe for _, probe, _ in watched}.values():
        if why := slis.deaf(section.sli, probe):
            context.findings.error(where, why)
    return watched


def _graded(
    context: Context,
    path: Path,
    section: ObjectiveSection,
    file: File,
    workloads: Mapping[_Pair, Workload],
    targets: Mapping[str, View],
) -> dict[float | None, list[_Pair]]:
    """Return threshold or speed -> the (target, probe)s that it holds for; a target without one is an error."""
    figures = {"under": section.under, "at_least": section.at_least}
    key = slis.FIGURE.get(section.sli)
    for other in figures.keys() - {key}:
        if figures[other] is not None:
            context.findings.error((*path, other), _VAIN[other].format(section.sli))
    if key is None:
        return {None: list(workloads)}
    where, figure = (*path, key), figures[key]
    if figure is None:
        example = (
            "at_least: 30" if key == "at_least" else f"under: {'50ms' if section.sli == 'itl' else '2s'}"
        )
        context.findings.error(where, f"is missing; say which {section.sli} is still good, as in {example}")
        return {None: list(workloads)}
    if not isinstance(figure, Graded):
        return {figure: list(workloads)}
    for fault in figure.unknown(file.views):
        context.findings.error(where, fault)
    found: dict[float | None, list[_Pair]] = {}
    for target, probe in workloads:
        found.setdefault(figure.within(targets[target]), []).append((target, probe))
    _without(context, where, sorted({target for target, _ in found.pop(None, [])}))
    return found


_VAIN: Final = {
    "under": "{} has no threshold; take it out, or use sli: ttft or total",
    "at_least": "{} has no speed; take it out, or use sli: throughput",
}


def _without(context: Context, where: Path, targets: Sequence[str]) -> None:
    if targets:
        context.findings.error(
            where,
            f"says nothing for {words.few(targets)}; add a threshold for the class, model or "
            "target, or narrow `targets`",
        )


def _judge(context: Context, path: Path, objective: Objective, workloads: Mapping[_Pair, Workload]) -> None:
    """Tell what is wrong with an objective at the intervals and deadlines of what it watches."""
    watched = [workloads[pair] for pair in objective.pairs]
    if objective.per is None or objective.slices is not None:
        _lint(context, path, objective, {workload.every_s for workload in watched})
    if objective.at_least_per_s is not None:
        _judge_speed(context, path, objective.at_least_per_s, watched)
    if objective.sli == "itl":
        _warn_of_terse(context, (*path, "probes"), watched)
    under = objective.threshold_s
    for workload in watched if under is not None and objective.sli in slis.DEADLINE else ():
        key = slis.DEADLINE[objective.sli]
        deadline: float = getattr(workload, f"{key}_s")
        if under is not None and under >= deadline:
            whose, where = (
                ("", (*path, "under")) if path else (f"the default objective {objective.name}: ", ())
            )
            mend = "lower it" if path else "write objectives of your own"
            context.findings.warn(
                where,
                f"{whose}{under:g}s is not below {key} of probe {workload.name} ({deadline:g}s), so every answer "
                f"in time is good; {mend}, or raise {key}",
            )


def _warn_of_terse(context: Context, path: Path, watched: Iterable[Workload]) -> None:
    for name in dict.fromkeys(workload.name for workload in watched if slis.terse(workload)):
        context.findings.warn(
            path,
            f"probe {name} asks for a single word, which has no time between its tokens, so few of its answers would be "
            "judged; give it a prompt with a longer answer, or watch a probe of kind throughput",
        )


def _lint(context: Context, path: Path, objective: Objective, intervals_s: Iterable[float]) -> None:
    for every_s in sorted(intervals_s):
        promises.tell(context, path, (lint_slices if objective.slices else lint)(objective, every_s))


def _judge_speed(context: Context, path: Path, per_s: float, watched: Iterable[Workload]) -> None:
    """Tell of a speed that no answer could show, or that no answer in time could miss."""
    for workload in watched:
        if workload.max_tokens < SPEED_TOKENS:
            context.findings.error(
                (*path, "at_least"),
                f"probe {workload.name} allows {workload.max_tokens} tokens, and a speed is told of answers of "
                f"{SPEED_TOKENS} or more; raise its max_tokens",
            )
        took_s = SPEED_TOKENS / per_s
        if took_s >= workload.timeout_s:
            context.findings.warn(
                (*path, "at_least"),
                f"{SPEED_TOKENS} tokens take {took_s:g}s at {per_s:g} a second, not below timeout of probe "
                f"{workload.name} ({workload.timeout_s:g}s), so every answer in time is good; raise it, or timeout",
            )


def _ids(context: Context, found: Iterable[tuple[Path, Objective]], views: Mapping[str, View]) -> None:
    """Tell of SLOs whose ids would be one: target `a-b` with probe `c` is target `a` with probe `b-c`."""
    first: dict[str, tuple[str, ...]] = {}
    for path, objective in found:
        for target, probe in objective.pairs:
            pooled = pooling.values(objective, views[target])
            whom = (target, probe) if objective.per is None else pooled
            slo = (*whom, objective.name)
            name = f"{'-'.join(whom) or pools.ALL}-{objective.name}"
            known = first.setdefault(name, slo)
            if known != slo:
                context.findings.error(
                    path,
                    f"`{name}` would name two SLOs, {known} and {slo}; rename a target, probe, objective or what they are pooled by",
                )
