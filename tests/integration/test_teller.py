import contextlib
import dataclasses
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from agent.config.model import Config, Export, Storage
from agent.config.plan_file import write_plan
from agent.slo.service import Member, Service
from probes.result import Outcome, ProbeResult, SlotKey
from storage.journal import Writer
from storage.records import Beat, Plan, PlanEntry, Settled
from storage.results import PostgresStore
from support.llm import free_port
from support.postgres import connect
from support.told import SECOND_NS, beat, configuration, plan, result, settled

COMMAND = [sys.executable, "-P", "-m", "agent.wiring.teller"]
EVERY_NS = 30 * SECOND_NS
TARGETS = ("openai", "azure")
SLOTS = 300
BAD_EVERY = 10
UNSETTLED = 3
"""Of the failures of each target, the last three were never settled by the asker."""


class Asker:
    """Writes the journal that an asker would have written over the last hours."""

    def __init__(self, state: Path, config: Config) -> None:
        self.writer = Writer(state)
        self.writer.open()
        self.origin_ns = (time.time_ns() // EVERY_NS - SLOTS) * EVERY_NS
        self.config = config
        self.failures = 0
        self.write(
            Plan(
                config_hash=config.hash,
                vantage="here",
                valid_from_ns=self.origin_ns,
                reason="start",
                entries=tuple(
                    PlanEntry(target=target, probe="chat", every_ns=EVERY_NS, phase_ns=0)
                    for target in TARGETS
                ),
                grace_ns=45 * SECOND_NS,
            )
        )
        self.beat(0)

    def write(self, message: Plan | Beat | Settled | ProbeResult) -> None:
        kinds = {Plan: "plan", Beat: "beat", Settled: "settled", ProbeResult: "result"}
        good = isinstance(message, ProbeResult) and message.meaning.good is True
        self.writer.append(kinds[type(message)], message.encode(), good=good)  # type: ignore[arg-type]  # a kind's text

    def beat(self, slot: int, at_ns: int | None = None) -> None:
        at_ns = at_ns or self.origin_ns + slot * EVERY_NS
        self.write(
            dataclasses.replace(beat(0), at_ns=at_ns, config_hash=self.config.hash, journal_bytes=1000)
        )

    def ask(self, slots: range) -> None:
        """Every tenth slot fails and is confirmed by one attempt; all but the last three are settled."""
        for slot in slots:
            scheduled_ns = self.origin_ns + slot * EVERY_NS
            for target in TARGETS:
                bad = slot % BAD_EVERY == 0
                given: dict[str, Any] = {
                    "target": target,
                    "scheduled_ns": scheduled_ns,
                    "started_ns": scheduled_ns,
                    "input_tokens": 3,
                }
                outcome = Outcome.SERVER_ERROR if bad else Outcome.OK
                self.write(result(slot, outcome, ttft_s=None if bad else 0.25, **given))
                if bad:
                    self.write(result(slot, Outcome.OK, attempt=1, **given))
                if bad and slot < SLOTS - UNSETTLED * BAD_EVERY:
                    key = SlotKey(target, "chat", "here", scheduled_ns)
                    self.write(dataclasses.replace(settled(), slot=key, settled_ns=scheduled_ns + SECOND_NS))
            self.beat(slot)

    def fail(self, slot: int, target: str) -> None:
        """Let a slot fail, and all that confirm it."""
        scheduled_ns = self.origin_ns + slot * EVERY_NS
        given: dict[str, Any] = {"scheduled_ns": scheduled_ns, "started_ns": scheduled_ns}
        self.write(result(slot, Outcome.SERVER_ERROR, target=target, **given))
        key = SlotKey(target, "chat", "here", scheduled_ns)
        ended_ns = scheduled_ns + 12 * SECOND_NS
        self.write(
            dataclasses.replace(
                settled(), slot=key, settled_ns=ended_ns, confirmations=3, confirmations_bad=3
            )
        )


class Teller:
    """The teller's process over a state folder."""

    def __init__(self, state: Path, config: Config, url: str | None) -> None:
        self.port = config.export.port
        self.log = state / "teller.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "--state-dir", str(state), "--log-format", "json"],
                stdin=subprocess.PIPE,
                stderr=log,
            )
        self.tell({"plan": config.hash, "database_url": url})

    def tell(self, word: Mapping[str, Any]) -> None:
        """Say what the parent says."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(word).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what the process will bring about; the deadline only bounds a failing test."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.end()
            with contextlib.suppress(httpx.TransportError):
                if holds():
                    return
            time.sleep(0.05)
        raise AssertionError(f"it never came: {self.end()}")

    def page(self) -> list[str]:
        answer = httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False)
        return answer.text.splitlines() if answer.status_code == 200 else []

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that carry these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in self.page()
            if line.startswith((f"nephoscope_{name}{{", f"nephoscope_{name} "))
            and all(label in line for label in wanted)
        )

    def end(self) -> str:
        """Kill what still runs, and return what was said."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        return self.log.read_text()


