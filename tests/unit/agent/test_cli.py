"""Commands, flags, and how an error ends a command."""

import argparse
import importlib
import io
import types
from collections.abc import Callable
from typing import Any

import pytest

from agent.arguments import COMMANDS, LATER
from agent.cli import main
from agent.errors import ConfigError, NephoscopeError
from probes.base import SigningError
from storage.base import StoreUnavailableError


def cli(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(words, out, err), out.getvalue(), err.getvalue()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[argparse.Namespace]:
    """Put a command in place of each that only notes its arguments."""
    notes: list[argparse.Namespace] = []

    def note(args: argparse.Namespace, *_: object) -> int:
        notes.append(args)
        return 0

    stand_in(monkeypatch, note)
    return notes


def stand_in(monkeypatch: pytest.MonkeyPatch, function: Callable[..., int]) -> None:
    module = types.SimpleNamespace(**dict.fromkeys(COMMANDS, function))
    monkeypatch.setattr(importlib, "import_module", lambda _: module)


@pytest.mark.parametrize(
    "words",
    [
        ("-c", "x.yaml", "--log-format", "json", "--log-level", "error", "run"),
        ("run", "-c", "x.yaml", "--log-format", "json", "--log-level", "error"),
        ("--log-format", "json", "run", "--config", "x.yaml", "--log-level", "error"),
    ],
)
def test_global_flags_may_stand_before_or_after_the_command(
    seen: list[argparse.Namespace], words: tuple[str, ...]
) -> None:
    assert cli(*words)[0] == 0
    assert vars(seen[0]) == {"command": "run", "config": "x.yaml", "log_format": "json", "log_level": "error"}


def test_the_configuration_is_named_by_flag_then_environment_then_default(
    seen: list[argparse.Namespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEPHOSCOPE_CONFIG", raising=False)
    cli("run")
    monkeypatch.setenv("NEPHOSCOPE_CONFIG", "env.yaml")
    cli("run")
    cli("run", "-c", "flag.yaml")
    assert [args.config for args in seen] == ["nephoscope.yaml", "env.yaml", "flag.yaml"]


def test_the_demo_does_not_mind_a_configuration_in_the_environment(
    seen: list[argparse.Namespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEPHOSCOPE_CONFIG", "env.yaml")
    assert cli("demo")[0] == 0
    assert seen[0].command == "demo"


def test_every_command_gets_the_arguments_that_it_reads(seen: list[argparse.Namespace]) -> None:
    for words in (
        ("once", "--target", "a", "--probe", "b", "--json", "--store"),
        ("migrate", "--sql"),
        ("rules", "--tests"),
        ("demo", "--scenario", "outage", "--state-dir", "/s"),
    ):
        assert cli(*words)[0] == 0
    once, migrate, rules, demo = seen
    assert (once.target, once.probe, once.json, once.store) == ("a", "b", True, True)
    assert (migrate.sql, rules.format, rules.tests) == (True, "prometheus", True)
    assert (demo.scenario, demo.state_dir, demo.listen) == ("outage", "/s", "127.0.0.1:9464")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_a_function(name: str) -> None:
    code, out, err = cli(name, "--help")
    assert (code, err) == (0, "")
    assert f"usage: nephoscope {name}" in out
    assert callable(getattr(importlib.import_module(COMMANDS[name]), name))


def test_help_and_version_go_to_standard_output() -> None:
    assert "commands:" in cli("--help")[1]
    assert cli("--version")[1].startswith("nephoscope ")


@pytest.mark.parametrize("name", LATER)
def test_a_command_of_a_later_version_is_refused_with_not_yet(name: str) -> None:
    code, out, err = cli("--log-level", "info", name, "--week", "2026-W46", "x")
    assert (code, out) == (2, "")
    assert err.startswith(f"nephoscope: `nephoscope {name}`: not yet: this version has run, ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("chek",), "there is no command `chek`; did you mean `check`?"),
        (("xyzzy",), "there is no command `xyzzy`; there are run, once"),
        (("run", "--nope"), "unrecognized arguments: --nope; see `nephoscope run --help`"),
        (("run", "--log-level", "loud"), "invalid choice: 'loud'"),
        (("config", "shwo"), "invalid choice: 'shwo'"),
        (
            ("demo", "--scenario", "outtage"),
            "--scenario outtage: there is no such scenario; did you mean `outage`?",
        ),
        (("demo", "--every", "10"), "--every 10: `10` is not a duration; write a number and a unit"),
        (
            ("demo", "-c", "my.yaml"),
            "a configuration of its own, so -c would do nothing; use `nephoscope run -c",
        ),
        (("--config", "my.yaml", "demo"), "`nephoscope demo` writes a configuration of its own"),
        (
            ("demo", "--scenario", "x"),
            "--scenario x: there is no such scenario; choose calm, outage, brownout,",
        ),
    ],
)
def test_a_mistaken_command_line_ends_with_2_and_one_sentence(words: tuple[str, ...], told: str) -> None:
    code, out, err = cli(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


def failing(error: BaseException) -> Callable[..., int]:
    def command(*_: Any) -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (NephoscopeError("no disk; make room"), 1, "nephoscope: no disk; make room\n"),
        (ConfigError("a.yaml:1: x", "a.yaml:2: y"), 2, "a.yaml:1: x\na.yaml:2: y\n"),
        (SigningError("A is not set; set it"), 2, "nephoscope: A is not set; set it\n"),
        (StoreUnavailableError("refused; start it"), 1, "nephoscope: the database: refused; start it\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (
            ZeroDivisionError("sk-secret"),
            70,
            "nephoscope: this is a defect (ZeroDivisionError); repeat with --log-level debug and report it\n",
        ),
    ],
)
def test_an_error_is_told_in_a_sentence_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, told: str
) -> None:
    stand_in(monkeypatch, failing(error))
    assert cli("run") == (code, "", told)


def test_a_traceback_is_shown_at_debug_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, failing(NephoscopeError("x")))
    assert "Traceback" not in cli("run")[2]
    assert "Traceback" in cli("run", "--log-level", "debug")[2]


def test_the_exit_code_is_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, lambda *_: 3)
    assert cli("run")[0] == 3
