"""What `nephoscope alerts` and `nephoscope explain` are asked."""

import argparse
from collections.abc import Callable
from typing import Any

from agent.config import durations
from agent.config.findings import BadValueError
from agent.drill_file import FAULTS
from agent.errors import ConfigError

Whats = Any
"""What argparse gives for adding the words behind `alerts`, which has no public name."""


def alerts(parser: argparse.ArgumentParser, shared: Callable[[], argparse.ArgumentParser]) -> None:
    """Add the words behind `alerts`; `shared` gives a parser of what every command takes."""
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True, title="what")
    _list(whats, shared())
    _test(whats, shared())
    _ack(whats, shared())
    _drill(whats, shared())


def explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "alert", metavar="ALERT", help="its id as `alerts list --all` prints it, or how that begins"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _list(whats: Whats, shared: argparse.ArgumentParser) -> None:
    listed = whats.add_parser(
        "list",
        parents=[shared],
        help="the alerts that are alive",
        description="The alerts that are alive: pages, then tickets, then what is quiet, each the oldest first. Exit 0, whether there are any or none.",
    )
    listed.add_argument("--all", action="store_true", help="those of the last 7 days too, the newest first")
    listed.add_argument("--json", action="store_true", help="print one JSON object a line")


def _test(whats: Whats, shared: argparse.ArgumentParser) -> None:
    tried = whats.add_parser(
        "test",
        parents=[shared],
        help="a trial to a receiver, and its end",
        description="Sends a receiver a trial that is marked as one, and its end, and prints what it answered. "
        "Exit 0 when all was taken, 1 when something was not, 2 for the configuration.",
    )
    tried.add_argument("receiver", metavar="RECEIVER", help="its name under alerts.receivers")
    tried.add_argument(
        "--severity",
        choices=("page", "ticket"),
        default="ticket",
        help="what it is tried with; a page may wake somebody (default: ticket)",
    )


def _ack(whats: Whats, shared: argparse.ArgumentParser) -> None:
    ack = whats.add_parser(
        "ack",
        parents=[shared],
        help="have an alert in hands: no reminders, and everybody hears who and why",
        description="Acknowledges an alert: nobody is reminded of it until it ends, rises to a page or the time is "
        "over. Exit 0, or 1 where there is no such alert.",
    )
    ack.add_argument("alert", metavar="ALERT", help="its id as `alerts list` prints it, or how that begins")
    ack.add_argument("--reason", metavar="TEXT", required=True, help="what is being done about it")
    ack.add_argument(
        "--author", metavar="NAME", help="who has it in hands (default: the user of this machine)"
    )
    ack.add_argument(
        "--for",
        dest="seconds",
        metavar="DURATION",
        type=_seconds,
        help="for how long (default: until it ends)",
    )


def _drill(whats: Whats, shared: argparse.ArgumentParser) -> None:
    drill = whats.add_parser(
        "drill",
        parents=[shared],
        help="let one target fail, end to end and marked, with nothing counted",
        description="Has the running daemon ask a target's slots once more beside the real ones, and fail. What is found "
        "of it is told as any alert, marked DRILL, and ends with the drill. Exit 0, 1 where no daemon runs here.",
    )
    drill.add_argument("--target", metavar="NAME", required=True, help="which one")
    drill.add_argument(
        "--fault", choices=FAULTS, default="outage", help="how it fails (default: outage, HTTP 503)"
    )
    drill.add_argument(
        "--for",
        dest="seconds",
        metavar="DURATION",
        type=_seconds,
        default="2m",
        help="for how long, an hour at most (default: 2m)",
    )
    drill.add_argument(
        "--severity",
        choices=("page", "ticket"),
        default="ticket",
        help="what its alerts are; a page may wake somebody (default: ticket)",
    )
    drill.add_argument("--author", metavar="NAME", help="who asks for it (default: the user of this machine)")


def _seconds(text: str) -> float:
    try:
        return durations.duration(text)
    except BadValueError as error:
        raise ConfigError(f"--for {text}: {error}") from error
