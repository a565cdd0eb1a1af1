"""The command line: which commands and flags there are."""

import argparse
import difflib
import functools
import importlib.metadata
import os
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from agent import alert_arguments, amendment_arguments, log, slo_arguments
from agent.config import durations
from agent.config.findings import BadValueError
from agent.demo.scenario import SCENARIOS
from agent.errors import ConfigError

COMMANDS = {
    "run": "agent.run",
    "once": "agent.once",
    "check": "agent.check",
    "config": "agent.config_command",
    "init": "agent.init",
    "migrate": "agent.migrating",
    "rules": "agent.rules_command",
    "report": "agent.report_command",
    "slo": "agent.slo_command",
    "alerts": "agent.alerts_command",
    "maintenance": "agent.maintenance_command",
    "correct": "agent.correct_command",
    "explain": "agent.explain_command",
    "demo": "agent.demo.command",
}
"""Command -> the module with a function of its name; imported when it is asked for, so that `check` is quick."""

LATER = ("compare", "doctor", "history", "sla")
"""Commands of later versions."""

_CHOICE = re.compile(r"invalid choice: '?([^' ]*)'?")


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return what the words ask for, or raise `ConfigError`; SystemExit where they ask for help or the version."""
    parser = _parser()
    args, left = parser.parse_known_args(words)
    if args.command in LATER:
        raise ConfigError(f"`nephoscope {args.command}`: not yet: this version has {', '.join(COMMANDS)}")
    if left:
        raise ConfigError(f"unrecognized arguments: {' '.join(left)}; see `nephoscope {args.command} --help`")
    if args.command == "demo" and "config" in args:
        raise ConfigError(
            "`nephoscope demo` writes a configuration of its own, so -c would do nothing; use `nephoscope run -c FILE`"
        )
    defaults = {
        "config": os.environ.get("NEPHOSCOPE_CONFIG") or "nephoscope.yaml",
        "log_format": "text",
        "log_level": "info",
    }
    return argparse.Namespace(**(defaults | vars(args)))


class _Parser(argparse.ArgumentParser):
    """Tells mistakes as our errors do."""

    def error(self, message: str) -> NoReturn:
        wrong = _CHOICE.search(message)
        if wrong and "COMMAND" in message:
            close = difflib.get_close_matches(wrong[1], [*COMMANDS, *LATER], n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(COMMANDS)}"
            raise ConfigError(f"there is no command `{wrong[1]}`; {hint}")
        raise ConfigError(f"{message}; see `{self.prog} --help`")


def _scenario(name: str) -> str:
    if name not in SCENARIOS:
        close = difflib.get_close_matches(name, SCENARIOS, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"choose {_either(SCENARIOS)}"
        raise ConfigError(f"--scenario {name}: there is no such scenario; {hint}")
    return name


def _duration(text: str) -> str:
    try:
        durations.duration(text)
    except BadValueError as error:
        raise ConfigError(f"--every {text}: {error}") from error
    return text


def _either(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--label {text}: has no value; write --label release=prometheus")
    return key, value


def _global(*, top: bool) -> _Parser:
    """Return the flags that may stand before or after the command.

    They have no default here: the parser of the command would put it over what stood before the command.
    """
    flags = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = flags.add_argument_group("everywhere" if top else "as everywhere")
    group.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="the configuration (default: $NEPHOSCOPE_CONFIG, else nephoscope.yaml)",
    )
    group.add_argument(
        "--log-format", choices=log.FORMATS, help="how events are written to stderr (default: text)"
    )
    group.add_argument(
        "--log-level", choices=log.LEVELS, help="from which level on (default: info); debug adds tracebacks"
    )
    return flags


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="nephoscope",
        parents=[_global(top=True)],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Watches endpoints of large language models: asks them on a schedule, keeps what they\n"
        "answered in Postgres, judges it against objectives, and tells Prometheus and OpenTelemetry.",
        epilog="begin with `nephoscope demo`, which needs nothing; then write a nephoscope.yaml\n"
        "(`init` writes a first one), try it with `check` and `once`, and keep it going with `run`",
    )
    parser.add_argument(
        "--version", action="version", version=f"nephoscope {importlib.metadata.version('nephoscope')}"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    _commands(commands)
    for name in LATER:
        commands.add_parser(name, add_help=False)
    return parser


def _commands(commands: "argparse._SubParsersAction[_Parser]") -> None:
    shared = [_global(top=False)]

    def command(name: str, tells: str, more: str = "") -> _Parser:
        return commands.add_parser(
            name, parents=shared, help=tells, description=f"{tells.capitalize()}. {more}".strip()
        )

    command(
        "run", "the daemon: probes on schedule until a signal ends it", "SIGTERM and Ctrl-C drain it: exit 0."
    )
    once = command(
        "once",
        "every cheap probe once, now",
        "Exit 0 when all is good, 1 when some is not, 2 for the configuration.",
    )
    once.add_argument(
        "--target",
        metavar="SELECTOR",
        help="only these: names and globs, or field=value (region=eu, label.env=prod), with commas between",
    )
    once.add_argument("--probe", metavar="NAME", help="only this probe")
    once.add_argument(
        "--json", action="store_true", help="one JSON object a line on stdout in place of the table"
    )
    once.add_argument(
        "--expensive",
        action="store_true",
        help="the dear kinds too, throughput and long-context, which are otherwise asked when named alone",
    )
    once.add_argument("--store", action="store_true", help="write the results to the database, as attempt -1")
    check = command(
        "check",
        "validate a configuration offline, and print what would be called and what it comes to",
        "Exit 0 when it is usable, 1 with --strict and warnings or --live and a failure, 2 when it is not.",
    )
    check.add_argument(
        "--no-secrets", action="store_true", help="accept references that stand for nothing here (CI)"
    )
    check.add_argument("--strict", action="store_true", help="exit 1 on a warning")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.add_argument("--all", action="store_true", help="cut no table, however long")
    check.add_argument(
        "--live",
        action="store_true",
        help="try names, proxies, certificates, identities, database and receivers; exit 1 where one fails",
    )
    _config(command("config", "the expanded plan, what a change comes to, and every key explained"))
    init = command(
        "init",
        "write a first configuration from the credentials that the environment holds",
        "It names variables and never holds their values; a file that is there is never written over.",
    )
    init.add_argument("file", metavar="FILE", nargs="?", help="what to write (default: as -c)")
    init.add_argument(
        "--found", action="store_true", help="write nothing, and exit 1, where no credentials are found"
    )
    migrate = command("migrate", "bring the database's schema up to date")
    migrate.add_argument("--sql", action="store_true", help="print the SQL and touch nothing")
    rules = command("rules", "print the Prometheus rules of the objectives")
    rules.add_argument(
        "--format",
        choices=("prometheus", "operator"),
        default="prometheus",
        help="a rule file, or PrometheusRule objects for the Prometheus operator (default: prometheus)",
    )
    rules.add_argument("--name", metavar="NAME", help="operator: of the object (default: nephoscope)")
    rules.add_argument("--namespace", metavar="NAME", help="operator: of the object (default: kubectl's)")
    rules.add_argument(
        "--label",
        metavar="KEY=VALUE",
        type=_pair,
        action="append",
        help="operator: a label that the Prometheus object selects rules by, as release=prometheus; may be repeated",
    )
    rules.add_argument(
        "--tests", action="store_true", help="print unit tests of the rules, for promtool test rules"
    )
    report = command(
        "report",
        "the weekly SLO report from stored rows",
        "Exit 0, or 3 where nothing was seen in that week.",
    )
    report.add_argument(
        "--week",
        metavar="WEEK",
        help="an ISO week (UTC) such as 2026-W46 (default: the last one that is over)",
    )
    report.add_argument(
        "--format",
        metavar="FORMATS",
        help="html, md, json, several with commas (default: html,md; printed: md)",
    )
    report.add_argument("--out", metavar="DIR", help="a folder for the files (default: print to stdout)")
    common = functools.partial(_global, top=False)
    slo_arguments.slo(
        command(
            "slo", "objectives: their budgets now, from and to OpenSLO, and what others would have meant"
        ),
        common,
    )
    alert_arguments.alerts(command("alerts", "what is wrong now, and what was lately"), common)
    alert_arguments.explain(
        command("explain", "every number behind an alert", "Exit 0, or 1 where there is no such alert.")
    )
    amendment_arguments.maintenance(
        command("maintenance", "times in which what is seen of targets counts neither way"), common
    )
    amendment_arguments.correct(
        command(
            "correct",
            "say what the events of a stretch of the past count as",
            "Rows and metrics stay as they are; answers from history and reports obey. Exit 0, or 2 where it is refused.",
        )
    )
    demo = command("demo", "simulated clouds on loopback, and the daemon on them", "Needs no configuration.")
    demo.add_argument(
        "--scenario",
        metavar="NAME",
        type=_scenario,
        default="calm",
        help=f"{_either(SCENARIOS)} (default: calm)",
    )
    demo.add_argument(
        "--every",
        metavar="DURATION",
        type=_duration,
        default="10s",
        help="how often each cloud is asked (default: 10s)",
    )
    demo.add_argument("--seed", metavar="N", type=int, help="draw the same latencies and failures each time")
    demo.add_argument(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:9464", help="where /metrics is served"
    )
    demo.add_argument("--state-dir", metavar="DIR", help="where the demo keeps its database")


def _config(parser: _Parser) -> None:
    whats = parser.add_subparsers(dest="what", metavar="WHAT", required=True, title="what")
    shared = [_global(top=False)]

    def what(name: str, tells: str, more: str = "") -> _Parser:
        return whats.add_parser(
            name, parents=shared, help=tells, description=f"{tells.capitalize()}. {more}".strip()
        )

    show = what("show", "the expanded plan, one row a target", "No secret is shown, and none is needed.")
    diff = what(
        "diff",
        "what a change adds, removes and changes, and what that comes to",
        "Exit 0 without a difference, 1 with one, 2 where a file is not usable.",
    )
    diff.add_argument("before", metavar="A", help="the configuration before the change")
    diff.add_argument("after", metavar="B", help="the configuration after it")
    for one in (show, diff):
        one.add_argument("--json", action="store_true", help="print one JSON object")
        one.add_argument("--all", action="store_true", help="cut no table, however long")
    reference = what("reference", "every key explained: its type, default and an example")
    reference.add_argument(
        "--markdown", action="store_true", help="as a page of Markdown (docs/reference.md)"
    )
