"""`config show` and `config diff`, by way of the command line."""

import dataclasses
import io
import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.config import shown
from agent.config.read import read
from agent.plan_diff import compare
from support.configuration import LOCAL

SECRET = "sk-spelled-out-0123456789"

BASE = f"""vantage: fra-1
state_dir: /state
targets:
  - {LOCAL}
  - name: azure-eu
    provider: azure
    model: nano
    id: nano-prod
    endpoint: https://bank.openai.azure.com
    region: swedencentral
    team: platform
    labels: {{env: prod}}
    credentials: {{api_key: "${{NOPE_KEY}}"}}
    headers: {{x-pass: {SECRET}}}
    price: {{input: 0.05, output: 0.4}}
probes:
  - {{name: chat, every: 30s}}
  - {{name: models, kind: models, every: 1m, targets: azure-*}}
"""


def config(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return main(["config", *words], out, err), out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(BASE)
    return path


def changed(file: Path, *changes: tuple[str, str]) -> Path:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = file.with_name("b.yaml")
    path.write_text(text)
    return path


def test_show_has_one_row_a_target_and_no_secret(file: Path) -> None:
    code, out, err = config("show", "-c", str(file))
    assert (code, err) == (0, "")
    assert out.splitlines()[:3] == SHOWN.splitlines()[1:]
    assert SECRET not in out


SHOWN = """
TARGET    PROVIDER  CLOUD        REGION         MODEL              NETWORK   LABELS                  PROBES               URL
local     vllm      self-hosted  -              tiny               internet  -                       chat 30s             http://127.0.0.1:8000/v1/chat/completions
azure-eu  azure     azure        swedencentral  nano -> nano-prod  internet  team=platform,env=prod  chat 30s, models 1m  https://bank.openai.azure.com/openai/v1/chat/completions
"""


def test_show_tells_machines_every_key_but_no_secret(file: Path) -> None:
    out = config("show", "-c", str(file), "--json")[1]
    assert SECRET not in out
    found = json.loads(out)
    azure = found["targets"][1]
    assert azure["keys"]["credentials.api_key"] == "${NOPE_KEY}"
    assert azure["keys"]["headers.x-pass"] == "[redacted]"
    assert azure["keys"]["model_id"] == "nano-prod"
    assert [probe["url"] for probe in azure["probes"]] == [
        "https://bank.openai.azure.com/openai/v1/chat/completions",
        "https://bank.openai.azure.com/openai/v1/models",
    ]
    assert found["probes"]["models"]["every_s"] == "1m"
    assert (found["settings"]["state_dir"], found["settings"]["storage.url"]) == ("/state", None)


def test_a_database_with_a_password_is_not_printed(file: Path) -> None:
    file.write_text(BASE + f"storage: {{url: 'postgresql://me:{SECRET}@127.0.0.1/db'}}")
    assert SECRET not in config("show", "-c", str(file), "--json")[1]
    other = changed(
        file, ("vantage: fra-1", "vantage: fra-1\nstorage: {url: 'postgresql://me:p@127.0.0.1/db'}")
    )
    code, out, _ = config("diff", str(file), str(other))
    assert code == 1
    assert "~ settings: storage.url changed (a secret, not shown)" in out
    assert SECRET not in out


def test_two_files_that_expand_to_the_same_plan_do_not_differ(file: Path) -> None:
    """Comments and defaults that are written out change nothing."""
    other = changed(file, ("every: 30s", "every: 30s, connection: cold"), ("vantage", "# why\nvantage"))
    assert config("diff", str(file), str(other)) == (
        0,
        "no difference: both files expand to the same plan\n",
        "",
    )


def test_one_more_region_is_told_with_its_cost_and_series(file: Path) -> None:
    more = BASE.split("  - name: azure-eu")[1].split("probes:", maxsplit=1)[0]
    more = "  - name: azure-us" + more.replace("swedencentral", "eastus2")
    other = changed(file, ("probes:\n", more + "probes:\n"))
    code, out, _ = config("diff", str(file), str(other))
    assert code == 1
    told = out.splitlines()
    assert told[0] == "+ target azure-us (azure, eastus2, nano, https://bank.openai.azure.com)"
    assert told[1] == "~ service nano: members azure-eu -> azure-eu, azure-us"
    assert told[2] == ""
    table = {line[:23].strip(): line[23:].split() for line in told[4:]}
    assert table["targets"] == ["2", "3", "+1"]
    assert table["SLOs"] == ["4", "6", "+2"]
    assert table["USD a day"] == ["0.30", "0.60", "+0.30"]
    assert table["rows a day"] == ["7,200", "11,520", "+4,320"]
    before, after, difference = (int(text.replace(",", "")) for text in table["series a scrape"])
    assert after - before == difference > 100


def test_what_is_changed_is_told_key_by_key(file: Path) -> None:
    other = changed(
        file,
        ("region: swedencentral", "region: eastus2"),
        (SECRET, "another-secret-987654"),
        ("name: chat, every: 30s", "name: chat, every: 1m, reasoning: minimal"),
        ("targets: azure-*", "targets: all"),
        ("vantage: fra-1", "vantage: ams-1"),
    )
    code, out, _ = config("diff", str(file), str(other))
    assert code == 1
    assert out.partition("\n\n")[0].splitlines() == [
        "~ target azure-eu: region swedencentral -> eastus2; headers.x-pass changed (a secret, not shown)",
        "~ probe chat: every_s 30s -> 1m; reasoning minimal added",
        "+ asked local by models",
        "~ settings: vantage fra-1 -> ams-1",
    ]
    found = json.loads(config("diff", "--json", str(file), str(other))[1])
    assert [part["kind"] for part in found["differences"]] == ["target", "probe", "asked", "settings"]
    assert found["totals"]["probes a day"]["difference"] == -2880.0 + 1440
    assert SECRET not in json.dumps(found)


def test_what_is_announced_is_told_as_it_is_written(file: Path) -> None:
    work = '{targets: local, start: "2090-11-26T02:00", timezone: UTC, for: 2h, reason: disks}'
    one = changed(file, ("vantage: fra-1", f"vantage: fra-1\nmaintenance: [{work}]"))
    other = one.rename(file.with_name("c.yaml"))
    longer = changed(file, ("vantage: fra-1", f"vantage: fra-1\nmaintenance: [{work.replace('2h', '3h')}]"))
    _, out, _ = config("diff", str(other), str(longer))
    assert out.partition("\n\n")[0] == "~ settings: maintenance.0.for_s 2h -> 3h"
    _, out, _ = config("diff", str(file), str(other))
    assert "maintenance.0.start 2090-11-26T02:00 added" in out


def test_a_removed_objective_and_probe_are_told_once(file: Path) -> None:
    goal = "objectives: [{name: o, sli: availability, percent: 99, probes: chat}]"
    file.write_text(f"{BASE}{goal}")
    other = changed(file, ("  - {name: models, kind: models, every: 1m, targets: azure-*}\n", ""))
    out = config("diff", str(file), str(other))[1]
    assert out.partition("\n\n")[0].splitlines() == [
        "- probe models (models, 1m)",
        "+ objective available (availability, 0.999)",
        "+ objective quick (ttft, 0.99, 2s)",
        "- objective o (availability, 0.99)",
        "~ service tiny: ratio 0.99 -> 0.999",
        "~ service nano: ratio 0.99 -> 0.999",
    ]


def test_a_file_that_cannot_be_used_ends_with_2(file: Path) -> None:
    other = changed(file, ("provider: azure", "provider: azzure"))
    code, out, err = config("diff", str(file), str(other))
    assert (code, out) == (2, "")
    assert "did you mean `azure`?" in err
    assert config("show", "-c", str(other))[0] == 2
    assert config("diff", str(file), "nowhere.yaml")[0] == 2


def test_config_alone_tells_what_there_is() -> None:
    code, _, err = config()
    assert (code, "WHAT" in err) == (2, True)
    assert config("reference")[1].startswith("vantage\n")
    assert config("reference", "--markdown")[1].startswith("# Reference")


def test_what_differs_from_target_to_target_is_told_together(file: Path) -> None:
    """A probe or an objective of one name may be several in the plan."""
    plan = read(file, {}, no_secrets=True).config
    (chat, models), (available, quick) = plan.probes, plan.objectives
    slow = dataclasses.replace(chat, workload=dataclasses.replace(chat.workload, every_s=60.0))
    tight = dataclasses.replace(quick, threshold_s=1.0)
    many = dataclasses.replace(plan, probes=(chat, slow, models), objectives=(available, quick, tight))
    assert shown.plain(shown.probes(many)["chat"])["every_s"] == "30s or 1m"
    assert shown.plain(shown.objectives(many)["quick"])["threshold_s"] == "2s or 1s"
    probe, objective = compare(plan, many)
    assert probe.changed[0].keys == (("every_s", "30s", "30s or 1m"),)
    assert objective.changed[0].keys == (("threshold_s", "2s", "2s or 1s"),)


@pytest.mark.parametrize(
    ("was", "now"),
    [("default", "gov"), ("gov", "${PROFILE}"), ("${PROFILE:-default}", "prober")],
)
def test_what_names_an_identity_is_shown_as_it_is_written(file: Path, was: str, now: str) -> None:
    """It is no secret, and its change is what a reader looks for."""
    for name, written in (("a.yaml", was), ("b.yaml", now)):
        file.with_name(name).write_text(
            "vantage: v\ntargets:\n  - {name: t, provider: bedrock, model: m, region: us-east-1, credentials: "
            f'{{aws: "{written}"}}}}\nprobes: [{{name: chat, every: 30s}}]\n'
        )
    shown_keys = json.loads(config("show", "-c", str(file), "--json")[1])["targets"][0]["keys"]
    assert shown_keys["credentials.aws"] == was
    out = config("diff", str(file), str(file.with_name("b.yaml")))[1]
    assert f"~ target t: credentials.aws {was} -> {now}\n" in out


def test_an_objective_may_be_pooled_beside_others_that_are_not(file: Path) -> None:
    """A pool's SLO has a name where others have a target and a probe."""
    goals = (
        "objectives: [{name: a, sli: availability, percent: 99}, {name: b, sli: availability, percent: 98}]"
    )
    file.write_text(f"{BASE}{goals}")
    other = file.with_name("pooled.yaml")
    other.write_text(file.read_text().replace("percent: 98", "percent: 98, per: all"))
    code, out, _ = config("diff", str(file), str(other))
    assert (code, out.partition("\n\n")[0].splitlines()) == (
        1,
        ["~ objective b: per all added", "+ SLO all-b", "- SLO local-chat-b", "- SLO azure-eu-chat-b"],
    )
