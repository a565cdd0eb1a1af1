"""`nephoscope once`: every probe once, now; a table for people, or one JSON object a line."""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent import choosing
from agent.asking.calibrate import CalibrationError
from agent.asking.manual import ask_once, own_error
from agent.asking.truth import Errors
from agent.config.model import Config
from agent.config.read import load
from agent.config.secrets import Secrets
from agent.costs import EXPENSIVE_KINDS
from agent.errors import ConfigError
from agent.progress import progress
from exporters.words import own_error as in_words
from probes.result import ProbeResult
from probes.target import Target, Workload

Pairs = list[tuple[Target, Workload]]


def once(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Ask and tell; return 0 when every answer was good and 1 when some was not."""
    config = load(args.config)
    pairs, left_out = chosen(config, args.target, args.probe), None
    if args.probe is None and not args.expensive:
        pairs, left_out = cheap(pairs)
    if left_out:
        print(left_out, file=err)
    shown = _lines(out) if args.json else _nothing
    with progress(err, "asking", len(pairs)) as advance:

        def tell(result: ProbeResult) -> None:
            shown(result)
            advance()

        results = ask_once(config, Secrets.of(config, os.environ), pairs, tell)
    if not args.json:
        _console(out).print(table(results))
    if args.store:
        _store(config, results)
    try:
        print(error_line(own_error()), file=err)
    except CalibrationError as failure:
        print(f"our own error: not known, {failure}", file=err)
    return 0 if all(result.meaning.good for result in results) else 1


def error_line(errors: Errors) -> str:
    """Return our own error for people.

    >>> error_line({"no": {"p50": 0.00001, "p99": 0.00002}, "yes": {"p50": 0.00002, "p99": 0.000041}})
    'our own error: 0.020 ms p99 plain, 0.041 ms p99 TLS'
    >>> error_line({"no": {"p50": 0.00001, "p99": 0.00002}})
    'our own error: 0.020 ms p99 plain, not known TLS'
    """
    return f"our own error: {in_words(errors)}"


def chosen(config: Config, target: str | None, probe: str | None) -> Pairs:
    """Return the (target, workload)s that a selector and a probe's name leave, or raise ConfigError."""
    text = "all" if target is None else target
    wanted = set(choosing.targets(config, "--target", text, ", or leave the flag out"))
    pairs = [
        (config.target(name), plan.workload)
        for plan in config.probes
        for name in plan.targets
        if probe in {None, plan.workload.name} and name in wanted
    ]
    if not pairs:
        probes = dict.fromkeys(plan.workload.name for plan in config.probes)
        raise ConfigError(
            f"--target {target or 'all'} with --probe {probe or 'any'} selects nothing. "
            f"Targets: {', '.join(one.name for one in config.targets)}. Probes: {', '.join(probes)}."
        )
    return pairs


def cheap(pairs: Pairs) -> tuple[Pairs, str | None]:
    """Return the pairs without the expensive ones, and a sentence on these; ConfigError where nothing is left."""
    dear = dict.fromkeys(work.name for _, work in pairs if work.kind in EXPENSIVE_KINDS)
    kept = [(target, work) for target, work in pairs if work.name not in dear]
    if not dear:
        return kept, None
    said = f"left out, being expensive: {', '.join(dear)}; name one with --probe, or add --expensive"
    if not kept:
        raise ConfigError(f"there is nothing else to ask; {said}")
    return kept, said


def table(results: Sequence[ProbeResult]) -> Table:
    """Return the results for people: what became of each, where the time went, what to do."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("target", "probe", "outcome"):
        rows.add_column(name, no_wrap=True)
    for name in ("dns", "connect", "tls", "ttft", "total"):
        rows.add_column(f"{name} ms", justify="right", no_wrap=True)
    rows.add_column("tokens", justify="right", no_wrap=True)
    rows.add_column("tokens/s", justify="right", no_wrap=True)
    rows.add_column("what it says", overflow="fold")
    for result in sorted(results, key=lambda one: (one.target, one.probe)):
        style = "green" if result.meaning.good else "red" if result.meaning.good is False else "yellow"
        durations = (result.dns_s, result.connect_s, result.tls_s, result.ttft_s, result.total_s)
        doubt = "" if result.trusted else "~"
        rows.add_row(
            result.target,
            result.probe,
            Text(result.outcome.value, style=style),
            *(_milliseconds(seconds, doubt) for seconds in durations),
            "" if result.output_tokens is None else str(result.output_tokens),
            "" if result.tokens_per_s is None else f"{doubt}{result.tokens_per_s:.1f}",
            Text(result.error or ""),
        )
    if not all(result.trusted for result in results):
        reasons = sorted({reason for result in results for reason in result.quality_reasons})
        rows.caption = (
            f"~ untrusted, this machine was disturbed ({', '.join(reasons)}): kept out of latency objectives"
        )
        rows.caption_justify = "left"
    return rows


def _milliseconds(seconds: float | None, doubt: str) -> str:
    return "-" if seconds is None else f"{doubt}{seconds * 1e3:.1f}"


def _lines(out: TextIO) -> Callable[[ProbeResult], None]:
    def line(result: ProbeResult) -> None:
        out.write(json.dumps(result.public()) + "\n")
        out.flush()

    return line


def _nothing(_: ProbeResult) -> None:
    pass


def _console(stream: TextIO) -> Console:
    """Return a console that neither wraps nor colours in a pipe."""
    return Console(file=stream, width=None if stream.isatty() else 240, soft_wrap=not stream.isatty())


def _store(config: Config, results: Sequence[ProbeResult]) -> None:
    from agent.database import opened  # noqa: PLC0415 - heavy, and needed with --store alone
    from storage.results import PostgresStore  # noqa: PLC0415 - as above

    with opened(config) as engine:
        PostgresStore(engine).store(results, ())
