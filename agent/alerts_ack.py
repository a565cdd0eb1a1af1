"""`nephoscope alerts ack`: somebody has an alert in hands, and says why and until when."""

import argparse
import getpass
import os
from pathlib import Path
from typing import Final, TextIO

from agent.alert_names import meant
from agent.clock import SystemClock
from agent.config.read import read
from agent.database import opened, unwatched
from agent.errors import ConfigError
from exporters import words
from storage.alert_readings import AckRow
from storage.alerts import PostgresAlerts

LONGEST: Final = 300
"""Characters of an author or a reason: they stand in the second line of every notice."""


def acknowledge(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Write an acknowledgement, which the daemon sees within a second; return 0."""
    reason, author = _line("--reason", args.reason), _line("--author", args.author or _user())
    if args.seconds == 0:
        raise ConfigError("--for 0s leaves no time; write more than zero")
    config = read(Path(args.config), os.environ, no_secrets=True).config
    now_ns = SystemClock().wall_ns()
    with opened(config) as engine:
        rows = PostgresAlerts(engine)
        row = meant(rows, config.vantage, args.alert, alive=True)
        until_ns = None if args.seconds is None else now_ns + round(args.seconds * 1e9)
        ack = AckRow(
            vantage=config.vantage,
            alert=row.id,
            severity=row.severity,
            author=author,
            reason=reason,
            made_ns=now_ns,
            until_ns=until_ns,
        )
        rows.acknowledge(ack)
    until = "it ends" if until_ns is None else f"{words.instant(until_ns)} UTC"
    rises = ", or it rises to a page" if row.severity == "ticket" else ""
    print(f"{row.id} ({row.severity}) is acknowledged by {author} until {until}{rises}", file=out)
    if unwatched(config):
        print("No daemon runs here: who was told of the alert hears of this once one does.", file=err)
    return 0


def _line(option: str, text: str) -> str:
    """Return what a person wrote as one line that can be told, or refuse it."""
    said = words.one_line(text)
    if not said:
        raise ConfigError(f"{option} says nothing: whoever is told of the alert next wants to know")
    if len(said) > LONGEST:
        raise ConfigError(f"{option} has {len(said)} characters; say it in {LONGEST}")
    return said


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an image's user may have no name
        raise ConfigError("nobody knows who you are here: say it with --author NAME") from None
