"""The offline check, by way of the command line."""

import io
import json
import re
import subprocess
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
        "gateways.yaml",
        "minimal.yaml",
        "self-hosted.yaml",
        "two-clouds.yaml",
    ]


def test_the_table_shows_what_would_be_called(file: Path) -> None:
    code, out, err = check(file)
    assert (code, err) == (0, "")
    row = "local   chat   chat  30s    40s      56s   unknown    http://127.0.0.1:8000/v1/chat/completions"
    assert row in out.splitlines()
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
        "local   chat    chat    30s    40s      56s    1.94       http://127.0.0.1:8000/v1/chat/completions",
        "local   models  models  30s    40s      1m40s             http://127.0.0.1:8000/v1/models",
    ]
    assert "Cost a day: at most USD 3.89" in out
    assert [line for line in out if "configured" in line] == ["prices: configured"]
    file.write_text(f"targets: [{priced}]\nprobes: [{{name: models, kind: models}}]")
    assert "prices:" not in check(file)[1]


def test_a_line_break_in_a_path_does_not_break_the_first_line(file: Path) -> None:
    file.write_text(f'targets: [{LOCAL}]\nstate_dir: "/a\\nb"')
    assert check(file)[1].splitlines()[0].endswith(r"state in /a\nb")


def test_check_does_not_wait_for_heavy_parts(file: Path) -> None:
    """It starts in a fraction of a second because it imports no database, no server and nothing that asks."""
    code = (
        "import io, sys; from agent.cli import main; "
        f"main(['check', '-c', {str(file)!r}], io.StringIO()); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "sqlalchemy",
        "psycopg",
        "alembic",
        "opentelemetry",
        "starlette",
        "uvicorn",
        "uvloop",
        "apscheduler",
    }
    assert not heavy & set(done.stdout.split())


def test_a_url_that_stands_for_an_unset_variable_is_shown_as_it_is_written(file: Path) -> None:
    file.write_text(
        "targets: [{name: a, provider: azure, model: m, endpoint: '${NOPE_A}', credentials: {api_key: '${NOPE_B}'}}]"
    )
    code, out, err = check(file, "--no-secrets")
    assert (code, err) == (0, "")
    assert " ${NOPE_A}/openai/v1/chat/completions" in out


def test_the_whole_of_it_reads_like_this(file: Path) -> None:
    """Golden: two kinds of failure, a price that is known and one that is not, an objective that cannot page."""
    priced = LOCAL.replace("}", ", price: {input: 0.05, output: 0.4}}").replace("local", "priced")
    file.write_text(f"""vantage: fra-1
state_dir: /state
targets: [{LOCAL}, {priced}]
probes:
  - {{name: chat, every: 30s, first_token: 30s, timeout: 30s}}
  - {{name: models, kind: models, every: 1m, timeout: 5s}}
""")
    out = check(file)[1].partition("\n")[2]
    # Their number is held to a real page in test_sizes.py, and grows with each family.
    assert re.sub(r"[0-9]+ (from|once)", r"N \1", out) == GOLDEN


GOLDEN = """
TARGET  PROBE   KIND    EVERY  REFUSAL  HANG   USD A DAY  CALLS
local   chat    chat    30s    40s      1m40s  unknown    http://127.0.0.1:8000/v1/chat/completions
local   models  models  1m     1m10s    1m20s             http://127.0.0.1:8000/v1/models
priced  chat    chat    30s    40s      1m40s  0.30       http://127.0.0.1:8000/v1/chat/completions
priced  models  models  1m     1m10s    1m20s             http://127.0.0.1:8000/v1/models

PROBE   KIND    TARGETS  REFUSAL  PAGED  HANG   PAGED
chat    chat    2        40s      2m10s  1m40s  3m10s
models  models  2        1m10s    never  1m20s  never
REFUSAL and HANG: the longest that an endpoint may refuse, or say nothing, before the agent has confirmed it.
PAGED: before a paging rule has the failures that it wants; Prometheus adds one scrape and one evaluation.

OBJECTIVE  GOOD IS         PERCENT  WINDOW  SLOS
available  availability    99.9     28d     2
quick      ttft within 2s  99       28d     2

SERVICE  WELL WITH     PERCENT  WINDOW  MEMBERS
tiny     1 of 1 cloud  99.9     28d     local, priced
Prometheus pages, by what `nephoscope rules` prints.

A day: 8,640 probes, at most 201,600 tokens in and 1.47 million out (each answer as long as its cap allows)
Cost a day: at most USD 0.30, and unknown for 1 of 2 targets (local); `price` in a target says what its tokens cost
Stored a day: 8,640 rows, about 2.12 MB
Series a scrape: N from the start, N once all has been seen
Networks without a witness, on which the fault of a failure stays undetermined: internet
prices: configured
"""


