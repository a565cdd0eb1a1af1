"""One file a team: what it may hold, and under which name and line its mistakes are told."""

from pathlib import Path

import pytest

from agent.config.read import Loaded, read
from agent.errors import ConfigError
from support.configuration import ENVIRON, HOST, LOCAL

MAIN = f"include: [conf.d/*.yaml]\ntargets:\n  - {LOCAL}\n"
TEAM = """
models: {nano: {class: fast, ids: {openai: gpt-5-nano}}}
targets:
  - {name: "pay-{n}", for: {n: [1, 2]}, provider: openai, model: nano, team: pay, credentials: {api_key: "${OPENAI_API_KEY}"}}
probes:
  - {name: pay, every: 1m, targets: {team: pay}}
"""


def write(folder: Path, **files: str) -> Path:
    (folder / "conf.d").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "nephoscope.yaml" if name == "main" else folder / "conf.d" / f"{name}.yaml").write_text(
            text
        )
    return folder / "nephoscope.yaml"


def loaded(folder: Path, **files: str) -> Loaded:
    return read(write(folder, **({"main": MAIN} | files)), ENVIRON, host=HOST)


def findings(folder: Path, **files: str) -> list[str]:
    """Return the errors, the folder's own name taken out."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, **files)
    return [finding.replace(f"{folder}/", "") for finding in caught.value.findings]


def test_a_teams_file_stands_beside_the_first(tmp_path: Path) -> None:
    """A probe of the house may ask a team's targets, and the other way round."""
    config = loaded(tmp_path, pay=TEAM).config
    assert [(target.name, target.model_class) for target in config.targets] == [
        ("local", None),
        ("pay-1", "fast"),
        ("pay-2", "fast"),
    ]
    assert [(plan.workload.name, plan.targets) for plan in config.probes] == [("pay", ("pay-1", "pay-2"))]


def test_a_first_file_may_hold_nothing_but_the_include(tmp_path: Path) -> None:
    assert len(loaded(tmp_path, main="include: [conf.d/*.yaml]", pay=TEAM).config.targets) == 2


def test_files_are_read_in_the_order_of_their_names_each_once_and_never_the_first_again(
    tmp_path: Path,
) -> None:
    main = f"include: [conf.d/b.yaml, 'conf.d/*.yaml', '*.yaml', '{tmp_path}/conf.d/a*']\ntargets: [{LOCAL}]"
    one = "targets: [{name: %s, provider: vllm, model: m, endpoint: http://localhost}]"
    found = loaded(tmp_path, main=main, b=one % "b", a=one % "a")
    assert [target.name for target in found.config.targets] == ["local", "b", "a"]
    assert [file.name for file in found.files] == ["nephoscope.yaml", "b.yaml", "a.yaml"]
    assert all(file.is_absolute() for file in found.files)
    assert found.patterns[1] == str(tmp_path / "conf.d/*.yaml")


@pytest.mark.parametrize("main", ["targets: {a: b}", "targets: x", f"targets: [{LOCAL}]\nmodels: [x]"])
def test_a_mistake_of_the_first_file_is_told_whatever_a_team_says(tmp_path: Path, main: str) -> None:
    found = findings(tmp_path, main=f"include: [conf.d/*.yaml]\n{main}", pay=TEAM)
    assert "belongs here, not" in found[0], found


def test_a_first_files_empty_list_is_filled_by_the_teams(tmp_path: Path) -> None:
    assert len(loaded(tmp_path, main="include: [conf.d/*.yaml]\ntargets:\n", pay=TEAM).config.targets) == 2


