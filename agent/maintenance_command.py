"""`nephoscope maintenance`: calls maintenance of targets from now on, ends it, and lists what holds and what comes."""

import argparse
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from agent import choosing, saying
from agent.clock import SystemClock
from agent.config.durations import duration
from agent.config.findings import BadValueError
from agent.config.model import Config
from agent.config.read import read
from agent.database import opened
from agent.errors import ConfigError
from agent.slo.maintenance import DAY_NS, LONGEST_S
from agent.slo.quiet import Quiet, Work, work_of
from agent.tables import columns
from exporters import words
from storage.amendments import PostgresAmendments
from storage.base import Amendments, History
from storage.history import PostgresHistory
from storage.readings import Ending, MaintenanceRow

AHEAD_NS: Final = 7 * DAY_NS
BACK_NS: Final = 31 * DAY_NS


def maintenance(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - as every command
    """Start, stop or list; what is refused is refused before the database is asked, where that can be."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    now_ns = SystemClock().wall_ns()
    rows = started(args, config, now_ns) if args.what == "start" else []
    author = saying.author(args.author) if args.what == "stop" else ""
    with opened(config) as engine:
        amendments, history = PostgresAmendments(engine), PostgresHistory(engine)
        if args.what == "start":
            amendments.maintain(rows)
            lines = [_told(rows)]
        elif args.what == "stop":
            lines = [stopped(args, amendments, history, author, now_ns)]
        else:
            lines = list(listed(config, history, now_ns, as_json=args.json))
    for line in lines:
        print(line, file=out)
    return 0


def started(args: argparse.Namespace, config: Config, now_ns: int) -> list[MaintenanceRow]:
    """Return a row for each target that is in maintenance from now on."""
    targets = choosing.targets(config, "--targets", args.targets)
    reason, author = saying.reason(args.reason), saying.author(args.author)
    try:
        lasts_s = duration(args.lasts)
    except BadValueError as error:
        raise ConfigError(f"--for {args.lasts}: {error}") from None
    if not 0 < lasts_s <= LONGEST_S:
        raise ConfigError(
            f"--for {args.lasts}: is not between nothing and 31d; take targets that are away for longer out of the file"
        )
    said = repr((now_ns, targets, author, reason))
    key = hashlib.blake2b(said.encode(), digest_size=4).hexdigest()
    return [
        MaintenanceRow(
            key=key,
            target=target,
            since_ns=now_ns,
            until_ns=now_ns + round(lasts_s * 1e9),
            source="command",
            author=author,
            reason=reason,
            made_ns=now_ns,
        )
        for target in targets
    ]


def stopped(
    args: argparse.Namespace, amendments: Amendments, history: History, author: str, now_ns: int
) -> str:
    """End a maintenance now and return what to say; ConfigError where none of this name lasts."""
    reason = saying.reason(args.reason) if args.reason is not None else "over before its time"
    ending = Ending(key=args.id, ended_ns=now_ns, author=author, reason=reason)
    now = history.maintenances(now_ns, now_ns + 1)
    lasting = [row for row in now if row.key == args.id]
    if not lasting or not amendments.end(ending):
        raise ConfigError(
            f"there is no maintenance `{args.id}` that lasts; `nephoscope maintenance list` names those that do"
        )
    targets = [row.target for row in lasting]
    over = f"Maintenance {args.id} of {_named(targets)} is over"
    beside = [row for row in now if row.key != args.id and row.target in targets]
    if not beside:
        return f"{over}; the next results count again."
    keys = ", ".join(dict.fromkeys(row.key for row in beside))
    return f"{over}; {keys} goes on, with {_named([*dict.fromkeys(row.target for row in beside)])}."


def listed(config: Config, history: History, now_ns: int, *, as_json: bool) -> Iterator[str]:
    """Yield what holds and what the plan announces for the next 7 days."""
    rows = history.maintenances(now_ns - BACK_NS, now_ns + AHEAD_NS)
    planned = Quiet(config.maintenance, rows).begun(now_ns, now_ns + AHEAD_NS)
    held = [work_of(row) for row in rows if row.over_ns > now_ns]
    works = _together([*held, *planned])
    if as_json:
        yield from (json.dumps(_plain(targets, work), ensure_ascii=False) for targets, work in works)
        return
    if not works:
        yield "Nothing is in maintenance, and nothing is announced for the next 7 days."
        return
    head = ("ID", "STATE", "TARGETS", "FROM (UTC)", "UNTIL (UTC)", "AUTHOR", "REASON")
    yield from columns([head, *(_cells(targets, work, now_ns) for targets, work in works)])


def _told(rows: Sequence[MaintenanceRow]) -> str:
    first = rows[0]
    return (
        f"Maintenance {first.key} of {_named([row.target for row in rows])} until "
        f"{words.instant(first.until_ns)} UTC; end it with `nephoscope maintenance stop {first.key}`."
    )


def _named(targets: Sequence[str]) -> str:
    return f"{len(targets)} target{'s' if len(targets) != 1 else ''} ({', '.join(targets)})"


def _together(works: Sequence[Work]) -> list[tuple[list[str], Work]]:
    """Return the targets of each maintenance, those that begin first at the head."""
    found: dict[tuple[str, int, int], tuple[list[str], Work]] = {}
    for work in sorted(works, key=lambda one: (one.since_ns, one.key, one.target)):
        found.setdefault((work.key, work.since_ns, work.until_ns), ([], work))[0].append(work.target)
    return list(found.values())


def _cells(targets: Sequence[str], work: Work, now_ns: int) -> tuple[str, ...]:
    return (
        work.key,
        "holds" if work.holds(now_ns) else "comes",
        ", ".join(targets),
        words.instant(work.since_ns),
        words.instant(work.until_ns),
        words.one_line(work.author),
        words.one_line(work.reason),
    )


def _plain(targets: Sequence[str], work: Work) -> dict[str, object]:
    return {**dataclasses.asdict(work), "target": None, "targets": list(targets)}
