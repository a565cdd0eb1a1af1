"""`nephoscope check`: is a configuration usable, what would be called, what does it come to, and what deserves a second look."""

import argparse
import dataclasses
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from agent import facts, figures
from agent.config.findings import one_line
from agent.config.model import Config
from agent.config.read import Loaded, read
from agent.config.secrets import Secrets
from agent.errors import ConfigError
from agent.figures import Asked, Day, Figures, Worst
from agent.tables import amount, columns, money, storage, table
from agent.trying.base import Trial
from agent.trying.base import lines as live_lines
from exporters import durations, words
from exporters.rules_words import percent

_LEGEND = (
    "REFUSAL and HANG: the longest that an endpoint may refuse, or say nothing, before the agent has confirmed it.",
    "PAGED: before a paging rule has the failures that it wants; Prometheus adds one scrape and one evaluation.",
)


def check(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command takes both
    """Return 0 for a usable file, 1 for one with warnings under --strict; raise ConfigError for any other."""
    path = Path(args.config)
    try:
        loaded = read(path, os.environ, no_secrets=args.no_secrets)
    except ConfigError as error:
        if args.json:
            print(json.dumps({"file": str(path), "errors": error.findings}, indent=2), file=out)
        raise
    found = figures.figures(loaded.config)
    tried = _tried(loaded.config) if args.live else []
    if args.json:
        shown = facts.facts(path, loaded, found) | (
            {"live": [dataclasses.asdict(one) for one in tried]} if args.live else {}
        )
        print(json.dumps(shown, indent=2), file=out)
    else:
        print(*lines(path, loaded, found, whole=args.all), sep="\n", file=out)
        if args.live:
            print("", *live_lines(tried, whole=args.all), sep="\n", file=out)
    failed = any(not one.ok for one in tried)
    return 1 if failed or (args.strict and loaded.warnings) else 0


def _tried(config: Config) -> list[Trial]:
    from agent.trying.live import trials  # noqa: PLC0415 - heavy, and needed with --live alone

    return trials(config, Secrets.of(config, os.environ))


def lines(path: Path, loaded: Loaded, found: Figures, *, whole: bool = False) -> Iterator[str]:
    """Yield what was found, for people."""
    config = loaded.config
    stored = "embedded Postgres" if config.storage.embedded else "named Postgres"
    head = f"{path} is usable: plan {config.hash}, vantage {config.vantage}, {stored}, state in {config.state_dir}"
    yield one_line(head)
    yield ""
    yield from table(
        ("TARGET", "PROBE", "KIND", "EVERY", "REFUSAL", "HANG", "USD A DAY", "CALLS"),
        list(_calls(config, found)),
        whole=whole,
        what="rows",
    )
    yield ""
    yield from columns([("PROBE", "KIND", "TARGETS", "REFUSAL", "PAGED", "HANG", "PAGED"), *_waits(found)])
    yield from _LEGEND
    yield ""
    yield from columns([("OBJECTIVE", "GOOD IS", "PERCENT", "WINDOW", "SLOS"), *_goals(config)])
    yield ""
    yield from table(
        ("SERVICE", "WELL WITH", "PERCENT", "WINDOW", "MEMBERS"),
        list(_services(config)),
        whole=whole,
        what="services",
    )
    if lone := dict.fromkeys(member.target for member in config.lone):
        yield f"In no service, so that one which is down is a ticket, and a page where it is critical: {words.few([*lone])}"
    yield told(config)
    yield ""
    yield from totals(config, found)
    if loaded.warnings or loaded.reminders:
        yield ""
        yield from (f"warning: {warning}" for warning in (*loaded.warnings, *loaded.reminders))


def totals(config: Config, found: Figures) -> Iterator[str]:
    """Yield what the whole plan comes to."""
    day = found.day
    yield (
        f"A day: {amount(day.probes)} probes, at most {amount(day.input_tokens)} tokens in and "
        f"{amount(day.output_tokens)} out (each answer as long as its cap allows)"
    )
    yield f"Cost a day: {cost(day, len(config.targets))}"
    yield f"Stored a day: {amount(day.rows)} rows, about {storage(day.row_bytes)}"
    yield f"Series a scrape: {found.series.start:,} from the start, {found.series.most:,} once all has been seen"
    if bare := [network.name for network in config.networks if not network.witnesses]:
        yield f"Networks without a witness, on which the fault of a failure stays undetermined: {', '.join(bare)}"
    sources = {one.cost.price_source for one in found.asked if one.cost.price_source is not None}
    if sources:
        yield f"prices: {', '.join(sorted(sources))}"


def told(config: Config) -> str:
    """Return who pages, and who hears of it."""
    if config.engine == "prometheus":
        return "Prometheus pages, by what `nephoscope rules` prints."
    names = ", ".join(one.name for one in config.receivers) or "nobody"
    ways = f" by {amount(len(config.routes))} routes" if len(config.routes) > 1 else ""
    return f"The agent pages: alerts are told to {names}{ways}."


def cost(day: Day, targets: int) -> str:
    """Return what a day costs; what is not known is said, not left out.

    >>> cost(Day(probes=9, input_tokens=9, output_tokens=9, usd=0.5, priced=True, unpriced=("a",)), 2)
    'at most USD 0.50, and unknown for 1 of 2 targets (a); `price` in a target says what its tokens cost'
    """
    known = f"at most USD {money(day.usd)}"
    if not day.unpriced:
        return known
    few = ", ".join(day.unpriced[:5]) + (", ..." if len(day.unpriced) > 5 else "")
    unknown = f"unknown for {len(day.unpriced)} of {targets} targets ({few}); `price` in a target says what its tokens cost"
    return f"{known}, and {unknown}" if day.usd else unknown


def _calls(config: Config, found: Figures) -> Iterator[tuple[str, ...]]:
    asked = {
        name: tuple(group) for name, group in itertools.groupby(found.asked, key=lambda one: one.target.name)
    }
    for target in config.targets:
        for one in asked.get(target.name, ()):
            yield (
                target.name,
                one.workload.name,
                one.workload.kind,
                durations.write(one.workload.every_s),
                durations.write(one.refusal.confirmed_s),
                durations.write(one.hang.confirmed_s),
                _usd(one),
                one.url,
            )
        if target.name not in asked:
            yield target.name, "none", "", "", "", "", "", "never called"


def _usd(one: Asked) -> str:
    # Fetching a list of models generates nothing, so it costs nothing.
    if one.workload.kind == "models":
        return ""
    return "unknown" if one.cost.usd is None else money(one.cost.usd)


def _waits(found: Figures) -> Iterator[tuple[str, ...]]:
    """Yield one row for all targets that a probe's failures are told of alike."""
    alike: dict[tuple[str, str, Worst, Worst], int] = {}
    for one in found.asked:
        key = one.workload.name, one.workload.kind, one.refusal, one.hang
        alike[key] = alike.get(key, 0) + 1
    for (name, kind, refusal, hang), count in alike.items():
        yield name, kind, str(count), *_wait(refusal), *_wait(hang)


def _wait(worst: Worst) -> tuple[str, str]:
    paged = "never" if worst.paged_s is None else durations.write(worst.paged_s)
    return durations.write(worst.confirmed_s), paged


def _goals(config: Config) -> Iterator[tuple[str, ...]]:
    for objective in config.objectives:
        good = "" if objective.threshold_s is None else f" within {durations.write(objective.threshold_s)}"
        if objective.at_least_per_s is not None:
            good = f" of {objective.at_least_per_s:g} tokens/s"
        yield (
            objective.name,
            f"{objective.sli}{good}",
            percent(objective.ratio),
            objective.window,
            str(len(config.ids(objective))),
        )


def _services(config: Config) -> Iterator[tuple[str, ...]]:
    for service in config.services:
        members = list(dict.fromkeys(member.target for member in service.members))
        yield (
            service.name,
            f"{service.at_least} of {service.units} {service.of}{'s' if service.units != 1 else ''}",
            percent(service.ratio),
            durations.write(service.window_s),
            words.few(members),
        )
