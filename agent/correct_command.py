"""`nephoscope correct`: what the events of a stretch of the past count as, by a person's word with a reason."""

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TextIO

from agent import saying
from agent.clock import SystemClock
from agent.config.model import Config
from agent.config.nearest import nearest
from agent.config.read import read
from agent.database import opened
from agent.errors import ConfigError
from agent.tables import columns
from exporters import durations, words
from probes.result import EventClass
from storage.amendments import PostgresAmendments
from storage.base import Amendments, History
from storage.history import PostgresHistory
from storage.readings import CorrectionRow, Withdrawal


def correct(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001 - as every command
    """Write a correction, take one back, or list them."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    now_ns = SystemClock().wall_ns()
    row = None if args.list or args.withdraw is not None else worded(args, config, now_ns)
    word = withdrawal(args, now_ns) if args.withdraw is not None and not args.list else None
    with opened(config) as engine:
        amendments, history = PostgresAmendments(engine), PostgresHistory(engine)
        if row is not None:
            lines = [kept(row, config, amendments)]
        elif word is not None:
            lines = [taken_back(word, amendments)]
        else:
            lines = list(listed(history, now_ns, as_json=args.json))
    for line in lines:
        print(line, file=out)
    return 0


def worded(args: argparse.Namespace, config: Config, now_ns: int) -> CorrectionRow:
    """Return the correction that the words ask for, or raise ConfigError; names are looked up later."""
    for flag in ("target", "since", "until", "as_"):
        if getattr(args, flag) is None:
            raise ConfigError(
                f"--{flag.rstrip('_')}: is missing; write nephoscope correct --target NAME --since INSTANT "
                "--until INSTANT --as excluded --reason WHY (or --list, or --withdraw ID)"
            )
    since_ns = saying.instant_ns("--since", args.since)
    until_ns = saying.instant_ns("--until", args.until)
    if until_ns <= since_ns:
        raise ConfigError(f"--until {args.until}: is not after --since {args.since}; swap them, or mend one")
    if until_ns > now_ns:
        raise ConfigError(
            f"--until {args.until}: lies in the future, of which nothing is known to correct; for what is to come "
            "there is `nephoscope maintenance start`"
        )
    keep_s = config.storage.keep_results_s
    if since_ns < now_ns - round(keep_s * 1e9):
        raise ConfigError(
            f"--since {args.since}: lies before what is kept ({durations.write(keep_s)}, by storage.keep.results), so "
            "its events are gone; begin later"
        )
    return CorrectionRow(
        target=args.target,
        probe=args.probe,
        vantage=args.vantage,
        since_ns=since_ns,
        until_ns=until_ns,
        kind=EventClass(args.as_),
        author=saying.author(args.author),
        reason=saying.reason(args.reason),
        made_ns=now_ns,
    )


def kept(row: CorrectionRow, config: Config, amendments: Amendments) -> str:
    """Keep a correction and return what to say; ConfigError for a name that nobody knows, and for an overlap."""
    targets = {target.name for target in config.targets}
    probes = {plan.workload.name for plan in config.probes}
    _look_up("--target", row.target, targets, "targets", amendments)
    _look_up("--probe", row.probe, probes, "probes", amendments)
    _look_up("--vantage", row.vantage, {config.vantage}, "vantages", amendments)
    against = amendments.correct(row)
    if against:
        raise ConfigError(
            "; ".join(
                f"correction {one.id} says already what {one.target} counts as from {words.instant(one.since_ns)} "
                f"to {words.instant(one.until_ns)} UTC ({one.kind.value}, by {one.author})"
                for one in against
            )
            + f": withdraw it with `nephoscope correct --withdraw {against[0].id}`, or choose another time"
        )
    return f"What was seen of {_about(row)} counts as {row.kind.value}, by {row.author}: {row.reason}."


def _look_up(
    flag: str,
    name: str | None,
    planned: set[str],
    dictionary: Literal["targets", "probes", "vantages"],
    amendments: Amendments,
) -> None:
    if name is None or name in planned:
        return
    known = {*planned, *amendments.names(dictionary)}
    if name not in known:
        hint = nearest(name, known) or f"; known are {', '.join(sorted(known))}"
        raise ConfigError(f"{flag} {name}: is in no history{hint}")


def withdrawal(args: argparse.Namespace, now_ns: int) -> Withdrawal:
    return Withdrawal(
        correction_id=args.withdraw,
        author=saying.author(args.author),
        reason=saying.reason(args.reason),
        made_ns=now_ns,
    )


def taken_back(word: Withdrawal, amendments: Amendments) -> str:
    if not amendments.withdraw(word):
        raise ConfigError(
            f"there is no correction {word.correction_id} that holds; `nephoscope correct --list` names those that do"
        )
    return f"Correction {word.correction_id} is withdrawn: what it was about counts as it did before."


def listed(history: History, now_ns: int, *, as_json: bool) -> Iterator[str]:
    """Yield all corrections, those that were withdrawn too, in the order in which they were made."""
    found = history.corrections(0, now_ns)
    if as_json:
        yield from (json.dumps(dataclasses.asdict(row), ensure_ascii=False) for row in found)
        return
    if not found:
        yield "Nothing was corrected."
        return
    head = ("ID", "OF", "FROM (UTC)", "UNTIL (UTC)", "AS", "AUTHOR", "REASON")
    yield from columns([head, *map(_cells, found)])


def _cells(row: CorrectionRow) -> Sequence[str]:
    withdrawn = f" (withdrawn by {words.one_line(row.withdrawn_by)})" if row.withdrawn_by else ""
    return (
        str(row.id),
        _whose(row),
        words.instant(row.since_ns),
        words.instant(row.until_ns),
        f"{row.kind.value}{withdrawn}",
        words.one_line(row.author),
        words.one_line(row.reason),
    )


def _about(row: CorrectionRow) -> str:
    return f"{_whose(row)} from {words.instant(row.since_ns)} to {words.instant(row.until_ns)} UTC"


def _whose(row: CorrectionRow) -> str:
    """Return whose events, as `target`, `target probe` or `target probe from vantage`."""
    probe = f" {row.probe}" if row.probe else ""
    return f"{row.target}{probe}{f' from {row.vantage}' if row.vantage else ''}"
