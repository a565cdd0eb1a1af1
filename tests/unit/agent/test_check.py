"""The offline check, by way of the command line."""

import io
import json
import sys
from pathlib import Path

import pytest

from agent.cli import main
from support.configuration import LOCAL, OPENAI

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))


def check(file: Path, *flags: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(["check", "-c", str(file), *flags], out, err), out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(f"targets: [{LOCAL}]\n")
    return path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_usable_without_a_warning(example: Path) -> None:
    assert check(example, "--no-secrets", "--strict")[::2] == (0, "")


def test_there_are_examples() -> None:
    assert [path.name for path in EXAMPLES] == [
        "estate.yaml",
        "minimal.yaml",
        "self-hosted.yaml",
        "two-clouds.yaml",
    ]


def test_the_table_shows_what_would_be_called(file: Path) -> None:
    code, out, err = check(file)
    assert (code, err) == (0, "")
    assert "local   chat   chat  30s    http://127.0.0.1:8000/v1/chat/completions  unknown" in out
    assert "quick      ttft within 2s  99       28d     1" in out


def test_json_says_the_same_for_machines(file: Path) -> None:
    facts = json.loads(check(file, "--json")[1])
    (target,) = facts["targets"]
    assert target["probes"][0]["url"] == "http://127.0.0.1:8000/v1/chat/completions"
    assert facts["objectives"][0]["slos"] == ["local-chat-available"]
    assert (facts["errors"], facts["warnings"]) == ([], [])


def test_a_warning_is_an_error_only_where_strict(file: Path) -> None:
    file.write_text(f"targets: [{LOCAL}]\nexport: {{listen: '0.0.0.0:1'}}")
    assert [check(file)[0], check(file, "--strict")[0]] == [0, 1]
    assert "warning: " in check(file)[1]


def test_an_unusable_file_ends_with_2_and_its_findings(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    file.write_text(f"targets: [{OPENAI}]\nnope: 1")
    code, out, err = check(file)
    assert (code, out, err.count("\n")) == (2, "", 2)
    code, out, _ = check(file, "--json")
    assert (code, len(json.loads(out)["errors"])) == (2, 2)
    file.write_text(f"targets: [{OPENAI}]\n")
    assert check(file, "--no-secrets")[0] == 0


def test_a_target_that_no_probe_asks_is_shown_as_such(file: Path) -> None:
    file.write_text(
        f"targets: [{LOCAL}, {LOCAL.replace('name: local', 'name: idle')}]\nprobes: [{{name: chat, targets: local}}]"
    )
    out = check(file)[1]
    assert ["idle", "none", "never", "called"] in [line.split() for line in out.splitlines()]
    assert "1: targets[1]: is asked by no probe; name it in a probe's targets, or take it out" in out


def test_the_source_of_prices_is_told_once_and_what_costs_nothing_has_none(file: Path) -> None:
    """A list of models costs no tokens; a price that nobody pays names no source."""
    priced = LOCAL.replace("}", ", price: {input: 1, output: 2.5}}")
    second = priced.replace("name: local", "name: other")
    file.write_text(
        f"targets: [{priced}, {second}]\nprobes: [{{name: chat}}, {{name: models, kind: models}}]"
    )
    out = check(file)[1].splitlines()
    assert [line for line in out if line.startswith("local ")] == [
        "local   chat    chat    30s    http://127.0.0.1:8000/v1/chat/completions  1 in, 2.5 out",
        "local   models  models  30s    http://127.0.0.1:8000/v1/models",
    ]
    assert [line for line in out if "configured" in line] == ["prices: configured"]
    file.write_text(f"targets: [{priced}]\nprobes: [{{name: models, kind: models}}]")
    assert "prices:" not in check(file)[1]


def test_a_line_break_in_a_path_does_not_break_the_first_line(file: Path) -> None:
    file.write_text(f'targets: [{LOCAL}]\nstate_dir: "/a\\nb"')
    assert check(file)[1].splitlines()[0].endswith(r"state in /a\nb")


def test_check_does_not_wait_for_heavy_parts(file: Path) -> None:
    """It starts in a fraction of a second because it imports neither a database nor an exporter of traces."""
    for name in [name for name in sys.modules if name.startswith("agent.check")]:
        del sys.modules[name]
    before = set(sys.modules)
    check(file)
    assert not {"sqlalchemy", "psycopg", "opentelemetry", "starlette"} & (set(sys.modules) - before)
