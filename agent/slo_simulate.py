"""`nephoscope slo simulate`: what other objectives, intervals and waits would have told of, and how late."""

import argparse
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from agent.clock import SystemClock
from agent.config import durations
from agent.config.findings import BadValueError
from agent.config.model import Config
from agent.config.nearest import nearest
from agent.config.read import read
from agent.errors import ConfigError
from agent.progress import progress
from agent.report_command import NO_DATA, history_of
from agent.slo.failing import Failing, Recorded, Spells
from agent.slo.findings import Ways, service_conditions
from agent.slo.lint import lint_service
from agent.slo.service import Service
from agent.slo.trial import MONTH_S, Heard, Run, Trouble, heard, month, quantile, replay
from agent.tables import columns
from agent.telling.finder import ways_of
from agent.telling.recorded import recorded
from exporters import words

TROUBLES: Final = ("rate", "clustered", "outage", "fails", "hangs")
DEFAULT: Final = "rate=0.05%,clustered=60s,outage=10m"
MOST_MONTHS: Final = 1200
LEAST_PERCENT: Final = 50.0
MOST_PERCENT: Final = 99.999


def simulate(args: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print what each service would have been told of."""
    config = read(Path(args.config), os.environ, no_secrets=True).config
    services = [_asked(args, service) for service in _services(args, config)]
    ways = _ways(args, config)
    for note in dict.fromkeys(note for service in services for note in _notes(service, ways)):
        print(f"note: {note}", file=err)
    found = (
        _synthetic(args, services, ways, err)
        if args.history is None
        else _stored(args, config, services, ways)
    )
    if not found:
        print(
            f"nephoscope: nothing is stored of their members from vantage {config.vantage} in the last {args.history}: let "
            "`nephoscope run` probe first, or try --synthetic",
            file=err,
        )
        return NO_DATA
    for line in _json(found) if args.json else _lines(found):
        print(line, file=out)
    return 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A service as it was simulated, and what came of it."""

    service: Service
    heard: Sequence[Heard]
    months: float


# -- what is asked


def _services(args: argparse.Namespace, config: Config) -> list[Service]:
    """Return the services that are simulated, with the objective that is asked about in place of their own."""
    chosen = [service for service in config.services if args.service in {None, service.name}]
    if args.service and not chosen:
        known = [service.name for service in config.services]
        raise ConfigError(
            f"--service {args.service}: there is no such service{nearest(args.service, known) or '; there are ' + ', '.join(known)}"
        )
    if args.objective:
        chosen = _promised(args.objective, config, chosen)
    if not chosen:
        raise ConfigError(
            "there is no service to simulate; write `services`, or an objective on availability"
        )
    return chosen


def _promised(name: str, config: Config, services: Sequence[Service]) -> list[Service]:
    """Return the services whose members an objective watches, each promising what it does."""
    named = [objective for objective in config.objectives if objective.name == name]
    if not named:
        known = sorted({objective.name for objective in config.objectives})
        raise ConfigError(
            f"--objective {name}: there is no such objective{nearest(name, known) or '; there are ' + ', '.join(known)}"
        )
    if named[0].sli != "availability":
        raise ConfigError(
            f"--objective {name}: is on {named[0].sli}, and services page on availability; name one of that"
        )
    pairs = {pair for objective in named for pair in objective.pairs}
    return [
        dataclasses.replace(service, ratio=named[0].ratio, window_s=named[0].window_s)
        for service in services
        if not pairs.isdisjoint(member.pair for member in service.members)
    ]


def _asked(args: argparse.Namespace, service: Service) -> Service:
    """Return the service with the percent, window and interval of the command line."""
    if args.percent is not None:
        service = dataclasses.replace(service, ratio=_said("percent", args.percent))
    if args.window is not None:
        service = dataclasses.replace(service, window_s=_said("window", args.window))
    if args.every is not None:
        every_s = _said("every", args.every)
        members = tuple(dataclasses.replace(member, every_s=every_s) for member in service.members)
        service = dataclasses.replace(service, members=members)
    return service


def _said(flag: str, text: str) -> float:
    """Return the ratio or the seconds of a flag; more than zero."""
    try:
        found = durations.ratio(_number(text)) if flag == "percent" else durations.duration(text)
    except BadValueError as error:
        raise ConfigError(f"--{flag} {text}: {error}") from error
    if found <= 0:
        raise ConfigError(f"--{flag} {text}: leaves no time; write more than zero")
    return found


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _ways(args: argparse.Namespace, config: Config) -> Ways:
    """Return when things page; a simulated target is never new."""
    ways = dataclasses.replace(ways_of(config), warm_up_ns=0)
    if args.after is not None:
        ways = dataclasses.replace(ways, after_ns=round(_said("after", args.after) * 1e9))
    if args.credibility is not None:
        ways = dataclasses.replace(ways, credibility=_credibility(args.credibility))
    return ways


def _credibility(text: str) -> float:
    """Return how sure a gate is to be that a budget burns: more than even, and never certain."""
    said = _number(text)
    if not isinstance(said, float) or not LEAST_PERCENT <= said <= MOST_PERCENT:
        raise ConfigError(
            f"--credibility {text}: wants a percent from {LEAST_PERCENT:g} to {MOST_PERCENT:g}, as in 99; what runs asks for 95"
        )
    return said / 100


def _notes(service: Service, ways: Ways) -> Iterator[str]:
    """Yield what is wrong with a service's objective at its pooled interval."""
    yield from (finding.message for finding in lint_service(service))
    if not service_conditions(service, ways.credibility):
        yield f"service {service.name}: no burn can be told of, so it pages by its healthy minimum alone"


def troubles(text: str) -> Trouble:
    """Return what `--synthetic` says, or raise ConfigError.

    >>> troubles("outage=10m,rate=0.1%,clustered=60s")
    Trouble(rate=0.001, spell_s=60.0, outage_s=600.0, fails=1.0, shows_s=0.1)
    """
    said: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in TROUBLES or not equals:
            known = f"; there are {', '.join(TROUBLES)}, as in {DEFAULT}"
            raise ConfigError(f"--synthetic {part}: is no trouble{nearest(key, TROUBLES) or known}")
        said[key] = value
    for key, needs in (("clustered", "rate"), ("fails", "outage")):
        if key in said and needs not in said:
            raise ConfigError(
                f"--synthetic {key}={said[key]}: says nothing without {needs}=; add it, or take it out"
            )
    return Trouble(
        rate=_share("rate", said["rate"]) if "rate" in said else 0.0,
        spell_s=_length("clustered", said["clustered"]) if "clustered" in said else None,
        outage_s=_length("outage", said["outage"]) if "outage" in said else None,
        fails=_share("fails", said["fails"], most=1.0) if "fails" in said else 1.0,
        shows_s=_length("hangs", said["hangs"]) if "hangs" in said else 0.1,
    )


def _share(key: str, text: str, most: float = 0.5) -> float:
    try:
        found = float(text.removesuffix("%")) / 100 if text.endswith("%") else 0.0
    except ValueError:
        found = 0.0
    if not 0 < found <= most:
        raise ConfigError(
            f"--synthetic {key}={text}: wants a percentage above 0 and up to {most:.0%}, as in {key}=0.1%"
        )
    return found


def _length(key: str, text: str) -> float:
    try:
        found = durations.duration(text)
    except BadValueError as error:
        raise ConfigError(f"--synthetic {key}={text}: {error}") from error
    if not 0 < found < MONTH_S / 2:
        raise ConfigError(f"--synthetic {key}={text}: wants more than zero and less than 15d")
    return found


# -- what comes of it


def _synthetic(args: argparse.Namespace, services: Sequence[Service], ways: Ways, err: TextIO) -> list[Trial]:
    if not 1 <= args.months <= MOST_MONTHS:
        raise ConfigError(f"--months {args.months}: write 1 to {MOST_MONTHS}")
    trouble = troubles(args.synthetic or DEFAULT)
    for service in services:
        if trouble.rate > 1 - service.ratio:
            print(f"note: {_over_budget(service, trouble.rate)}", file=err)
    found = []
    with progress(err, "simulating", len(services) * args.months) as advance:
        for service in services:
            runs = []
            for nth in range(args.months):
                runs.append(month(service, trouble, ways, f"{args.seed}/{service.name}/{nth}"))
                advance()
            found.append(_trial(service, runs, MONTH_S))
    return found


def _over_budget(service: Service, rate: float) -> str:
    """Return that a service burns for good, so that nothing can be leapt over.

    >>> _over_budget(Service(name="nano", members=(), ratio=0.999, window_s=86400.0), 0.01)
    'service nano: rate=1% is over the 0.1% that its objective allows: it burns without an end, and months take long'
    """
    return (
        f"service {service.name}: rate={rate * 100:.6g}% is over the {(1 - service.ratio) * 100:.6g}% that its objective "
        "allows: it burns without an end, and months take long"
    )


def _stored(args: argparse.Namespace, config: Config, services: Sequence[Service], ways: Ways) -> list[Trial]:
    """Replay what is stored; with --every, what failed is taken to have failed until the next stored slot."""
    if args.synthetic:
        raise ConfigError(
            "--history and --synthetic: what is stored and what is drawn are two trials; leave one out"
        )
    span_s = _said("history", args.history)
    now_ns = SystemClock().wall_ns()
    as_stored = {service.name: service for service in config.services}
    found = []
    with history_of(config) as history:
        for service in services:
            asked = as_stored[service.name]
            seen = recorded(config, asked, history, now_ns - round(span_s * 1e9), now_ns)
            if any(one.slots for one in seen):
                failing: list[Failing] = [
                    Recorded(one.failed) if args.every is None else Spells(one.spells(member.every_s))
                    for member, one in zip(asked.members, seen, strict=True)
                ]
                silent = [one.silence for one in seen]
                run = replay(service, lambda: failing, span_s, ways, silent=silent)  # noqa: B023 - called at once
                found.append(_trial(service, [run], span_s))
    return found


def _trial(service: Service, runs: Sequence[Run], span_s: float) -> Trial:
    return Trial(service=service, heard=tuple(heard(service, runs)), months=len(runs) * span_s / MONTH_S)


def _json(found: Sequence[Trial]) -> Iterator[str]:
    for trial in found:
        for one in trial.heard:
            said = {
                "service": trial.service.name,
                "objective_ratio": trial.service.ratio,
                "months": trial.months,
            }
            yield json.dumps(said | dataclasses.asdict(one))


def _lines(found: Sequence[Trial]) -> Iterator[str]:
    head = (
        "WHO",
        "PAGES",
        "NEEDLESS",
        "TICKETS",
        "MISSED",
        "TOLD AFTER p50",
        "p95",
        "PLAIN PAGES",
        "AFTER p50",
        "p95",
    )
    for trial in found:
        service = trial.service
        yield (
            f"{service.name}: {words.goal(service.ratio)} over {words.duration(service.window_s)}, "
            f"{_members(service)}; "
            f"in {trial.months:.3g} months of 30 days:"
        )
        yield from columns([head, *(_cells(one) for one in trial.heard)])


def _members(service: Service) -> str:
    intervals = sorted({member.every_s for member in service.members})
    return f"{len(service.members)} members every {' or '.join(map(words.duration, intervals))}"


def _cells(one: Heard) -> tuple[str, ...]:
    return (
        f"{one.kind} {one.name}",
        str(one.pages),
        words.NOTHING if one.needless is None else str(one.needless),
        str(one.tickets),
        words.NOTHING if one.missed is None else str(one.missed),
        *(words.duration(quantile(one.delays_s, share)) for share in (0.5, 0.95)),
        str(one.plain_pages),
        *(words.duration(quantile(one.plain_delays_s, share)) for share in (0.5, 0.95)),
    )
