"""`nephoscope slo status`: how every SLO and service stands now, from stored rows."""

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TextIO

from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.read import read
from agent.report_command import NO_DATA, history_of
from agent.slo import burn, windows
from agent.slo.pools import SERVICE
from agent.tables import table
from agent.telling.watch import looks_of, members_of, services_of
from exporters import words
from exporters.signals import SloStatus
from storage.base import History

NOT_KEPT: Final = 1
"""The exit code where an objective is missed, or its budget is spent."""

LONG: Final = tuple(dict.fromkeys(window.long for window in windows.default()))
"""The windows whose burn is told: those that alerts look over first."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One SLO, or one service (which `service` names); target and probe are None of what pools several. Ratios are 0-1."""

    slo: str
    service: str | None
    objective: str
    target: str | None
    probe: str | None
    objective_ratio: float
    window: str
    state: Literal["good", "bad", "unknown"]
    sli: Mapping[str, float | None]
    burn: Mapping[str, float | None]
    budget_remaining: float | None
    exhausted_in_s: float | None
    coverage: float | None
    met_probability: float | None

    @property
    def kept(self) -> bool:
        """Return whether nothing is known against it: a budget of which too little is known is not spent."""
        spent = self.budget_remaining is not None and self.budget_remaining <= 0
        return self.state == "unknown" or (self.state == "good" and not spent)


def status(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the budgets; 1 where one is spent, 3 where nothing was seen."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    with history_of(config) as history:
        found = rows(config, history, SystemClock().wall_ns())
    if not any(row.coverage for row in found):
        print(f"nephoscope: {_nothing(config, found)}", file=err)
        return NO_DATA
    for line in _json(found) if args.json else _lines(found, whole=args.all):
        print(line, file=out)
    return 0 if all(row.kept for row in found) else NOT_KEPT


def rows(config: Config, history: History, now_ns: int) -> list[Row]:
    """Return every SLO, then every service, in the order of the configuration."""
    looks = looks_of(config, history, now_ns)
    services = services_of(config, members_of(config, history, looks, now_ns))
    return [_row(look.status(config.vantage, now_ns)) for look in [*looks, *services]]


def _row(seen: SloStatus) -> Row:
    key = seen.slo
    return Row(
        slo=key.id,
        service=key.pool if key.objective == SERVICE else None,
        objective=key.objective,
        target=key.target or None,
        probe=key.probe or None,
        objective_ratio=seen.objective_ratio,
        window=seen.period,
        state=seen.state,
        sli=seen.sli,
        burn=seen.burn,
        budget_remaining=seen.budget_remaining,
        exhausted_in_s=burn.exhaustion_s(seen.budget_remaining, seen.burn.get(LONG[0]), seen.window_s),
        coverage=seen.coverage,
        met_probability=seen.met_probability,
    )


def _nothing(config: Config, found: Sequence[Row]) -> str:
    if not found:
        return "there are no objectives, so no budget can be told of; write some under `objectives`"
    return (
        f"nothing is stored from vantage {config.vantage} in the windows of its objectives: let `nephoscope run` "
        "probe first, or name the configuration of the daemon that does with -c"
    )


def _json(found: Sequence[Row]) -> Iterator[str]:
    for row in found:
        yield json.dumps(dataclasses.asdict(row), ensure_ascii=False)


def _lines(found: Sequence[Row], *, whole: bool) -> Iterator[str]:
    head = ("SLO", "STATE", "SLI", "OBJECTIVE", "BUDGET LEFT", *(f"BURN {window}" for window in LONG))
    more = ("LASTS", "COVERAGE", "P(MET)")
    yield from table([*head, *more], [_cells(row) for row in found], whole=whole, what="SLOs")


def _cells(row: Row) -> list[str]:
    digits = words.digits_of(row.objective_ratio)
    return [
        row.slo,
        row.state,
        words.percent(row.sli[row.window], digits),
        f"{words.goal(row.objective_ratio)} over {row.window}",
        words.percent(row.budget_remaining),
        *(words.rate(row.burn.get(window)) for window in LONG),
        "spent" if row.exhausted_in_s == 0 else words.duration(row.exhausted_in_s),
        words.percent(row.coverage),
        words.percent(row.met_probability),
    ]
