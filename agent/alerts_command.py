"""`nephoscope alerts`: what is wrong now and was wrong lately, from stored rows, and a trial of who is told."""

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from agent.alert_names import short
from agent.alerts_ack import acknowledge
from agent.alerts_drill import drill
from agent.alerts_trial import trial
from agent.clock import SystemClock
from agent.config.read import read
from agent.database import opened, unwatched
from agent.slo import acknowledging
from agent.tables import columns
from agent.telling.alert_rows import revived
from agent.telling.notices import notice
from exporters import told, words
from storage.alert_readings import AckRow, AlertRow
from storage.alerts import PostgresAlerts

LATELY_NS: Final = 7 * 86400 * 1_000_000_000
AT_MOST: Final = 100


def alerts(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """List the alerts that are alive, and with `--all` those of the last week; or do what is asked about one."""
    if args.what == "test":
        return trial(args, out)
    if args.what == "ack":
        return acknowledge(args, out, err)
    if args.what == "drill":
        return drill(args, out)
    config = read(Path(args.config), os.environ, no_secrets=True).config
    now_ns = SystemClock().wall_ns()
    with opened(config) as engine:
        rows = PostgresAlerts(engine)
        found = (
            rows.lately(config.vantage, now_ns - LATELY_NS, AT_MOST)
            if args.all
            else rows.alive(config.vantage)
        )
        acks = rows.acknowledgements(config.vantage, [row.id for row in found if row.ended_ns is None])
    found = [_in_hand(row, acks, now_ns) for row in found]
    for line in _json(found) if args.json else _lines(found, now_ns, whole=args.all):
        print(line, file=out)
    if unwatched(config):
        print(
            f"No daemon runs on the state folder {config.state_dir}: nobody looks, and this is as it was left.",
            file=err,
        )
    return 0


def _in_hand(row: AlertRow, acks: Sequence[AckRow], now_ns: int) -> AlertRow:
    """Return the row with who has it in hands by the last word, which the daemon may not have read yet."""
    if row.ended_ns is not None:
        return row
    ack = acknowledging.current(acks, row.id, row.severity, now_ns)
    return dataclasses.replace(row, acknowledged=None if ack is None else dataclasses.asdict(ack))


def _json(found: Sequence[AlertRow]) -> Iterator[str]:
    for row in found:
        yield json.dumps(dataclasses.asdict(row), ensure_ascii=False)


def _lines(found: Sequence[AlertRow], now_ns: int, *, whole: bool) -> Iterator[str]:
    if not found:
        yield "Nothing is wrong." if not whole else "Nothing was wrong in the last 7 days."
        return
    head = ("SEVERITY", "ALERT", "ID", "SINCE", "STATE", "WHAT")
    yield from columns([head, *(_cells(row, short(row, found), now_ns) for row in found)])


def _cells(row: AlertRow, name: str, now_ns: int) -> tuple[str, ...]:
    said = notice(revived(row), row.seq)
    return (
        row.severity,
        row.name,
        name,
        words.ago(row.since_ns, now_ns),
        _state(row),
        f"{told.summary(said)}; {words.one_line(said.detail)}",
    )


def _state(row: AlertRow) -> str:
    if row.ended_ns is not None:
        return "ended"
    if row.quiet_ns is not None:
        return "quiet"
    return "firing" if row.acknowledged is None else "in hand"
