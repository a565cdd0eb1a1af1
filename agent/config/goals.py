"""Probe and objective sections to the plan: which probe asks which target, and what each SLO watches."""

import fnmatch
from collections.abc import Collection, Iterable, Sequence

from agent.config.context import Context
from agent.config.findings import Path
from agent.config.model import ProbePlan
from agent.config.schema import Keep, ObjectiveSection, ProbeSection, TargetSection
from agent.config.sections import Entry, File, nearest
from agent.slo.lint import lint
from agent.slo.objective import Objective
from exporters.durations import write
from probes import catalog
from probes.result import EventClass
from probes.target import Workload

DEFAULT_PROBES = (ProbeSection(name="chat"),)

DEFAULT_OBJECTIVES = (
    ObjectiveSection.model_validate({"name": "available", "sli": "availability", "percent": 99.9}),
    ObjectiveSection.model_validate({"name": "quick", "sli": "ttft", "percent": 99, "under": "2s"}),
)

_GENERATING = frozenset({"expect", "max_tokens", "prompt", "reasoning", "stall"})
"""Keys that say what is generated and how; a list of models is only fetched."""

_Probe = tuple[Path, ProbeSection, ProbePlan]


def probes(context: Context, file: File) -> list[_Probe]:
    """Return each probe with where it stands; one that selects nothing is an error."""
    entries = file.probes
    if entries is None:
        entries = [Entry((), section) for section in DEFAULT_PROBES]
    found = [
        (entry.path, entry.section, _probe(context, entry.path, entry.section, file)) for entry in entries
    ]
    asked = {name for _, _, plan in found for name in plan.targets}
    for target in file.targets:
        if target.section.name not in asked:
            context.findings.warn(
                target.path, "is asked by no probe; name it in a probe's targets, or take it out"
            )
    return found


def objectives(context: Context, file: File, planned: list[_Probe]) -> tuple[Objective, ...]:
    """Return the objectives with their (target, probe)s; one that watches nothing is an error."""
    entries = file.objectives
    if entries is None:
        if planned and not any(section.kind == "chat" for _, section, _ in planned):
            context.findings.warn(
                (), "the default objectives watch chat probes and there is none; write objectives"
            )
            return ()
        entries = [Entry((), section) for section in DEFAULT_OBJECTIVES]
    found = tuple(_objective(context, entry.path, entry.section, file, planned) for entry in entries)
    _ids(context, zip([entry.path for entry in entries], found, strict=True))
    return found


def duplicates(
    context: Context, entries: Sequence[Entry[TargetSection] | Entry[ProbeSection] | Entry[ObjectiveSection]]
) -> None:
    """Tell of names that stand twice in one list."""
    first: dict[str, Path] = {}
    for entry in entries:
        name = entry.section.name
        if name in first:
            context.findings.error(
                (*entry.path, "name"),
                f"`{name}` is taken on line {context.findings.line((*first[name], 'name'))}; choose another",
            )
        first.setdefault(name, entry.path)


def select(
    context: Context, path: Path, patterns: Iterable[str], names: Collection[str], what: str
) -> list[str]:
    """Return the names that any pattern matches, in their own order; a pattern without a match is an error."""
    chosen: set[str] = set()
    for pattern in patterns:
        matched = {name for name in names if pattern == "all" or fnmatch.fnmatchcase(name, pattern)}
        if not matched and names:
            close = nearest(pattern, names)
            known = "; known are " + ", ".join(sorted(names)[:10])
            context.findings.error(path, f"`{pattern}` selects no {what}{close or known}")
        chosen |= matched
    return [name for name in names if name in chosen]


def _probe(context: Context, path: Path, section: ProbeSection, file: File) -> ProbePlan:
    names = [entry.section.name for entry in file.targets]
    # The names of targets that failed are known too, so that a failing target is told once.
    listed = [*names, *sorted(file.names["targets"] - set(names))]
    chosen = select(context, (*path, "targets"), section.targets, listed, "target")
    timeout = section.timeout or max(30.0, section.first_token or 0.0)
    first_token = section.first_token or min(8.0, timeout)
    stall = section.stall or min(10.0, timeout)
    for key, seconds in (("first_token", first_token), ("stall", stall)):
        if seconds > timeout:
            context.findings.error(
                (*path, key),
                f"{seconds:g}s is longer than the timeout of {timeout:g}s; lengthen timeout, or shorten {key}",
            )
    for key in sorted(_GENERATING & section.model_fields_set) if section.kind == "models" else ():
        context.findings.error(
            (*path, key), f"has no effect on a models probe, for which nothing is generated; take {key} out"
        )
    _unheeded(
        context, path, section, [entry.section for entry in file.targets if entry.section.name in chosen]
    )
    workload = Workload(
        name=section.name,
        kind=section.kind,
        every_s=section.every,
        first_token_s=first_token,
        stall_s=stall,
        timeout_s=timeout,
        connection=section.connection,
        max_tokens=section.max_tokens,
        reasoning=section.reasoning,
        prompt=section.prompt,
        expect_contains=section.expect.contains if section.expect else None,
    )
    return ProbePlan(workload=workload, targets=tuple(chosen))


