"""`nephoscope alerts`: what is wrong now and was wrong lately, from stored rows, and a trial of who is told."""

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from agent.alerts_trial import trial
from agent.clock import SystemClock
from agent.config.read import read
from agent.database import opened
from agent.tables import columns
from agent.telling.alerting import revived
from agent.telling.notices import notice
from exporters import words
from storage.alerts import PostgresAlerts
from storage.readings import AlertRow

LATELY_NS: Final = 7 * 86400 * 1_000_000_000
AT_MOST: Final = 100


def alerts(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - as every command
    """List the alerts that are alive, and with `--all` those of the last week; or try a receiver."""
    if args.what == "test":
        return trial(args, out)
    config = read(Path(args.config), os.environ, no_secrets=True).config
    now_ns = SystemClock().wall_ns()
    with opened(config) as engine:
        rows = PostgresAlerts(engine)
        found = (
            rows.lately(config.vantage, now_ns - LATELY_NS, AT_MOST)
            if args.all
            else rows.alive(config.vantage)
        )
    for line in _json(found) if args.json else _lines(found, now_ns, whole=args.all):
        print(line, file=out)
    return 0


def _json(found: Sequence[AlertRow]) -> Iterator[str]:
    for row in found:
        yield json.dumps(dataclasses.asdict(row), ensure_ascii=False)


def _lines(found: Sequence[AlertRow], now_ns: int, *, whole: bool) -> Iterator[str]:
    if not found:
        yield "Nothing is wrong." if not whole else "Nothing was wrong in the last 7 days."
        return
    head = ("SEVERITY", "ALERT", "SINCE", "STATE", "WHAT")
    yield from columns([head, *(_cells(row, now_ns) for row in found)])


def _cells(row: AlertRow, now_ns: int) -> tuple[str, ...]:
    told = notice(revived(row), row.seq)
    state = "firing" if row.quiet_ns is None else "quiet"
    return (
        row.severity,
        row.name,
        words.ago(row.since_ns, now_ns),
        state if row.ended_ns is None else "ended",
        words.one_line(f"{told.summary}; {told.detail}"),
    )