@contextlib.contextmanager
def telling(state: Path, config: Config, url: str | None) -> Iterator[Teller]:
    teller = Teller(state, config, url)
    try:
        yield teller
    finally:
        teller.end()


def planned(state: Path, **fields: Any) -> Config:
    config = configuration(
        *TARGETS,
        state_dir=str(state),
        storage=Storage(embedded=False, url="postgresql://nobody@127.0.0.1:1/none"),
        export=Export(port=free_port()),
        **fields,
    )
    write_plan(state, config)
    return config


def counted(url: str, sql: str) -> int:
    with connect(url) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row
    assert isinstance(row[0], int)
    return row[0]


def stored_position(state: Path) -> int:
    file = state / "readers" / "store"
    return int(file.read_text()) if file.exists() else 0


NANO = Service(
    name="nano",
    members=tuple(
        Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in TARGETS
    ),
    ratio=0.99,
    window_s=28 * 86400.0,
)


@pytest.mark.heavy
def test_a_teller_killed_midway_and_started_again_leaves_exact_rows_and_exact_counters(
    tmp_path: Path, empty_url: str
) -> None:
    config = planned(tmp_path, services=(NANO,))
    asker = Asker(tmp_path, config)
    asker.ask(range(SLOTS // 2))
    with telling(tmp_path, config, empty_url) as first:
        first.until(lambda: stored_position(tmp_path) > 0)
        first.process.kill()
    asker.ask(range(SLOTS // 2, SLOTS))
    asker.beat(0, time.time_ns())
    failures = SLOTS // BAD_EVERY
    with telling(tmp_path, config, empty_url) as second:
        results = len(TARGETS) * (SLOTS + failures)
        second.until(lambda: second.metric("agent_database_up") == 1)
        second.until(lambda: counted(empty_url, "SELECT count(*) FROM results") == results)
        second.until(lambda: counted(empty_url, "SELECT count(*) FROM verdicts") == len(TARGETS) * failures)
        assert counted(empty_url, "SELECT count(*) FROM results WHERE attempt = 0") == len(TARGETS) * SLOTS
        assert counted(empty_url, "SELECT count(*) FROM plans WHERE valid_to_ns IS NULL") == len(TARGETS)
        revisions = "SELECT count(*) FROM objective_revisions WHERE valid_to_ns IS NULL"
        promised = len(TARGETS) * len(config.objectives) + len(NANO.members)
        second.until(lambda: counted(empty_url, revisions) == promised)
        assert second.metric("service_healthy_members_required", service="nano") == 1
        assert second.metric("target_warm", target=TARGETS[0]) == 1
        for target in TARGETS:
            assert second.metric("probe_results_total", target=target, outcome="server_error") == failures
            assert second.metric("probe_results_total", target=target, outcome="ok") == SLOTS - failures
            assert second.metric("probe_tokens_total", target=target) == 3 * (SLOTS + failures)
            assert second.metric("probe_ttft_seconds_count", target=target) == SLOTS - failures
            slo = f"{target}-chat-available"
            assert second.metric("sli_events_total", slo=slo, result="bad") == failures
            assert SLOTS - 3 <= second.metric("sli_expected_events_total", slo=slo) <= SLOTS
        assert second.metric("agent_results_dropped_total") == 0
        now_ns = time.time_ns()
        asker.beat(0, now_ns)
        asker.writer.close()
        second.until(lambda: second.metric("agent_last_beat_timestamp_seconds") == now_ns / 1e9)
        ready = httpx.get(f"http://127.0.0.1:{second.port}/readyz", trust_env=False)
        assert ready.json() == {"ready": True, "reasons": []}
        before = [line for line in second.page() if "_total{" in line]
        second.process.terminate()
        assert second.process.wait(60) == 0
    with telling(tmp_path, config, empty_url) as third:
        third.until(lambda: bool(third.page()))
        again = [line for line in third.page() if "_total{" in line]
        assert set(again) >= {line for line in before if "duplicate" not in line}
        third.until(lambda: third.metric("slo_coverage_ratio", slo="openai-chat-available") > 0.9)
        assert third.metric("slo_coverage_ratio", slo="nano-service") > 0.9
        assert third.metric("sli_ratio", slo="nano-service", window="28d") == pytest.approx(
            (SLOTS - failures) / SLOTS
        )


@pytest.mark.parametrize(("planned_for_s", "severity"), [(7200, "page"), (60, "ticket")])
def test_a_teller_without_a_snapshot_knows_by_the_stored_plans_what_is_not_new(
    tmp_path: Path, database: Engine, migrated_url: str, planned_for_s: int, severity: str
) -> None:
    """A state folder that is lost with each rollout must not make each rollout an hour without pages."""
    config = planned(tmp_path, services=(NANO,))
    entries = tuple(PlanEntry(target=one, probe="chat", every_ns=EVERY_NS, phase_ns=0) for one in TARGETS)
    since_ns = time.time_ns() - planned_for_s * SECOND_NS
    PostgresStore(database).plan(plan(TARGETS, EVERY_NS, valid_from_ns=since_ns, entries=entries))
    asker = Asker(tmp_path, config)
    for slot in range(SLOTS - 3, SLOTS - 1):
        for target in TARGETS:
            asker.fail(slot, target)
    asker.beat(0, time.time_ns())
    asker.writer.close()
    down = f"SELECT count(*) FROM alerts WHERE name = 'ServiceDown' AND severity = '{severity}'"
    with telling(tmp_path, config, migrated_url) as teller:
        teller.until(lambda: counted(migrated_url, down) == 1)


@pytest.mark.heavy
def test_what_services_promise_is_another_revision_where_they_alone_change(
    tmp_path: Path, migrated_url: str
) -> None:
    """The plan's hash stays the same, so only the parent's word tells of it."""
    config = planned(tmp_path, services=(NANO,))
    asker = Asker(tmp_path, config)
    asker.beat(0, time.time_ns())
    asker.writer.close()
    held = "SELECT count(*) FROM objective_revisions WHERE objective = 'service/nano' AND rule ->> 'at_least' = '{}'"
    with telling(tmp_path, config, migrated_url) as teller:
        teller.until(lambda: counted(migrated_url, held.format(1)) == len(TARGETS))
        stricter = dataclasses.replace(config, services=(dataclasses.replace(NANO, at_least=2),))
        assert stricter.hash == config.hash
        write_plan(tmp_path, stricter)
        teller.tell({"plan": config.hash, "reload": {"taken": True, "at_ns": time.time_ns()}})
        teller.until(lambda: counted(migrated_url, held.format(2)) == len(TARGETS))
        ended = held.format(1) + " AND valid_to_ns IS NOT NULL"
        assert counted(migrated_url, ended) == len(TARGETS)


def test_without_a_database_metrics_are_served_and_the_journal_keeps_everything(tmp_path: Path) -> None:
    config = planned(tmp_path)
    asker = Asker(tmp_path, config)
    asker.ask(range(20))
    asker.writer.close()
    with telling(tmp_path, config, None) as teller:
        teller.until(lambda: teller.metric("probe_results_total", target="openai") > 0)
        teller.until(lambda: "nephoscope_agent_database_up 0.0" in teller.page())
        status = httpx.get(f"http://127.0.0.1:{teller.port}/", trust_env=False).text
        assert "The database is away" in status
        assert all(target in status for target in TARGETS)
        teller.process.terminate()
        assert teller.process.wait(60) == 0
        assert stored_position(tmp_path) == 0
        assert list((tmp_path / "journal").iterdir())
        assert (tmp_path / "readers" / "metrics.snapshot").exists()


def test_the_end_of_the_parents_pipe_is_the_end_of_the_teller(tmp_path: Path, migrated_url: str) -> None:
    config = planned(tmp_path)
    asker = Asker(tmp_path, config)
    asker.ask(range(20))
    asker.writer.close()
    with telling(tmp_path, config, migrated_url) as teller:
        teller.until(lambda: bool(teller.page()))
        assert teller.process.stdin
        teller.process.stdin.close()
        assert teller.process.wait(60) == 0
    assert counted(migrated_url, "SELECT count(*) FROM results WHERE attempt = 0") == 20 * len(TARGETS)


def test_a_port_in_use_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    config = planned(tmp_path)
    with socket.create_server(("127.0.0.1", config.export.port)), telling(tmp_path, config, None) as teller:
        assert teller.process.wait(60) == 2
        said = teller.end()
    assert "export.listen" in said
    assert "Traceback" not in said


def test_a_plan_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    config = planned(tmp_path)
    (tmp_path / "config" / f"{config.hash}.json").unlink()
    with telling(tmp_path, config, None) as teller:
        assert teller.process.wait(60) == 1
        assert "Traceback" not in teller.end()


def test_a_parent_that_is_gone_before_it_said_anything_ends_it_quietly(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--state-dir", str(tmp_path)],
        input=b"",
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
