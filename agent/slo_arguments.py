"""What `nephoscope slo` is asked."""

import argparse
from collections.abc import Callable
from typing import Any

Whats = Any
"""What argparse gives for adding the words behind a command, which has no public name."""

Shared = Callable[[], argparse.ArgumentParser]
"""Gives a parser of what every command takes."""


def slo(parser: argparse.ArgumentParser, shared: Shared) -> None:
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True, title="what")
    status = whats.add_parser(
        "status",
        parents=[shared()],
        help="every SLO and service now: its budget, how fast it goes, and how much was seen",
        description="How every SLO and service stands now, from stored rows. Exit 0, 1 where an objective is missed "
        "or its budget is spent, 3 where nothing was seen.",
    )
    status.add_argument("--json", action="store_true", help="print one JSON object a line")
    status.add_argument("--all", action="store_true", help="cut no table, however long")
    whats.add_parser(
        "export",
        parents=[shared()],
        help="objectives and services as OpenSLO v1",
        description="Prints OpenSLO v1 documents: an SLO for each objective, target and probe and for each service, over "
        "the counters of /metrics. Exit 0, 1 where something could not be said, 2 for the configuration.",
    )
    imported = whats.add_parser(
        "import",
        parents=[shared()],
        help="OpenSLO v1 as `objectives:` and `services:` of a configuration",
        description="Prints what OpenSLO v1 documents come to in a configuration, and on stderr what cannot be carried "
        "over. Exit 0, 1 where an SLO is left out, 2 where the file is not usable.",
    )
    imported.add_argument("file", metavar="FILE", help="a stream of YAML documents; - reads standard input")
    _simulate(whats, shared)


def _simulate(whats: Whats, shared: Shared) -> None:
    tried = whats.add_parser(
        "simulate",
        parents=[shared()],
        help="what another objective, interval or wait would have paged, and how late",
        description="Puts failures of whole months, drawn or stored, through the engine that runs in the daemon, on a "
        "virtual clock, beside plain multiwindow alerting of each target. Exit 0, 2 for the configuration, 3 where "
        "nothing is stored.",
    )
    tried.add_argument("--service", metavar="NAME", help="only this service (default: each of them)")
    tried.add_argument("--objective", metavar="NAME", help="with the percent and window of this objective")
    tried.add_argument("--percent", metavar="PERCENT", help="in place of the service's own, as 99.95")
    tried.add_argument("--window", metavar="DURATION", help="in place of the service's own, as 28d")
    tried.add_argument("--every", metavar="DURATION", help="how often each member is asked, as 15s")
    tried.add_argument(
        "--after",
        metavar="DURATION",
        help="how long one member alone is down before its service pages, as 2m",
    )
    tried.add_argument(
        "--credibility",
        metavar="PERCENT",
        help="how sure a gate is to be that the budget burns too fast before it lets a burn alert through (default: 95)",
    )
    tried.add_argument(
        "--history",
        metavar="DURATION",
        help="replay what is stored of the last so long, as 28d, in place of drawing",
    )
    tried.add_argument(
        "--synthetic",
        metavar="TROUBLES",
        help="rate=0.1%%: each member fails so much of the time by itself, clustered=60s: in spells of this mean "
        "length; outage=10m: once a month all members, fails=50%%: so many of their attempts; hangs=8s: a failure shows "
        "after so long (default: rate=0.05%%,clustered=60s,outage=10m)",
    )
    tried.add_argument("--months", metavar="N", type=int, default=10, help="of 30 days (default: 10)")
    tried.add_argument(
        "--seed", metavar="N", type=int, default=1, help="draws the same failures each time (default: 1)"
    )
    tried.add_argument("--json", action="store_true", help="print one JSON object a line")
