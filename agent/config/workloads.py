"""Probe sections to plans: which probe asks which target, and what of it an override changes for some of them."""

from collections.abc import Collection, Iterator, Sequence

from agent.config import kinds, selecting
from agent.config.context import Context
from agent.config.expanding import BY_DEFAULT
from agent.config.findings import Path
from agent.config.model import ProbePlan
from agent.config.schema_asked import ProbeOverride, ProbeSection, TargetSection
from agent.config.sections import Entry, File
from agent.config.selecting import Selector, View
from probes import catalog, quality, tasks
from probes.target import Kind, Workload

DEFAULT_PROBES = tuple(ProbeSection.model_validate(entry) for entry in BY_DEFAULT["probes"])

NAMED_AT_MOST = 5

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
    for entry in entries:
        _judge_kind(context, entry, file)
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


def _judge_kind(context: Context, entry: Entry[ProbeSection], file: File) -> None:
    """Tell of targets that cannot be asked so: what nobody answers is no gap to pass over in silence."""
    kind = entry.section.kind
    chosen = {view["name"] for view in file.views if selecting.selects(entry.section.targets, view)}
    asked = [(one.section, _calls(one.section)) for one in file.targets if one.section.name in chosen]
    deaf = [(target, calls) for target, calls in asked if calls is not None and kind not in calls]
    if not deaf:
        return
    target, calls = deaf[0]
    others = f" (and {len(deaf) - 1} more likewise)" if len(deaf) > 1 else ""
    able = [target.name for target, calls in asked if calls is not None and kind in calls]
    if able:
        more = ", ..." if len(able) > NAMED_AT_MOST else ""
        remedy = f"select those that have it, as in targets: [{', '.join(able[:NAMED_AT_MOST])}{more}]"
    else:
        remedy = "choose another kind, or take the probe out"
    context.findings.error(
        (*entry.path, "targets" if "targets" in entry.section.model_fields_set else "kind"),
        f"{target.name} ({target.provider}) is not asked by kind {kind}{others}; it has "
        f"{', '.join(calls or ())}: {remedy}",
    )


def _calls(target: TargetSection) -> Collection[Kind] | None:
    """Return the kinds by which a target can be asked; None where its provider or API is not known, which is told."""
    provider = catalog.PROVIDERS.get(target.provider)
    if provider is None or (target.api is not None and target.api not in provider.apis):
        return None
    return provider.api(target.api, target.api_version).calls


class _Changed:
    """A probe under the overrides that hold for some of its targets, and where each key of it was said."""

    def __init__(self, path: Path, section: ProbeSection, holding: Sequence[int]) -> None:
        said: dict[str, ProbeOverride] = {}
        self._path = path
        self._where: dict[str, Path] = {}
        for at in holding:
            for key in section.override[at].model_fields_set - {"when"}:
                said[key] = section.override[at]
                self._where[_written(key)] = (*path, "override", at, _written(key))
        self.section = section.model_copy(update={key: getattr(one, key) for key, one in said.items()})

    def plan(self, context: Context, file: File, targets: tuple[str, ...]) -> ProbePlan:
        section, usual = self.section, kinds.USUAL[self.section.kind]
        timeout = section.timeout or max(usual.timeout_s, section.first_token or 0.0)
        first_token = section.first_token or min(usual.first_token_s, timeout)
        stall = section.stall or min(usual.stall_s, timeout)
        for key, seconds in (("first_token", first_token), ("stall", stall)):
            if seconds > timeout:
                context.findings.error(
                    self._at(key),
                    f"{seconds:g}s is longer than the timeout of {timeout:g}s; lengthen timeout, or shorten {key}",
                )
        self._judge_keys(context)
        if section.kind == "throughput" and (section.max_tokens or usual.max_tokens) < quality.SPEED_TOKENS:
            context.findings.error(
                self._at("max_tokens"),
                f"{section.max_tokens} are too few: an answer under {quality.SPEED_TOKENS} tokens tells no speed; write "
                f"{usual.max_tokens}, which leaves room for reasoning, or take it out",
            )
        self._warn_of_deaf(context, file, targets)
        prompt_tokens = section.prompt_tokens
        if section.kind == "long-context" and prompt_tokens is None:
            prompt_tokens = tasks.PROMPT_TOKENS
        workload = Workload(
            name=section.name,
            kind=section.kind,
            every_s=section.every or usual.every_s,
            first_token_s=first_token,
            stall_s=stall,
            timeout_s=timeout,
            connection=section.connection,
            max_tokens=section.max_tokens or usual.max_tokens,
            reasoning=section.reasoning,
            prompt=section.prompt or tasks.PROMPTS[section.kind],
            expect_contains=section.expect.contains if section.expect else None,
            schema=section.schema_,
            prompt_tokens=prompt_tokens,
        )
        return ProbePlan(workload=workload, targets=targets)

    def _judge_keys(self, context: Context) -> None:
        """Tell of keys that would change nothing, and of a schema that nothing asks for."""
        section = self.section
        said = {_written(key) for key in section.model_fields_set}
        article = "an" if section.kind == "embeddings" else "a"
        for key in sorted(said):
            if why := kinds.vain(section.kind, key):
                context.findings.error(
                    self._at(key), f"has no effect on {article} {section.kind} probe, {why}; take {key} out"
                )
        if section.kind == "json" and "schema" in said and "prompt" not in said:
            context.findings.error(
                self._at("schema"),
                "is another than that of the usual prompt; write a prompt that asks for such JSON",
            )

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


def _written(field: str) -> str:
    """Return a key as the file says it.

    >>> _written("schema_"), _written("prompt")
    ('schema', 'prompt')
    """
    return ProbeSection.model_fields[field].alias or field