def test_hidden_files_are_none(tmp_path: Path) -> None:
    """Editors leave such beside what they edit."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / ".#pay.yaml").write_text("{")
    assert len(loaded(tmp_path, pay=TEAM).files) == 2


@pytest.mark.parametrize(
    ("team", "told"),
    [
        (
            "targets: [{name: x, provider: vllm, model: m}]",
            "conf.d/pay.yaml:1: targets[0].endpoint: is missing",
        ),
        (
            f"targets:\n  - {LOCAL}",
            "conf.d/pay.yaml:2: targets[0].name: `local` is taken on line 3 of nephoscope.yaml; choose another",
        ),
        (
            "vantage: x",
            "conf.d/pay.yaml:1: vantage: an included file holds targets, probes, objectives, services and models and",
        ),
        (
            "include: [x]",
            "conf.d/pay.yaml:1: include: an included file includes no others; name them in nephoscope",
        ),
        ("targets: {a: b}", "conf.d/pay.yaml:1: targets: a list belongs here, not a map"),
        ("models: []", "conf.d/pay.yaml:1: models: a map belongs here, not a list"),
        (
            "- a",
            "conf.d/pay.yaml:1: the file holds a list, not a map of keys; write targets, probes, objectives, services and",
        ),
        ("targets:\n  - a: [", "conf.d/pay.yaml:2: cannot be read as YAML"),
        (
            "models:\n  m: {ids: {opnai: x}}",
            "conf.d/pay.yaml:2: models.m.ids.opnai: unknown provider `opnai`",
        ),
        (
            'targets:\n\n  - {name: "x-{y}", for: {z: [1]}, provider: vllm}',
            "conf.d/pay.yaml:3: targets[0].name: `{y}` is no key of `for`",
        ),
    ],
)
def test_a_mistake_names_the_file_it_is_in(tmp_path: Path, team: str, told: str) -> None:
    found = findings(tmp_path, pay=team)
    assert any(finding.startswith(told) for finding in found), found


def test_a_name_in_two_teams_files_names_both(tmp_path: Path) -> None:
    one = "objectives:\n  - {name: up, sli: availability, percent: 99.9}"
    model = "models:\n  nano: {class: fast}"
    assert findings(tmp_path, a=one, b=f"\n{one}") == [
        "conf.d/b.yaml:3: objectives[0].name: `up` is taken on line 2 of conf.d/a.yaml; choose another"
    ]
    assert findings(tmp_path, a=model, b=f"\n{model}") == [
        "conf.d/b.yaml:3: models.nano: `nano` is taken on line 2 of conf.d/a.yaml; keep one"
    ]


def test_findings_come_in_the_order_of_files_and_lines(tmp_path: Path) -> None:
    bad = "targets:\n  - {name: x, provider: x, model: m}\n"
    found = findings(tmp_path, main=f"{MAIN}vantge: x\n", b=bad, a=f"\n{bad}".replace("name: x", "name: y"))
    assert [finding.split(": ")[0] for finding in found] == [
        "nephoscope.yaml:4",
        "conf.d/a.yaml:3",
        "conf.d/b.yaml:2",
    ]


def test_a_pattern_that_matches_nothing_is_a_warning_and_a_file_that_is_not_there_an_error(
    tmp_path: Path,
) -> None:
    (warning,) = loaded(tmp_path).warnings
    assert (
        f"include[0]: no file matches {tmp_path}/conf.d/*.yaml; write one, or take the pattern out" in warning
    )
    (finding,) = findings(tmp_path, main=f"include: [pay.yaml]\ntargets: [{LOCAL}]")
    assert finding == "nephoscope.yaml:1: include[0]: there is no file pay.yaml; write it, or mend the path"


@pytest.mark.parametrize("include", ["x.yaml", "[5]", "['']", "['${BASE}']", "['**x']"])
def test_what_is_no_list_of_patterns_is_refused(tmp_path: Path, include: str) -> None:
    assert findings(tmp_path, main=f"include: {include}\ntargets: [{LOCAL}]")[0].startswith(
        "nephoscope.yaml:1: include"
    )


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, pay="x")
    (tmp_path / "conf.d" / "pay.yaml").write_bytes(b"\xff\xfe")
    (finding,) = findings(tmp_path)
    assert "conf.d/pay.yaml: is not UTF-8 text (byte 0); save it as UTF-8" in finding


def test_a_file_that_includes_itself_is_told_so(tmp_path: Path) -> None:
    assert findings(tmp_path, main=f"include: [nephoscope.yaml]\ntargets:\n  - {LOCAL}\n") == [
        "nephoscope.yaml:1: include[0]: `nephoscope.yaml` is this very file; take it out"
    ]
