"""A configuration file to the frozen plan, or every finding at once."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import structlog

from agent.config import goals, places, yaml
from agent.config.context import Context, Host
from agent.config.findings import Findings
from agent.config.model import Config
from agent.config.sections import File, sections
from agent.config.targets import targets
from agent.errors import ConfigError

log = structlog.get_logger("config")

MAX_BYTES = 2 * 1024**2
"""500 targets written out are a tenth of this: a larger file is not a configuration."""


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """A usable plan, and what is worth a second look."""

    config: Config
    warnings: tuple[str, ...]


def load(path: str | Path, environ: Mapping[str, str] | None = None) -> Config:
    """Return the plan of a file for a command that uses it, its warnings logged; raise `ConfigError`."""
    loaded = read(Path(path), os.environ if environ is None else environ)
    for warning in loaded.warnings:
        log.warning("config.warned", finding=warning)
    return loaded.config


def default_state_dir() -> Path:
    """Return where the agent keeps its state unless the file says otherwise."""
    return places.default_state_dir(Host.here())


def read(
    path: Path, environ: Mapping[str, str], *, no_secrets: bool = False, host: Host | None = None
) -> Loaded:
    """Return the plan of a file, or raise `ConfigError` with every finding.

    `no_secrets` accepts references that stand for nothing here, as in CI.
    """
    return read_text(_content(path), path, environ, no_secrets=no_secrets, host=host)


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
    file = sections(document.data, findings)
    context = Context(findings, environ, path.absolute().parent, host or Host.here(), no_secrets)
    config = _expand(context, file)
    findings.raise_errors()
    return Loaded(config, findings.warnings)


def _expand(context: Context, file: File) -> Config:
    goals.duplicates(context, file.targets)
    goals.duplicates(context, file.probes or [])
    goals.duplicates(context, file.objectives or [])
    planned = goals.probes(context, file)
    return Config(
        vantage=places.vantage(context, file.settings),
        state_dir=places.state_dir(context, file.settings),
        targets=targets(context, file.targets),
        probes=tuple(plan for _, _, plan in planned),
        objectives=goals.objectives(context, file, planned),
        storage=places.storage(context, file.settings),
        journal=places.journal(file.settings),
        heartbeat=places.heartbeat(context, file.settings),
        export=places.export(context, file.settings),
        limits=places.limits(file.settings),
        runbook=places.runbook(context, file.settings),
    )


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(
                f"{path}: is larger than {MAX_BYTES} bytes, so it is no configuration; name another file"
            )
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; name one with -c FILE or NEPHOSCOPE_CONFIG, or begin with examples/minimal.yaml"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: cannot be read ({reason}); mend the path or its permission") from None
