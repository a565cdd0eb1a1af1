"""`nephoscope check`: is a configuration usable, what would be called, and what deserves a second look; offline."""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from agent.config.findings import one_line
from agent.config.model import Config, ProbePlan
from agent.config.read import Loaded, read
from agent.errors import ConfigError
from agent.slo.objective import Objective
from exporters import durations
from exporters.rules import percent
from probes import catalog
from probes.target import Price, Target


def check(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command takes both
    """Return 0 for a usable file, 1 for one with warnings under --strict; raise ConfigError for any other."""
    path = Path(args.config)
    try:
        loaded = read(path, os.environ, no_secrets=args.no_secrets)
    except ConfigError as error:
        if args.json:
            print(json.dumps({"file": str(path), "errors": error.findings}, indent=2), file=out)
        raise
    if args.json:
        print(json.dumps(facts(path, loaded), indent=2), file=out)
    else:
        print(*lines(path, loaded), sep="\n", file=out)
    return 1 if args.strict and loaded.warnings else 0


def facts(path: Path, loaded: Loaded) -> dict[str, Any]:
    """Return what was found, for machines; durations in seconds."""
    config = loaded.config
    return {
        "file": str(path),
        "hash": config.hash,
        "vantage": config.vantage,
        "state_dir": config.state_dir,
        "storage": "embedded" if config.storage.embedded else "postgresql",
        "targets": [_target_facts(config, target) for target in config.targets],
        "objectives": [_objective_facts(objective) for objective in config.objectives],
        "errors": [],
        "warnings": list(loaded.warnings),
    }


def lines(path: Path, loaded: Loaded) -> Iterator[str]:
    """Yield what was found, for people."""
    config = loaded.config
    storage = "embedded Postgres" if config.storage.embedded else "named Postgres"
    head = f"{path} is usable: plan {config.hash}, vantage {config.vantage}, {storage}, state in {config.state_dir}"
    yield one_line(head)
    yield ""
    yield from columns(
        [("TARGET", "PROBE", "KIND", "EVERY", "CALLS", "USD PER MILLION TOKENS"), *_calls(config)]
    )
    yield from _sources(config)
    yield ""
    yield from columns([("OBJECTIVE", "GOOD IS", "PERCENT", "WINDOW", "SLOS"), *_goals(config)])
    if loaded.warnings:
        yield ""
        yield from (f"warning: {warning}" for warning in loaded.warnings)


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as aligned lines.

    >>> list(columns([("A", "B"), ("long", "x")]))
    ['A     B', 'long  x']
    """
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plans(config: Config, target: Target) -> list[ProbePlan]:
    return [plan for plan in config.probes if target.name in plan.targets]


def _calls(config: Config) -> Iterator[tuple[str, ...]]:
    for target in config.targets:
        price = _price(target.price)
        for plan in _plans(config, target):
            work = plan.workload
            url = catalog.url(target, work.kind)
            # Fetching a list of models generates nothing, so it costs nothing.
            cost = "" if work.kind == "models" else price
            yield target.name, work.name, work.kind, durations.write(work.every_s), url, cost
        if not _plans(config, target):
            yield target.name, "none", "", "", "never called", ""


def _goals(config: Config) -> Iterator[tuple[str, ...]]:
    for objective in config.objectives:
        under = "" if objective.threshold_s is None else f" within {durations.write(objective.threshold_s)}"
        yield (
            objective.name,
            f"{objective.sli}{under}",
            percent(objective.ratio),
            durations.write(objective.window_s),
            str(len(objective.pairs)),
        )


def _price(price: Price | None) -> str:
    return "unknown" if price is None else f"{price.input:g} in, {price.output:g} out"


def _sources(config: Config) -> Iterator[str]:
    """Yield where the prices that are shown come from: the file's own, a table's, or both."""
    found = {
        target.price.source
        for target in config.targets
        if target.price and any(plan.workload.kind != "models" for plan in _plans(config, target))
    }
    if found:
        yield f"prices: {', '.join(sorted(found))}"


def _target_facts(config: Config, target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "provider": target.provider,
        "cloud": target.cloud,
        "region": target.region,
        "model": target.model,
        "price_source": target.price.source if target.price else None,
        "probes": [
            {
                "name": plan.workload.name,
                "kind": plan.workload.kind,
                "every_s": plan.workload.every_s,
                "url": catalog.url(target, plan.workload.kind),
            }
            for plan in _plans(config, target)
        ],
    }


def _objective_facts(objective: Objective) -> dict[str, Any]:
    return {
        "name": objective.name,
        "sli": objective.sli,
        "ratio": objective.ratio,
        "window_s": objective.window_s,
        "threshold_s": objective.threshold_s,
        "slos": [f"{target}-{probe}-{objective.name}" for target, probe in objective.pairs],
    }
