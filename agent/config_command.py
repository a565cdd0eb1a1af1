"""`nephoscope config`: the expanded plan, what a change comes to, and every key explained; offline."""

import argparse
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from agent import plan_diff
from agent.check import totals
from agent.config import reference, shown
from agent.config.model import Config
from agent.config.read import read
from agent.facts import day_facts, objective_facts, target_facts
from agent.figures import Asked, Figures, figures
from agent.tables import table
from exporters import durations
from probes.target import Target


def config(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - every command takes both
    """Print what is asked for; return 1 where `diff` finds a difference, else 0."""
    match args.what:
        case "show":
            return _show(args, out)
        case "diff":
            return _diff(args, out)
        case _:
            out.write(reference.markdown() if args.markdown else reference.text())
            return 0


def _plan(file: str) -> tuple[Config, Figures]:
    # Nothing is asked, so a reference that stands for nothing here is no hindrance.
    found = read(Path(file), os.environ, no_secrets=True).config
    return found, figures(found)


def _show(args: argparse.Namespace, out: TextIO) -> int:
    plan, found = _plan(args.config)
    if args.json:
        print(json.dumps(_facts(plan, found), indent=2), file=out)
        return 0
    head = ("TARGET", "PROVIDER", "CLOUD", "REGION", "MODEL", "NETWORK", "LABELS", "PROBES", "URL")
    print(*table(head, list(rows(plan, found)), whole=args.all, what="targets"), sep="\n", file=out)
    print("", *totals(plan, found), sep="\n", file=out)
    return 0


def _diff(args: argparse.Namespace, out: TextIO) -> int:
    before, after = _plan(args.before), _plan(args.after)
    parts = plan_diff.compare(before[0], after[0])
    sums = plan_diff.sums(before, after)
    if args.json:
        print(json.dumps(plan_diff.facts(parts, sums), indent=2), file=out)
    else:
        print(*plan_diff.lines(parts, sums, whole=args.all), sep="\n", file=out)
    return 1 if parts else 0


def rows(plan: Config, found: Figures) -> Iterator[tuple[str, ...]]:
    """Yield one row a target."""
    asked = {
        name: tuple(group) for name, group in itertools.groupby(found.asked, key=lambda one: one.target.name)
    }
    for target in plan.targets:
        yield _row(target, asked.get(target.name, ()))


def _row(target: Target, asked: tuple[Asked, ...]) -> tuple[str, ...]:
    known = shown.plain(shown.target(target))
    renamed = f" -> {target.model_id}" if target.model_id != target.model else ""
    labels = ({"team": target.team} if target.team else {}) | dict(target.labels)
    return (
        target.name,
        target.provider,
        target.cloud,
        target.region or "-",
        target.model + renamed,
        known.get("network") or "internet",
        ",".join(f"{name}={value}" for name, value in labels.items()) or "-",
        ", ".join(f"{one.workload.name} {durations.write(one.workload.every_s)}" for one in asked) or "none",
        asked[0].url if asked else "never called",
    )


def _facts(plan: Config, found: Figures) -> dict[str, Any]:
    known = {target.name: shown.plain(shown.target(target)) for target in plan.targets}
    return {
        "hash": plan.hash,
        "settings": shown.plain(shown.settings(plan)),
        "targets": [facts | {"keys": known[facts["name"]]} for facts in target_facts(plan, found)],
        "probes": {name: shown.plain(row) for name, row in shown.probes(plan).items()},
        "objectives": [objective_facts(plan, objective) for objective in plan.objectives],
        "per_day": day_facts(found.day),
        "series": {"start": found.series.start, "most": found.series.most},
    }
