"""`nephoscope report`: the weekly SLO report from stored rows."""

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.read import read
from agent.database import opened
from agent.errors import ConfigError, NephoscopeError
from agent.telling import weeks
from agent.telling.report import report_of
from agent.telling.weeks import Week
from exporters import report_html, report_json, report_markdown, words
from exporters.weeks import WeeklyReport
from storage.base import History
from storage.history import PostgresHistory
from storage.memory import MemoryStore

NO_DATA = 3
"""The exit code where there is nothing to report."""

FORMATS: Mapping[str, Callable[[WeeklyReport], str]] = {
    "html": report_html.render,
    "md": report_markdown.render,
    "json": report_json.render,
}
LATER = ("pdf",)


def report(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write the report into `--out`, or print it; 3 where nothing was seen in the week."""
    formats = chosen(args.format, folder=args.out)
    now_ns = SystemClock().wall_ns()
    week = weeks.named(args.week) if args.week else weeks.last_closed(now_ns)
    if week.since_ns > now_ns:
        raise ConfigError(
            f"--week {week.name}: it has not begun yet; leave --week out for the last one that is over"
        )
    # What is reported was measured already, so the keys that probes need are not asked for.
    config = read(Path(args.config), os.environ, no_secrets=True).config
    with history_of(config) as history:
        found = report_of(config, history, week, now_ns, version("nephoscope"))
        if found is None:
            print(f"nephoscope: {nothing(config, history, week, now_ns)}", file=err)
            return NO_DATA
    if args.out is None:
        out.write(FORMATS[formats[0]](found))
        return 0
    for file in written(found, formats, Path(args.out)):
        print(file, file=out)
    return 0


def chosen(words_given: str | None, *, folder: str | None) -> list[str]:
    """Return the formats that are asked for, or raise ConfigError; standard output takes one."""
    if words_given is None:
        return ["html", "md"] if folder else ["md"]
    formats = list(dict.fromkeys(one.strip() for one in words_given.split(",") if one.strip()))
    for one in formats:
        if one in LATER:
            raise ConfigError(f"--format {one}: not yet: this version has {', '.join(FORMATS)}")
        if one not in FORMATS:
            raise ConfigError(f"--format {one}: there is no such format; choose of {', '.join(FORMATS)}")
    if not formats:
        raise ConfigError(f"--format names no format; choose of {', '.join(FORMATS)}")
    if len(formats) > 1 and folder is None:
        raise ConfigError(
            f"--format {words_given}: several formats need a folder for their files: add --out DIR"
        )
    return formats


@contextlib.contextmanager
def history_of(config: Config) -> Iterator[History]:
    """Yield the stored history; where no daemon ever ran on the state folder there is none, and none is made."""
    if config.storage.embedded and not (Path(config.state_dir) / "postgres").exists():
        yield MemoryStore()
        return
    with opened(config) as engine:
        yield PostgresHistory(engine)


def nothing(config: Config, history: History, week: Week, now_ns: int) -> str:
    """Return a sentence on why there is no report, and what to do."""
    began_ns = min((row.valid_from_ns for row in history.plans(config.vantage, 0, now_ns)), default=None)
    if began_ns is None:
        return (
            f"nothing is stored from vantage {config.vantage}, so there is no report for {week.name}: let "
            "`nephoscope run` probe first, or name the configuration of the daemon that does with -c"
        )
    first = weeks.containing(began_ns).name
    return (
        f"nothing was seen from vantage {config.vantage} in {week.name}; probing began on "
        f"{words.instant(began_ns, seconds=False)} UTC: try --week {first} (a week that is not over is reported so far)"
    )


def written(found: WeeklyReport, formats: list[str], folder: Path) -> Iterator[Path]:
    """Write one file a format and yield each; NephoscopeError where the folder takes none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in formats:
            file = folder / f"nephoscope-{found.week}.{name}"
            file.write_text(FORMATS[name](found), encoding="utf-8")
            yield file
    except OSError as failure:
        raise NephoscopeError(
            f"the report cannot be written to {folder}: {failure.strerror}; name another folder with --out"
        ) from failure
