"""`alerts list`, `alerts ack` and `explain` against a real Postgres: which alert is meant, and what is said of it."""

import contextlib
import dataclasses
import fcntl
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from agent import database
from agent.cli import main
from agent.clock import SystemClock
from probes.result import Fault, Outcome
from storage.alert_readings import AlertRow, ChangeRow, NoticeRow
from storage.alerts import PostgresAlerts
from storage.records import Settled
from storage.results import PostgresStore
from support.results import a_result

S = 1_000_000_000

CONFIG = """
vantage: here
state_dir: "{folder}"
targets: [{{name: aws, provider: vllm, endpoint: "http://127.0.0.1:9", model: nano}}]
"""


class Commands:
    """Runs commands on a configuration of this database."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "nephoscope.yaml"
        self._file.write_text(CONFIG.format(folder=folder))

    def __call__(self, *words: str) -> tuple[int, str]:
        """Return the exit code and all that was said."""
        out, err = io.StringIO(), io.StringIO()
        code = main([*words, "-c", str(self._file)], out, err)
        return code, out.getvalue() + err.getvalue()


@pytest.fixture
def alone(tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Return commands where no daemon runs."""
    monkeypatch.setattr(database, "database_url", lambda _config: contextlib.nullcontext(migrated_url))
    return Commands(tmp_path)


@pytest.fixture
def run(alone: Commands, tmp_path: Path) -> Iterator[Commands]:
    """Yield commands beside a daemon: its state folder is held as it holds it."""
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield alone


@pytest.fixture
def alerts(request: pytest.FixtureRequest) -> PostgresAlerts:
    engine: Engine = request.getfixturevalue("database")
    return PostgresAlerts(engine)


def row(key: str = "target-down/aws/chat", age_s: int = 60, **changes: Any) -> AlertRow:
    fired_ns = SystemClock().wall_ns() - age_s * S
    known: dict[str, Any] = {
        "vantage": "here",
        "id": f"{key}@{fired_ns}",
        "key": key,
        "name": "TargetDown",
        "severity": "ticket",
        "subject": "aws",
        "since_ns": fired_ns - 20 * S,
        "fired_ns": fired_ns,
        "quiet_ns": None,
        "ended_ns": None,
        "seq": 1,
        "labels": {"target": "aws", "probe": "chat", "cloud": "aws"},
        "facts": {"fault": "target aws"},
    }
    return AlertRow(**known | changes)


def ended(age_s: int) -> AlertRow:
    ended_ns = SystemClock().wall_ns() - (age_s - 30) * S
    return row(age_s=age_s, quiet_ns=ended_ns, ended_ns=ended_ns)


def test_an_acknowledgement_is_kept_and_listed(run: Commands, alerts: PostgresAlerts) -> None:
    known = row()
    alerts.save([known])
    code, said = run(
        "alerts", "ack", "target-down/aws", "--reason", "  rolling\nback ", "--author", "ada", "--for", "2h"
    )
    assert (code, said.split(" until ")[0]) == (0, f"{known.id} (ticket) is acknowledged by ada")
    assert said.endswith("UTC, or it rises to a page\n")
    (ack,) = alerts.acknowledgements("here", [known.id])
    assert (ack.author, ack.reason, ack.severity) == ("ada", "rolling back", "ticket")
    assert ack.until_ns == ack.made_ns + 7200 * S
    _, listed = run("alerts", "list")
    assert "in hand" in listed
    assert "acknowledged by ada: rolling back; fault: target aws" in listed
    told = json.loads(run("alerts", "list", "--json")[1])
    assert told["acknowledged"]["author"] == "ada"


def test_where_no_daemon_runs_nobody_takes_the_list_for_what_is_now(
    alone: Commands, run: Commands, alerts: PostgresAlerts, tmp_path: Path
) -> None:
    assert run("alerts", "list") == (0, "Nothing is wrong.\n")
    (tmp_path / "lock").unlink()  # another file than the one that is held
    code, said = alone("alerts", "list")
    assert (code, said.splitlines()[0]) == (0, "Nothing is wrong.")
    assert said.endswith(": nobody looks, and this is as it was left.\n")
    alerts.save([row()])
    code, said = alone("alerts", "ack", "target-down", "--reason", "r", "--author", "a")
    assert (code, said.splitlines()[-1].split(":")[0]) == (0, "No daemon runs here")


