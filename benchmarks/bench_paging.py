"""Months of failures through the engine on a virtual clock, beside plain multiwindow alerting: what pages, and when.

Each service has `members` targets on clouds of their own, which fail by themselves for half of what 99.9 % allows.
Plain multiwindow alerting is the same conditions for each target alone, without a gate, agreement or confirmation.
"""

import argparse
import json
import os
import random
import statistics
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.slo import plain
from agent.slo.failing import Failing, Independent, Spells
from agent.slo.service import Member, Service
from agent.slo.simulation import Scene, run

DAY_S = 86400.0
MONTH_S = 30 * DAY_S
HALF_OF_THE_BUDGET = 0.0005
SPELLS_S = (None, 20.0, 30.0, 60.0, 120.0)


def service(members: int, every_s: float) -> Service:
    return Service(
        name="nano",
        members=tuple(
            Member(target=f"t{nth}", probe="chat", cloud=f"c{nth}", region=None, every_s=every_s)
            for nth in range(members)
        ),
        ratio=0.999,
        window_s=28 * DAY_S,
    )


def drawn(members: int, mean_s: float | None, seed: str) -> list[Failing]:
    chances = [random.Random(f"{seed}/{nth}") for nth in range(members)]
    if mean_s is None:
        return [Independent(HALF_OF_THE_BUDGET, chance) for chance in chances]
    return [Spells.drawn(HALF_OF_THE_BUDGET, mean_s, MONTH_S, chance) for chance in chances]


def month(members: int, every_s: float, mean_s: float | None, seed: str) -> Counter[str]:
    """Return what a month pages and tickets, by whom: the engine's service and targets, and plain alerting.

    Clouds hold one target each here, so what is told of a target is told of its cloud. The pool is that of all members,
    watched in place of each by itself.
    """
    asked = service(members, every_s)
    told: Counter[str] = Counter()
    for pooled in (False, True) if members > 1 else (False,):
        failing = drawn(members, mean_s, seed)
        for alert in run(Scene(service=asked, failing=failing, span_s=MONTH_S, pooled=pooled)):
            name, severity = alert.finding.name, alert.finding.severity
            if pooled == ("pool" in alert.finding.labels) and (not pooled or name in OF_A_TARGET):
                told[f"{'pool ' if pooled else ''}{name} {severity}"] += 1
    for fails in drawn(members, mean_s, seed):
        bad_s = list(fails.slots(0.0, every_s, MONTH_S))
        told["plain pages"] += len(plain.pages(bad_s, every_s, asked.ratio, asked.window_s))
    return told


OF_A_TARGET = ("TargetDown", "BudgetBurn", "BudgetExhausted")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "service: pages (down)": ("ServiceDown page",),
    "pages (burn)": ("ServiceBudgetBurn page",),
    "tickets": ("ServiceDown ticket", "ServiceBudgetBurn ticket"),
    "each target and cloud: pages": tuple(f"{name} page" for name in OF_A_TARGET),
    "tickets (down)": ("TargetDown ticket",),
    "tickets (burn)": ("BudgetBurn ticket", "BudgetExhausted ticket"),
    "pool: tickets": ("pool BudgetBurn ticket", "pool BudgetExhausted ticket"),
    "plain: pages": ("plain pages",),
}
"""What is counted, all of a month but what is of each target and its cloud."""


def outage(members: int, every_s: float, share: float, shows_s: float, seed: str) -> float:
    """Return after how many seconds a failing of all members that begins at any instant has paged."""
    chance = random.Random(seed)
    since_s = 4 * 3600.0 + chance.random() * 3600.0
    failing = [Independent(share, random.Random(f"{seed}/{nth}"), since_s) for nth in range(members)]
    scene = Scene(
        service=service(members, every_s), failing=failing, span_s=since_s + 4 * 3600.0, shows_s=shows_s
    )
    paged = [alert.fired_ns / 1e9 for alert in run(scene) if alert.finding.severity == "page"]
    return min(paged, default=float("inf")) - since_s


OUTAGES = {
    "refuses, 2 members at 30 s": (2, 30.0, 1.0, 0.1),
    "hangs, 2 members at 30 s": (2, 30.0, 1.0, 8.0),
    "fails 50 %, 2 members at 30 s": (2, 30.0, 0.5, 0.1),
    "fails 5 %, 4 members at 15 s": (4, 15.0, 0.05, 0.1),
    "refuses, 1 member at 30 s": (1, 30.0, 1.0, 0.1),
}


def measured(months: int, outages: int, seed: int, processes: int) -> dict[str, Any]:
    """Return all of it; each month and outage has a seed of its own, so that it is the same over any number of processes."""
    asked = [
        (members, every_s, mean_s) for members in (1, 2, 4) for every_s in (30.0, 60.0) for mean_s in SPELLS_S
    ]
    with ProcessPoolExecutor(processes) as pool:
        found = {
            one: [pool.submit(month, *one, "/".join(map(str, (seed, *one, nth)))) for nth in range(months)]
            for one in asked
        }
        late = {
            name: [pool.submit(outage, *what, f"{seed}/{name}/{nth}") for nth in range(outages)]
            for name, what in OUTAGES.items()
        }
        quiet = [
            {
                "members": members,
                "every_s": every_s,
                "spell_s": mean_s,
                "a_month": a_month([one.result() for one in found[members, every_s, mean_s]], members),
            }
            for members, every_s, mean_s in asked
        ]
        after = {name: delays([one.result() for one in waits]) for name, waits in late.items()}
    return {"seed": seed, "months": months, "outages": outages, "quiet": quiet, "paged_after": after}


def a_month(told: list[Counter[str]], members: int) -> dict[str, float]:
    """Return the mean of each column; what is told of targets is that of one of them."""
    total: Counter[str] = sum(told, Counter())
    return {
        column: sum(total[name] for name in names)
        / len(told)
        / (members if names[0].startswith(OF_A_TARGET) else 1)
        for column, names in COLUMNS.items()
    }


def delays(found_s: list[float]) -> dict[str, float]:
    ordered = sorted(found_s)
    return {
        "median_s": statistics.median(ordered),
        "p95_s": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "max_s": ordered[-1],
    }


def shown(found: dict[str, Any]) -> None:
    console = Console()
    table = Table(title=f"Half of the budget spent: alerts in 30 days (mean of {found['months']} months)")
    for column in ("members", "interval", "failures", *COLUMNS):
        table.add_column(column, justify="right")
    for row in found["quiet"]:
        spells = "independent" if row["spell_s"] is None else f"spells of {row['spell_s']:g} s"
        told = (f"{row['a_month'][column]:.2f}" for column in COLUMNS)
        table.add_row(str(row["members"]), f"{row['every_s']:g} s", spells, *told)
    console.print(table)
    table = Table(title=f"An outage begins: seconds to the page ({found['outages']} of each)")
    for column in ("service", "median", "p95", "longest"):
        table.add_column(column, justify="right")
    for name, row in found["paged_after"].items():
        table.add_row(name, *(f"{row[key]:.0f}" for key in ("median_s", "p95_s", "max_s")))
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=100)
    parser.add_argument("--outages", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    results = measured(args.months, args.outages, args.seed, args.processes)
    if args.json:
        print(json.dumps(results, indent=1))
    else:
        shown(results)
