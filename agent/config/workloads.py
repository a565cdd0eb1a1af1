"""Probe sections to plans: which probe asks which target, and what of it an override changes for some of them."""

from collections.abc import Iterator, Sequence

from agent.config import selecting
from agent.config.context import Context
from agent.config.expanding import BY_DEFAULT
from agent.config.findings import Path
from agent.config.model import ProbePlan
from agent.config.schema import ProbeOverride, ProbeSection
from agent.config.sections import Entry, File
from agent.config.selecting import Selector, View
from probes import catalog
from probes.target import Workload

DEFAULT_PROBES = tuple(ProbeSection.model_validate(entry) for entry in BY_DEFAULT["probes"])

_GENERATING = frozenset({"expect", "max_tokens", "prompt", "reasoning", "stall"})
"""Keys that say what is generated and how; a list of models is only fetched."""

Planned = tuple[Path, ProbeSection, ProbePlan]


def probes(context: Context, file: File) -> list[Planned]:
    """Return each probe's plans with where it stands; one that selects nothing is an error."""
    entries = file.probes
    if entries is None:
        entries = [Entry((), section) for section in DEFAULT_PROBES]
    found = [
        (entry.path, entry.section, plan)
        for entry in entries
        for plan in _plans(context, entry.path, entry.section, file)
    ]
    asked = {name for _, _, plan in found for name in plan.targets}
    for target in file.targets:
        if target.section.name not in asked:
            context.findings.warn(
                target.path, "is asked by no probe; name it in a probe's targets, or take it out"
            )
    return found


def select(context: Context, path: Path, selector: Selector, views: Sequence[View], what: str) -> list[View]:
    """Return the views that a selector selects, in their own order; a part of it that selects none is an error."""
    for fault in selecting.faults(selector, views, what) if views else ():
        context.findings.error(path, fault)
    return [view for view in views if selecting.selects(selector, view)]


def _plans(context: Context, path: Path, section: ProbeSection, file: File) -> Iterator[ProbePlan]:
    """Yield one plan for each set of overrides that hold for some targets, in the order of these."""
    asked = select(context, (*path, "targets"), section.targets, file.views, "target")
    for at, override in enumerate(section.override):
        select(context, (*path, "override", at, "when"), override.when, asked, "target that this probe asks")
    groups: dict[tuple[int, ...], list[str]] = {}
    for view in asked:
        held = [at for at, one in enumerate(section.override) if selecting.selects(one.when, view)]
        groups.setdefault(tuple(held), []).append(view["name"])
    for at in _idle(path, section, list(groups)):
        context.findings.warn((*path, "override", at), "changes nothing of what it is for; take it out")
    for holding, names in groups.items() or [((), [])]:
        yield _Changed(path, section, holding).plan(context, file, tuple(dict.fromkeys(names)))


def _idle(path: Path, section: ProbeSection, groups: Sequence[Sequence[int]]) -> list[int]:
    """Return the overrides that could all be taken out, and the probe would ask the same of everyone."""
    idle: list[int] = []
    for at in range(len(section.override)):
        rest = [[one for one in group if one not in (*idle, at)] for group in groups]
        if all(
            _Changed(path, section, others).section == _Changed(path, section, group).section
            for others, group in zip(rest, groups, strict=True)
        ):
            idle.append(at)
    return idle


class _Changed:
    """A probe under the overrides that hold for some of its targets, and where each key of it was said."""

    def __init__(self, path: Path, section: ProbeSection, holding: Sequence[int]) -> None:
        said: dict[str, ProbeOverride] = {}
        self._path = path
        self._where: dict[str, Path] = {}
        for at in holding:
            for key in section.override[at].model_fields_set - {"when"}:
                said[key] = section.override[at]
                self._where[key] = (*path, "override", at, key)
        self.section = section.model_copy(update={key: getattr(one, key) for key, one in said.items()})

    def plan(self, context: Context, file: File, targets: tuple[str, ...]) -> ProbePlan:
        section = self.section
        timeout = section.timeout or max(30.0, section.first_token or 0.0)
        first_token = section.first_token or min(8.0, timeout)
        stall = section.stall or min(10.0, timeout)
        for key, seconds in (("first_token", first_token), ("stall", stall)):
            if seconds > timeout:
                context.findings.error(
                    self._at(key),
                    f"{seconds:g}s is longer than the timeout of {timeout:g}s; lengthen timeout, or shorten {key}",
                )
        for key in sorted(_GENERATING & section.model_fields_set) if section.kind == "models" else ():
            context.findings.error(
                self._at(key),
                f"has no effect on a models probe, for which nothing is generated; take {key} out",
            )
        self._warn_of_deaf(context, file, targets)
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
        return ProbePlan(workload=workload, targets=targets)

    def _at(self, key: str) -> Path:
        return self._where.get(key, (*self._path, key))

    def _warn_of_deaf(self, context: Context, file: File, targets: tuple[str, ...]) -> None:
        asked = {entry.section.provider for entry in file.targets if entry.section.name in targets}
        deaf = sorted(
            name
            for name in asked & catalog.PROVIDERS.keys()
            if not any(api.reasoning for api in catalog.PROVIDERS[name].apis.values())
        )
        if self.section.reasoning is not None and deaf:
            context.findings.warn(
                self._at("reasoning"), f"has no effect for {', '.join(deaf)}, which takes no such field"
            )
