import io
from pathlib import Path

import pytest

from agent import cli
from agent.errors import ConfigError
from agent.report_command import chosen

FILE = """
vantage: fra-1
state_dir: {state}
targets: [{{name: local, provider: vllm, model: tiny, endpoint: "http://127.0.0.1:1", credentials: {{api_key: "${{UNSET_KEY}}"}}}}]
"""


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.main(["report", *words], out, err), out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("asked", "folder", "formats"),
    [
        (None, None, ["md"]),
        (None, "out", ["html", "md"]),
        ("json", None, ["json"]),
        ("md, json,md", "out", ["md", "json"]),
    ],
)
def test_formats_are_those_asked_for(asked: str | None, folder: str | None, formats: list[str]) -> None:
    assert chosen(asked, folder=folder) == formats


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("pdf", "not yet: this version has html, md, json"),
        ("doc", "there is no such format"),
        (",", "names no format"),
        ("md,html", "add --out DIR"),
    ],
)
def test_formats_that_cannot_be_are_refused_with_the_remedy(asked: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        chosen(asked, folder=None)


def test_where_no_daemon_ever_ran_there_is_no_data_and_none_is_made(tmp_path: Path) -> None:
    """Exit 3 with a sentence; neither keys nor a database are asked for."""
    file = tmp_path / "nephoscope.yaml"
    file.write_text(FILE.format(state=tmp_path / "state"))
    code, out, err = run("-c", str(file))
    assert (code, out) == (3, "")
    assert "nothing is stored from vantage fra-1" in err
    assert "`nephoscope run`" in err
    assert not (tmp_path / "state").exists()


def test_a_week_that_has_not_begun_is_refused() -> None:
    code, _, err = run("--week", "2999-W01")
    assert code == 2
    assert "has not begun yet" in err
