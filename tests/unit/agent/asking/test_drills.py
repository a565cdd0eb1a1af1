"""A drill asks its target's slots beside the real ones, fails as ordered, and leaves all that counts alone."""

import asyncio
import dataclasses
import json
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from agent import drill_file
from agent.asking.drills import Drills
from agent.asking.faulty import FAULTS, FaultyTransport
from agent.asking.witness import Witnesses
from agent.config.model import Config
from probes.base import Slot
from probes.exchange import Exchange
from probes.fake import FakeProbe
from probes.result import Fault, Outcome
from storage.records import Drill, Drilled, Kind
from support.asking import ListJournal, a_config, a_job, a_target
from support.clock import FakeClock
from support.secrets import FakeSecrets
from support.virtual import run


def ordered(clock: FakeClock, seconds: float = 95.0, **changes: Any) -> Drill:
    known: dict[str, Any] = {
        "id": "one",
        "target": "openai",
        "fault": "outage",
        "severity": "ticket",
        "author": "ada",
        "since_ns": clock.wall_ns(),
        "until_ns": clock.wall_ns() + round(seconds * 1e9),
    }
    return Drill(**known | changes)


def leave(folder: Path, drill: Drill) -> None:
    """Leave an order as the command does, without its look for a daemon."""
    plain = {name: getattr(drill, name) for name in Drill.__slots__}
    (folder / drill_file.NAME).write_text(json.dumps(plain))


class Asked:
    """Drills over a journal that is a list and a clock that is moved on."""

    def __init__(self, folder: Path, config: Config | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.journal = ListJournal()
        self.witnesses = Witnesses(self.clock)
        self.outcome = Outcome.OVERLOADED
        self.config = config or a_config([a_target(), a_target("azure")])

    def go(self, seconds: float, *more: Coroutine[Any, Any, None]) -> list[Drilled]:
        drills = Drills(self.config, self.faulty, self.journal, self.clock, self.witnesses, self.folder)

        async def main() -> None:
            tasks = [asyncio.create_task(one) for one in (drills.run(), *more)]
            await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        run(self.clock, main())
        return self.journal.drilled

    def faulty(self, fault: str) -> FakeProbe:
        assert fault == "outage"
        return FakeProbe(self.clock, [self.outcome] * 99, vantage="here")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do in the loop what threads do: their time is not the fake clock's."""

    async def at_once(work: Any, *args: Any) -> Any:
        return work(*args)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


def test_each_slot_of_the_target_is_asked_confirmed_and_settled_until_the_end(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    leave(tmp_path, drill := ordered(asked.clock))
    told = asked.go(180)
    assert {one.drill for one in told} == {drill}
    assert {one.result.target for one in told if one.result} == {"openai"}
    job = a_job()
    slots = sorted({one.result.scheduled_ns for one in told if one.result})
    assert [slot % job.every_ns for slot in slots] == [job.phase_ns] * 3
    assert slots[-1] < drill.until_ns
    assert [one.result.attempt for one in told if one.result and one.result.scheduled_ns == slots[0]] == [
        -2,
        -3,
        -4,
        -5,
    ]
    settled = [one.settled for one in told if one.settled]
    assert [one.slot.scheduled_ns for one in settled] == slots
    assert all(one.confirmed and one.fault is Fault.NOT_OURS for one in settled)


def test_nothing_that_counts_is_told_of_a_drill(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    leave(tmp_path, ordered(asked.clock))
    asked.go(120)
    assert set(asked.journal.kinds) == {Kind.DRILL}


def test_a_restart_goes_on_with_the_drill_and_one_that_is_over_stays_over(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    leave(tmp_path, drill := ordered(asked.clock))
    before = len(asked.go(40))
    assert len(asked.go(60)) > before
    done = len(asked.go(30))
    assert asked.clock.wall_ns() > drill.until_ns
    assert len(asked.go(300)) == done


def test_an_order_comes_while_it_runs(tmp_path: Path) -> None:
    asked = Asked(tmp_path)

    async def command() -> None:
        await asyncio.sleep(10)
        leave(tmp_path, ordered(asked.clock))

    begun = asked.go(100, command())[0]
    assert begun == Drilled(drill=begun.drill)
    assert begun.drill.id == "one"


WRONG = json.dumps(dict.fromkeys(Drill.__slots__, "soon"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', "\x00", WRONG])
def test_what_is_no_order_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / drill_file.NAME).write_text(text)
    assert Asked(tmp_path).go(60) == []


def test_a_target_that_is_not_asked_or_a_fault_that_is_not_known_costs_the_drill_alone(
    tmp_path: Path,
) -> None:
    asked = Asked(tmp_path)
    leave(tmp_path, ordered(asked.clock, target="gone"))
    assert asked.go(60) == []
    leave(tmp_path, ordered(asked.clock, fault="flood", id="two"))
    assert [one.result for one in asked.go(60)] == [None]


OUTCOMES = {
    "outage": Outcome.OVERLOADED,
    "refused": Outcome.CONNECT_REFUSED,
    "hang": Outcome.FIRST_TOKEN_TIMEOUT,
    "throttled": Outcome.THROTTLED,
    "truncation": Outcome.TRUNCATED,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_judged_as_an_endpoints_own_would_be(fault: str) -> None:
    clock = FakeClock()
    probe = Exchange(
        FaultyTransport(fault, clock), FakeSecrets({}), clock, uuid.uuid4, "here", lambda _since, _until: 0.0
    )
    job = a_job()
    target = dataclasses.replace(job.target, provider="vllm")

    async def ask() -> Any:
        return await probe.ask(target, job.workload, Slot(clock.wall_ns(), 0))

    result = run(clock, ask())
    assert result.outcome is OUTCOMES[fault]
    assert result.meaning.confirm is (fault != "throttled")


def test_the_command_offers_what_can_be_done() -> None:
    assert set(drill_file.FAULTS) == set(FAULTS)
