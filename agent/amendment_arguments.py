"""What `nephoscope maintenance` and `nephoscope correct` are asked."""

import argparse
from collections.abc import Callable

Shared = Callable[[], argparse.ArgumentParser]
"""Gives a parser of what every command takes."""


def maintenance(parser: argparse.ArgumentParser, shared: Shared) -> None:
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True, title="what")
    common = [shared()]
    start = whats.add_parser(
        "start",
        parents=common,
        help="begin maintenance of some targets now",
        description="From now on what is seen of these targets is excluded, and no alert is told of them. What comes "
        "again and again stands in the configuration. Exit 0, or 2 where it is refused.",
    )
    start.add_argument(
        "--targets",
        metavar="SELECTOR",
        required=True,
        help="whose: names and globs, or field=value (region=eu, label.env=prod), with commas between; or all",
    )
    start.add_argument("--for", dest="lasts", metavar="DURATION", required=True, help="how long, as in 2h")
    stop = whats.add_parser(
        "stop",
        parents=common,
        help="end a maintenance now, before its time",
        description="From now on results count again. Exit 0, or 2 where none of this id lasts.",
    )
    stop.add_argument("id", metavar="ID", help="as `maintenance list` shows it")
    for one in (start, stop):
        _said(one)
    listed = whats.add_parser("list", parents=common, help="what holds, and what comes in the next 7 days")
    listed.add_argument("--json", action="store_true", help="print one JSON object a line")


def correct(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--target", metavar="NAME", help="whose events")
    parser.add_argument("--probe", metavar="NAME", help="only those of this probe")
    parser.add_argument("--vantage", metavar="NAME", help="only those seen from here")
    parser.add_argument("--since", metavar="INSTANT", help="from when on, as in 2026-11-28T10:00Z")
    parser.add_argument("--until", metavar="INSTANT", help="until when; the end does not belong to it")
    parser.add_argument(
        "--as",
        dest="as_",
        choices=("excluded", "invalid", "good", "bad"),
        help="what they count as; good and bad turn what was judged, and leave excluded and invalid ones alone",
    )
    _said(parser)
    parser.add_argument("--withdraw", metavar="ID", type=int, help="take a correction back")
    parser.add_argument("--list", action="store_true", help="print all corrections")
    parser.add_argument("--json", action="store_true", help="with --list: one JSON object a line")


def _said(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", help="why: it is stored and reported")
    parser.add_argument("--author", metavar="NAME", help="who says so (default: your login name)")
