"""`nephoscope report` on the state folder of a daemon that does not run at the moment."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.telling import weeks
from probes.result import Fault, Outcome
from storage import engine, migrate
from storage.embedded import Server
from storage.records import Plan, PlanEntry, Settled
from storage.results import PostgresStore
from support.daemon import folder, nephoscope
from support.results import a_result

MINUTE_NS = 60 * 1_000_000_000
EVERY_NS = 60 * MINUTE_NS
WEEK = weeks.last_closed(time.time_ns())
CONFIG = """
vantage: fra-1
state_dir: {state}
targets: [{{name: openai, provider: openai, model: nano, credentials: {{api_key: "${{NOT_SET_HERE}}"}}}}]
probes: [{{name: chat, every: 1h}}]
objectives: [{{name: available, sli: availability, percent: 90, window: 7d, probes: [chat]}}]
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Yield a folder with a configuration and a database that holds an hourly probe's last closed week."""
    with folder() as home:
        (home / "nephoscope.yaml").write_text(CONFIG.format(state=home / "state"))
        server = Server(home / "state" / "postgres")
        server.start()
        try:
            migrate.upgrade(server.url)
            _fill(server.url)
        finally:
            server.stop()
        yield home


def _fill(url: str) -> None:
    opened = engine.create(url)
    store = PostgresStore(opened)
    entry = PlanEntry(target="openai", probe="chat", every_ns=EVERY_NS, phase_ns=0)
    store.plan(
        Plan(
            config_hash="h",
            vantage="fra-1",
            valid_from_ns=WEEK.since_ns,
            reason="start",
            entries=(entry,),
            grace_ns=MINUTE_NS,
        )
    )
    results = [
        a_result(
            scheduled_ns=WEEK.since_ns + slot * EVERY_NS,
            started_ns=WEEK.since_ns + slot * EVERY_NS,
            outcome=Outcome.OVERLOADED if slot in (30, 31, 32) else Outcome.OK,
        )
        for slot in range(160)
    ]
    verdicts = [
        Settled(slot=one.key, fault=Fault.NOT_OURS, settled_ns=one.scheduled_ns + MINUTE_NS)
        for one in results
        if one.meaning.confirm
    ]
    store.store(results, verdicts)
    opened.dispose()


def test_the_last_closed_week_is_printed_from_stored_rows(home: Path) -> None:
    """The server of the folder is started for it and stopped after it; no key is asked for."""
    done = nephoscope("report", "-c", str(home / "nephoscope.yaml"))
    assert done.returncode == 0, done.stderr
    assert f"# SLO report {WEEK.name}" in done.stdout
    assert "157 / 3 (missing 8)" in done.stdout
    assert "| 3 h | 3 | overloaded |" in done.stdout
    assert not (home / "state" / "postgres" / "data" / "postmaster.pid").exists()


@pytest.mark.heavy
def test_files_are_written_into_a_folder_and_named(home: Path) -> None:
    """Their names go to standard output, for a job that mails them."""
    done = nephoscope(
        "report", "-c", str(home / "nephoscope.yaml"), "--format", "html,json", "--out", str(home / "out")
    )
    assert done.returncode == 0, done.stderr
    page, figures = (Path(line) for line in done.stdout.splitlines())
    assert page.read_text().startswith("<!doctype html>")
    (slo,) = json.loads(figures.read_text())["slos"]
    assert (slo["week"]["good"], slo["week"]["bad"], slo["week"]["missing"]) == (157, 3, 8)


@pytest.mark.heavy
def test_a_week_without_rows_is_exit_3_and_names_one_with_rows(home: Path) -> None:
    done = nephoscope("report", "-c", str(home / "nephoscope.yaml"), "--week", "2020-W10")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"try --week {WEEK.name}" in done.stderr