def _unheeded(context: Context, path: Path, section: ProbeSection, asked: list[TargetSection]) -> None:
    providers = {target.provider for target in asked if target.provider in catalog.PROVIDERS}
    deaf = sorted(name for name in providers if not catalog.PROVIDERS[name].reasoning)
    if section.reasoning is not None and deaf:
        context.findings.warn(
            (*path, "reasoning"), f"has no effect for {', '.join(deaf)}, which takes no such field"
        )


def _objective(
    context: Context, path: Path, section: ObjectiveSection, file: File, planned: list[_Probe]
) -> Objective:
    watched = _watched(context, path, section, file, planned)
    targets = select(context, (*path, "targets"), section.targets, _order(planned), "target that is probed")
    pairs = tuple((name, plan.workload.name) for plan in watched for name in plan.targets if name in targets)
    if watched and targets and not pairs:
        context.findings.error(path, "none of its probes asks any of its targets; mend `probes` or `targets`")
    _threshold(context, path, section, watched)
    _remembered(context, path, section, file)
    throttled = section.count.throttled
    found = Objective(
        name=section.name,
        sli=section.sli,
        ratio=section.percent,
        window_s=section.window,
        pairs=pairs,
        threshold_s=section.under,
        throttled=EventClass(throttled) if throttled else None,
    )
    for every_s in sorted({plan.workload.every_s for plan in watched}):
        for finding in lint(found, every_s):
            tell = context.findings.error if finding.level == "error" else context.findings.warn
            tell(path, finding.message)
    return found


def _watched(
    context: Context, path: Path, section: ObjectiveSection, file: File, planned: list[_Probe]
) -> list[ProbePlan]:
    where = (*path, "probes")
    if section.probes is None:
        chat = [plan for _, probe, plan in planned if probe.kind == "chat"]
        kinds = {plan.workload.connection for plan in chat}
        if not chat and file.names["probes"] <= {plan.workload.name for _, _, plan in planned}:
            context.findings.error(
                where, "there is no chat probe to watch by default; name the probes to watch"
            )
        if len(kinds) > 1:
            context.findings.warn(
                where, "watches cold and warm probes, each as an SLO of its own; name those you mean"
            )
        return chat
    names = [plan.workload.name for _, _, plan in planned]
    listed = [*names, *sorted(file.names["probes"] - set(names))]
    chosen = select(context, where, section.probes, listed, "probe")
    for _, probe, _ in planned:
        if section.sli == "ttft" and probe.name in chosen and probe.kind != "chat":
            context.findings.error(
                where, f"`{probe.name}` ({probe.kind}) has no first token; use sli: total for it"
            )
    return [plan for _, _, plan in planned if plan.workload.name in chosen]


def _threshold(context: Context, path: Path, section: ObjectiveSection, watched: list[ProbePlan]) -> None:
    where = (*path, "under")
    if section.sli == "availability":
        if section.under is not None:
            context.findings.error(
                where, "availability has no threshold; take it out, or use sli: ttft or total"
            )
        return
    if section.under is None:
        context.findings.error(where, f"is missing; say which {section.sli} is still good, as in under: 2s")
        return
    for plan in watched:
        key = "first_token" if section.sli == "ttft" else "timeout"
        deadline = plan.workload.first_token_s if section.sli == "ttft" else plan.workload.timeout_s
        if section.under >= deadline:
            context.findings.warn(
                where,
                f"{section.under:g}s is not below {key} of probe {plan.workload.name} ({deadline:g}s), so every answer "
                f"in time is good; lower it, or raise {key}",
            )


def _remembered(context: Context, path: Path, section: ObjectiveSection, file: File) -> None:
    """Tell of a window that reaches back behind what is kept: most of it would be missing for ever."""
    keep = file.settings.storage.keep if file.settings.storage else Keep()
    if section.window > keep.results:
        context.findings.error(
            path,
            f"objective {section.name} looks back {write(section.window)}, but results are kept for "
            f"{write(keep.results)}; lengthen storage.keep.results, or shorten the window",
        )


def _order(planned: list[_Probe]) -> list[str]:
    return list(dict.fromkeys(name for _, _, plan in planned for name in plan.targets))


def _ids(context: Context, found: Iterable[tuple[Path, Objective]]) -> None:
    """Tell of SLOs whose ids would be one: target `a-b` with probe `c` is target `a` with probe `b-c`."""
    first: dict[str, tuple[str, str, str]] = {}
    for path, objective in found:
        for target, probe in objective.pairs:
            slo = (target, probe, objective.name)
            known = first.setdefault("-".join(slo), slo)
            if known != slo:
                context.findings.error(
                    path,
                    f"`{'-'.join(slo)}` would name two SLOs, {known} and {slo}; rename a target, probe or objective",
                )
