import collections
import contextlib
import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.config.model import Config
from agent.config.plan_file import write_plan
from probes.result import ProbeResult
from probes.target import Workload
from storage.journal import Reader, Writer
from storage.records import Beat, Kind, Plan
from support.asking import a_config, a_target, replaced
from support.endpoint import Endpoint, endpoint

FORBIDDEN = ("sqlalchemy", "psycopg", "prometheus_client", "opentelemetry", "starlette")


class Process:
    """The asker as the parent starts it, and what its journal holds."""

    def __init__(self, state: Path, config: Config, resume_ns: int | None = None) -> None:
        self.state = state
        self.reader = Reader(state, "store")
        self.seen: list[tuple[Kind, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agent.wiring.asker", "--state-dir", str(state)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.order(config, resume_ns)

    def order(self, config: Config, resume_ns: int | None = None) -> None:
        write_plan(self.state, config)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"plan": config.hash, "resume_ns": resume_ns}).encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> list[tuple[Kind, Any]]:
        kinds: dict[Kind, Any] = {Kind.RESULT: ProbeResult, Kind.BEAT: Beat, Kind.PLAN: Plan}
        batch = self.reader.read(10_000)
        assert batch.lost == 0
        self.seen += [
            (one.kind, kinds[one.kind].decode(one.payload)) for one in batch.records if one.kind in kinds
        ]
        return self.seen

    def of(self, kind: Kind) -> list[Any]:
        return [message for one, message in self.read() if one is kind]

    def until(self, enough: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not enough():
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def ends(self) -> int:
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def asking(state: Path, config: Config, resume_ns: int | None = None) -> Iterator[Process]:
    process = Process(state, config, resume_ns)
    try:
        yield process
    finally:
        process.process.kill()
        process.process.wait()
        for pipe in (process.process.stdin, process.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr] # asked for by PIPE
        process.reader.close()


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with endpoint() as running:
        yield running


def plan_for(server: Endpoint, mode: str = "ok") -> Config:
    target = dataclasses.replace(
        a_target(), endpoint=server.base(mode), provider="openai-compatible", credentials={"api_key": "k"}
    )
    return a_config([target], Workload(name="chat", every_s=0.25, timeout_s=5.0, first_token_s=2.0))


def test_it_asks_switches_and_drains_at_sigterm(tmp_path: Path, server: Endpoint) -> None:
    config = plan_for(server)
    with asking(tmp_path, config) as asker:
        asker.until(lambda: len(asker.of(Kind.RESULT)) >= 3)
        slower = replaced(config, every_s=0.5)
        asker.order(slower)
        asker.until(lambda: len(asker.of(Kind.PLAN)) == 2)
        switched = len(asker.of(Kind.RESULT))
        asker.until(lambda: len(asker.of(Kind.RESULT)) >= switched + 2)
        asker.process.send_signal(signal.SIGINT)
        asker.process.send_signal(signal.SIGTERM)
        assert asker.ends() == 0
        results, beats, plans = asker.of(Kind.RESULT), asker.of(Kind.BEAT), asker.of(Kind.PLAN)
    assert {result.outcome.value for result in results} == {"ok"}
    slots = [result.scheduled_ns for result in results]
    assert len(slots) == len(set(slots))
    assert {slot % 250_000_000 for slot in slots[:3]} == {plans[0].entries[0].phase_ns}
    assert [plan.reason for plan in plans] == ["start", "change"]
    assert beats[-1].draining
    assert sum(sum(beat.lateness.values()) for beat in beats) == len(results)


def test_it_ends_in_order_when_its_parent_is_gone(tmp_path: Path, server: Endpoint) -> None:
    with asking(tmp_path, plan_for(server)) as asker:
        asker.until(lambda: bool(asker.of(Kind.RESULT)))
        asker.process.stdin.close()  # type: ignore[union-attr] # asked for by PIPE
        assert asker.ends() == 0
        assert asker.of(Kind.BEAT)[-1].draining


def test_killed_and_resumed_it_loses_what_was_in_flight_and_no_more(tmp_path: Path, server: Endpoint) -> None:
    config = plan_for(server)
    with asking(tmp_path, config) as asker:
        asker.until(lambda: len(asker.of(Kind.RESULT)) >= 2)
        asker.process.kill()
        asker.ends()
        died_ns = time.time_ns()
        before = asker.of(Kind.RESULT)
        asker.reader.commit(asker.reader.position)
    with asking(tmp_path, config, died_ns) as asker:
        asker.until(lambda: len(asker.of(Kind.RESULT)) >= 2)
        after = asker.of(Kind.RESULT)
        (plan,) = asker.of(Kind.PLAN)
    assert (plan.reason, plan.valid_from_ns) == ("resume", died_ns)
    slots = collections.Counter(result.scheduled_ns for result in [*before, *after])
    assert set(slots.values()) == {1}


def test_a_second_asker_on_the_same_state_folder_says_so_and_ends(tmp_path: Path, server: Endpoint) -> None:
    writer = Writer(tmp_path)
    writer.open()
    try:
        with asking(tmp_path, plan_for(server)) as asker:
            assert asker.ends() == 1
            assert asker.process.stderr is not None
            assert b"another daemon uses this state folder" in asker.process.stderr.read()
    finally:
        writer.close()


def test_it_imports_neither_a_database_nor_anything_that_renders() -> None:
    code = f"import sys, agent.wiring.asker; print([name for name in {FORBIDDEN} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
