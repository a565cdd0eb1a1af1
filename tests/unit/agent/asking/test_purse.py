"""The budget at work: what is skipped and said, and what outlasts a restart."""

import asyncio
import dataclasses
import stat
from pathlib import Path
from typing import Any

import pytest
import structlog

from agent.asking import purse
from agent.asking.pipeline import Pipeline
from agent.asking.purse import Purse
from agent.asking.schedule import jobs
from agent.config.model import Allowance, Budget, Config, ProbePlan
from probes.base import Slot
from probes.result import Outcome, ProbeResult
from probes.target import Price, Target, Workload
from support.asking import ListJournal, SlowProbe, a_target
from support.clock import FakeClock
from support.virtual import run

PRICE = Price(input=0.0, output=1e6, source="configured")


def a_plan(usd: float | None = 10.0) -> Config:
    """Return a chat and a chat-sync probe of one target, a dollar each, once a day."""
    probes = tuple(
        ProbePlan(
            workload=Workload(name=kind, kind=kind, every_s=86400.0, max_tokens=1),
            targets=("openai",),
        )
        for kind in ("chat", "chat-sync")
    )
    budget = None if usd is None else Budget(day=Allowance(usd=usd))
    targets = (dataclasses.replace(a_target(), price=PRICE),)
    return Config(
        vantage="here", state_dir="unused", targets=targets, probes=probes, objectives=(), budget=budget
    )


class PaidProbe(SlowProbe):
    """Takes a dollar for each answer."""

    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        result = await super().ask(target, workload, slot)
        return dataclasses.replace(result, input_tokens=0, output_tokens=1, cost_usd=1.0)


class Bench:
    """A pipeline that pays from a purse, on virtual time."""

    def __init__(self, config: Config, file: Path | None = None, outcomes: tuple[Outcome, ...] = ()) -> None:
        self.clock = FakeClock()
        self.journal = ListJournal()
        self.config = config
        self.purse = Purse(config, self.clock, file)
        self.probe = PaidProbe(self.clock, outcomes)
        self.ended = 0

    def play(self, *probes: str) -> list[dict[str, Any]]:
        """Start a slot of each probe that is named, one second apart; return the log."""

        async def main() -> None:
            pipeline = Pipeline(self.probe, self.journal, self.clock, "here", 500, self.purse)
            for name in probes:
                job = next(job for job in jobs(self.config) if job.workload.name == name)
                pipeline.start(job, self.clock.wall_ns(), self._ended)
                await asyncio.sleep(1)
            await asyncio.gather(*pipeline._tasks)

        with structlog.testing.capture_logs() as logs:
            run(self.clock, main())
        return [dict(entry) for entry in logs]

    def _ended(self) -> None:
        self.ended += 1


def test_over_the_budget_a_slot_is_skipped_for_that_reason_and_availability_goes_on() -> None:
    bench = Bench(a_plan(usd=3.0))
    logs = bench.play("chat-sync", "chat-sync", "chat-sync", "chat-sync", "chat", "chat")
    asked = [result.probe for result in bench.journal.results]
    assert asked == ["chat-sync", "chat-sync", "chat", "chat"]
    assert [(skipped.slot.probe, skipped.reason) for skipped in bench.journal.skipped] == [
        ("chat-sync", "budget")
    ] * 2
    assert bench.ended == 6, "a skipped slot holds no place"
    events = [entry["event"] for entry in logs]
    assert events == ["budget.shed", "budget.warned", "budget.passed"]
    assert logs[-1]["budget"] == "day"
    assert bench.purse.remaining() == {"usd": -1.0}
    assert bench.purse.used() == {"day": {"usd": 4 / 3}}


def test_confirmations_are_paid_from_the_same_purse() -> None:
    bench = Bench(a_plan(usd=10.0), outcomes=(Outcome.SERVER_ERROR, Outcome.OK, Outcome.OK, Outcome.OK))
    bench.play("chat")
    assert len(bench.journal.results) == 4
    assert bench.purse.remaining() == {"usd": 6.0}


def test_what_was_spent_outlasts_a_restart_within_the_day(tmp_path: Path) -> None:
    file = tmp_path / "budget.json"
    first = Bench(a_plan(usd=3.0), file)
    first.purse.load()
    first.play("chat-sync", "chat-sync")
    first.purse.save()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = Bench(a_plan(usd=3.0), file)
    second.purse.load()
    assert second.purse.remaining() == {"usd": 1.0}
    second.play("chat-sync")
    assert [skipped.reason for skipped in second.journal.skipped] == ["budget"]


def test_a_damaged_file_is_told_and_probing_begins_with_a_whole_budget(tmp_path: Path) -> None:
    file = tmp_path / "budget.json"
    file.write_text('{"days": [[')
    bench = Bench(a_plan(), file)
    with structlog.testing.capture_logs() as logs:
        bench.purse.load()
    assert [entry["event"] for entry in logs] == ["budget.unreadable"]
    assert bench.purse.remaining() == {"usd": 10.0}


def test_without_a_budget_nothing_is_kept_on_disk(tmp_path: Path) -> None:
    bench = Bench(a_plan(usd=None), tmp_path / "budget.json")
    bench.play("chat", "chat-sync")
    bench.purse.save()
    assert list(tmp_path.iterdir()) == []
    assert (bench.purse.remaining(), bench.purse.used()) == ({}, {})


def test_a_disk_that_takes_nothing_is_told_once_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    bench = Bench(a_plan(), folder / "budget.json")
    bench.play("chat")
    with structlog.testing.capture_logs() as logs:
        bench.purse.save()
        bench.purse.save()
        folder.mkdir()
        bench.purse.save()
    assert [entry["event"] for entry in logs] == ["budget.unsaved"]
    assert (folder / "budget.json").exists()


def test_it_is_saved_by_itself_while_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread, and not again before something was spent again."""
    monkeypatch.setattr(purse, "SAVE_S", 0.0)
    file = tmp_path / "budget.json"
    bench = Bench(a_plan(), file)
    bench.play("chat")

    async def main() -> None:
        saving = asyncio.create_task(bench.purse.run())
        while not file.exists():  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0)
        file.unlink()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not file.exists()
        saving.cancel()

    asyncio.run(main())
