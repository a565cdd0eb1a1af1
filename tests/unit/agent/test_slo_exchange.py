"""Objectives go out as OpenSLO and come back as the same objectives."""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agent import cli
from agent.config.model import Config
from agent.slo_exchange import specs, written
from exporters import openslo, openslo_reading
from support.configuration import loaded

ASKED = """
models: {nano: {class: fast, ids: {vllm: nano}}, large: {class: slow, ids: {vllm: large}}}
targets:
  - {name: fra_A, provider: vllm, cloud: fra, model: nano, endpoint: http://fra.internal:8000, labels: {env: prod}}
  - {name: ams, provider: vllm, cloud: ams, model: nano, endpoint: http://ams.internal:8000}
  - {name: Par.1, provider: vllm, cloud: par, region: south, model: large, endpoint: http://par.internal:8000}
probes:
  - {name: chat, kind: chat, every: 30s}
  - {name: warm, kind: chat, every: 60s, connection: warm, targets: [fra_A, Par.1]}
  - {name: long, kind: throughput, every: 60s, max_tokens: 1024, targets: [ams]}
"""
WATCHED = [{"name": "known", "sli": "availability", "percent": 99, "window": "7d"}]
PERCENT = st.sampled_from([95, 99, 99.5, 99.9, 99.95])
WINDOW = st.sampled_from(["7d", "28d", "30d", "7d12h"])
FIGURE = st.sampled_from(["1s", "1.5s", "0.0625s"])
SELECTED = st.sampled_from(["all", "*a*", ["fra_A"], {"class": "fast"}, {"class": "slow"}, ["ams", "Par.1"]])


@st.composite
def objectives(draw: st.DrawFn) -> dict[str, Any]:
    sli = draw(st.sampled_from(["availability", "ttft", "total"]))
    steps: Any = st.fixed_dictionaries({"class": st.fixed_dictionaries({"fast": FIGURE, "slow": FIGURE})})
    found: dict[str, Any] = {
        "sli": sli,
        "percent": draw(PERCENT),
        "window": draw(WINDOW),
        "targets": draw(SELECTED),
        "probes": draw(st.sampled_from([["chat"], ["chat", "warm"]])),
    }
    if sli != "availability":
        found["under"] = draw(FIGURE | steps)
    throttled = draw(st.sampled_from([None, "bad", "excluded"]))
    return found | ({"count": {"throttled": throttled}} if throttled else {})


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    of = draw(st.sampled_from(["target", "cloud", "region"]))
    return {
        "members": draw(SELECTED),
        "healthy_when": {"at_least": 1, "of": of},
        "objective": {"percent": draw(PERCENT), "window": draw(WINDOW)},
        **draw(st.sampled_from([{}, {"team": "assist"}])),
    }


def numbered(entries: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [{"name": f"{name}_{nth}", **entry} for nth, entry in enumerate(entries)]


def configured(sections: dict[str, Any]) -> Config:
    return loaded(ASKED + "".join(f"{key}: {json.dumps(said)}\n" for key, said in sections.items())).config


def there_and_back(config: Config) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    text = openslo.render(openslo.documents(specs(config)))
    carried = openslo_reading.read(list(YAML(typ="safe", pure=True).load_all(text)))
    tree, notes = written(carried.specs)
    return tree, [*carried.notes, *notes]


@given(st.lists(objectives(), max_size=3), st.none() | st.lists(services(), min_size=1, max_size=2))
@settings(max_examples=40, deadline=None)
def test_what_is_exported_and_imported_is_the_same_plan(
    watching: list[dict[str, Any]], serving: list[dict[str, Any]] | None
) -> None:
    """Objectives with their pairs and thresholds, and services with their members, to the last digit."""
    sections: dict[str, Any] = {"objectives": WATCHED + numbered(watching, "goal")}
    if serving is not None:
        sections["services"] = numbered(serving, "svc")
    config = configured(sections)
    tree, notes = there_and_back(config)
    back = configured(tree)
    assert notes == []
    assert back.objectives == config.objectives
    assert back.services == config.services
    assert back.hash == config.hash


def test_a_speed_and_what_is_said_by_default_come_back() -> None:
    speed = {"name": "fast", "sli": "throughput", "percent": 99, "window": "28d", "at_least": 33.3}
    config = configured({"objectives": [*WATCHED, speed]})
    tree, _ = there_and_back(config)
    assert configured(tree).objectives == config.objectives
    default = loaded(ASKED).config
    assert configured(there_and_back(default)[0]).objectives == default.objectives


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.main(["slo", *words], out, err), out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "nephoscope.yaml"
    found.write_text("vantage: here\n" + ASKED)
    return found


def test_export_is_a_stream_that_import_takes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, exported, err = run("export", "-c", str(file))
    assert (code, err) == (0, "")
    (tmp_path / "slos.yaml").write_text(exported)
    code, imported, err = run("import", str(tmp_path / "slos.yaml"))
    assert (code, err) == (0, "")
    assert imported.startswith("objectives:\n  - name: available\n")
    monkeypatch.setattr("sys.stdin", io.StringIO(exported))
    assert run("import", "-") == (0, imported, "")


def test_a_window_that_openslo_has_no_word_for_is_told_and_left_out(file: Path) -> None:
    odd = "objectives: [{name: odd, sli: availability, percent: 99, window: 100.5h}, {name: short, sli: availability, percent: 90, window: 3601s}]\n"
    file.write_text(file.read_text() + odd)
    code, out, err = run("export", "-c", str(file))
    assert code == 1
    assert "fra_A-chat-short is left out: OpenSLO counts in whole minutes, and 3601 s are none" in err
    assert "duration: 6030m" in out
    assert "nephoscope-objective: short" not in out


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", 2, "holds no OpenSLO documents"),
        ("a: b: c", 2, "slos.yaml:1: cannot be read as YAML: a `: ` stands where none may be"),
        ("kind: SLO\n---\na: [", 2, "slos.yaml:3: cannot be read as YAML"),
        ("kind: SLO", 1, "note: document 1 is of no version"),
        ("[{kind: SLO}, {kind: SLI}]", 1, "note: document 2 is of no version"),
        ("a: &a [x, x]\nb: [*a, *a]", 1, "note: document 1 is of no version"),
    ],
)
def test_a_file_of_something_else_is_told_so(tmp_path: Path, text: str, code: int, said: str) -> None:
    (tmp_path / "slos.yaml").write_text(text)
    assert run("import", str(tmp_path / "slos.yaml"))[0] == code
    assert said in run("import", str(tmp_path / "slos.yaml"))[2]


def test_a_file_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    code, _, err = run("import", str(tmp_path / "none.yaml"))
    assert code == 2
    assert "there is no such file; name one of OpenSLO documents, or - for standard input" in err


def test_slos_of_one_name_that_differ_are_not_made_one() -> None:
    config = configured({"objectives": WATCHED})
    found = specs(config)[:2]
    other = openslo.documents(found)
    other[-1]["spec"]["objectives"][0]["target"] = 0.5
    tree, notes = written(openslo_reading.read(other).specs)
    assert [entry["targets"] for entry in tree["objectives"]] == [["fra_A"]]
    assert len(notes) == 1
    assert "it differs from others of its name" in notes[0]


def test_an_slo_that_watches_all_is_told_by_its_name_alone() -> None:
    (spec,) = [one for one in specs(configured({"objectives": WATCHED})) if one.service is None][:1]
    bare = dataclasses.replace(spec, target=None, probe=None)
    _, (note,) = written([bare, dataclasses.replace(bare, ratio=0.5)])
    assert note.startswith(f"SLO {spec.objective} is left out: it differs")