def test_it_says_what_is_in_no_service(file: Path) -> None:
    file.write_text(f"""
targets: [{", ".join(LOCAL.replace("name: local", f"name: {name}") for name in ("a", "b", "c"))}]
services: [{{name: assist, members: a}}]
""")
    told = "In no service, so that one which is down is a ticket, and a page where it is critical: b, c"
    assert told in check(file)[1].splitlines()


def test_it_says_what_pages_and_who_hears_of_it(file: Path) -> None:
    file.write_text(f"""
targets: [{", ".join(LOCAL.replace("name: local", f"name: t{number}, cloud: c{number}") for number in range(7))}]
services: [{{name: assist, members: all, healthy_when: {{at_least: 3}}, team: sre, objective: {{percent: 99.95}}}}]
alerts:
  receivers: [{{name: am, kind: alertmanager, urls: ["http://am:9093"]}}, {{name: b, kind: alertmanager, urls: ["http://b:9093"]}}]
  routes: [{{when: {{severity: page}}, to: [am]}}, {{to: [b]}}]
""")
    out = check(file)[1].splitlines()
    assert "assist   3 of 7 clouds  99.95    28d     t0, t1, t2, t3, t4 and 2 more" in out
    assert "The agent pages: alerts are told to am, b by 2 routes." in out
    (service,) = json.loads(check(file, "--json")[1])["services"]
    assert (service["at_least"], service["units"], service["team"], len(service["members"])) == (
        3,
        7,
        "sre",
        7,
    )


def test_json_has_every_figure_of_every_target_and_of_the_plan(file: Path) -> None:
    priced = LOCAL.replace("}", ", price: {input: 0, output: 1}}").replace("local", "priced")
    file.write_text(f"targets: [{LOCAL}, {priced}]\nprobes: [{{name: chat, every: 1m, max_tokens: 1000}}]")
    found = json.loads(check(file, "--json")[1])
    local, priced_facts = found["targets"]
    assert local["probes"][0]["worst_s"] == {
        "refusal": {"confirmed": 70.0, "paged": 190.0},
        "hang": {"confirmed": 86.0, "paged": 206.0},
    }
    assert (local["per_day"]["usd"], local["per_day"]["unpriced"]) == (None, ["local"])
    assert priced_facts["per_day"]["usd"] == pytest.approx(1.44)
    assert (found["per_day"]["usd"], found["per_day"]["unpriced"]) == (pytest.approx(1.44), ["local"])
    assert (found["per_day"]["rows"], found["per_day"]["output_tokens"]) == (2880, 2_880_000.0)
    assert found["series"]["most"] > found["series"]["start"] > 100


def test_five_hundred_targets_are_cut_where_nobody_reads_on_and_added_up(file: Path) -> None:
    file.write_text(
        "targets:\n"
        + "\n".join(f"  - {LOCAL.replace('name: local', f'name: local-{number}')}" for number in range(500))
    )
    out = check(file)[1].splitlines()
    assert len(out) < 90
    assert "... and 440 more rows: --all shows them, and --json has everything" in out
    assert "chat   chat  500      40s      2m10s  56s   2m26s" in out
    assert (
        "Cost a day: unknown for 500 of 500 targets (local-0, local-1, local-2, local-3, local-4, ...); "
        "`price` in a target says what its tokens cost"
    ) in out
    assert sum(line.startswith("local-") for line in check(file, "--all")[1].splitlines()) == 500
