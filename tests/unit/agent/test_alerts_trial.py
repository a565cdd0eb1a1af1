"""`nephoscope alerts test`: a marked trial, its end, and what was answered."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from support.configuration import LOCAL
from support.notices import Receiver, receiver

SECRET = "t0p-s3cret-key"


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIAL_KEY", SECRET)
    monkeypatch.delenv("NOT_SET", raising=False)
    return tmp_path / "nephoscope.yaml"


def tried(file: Path, receivers: str, *words: str) -> tuple[int, str, str]:
    file.write_text(f"vantage: fra-1\ntargets: [{LOCAL}]\nalerts: {{receivers: [{receivers}]}}\n")
    out, err = io.StringIO(), io.StringIO()
    return main(["alerts", "test", *words, "-c", str(file)], out, err), out.getvalue(), err.getvalue()


def hook(server: Receiver) -> str:
    return f'{{name: hook, kind: webhook, url: "{server.url}/x", secret: "${{TRIAL_KEY}}"}}'


def test_a_trial_and_its_end_are_sent_under_one_key_and_marked(file: Path, server: Receiver) -> None:
    server.answer(200, "thanks")
    code, out, _ = tried(file, hook(server), "hook")
    assert code == 0
    assert out.splitlines() == [
        "ok      hook firing: HTTP 200: thanks",
        "ok      hook resolved: HTTP 200: thanks",
    ]
    first, second = (asked.json for asked in server.asked)
    assert first["key"] == second["key"]
    assert (first["state"], second["state"]) == ("firing", "resolved")
    assert first["drill"]
    assert first["severity"] == "ticket"
    assert "nothing is wrong" in first["summary"]


def test_two_trials_are_two_occurrences(file: Path, server: Receiver) -> None:
    server.answer(200)
    tried(file, hook(server), "hook")
    tried(file, hook(server), "hook", "--severity", "page")
    assert server.asked[0].json["key"] != server.asked[2].json["key"]
    assert server.asked[2].json["severity"] == "page"


def test_what_is_not_taken_is_told_without_the_secret_and_no_end_follows(
    file: Path, server: Receiver
) -> None:
    server.answer(403, f"no such key {SECRET}")
    code, out, err = tried(file, hook(server), "hook")
    assert code == 1
    assert (
        out
        == "FAILED  hook firing: hook answered HTTP 403: no such key [redacted] (mend it; the daemon would try again every five minutes)\n"
    )
    assert SECRET not in err
    assert len(server.asked) == 1


def test_each_replica_is_tried_by_itself(file: Path, server: Receiver) -> None:
    """One that is away must not hide behind another."""
    server.answer(200, "")
    with receiver() as gone:
        away = gone.url
    code, out, _ = tried(file, f'{{name: am, kind: alertmanager, urls: ["{server.url}", "{away}"]}}', "am")
    assert code == 1
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "ok      am replica 1 firing",
        "ok      am replica 1 resolved",
        "FAILED  am replica 2 firing",
    ]
    assert json.loads(server.asked[0].body)[0]["labels"]["drill"] == "true"


def test_a_reference_that_stands_for_nothing_is_told(file: Path) -> None:
    code, out, _ = tried(file, '{name: pager, kind: pagerduty, routing_key: "${NOT_SET}"}', "pager")
    assert code == 1
    assert "NOT_SET is not set" in out


def test_a_receiver_that_is_not_there_is_named_with_its_nearest(file: Path, server: Receiver) -> None:
    code, _, err = tried(file, hook(server), "hok")
    assert code == 2
    assert "there is no receiver `hok` under alerts.receivers; did you mean `hook`?" in err
