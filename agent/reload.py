"""The configuration file, followed: once it changed and holds still it is read anew, and taken or refused whole."""

import asyncio
import contextlib
import glob
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import structlog

from agent.config.model import Config
from agent.config.read import Loaded
from agent.errors import ConfigError, NephoscopeError

POLL_S: Final = 1.0
"""Polling sees what a notification misses: a ConfigMap's swapped link, a file system over the network."""

AGAIN_POLLS: Final = 10
"""How often a refused file is tried again: what it lacked (a secret, an included file) may have come meanwhile."""

SHOWN: Final = 10
"""Names of targets that one log line lists."""

log = structlog.get_logger("config")


class Stamp(NamedTuple):
    """What tells one content of a file from another without reading it."""

    device: int
    inode: int
    mtime_ns: int
    size: int


Stamps = Mapping[Path, Stamp | None]
"""By file; None where there is none."""


def stamps(files: Iterable[Path], patterns: Iterable[str] = ()) -> Stamps:
    """Return the stamps of the files that the paths and patterns lead to, links followed."""
    found = [Path(name) for pattern in patterns for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - absolute patterns
    return {file: _stamp(file) for file in (*files, *found)}


def _stamp(file: Path) -> Stamp | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return Stamp(found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)


class Watcher:
    """Tells of a change once it holds still: one that was seen twice alike is not half written."""

    def __init__(self, taken: Stamps) -> None:
        self._taken = self._seen = taken

    def look(self, now: Stamps) -> bool:
        """Return whether the files are others than those taken, and the same as at the look before."""
        still, self._seen = now == self._seen, now
        return still and now != self._taken

    def take(self, now: Stamps) -> None:
        self._taken = self._seen = now


class Source(Protocol):
    """Where the configuration comes from: `first` is what was read at the start; no call may block the loop."""

    @property
    def first(self) -> Loaded: ...

    async def stamps(self, loaded: Loaded) -> Stamps:
        """Return what tells whether what was loaded has changed."""
        ...

    async def read(self) -> Loaded:
        """Return what the files hold now, or raise `ConfigError`."""
        ...


class FileSource:
    """Files on disk, looked at in a thread: a hanging file system must not hold up the parent."""

    def __init__(self, first: Loaded, read: Callable[[], Loaded]) -> None:
        self._first = first
        self._read = read

    @property
    def first(self) -> Loaded:
        return self._first

    async def stamps(self, loaded: Loaded) -> Stamps:
        return await asyncio.to_thread(stamps, loaded.files, loaded.patterns)

    async def read(self) -> Loaded:
        return await asyncio.to_thread(self._read)


class Follower(Protocol):
    """Who is told what became of a reading."""

    def take(self, config: Config) -> None:
        """Go over to another plan, or raise `NephoscopeError` and stay with the old one."""
        ...

    def reloaded(self, *, taken: bool) -> None:
        """Show whether the file that was read last is what runs now."""
        ...


class Reloader:
    """Reads the files again when they changed, or when asked."""

    def __init__(self, source: Source, follower: Follower) -> None:
        self._source = source
        self._follower = follower
        self._loaded = source.first
        self._asked = asyncio.Event()
        self._refused: tuple[str, ...] = ()

    def ask(self) -> None:
        """Read at once, whether anything changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Watch for ever."""
        watcher = Watcher(await self._source.stamps(self._loaded))
        since = 0
        while True:
            asked = await self._is_asked()
            now = await self._source.stamps(self._loaded)
            changed = watcher.look(now)
            since = since + 1 if self._refused else 0
            if changed or asked or since >= AGAIN_POLLS:
                since = 0
                await self._reload(aloud=changed or asked)
                watcher.take(await self._taken(now))

    async def _taken(self, before: Stamps) -> Stamps:
        """Return the stamps of what was just read: as they were before, so that a change during it is seen."""
        after = await self._source.stamps(self._loaded)
        if after.keys() - before.keys() - set(self._loaded.files):
            self.ask()  # a file appeared under a pattern when that had been looked for already
        return {file: before.get(file, stamp) for file, stamp in after.items()}

    async def _is_asked(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._asked.wait()
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    async def _reload(self, *, aloud: bool) -> None:
        try:
            loaded = await self._source.read()
            if fixed := fixed_keys(self._loaded.config, loaded.config):
                raise ConfigError(*(_restart(key) for key in fixed))  # noqa: TRY301 - refused like any other
            if loaded.config != self._loaded.config:
                self._follower.take(loaded.config)
        except Exception as failure:  # noqa: BLE001 - whatever is wrong with the new file, the old plan goes on
            self._refuse(_findings(failure), aloud=aloud)
            return
        self._refused = ()
        self._tell(loaded)
        self._loaded = loaded
        self._follower.reloaded(taken=True)

    def _refuse(self, findings: tuple[str, ...], *, aloud: bool) -> None:
        if aloud or findings != self._refused:
            log.error(
                "config.refused",
                findings=list(findings),
                consequence="nothing of it holds; the old plan goes on",
            )
        self._refused = findings
        self._follower.reloaded(taken=False)

    def _tell(self, loaded: Loaded) -> None:
        told = {_unlined(warning) for warning in (*self._loaded.warnings, *self._loaded.reminders)}
        for warning in (*loaded.warnings, *loaded.reminders):
            if _unlined(warning) not in told:
                log.warning("config.warned", finding=warning)
        if loaded.config == self._loaded.config:
            log.info("config.unchanged", config_hash=loaded.config.hash)
            return
        log.info(
            "config.reloaded", config_hash=loaded.config.hash, **changes(self._loaded.config, loaded.config)
        )


def fixed_keys(old: Config, new: Config) -> tuple[str, ...]:
    """Return the keys that were changed and that a running daemon cannot follow.

    They say where it stands and keeps its things, or what its processes open once, at their start.
    """
    pairs = {
        "vantage": (old.vantage, new.vantage),
        "state_dir": (old.state_dir, new.state_dir),
        "storage": tuple(
            (each.storage.embedded, each.storage.url, each.storage.migrate) for each in (old, new)
        ),
        "journal": (old.journal, new.journal),
        "export.listen": tuple((each.export.host, each.export.port) for each in (old, new)),
        "export.otlp": (old.export.otlp, new.export.otlp),
    }
    return tuple(key for key, (before, after) in pairs.items() if before != after)


def changes(old: Config, new: Config) -> dict[str, list[str]]:
    """Return the names of targets by what became of them, at most ten each; nothing where all are the same."""
    before, after = ({target.name: target for target in config.targets} for config in (old, new))
    found = {
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "changed": [name for name in after if name in before and after[name] != before[name]],
    }
    return {what: _shown(names) for what, names in found.items() if names}


def _shown(names: list[str]) -> list[str]:
    return names if len(names) <= SHOWN else [*names[:SHOWN], "..."]


def _unlined(finding: str) -> str:
    """Return a finding without its line, which any edit above it moves.

    >>> _unlined("nephoscope.yaml:12: secrets.dir: nothing is taken from it")
    'nephoscope.yaml: secrets.dir: nothing is taken from it'
    """
    return re.sub(r":[0-9]+: ", ": ", finding, count=1)


def _restart(key: str) -> str:
    return (
        f"`{key}` was changed, and a running daemon keeps the one that it was started with: "
        "restart it, or put the old value back"
    )


def _findings(failure: Exception) -> tuple[str, ...]:
    match failure:
        case ConfigError():
            return failure.findings
        case NephoscopeError():
            return (str(failure),)
        case _:
            # Not its text: that could hold anything.
            return (f"reading it failed ({type(failure).__name__}), which is a defect: report it",)
