"""A configuration file to the frozen plan, or every finding at once."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import structlog

from agent.config import (
    askable,
    budgets,
    feeds,
    goals,
    maintenances,
    places,
    receivers,
    services,
    workloads,
    yaml,
)
from agent.config.context import Context, Host
from agent.config.expanding import expand
from agent.config.files import content
from agent.config.findings import Findings
from agent.config.including import gather
from agent.config.model import Config
from agent.config.sections import File, sections
from agent.config.targets import targets
from agent.config.ways import Ways

log = structlog.get_logger("config")


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """A usable plan, and what is worth a second look.

    `files` are the absolute paths that were read, the first file at the head; `patterns` are the absolute ones
    of `include`: a file that appears under one belongs to the plan. `reminders` are what the calendar says of a
    file that is in order.
    """

    config: Config
    warnings: tuple[str, ...]
    files: tuple[Path, ...] = ()
    patterns: tuple[str, ...] = ()
    reminders: tuple[str, ...] = ()


def load(path: str | Path, environ: Mapping[str, str] | None = None) -> Config:
    """Return the plan of a file for a command that uses it, its warnings logged; raise `ConfigError`."""
    return load_all(path, environ).config


def load_all(path: str | Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Return the plan likewise, with the files that it was read from."""
    loaded = read(Path(path), os.environ if environ is None else environ)
    for warning in (*loaded.warnings, *loaded.reminders):
        log.warning("config.warned", finding=warning)
    return loaded


def default_state_dir() -> Path:
    """Return where the agent keeps its state unless the file says otherwise."""
    return places.default_state_dir(Host.here())


def read(
    path: Path, environ: Mapping[str, str], *, no_secrets: bool = False, host: Host | None = None
) -> Loaded:
    """Return the plan of a file, or raise `ConfigError` with every finding.

    `no_secrets` accepts references that stand for nothing here, as in CI.
    """
    return read_text(content(path), path, environ, no_secrets=no_secrets, host=host)


def read_text(
    text: str, path: Path, environ: Mapping[str, str], *, no_secrets: bool = False, host: Host | None = None
) -> Loaded:
    """Return the plan of a text that stands for the file at `path`."""
    document = yaml.parse(text)
    findings = Findings(str(path), document.lines)
    for line, fault in document.faults:
        findings.error_at(line, fault)
    if document.data is None:
        findings.raise_errors()
    tree = document.data
    gathered = gather(tree if isinstance(tree, dict) else {}, path, findings)
    if isinstance(tree, dict):
        tree = expand(gathered.tree, gathered.written, findings)
        findings.raise_errors()
    file = sections(tree, findings)
    context = Context(findings, environ, path.absolute().parent, host or Host.here(), no_secrets)
    config = _expand(context, file)
    findings.raise_errors()
    budgets.judge(context, config)
    receivers.judge_whens(context, config)
    places.judge_unused_secrets(context, file.settings, tree)
    findings.raise_errors()
    return Loaded(config, findings.warnings, gathered.files, gathered.patterns, findings.reminders)


def _expand(context: Context, file: File) -> Config:
    secrets_dir = places.secrets_dir(context, file.settings)
    context = dataclasses.replace(context, secrets_dir=secrets_dir)
    goals.duplicates(context, file.targets)
    goals.duplicates(context, file.probes or [])
    goals.duplicates(context, file.objectives or [])
    goals.duplicates(context, file.services or [])
    planned = workloads.probes(context, file)
    ways = Ways(context, file.networks)
    known = targets(context, file.targets, file.settings.models, ways)
    status_feeds = feeds.status_feeds(context, file.settings, ways, known)
    askable.judge(context, planned, known)
    ways.judge_unused()
    probes = tuple(plan for _, _, plan in planned)
    objectives = goals.objectives(context, file, planned)
    asked = {(name, plan.workload.name): plan.workload for plan in probes for name in plan.targets}
    members = services.watched(known, asked, objectives)
    serving = services.services(context, file, known, members, objectives)
    return Config(
        vantage=places.vantage(context, file.settings),
        state_dir=places.state_dir(context, file.settings),
        secrets_dir=secrets_dir,
        targets=known,
        probes=probes,
        objectives=objectives,
        storage=places.storage(context, file.settings),
        journal=places.journal(file.settings),
        heartbeat=places.heartbeat(context, file.settings),
        export=places.export(context, file.settings),
        limits=places.limits(file.settings),
        runbook=places.runbook(context, file.settings),
        budget=budgets.budget(context, file.settings),
        networks=ways.networks(known),
        services=serving,
        lone=services.lone(members, serving),
        paging=services.paging(context, file.settings),
        receivers=receivers.receivers(context, file.settings),
        routes=receivers.routes(context, file.settings),
        engine=receivers.engine(context, file.settings),
        maintenance=maintenances.maintenances(context, file),
        status_feeds=status_feeds,
    )