def test_an_alert_that_nobody_knows_is_refused_with_those_that_there_are(
    run: Commands, alerts: PostgresAlerts
) -> None:
    assert run("alerts", "ack", "x", "--reason", "r", "--author", "a") == (
        1,
        "nephoscope: no alert that is alive begins with `x`: nothing is wrong now\n",
    )
    alerts.save([row("target-down/aws/chat"), row("target-down/aws-2/chat"), ended(3600)])
    code, said = run("alerts", "ack", "y", "--reason", "r", "--author", "a")
    assert (code, "there are target-down/aws" in said) == (1, True)
    code, said = run("alerts", "ack", "target-down/aws", "--reason", "r", "--author", "a")
    assert code == 1
    assert "could be target-down/aws" in said
    assert said.endswith("; write more of the one that you mean\n")
    assert run("alerts", "ack", "target-down/aws/chat", "--reason", "r", "--author", "a")[0] == 0


def test_what_is_over_cannot_be_acknowledged(run: Commands, alerts: PostgresAlerts) -> None:
    alerts.save([ended(3600)])
    assert run("alerts", "ack", "target-down", "--reason", "r", "--author", "a")[0] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--reason", " "), "--reason says nothing"),
        (("--reason", "r" * 301), "--reason has 301 characters"),
        (("--reason", "r", "--for", "2"), "--for 2: "),
        (("--reason", "r", "--author", "a", "--for", "0s"), "--for 0s leaves no time"),
        (("--author", "ada"), "--reason"),
    ],
)
def test_what_says_too_little_or_too_much_is_refused(
    run: Commands, words: tuple[str, ...], says: str
) -> None:
    code, said = run("alerts", "ack", "target-down", *words)
    assert (code, says in said) == (2, True)


def test_an_alert_that_came_twice_is_listed_by_its_id(run: Commands, alerts: PostgresAlerts) -> None:
    first, second = ended(3600), row()
    alerts.save([first, second])
    _, listed = run("alerts", "list", "--all")
    assert first.id in listed
    assert second.id in listed
    _, listed = run("alerts", "list")
    assert second.id not in listed
    assert "target-down/aws/chat" in listed


def test_an_alert_is_explained_from_what_is_stored(
    run: Commands, alerts: PostgresAlerts, request: pytest.FixtureRequest
) -> None:
    """For people, and as JSON: numbers, changes, who was told, and each attempt around its begin."""
    known = row(facts={"fault": "target aws", "counts": [{"window": "1h", "bad": 4, "burn": 33.3333}]})
    engine: Engine = request.getfixturevalue("database")
    told = NoticeRow(
        vantage="here",
        receiver="pager",
        alert=known.id,
        seq=1,
        ends=False,
        urgent=False,
        bundle="b",
        made_ns=known.fired_ns,
        due_ns=known.fired_ns,
        repeat_ns=None,
        payload={"state": "firing"},
    )
    fired = ChangeRow(
        vantage="here",
        alert=known.id,
        seq=1,
        at_ns=known.fired_ns,
        what="fired",
        severity="ticket",
        facts=known.facts,
    )
    alerts.save([dataclasses.replace(known, facts={})], [told], [fired])
    failed = a_result(
        target="aws",
        vantage="here",
        scheduled_ns=known.since_ns,
        started_ns=known.since_ns,
        outcome=Outcome.OVERLOADED,
        http_status=503,
        error="the model is busy",
        provider_request_id="req-7",
    )
    verdict = Settled(
        slot=failed.key,
        fault=Fault.NOT_OURS,
        confirmations=3,
        confirmations_bad=3,
        witness="a server answered",
        settled_ns=known.fired_ns,
    )
    PostgresStore(engine).store([failed], [verdict])
    run("alerts", "ack", known.id, "--reason", "on it", "--author", "ada")
    code, said = run("explain", "target-down/aws")
    assert code == 0
    for part in (
        "[TICKET] Target aws has been down since ",
        f"id      {known.id}",
        "fired (ticket)",
        "ada took it: on it",
        "WINDOW  BAD  BURN",
        "1h      4    33.33",
        "pager     1 firing",
        f"503     3 ms  10 ms    25 ms  100 ms  300 ms  510 ms  {failed.trace_id}  req-7",
        "aws: not_ours; 3 of 3 confirmations failed; a server answered",
        "aws: overloaded: the model is busy",
    ):
        assert part in said, said
    told_json = json.loads(run("explain", known.id, "--json")[1])
    assert told_json["attempts"][0]["provider_request_id"] == "req-7"
    assert told_json["attempts"][0]["settled"]["confirmations_bad"] == 3
    assert told_json["facts"] == known.facts
    assert [one["what"] for one in told_json["changes"]] == ["fired"]


def test_the_newest_occurrence_is_explained_and_an_older_one_by_its_id(
    run: Commands, alerts: PostgresAlerts
) -> None:
    first, second = ended(3600), row()
    alerts.save([first, second])
    assert f"id      {second.id}" in run("explain", "target-down")[1]
    assert f"id           {first.id}" in run("explain", first.id)[1]
    assert run("explain", "nothing-like-it")[0] == 1
