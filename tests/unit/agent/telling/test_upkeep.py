"""Maintenance as an agent lives it: written down as it begins, obeyed at once, known over a restart."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.config.model import Config
from agent.slo.maintenance import Maintenance
from agent.slo.quiet import Quiet
from agent.slo.service import Member, Service
from agent.telling.upkeep import Upkeep
from exporters.pages import Upkept
from exporters.signals import Notice
from storage.base import StoreUnavailableError
from storage.memory import MemoryStore
from storage.memory_amendments import MemoryAmendments
from storage.readings import Ending, MaintenanceRow
from support.told import SECOND_NS, START_NS, configuration

HOUR_NS = 3600 * SECOND_NS


def announced(*targets: str, hours: float = 1, **changes: Any) -> Maintenance:
    """Return two hours' work that begins so many hours after START_NS."""
    start = datetime.fromtimestamp(START_NS / 1e9 + hours * 3600, UTC).replace(tzinfo=None)
    known: dict[str, Any] = {
        "targets": targets,
        "start": start,
        "timezone": "UTC",
        "for_s": 7200.0,
        "reason": "upgrades",
    }
    return Maintenance(**known | changes)


def called(target: str, since_h: float, until_h: float, key: str = "m1") -> MaintenanceRow:
    since_ns = START_NS + round(since_h * HOUR_NS)
    return MaintenanceRow(
        key=key,
        target=target,
        since_ns=since_ns,
        until_ns=START_NS + round(until_h * HOUR_NS),
        source="command",
        author="ada",
        reason="disk",
        made_ns=since_ns,
    )


class Away(MemoryAmendments):
    """Amendments in a database that may be away."""

    away = False

    def maintain(self, rows: Sequence[MaintenanceRow]) -> int:
        if self.away:
            raise StoreUnavailableError("away")
        return super().maintain(rows)


class Agent:
    """One agent's upkeep on a clock that is set by hand."""

    def __init__(self, folder: Path, config: Config, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        if store is None:
            self.store.amendments = Away(lambda _: ())
        self.now_ns = START_NS
        self.shown: Mapping[str, Upkept] = {}
        self.unjudged: Sequence[str] = ()
        self.upkeep = Upkeep(
            self.store.amendments, self.store, folder / "maintenance.json", lambda: self.now_ns, self._show
        )
        self.upkeep.plan(config)

    def _show(self, upkept: Mapping[str, Upkept], unjudged: Sequence[str]) -> None:
        self.shown, self.unjudged = upkept, unjudged

    def look(self, hours: float) -> list[str]:
        """Look so many hours after START_NS and return who is in maintenance."""
        self.now_ns = START_NS + round(hours * HOUR_NS)
        self.upkeep.look()
        self.upkeep.show()
        return sorted(self.shown)

    def rows(self) -> list[MaintenanceRow]:
        return self.store.maintenances(0, START_NS + 1000 * HOUR_NS)


def planned(*maintenance: Maintenance, **changes: Any) -> Config:
    return configuration("vllm", "openai", maintenance=maintenance, **changes)


def test_what_the_plan_announces_is_written_down_when_it_begins(tmp_path: Path) -> None:
    """Once, whole, with the plan as its author; until then it is the plan's alone."""
    agent = Agent(tmp_path, planned(announced("vllm")))
    assert (agent.look(0.9), agent.rows()) == ([], [])
    assert agent.look(1.001) == ["vllm"]
    assert agent.look(2) == ["vllm"]
    (row,) = agent.rows()
    assert (row.since_ns, row.until_ns) == (START_NS + HOUR_NS, START_NS + 3 * HOUR_NS)
    assert (row.source, row.author, row.reason) == ("config", "the configuration", "upgrades")
    assert agent.look(3) == []


def test_what_took_place_outlives_its_entry_in_the_file(tmp_path: Path) -> None:
    agent = Agent(tmp_path, planned(announced("vllm")))
    agent.look(1.5)
    agent.upkeep.plan(planned())
    assert agent.look(2) == ["vllm"]
    assert len(agent.rows()) == 1


def test_two_agents_write_one_row(tmp_path: Path) -> None:
    first = Agent(tmp_path, planned(announced("vllm")))
    second = Agent(tmp_path / "b", planned(announced("vllm")), first.store)
    (tmp_path / "b").mkdir()
    first.look(1.1)
    second.look(1.2)
    assert len(first.rows()) == 1


def test_an_entry_that_is_written_too_late_changes_no_past(tmp_path: Path) -> None:
    """It began at one and was announced at two: what was seen between is a matter for a correction."""
    agent = Agent(tmp_path, planned())
    agent.look(2)
    agent.upkeep.plan(planned(announced("vllm")))
    assert agent.look(2.001) == ["vllm"]
    (row,) = agent.rows()
    assert row.since_ns == START_NS + 2 * HOUR_NS


def test_an_occurrence_that_passed_while_the_database_was_away_is_written_afterwards(tmp_path: Path) -> None:
    """Whole: it was announced before it began. Meanwhile it was obeyed."""
    agent = Agent(tmp_path, planned(announced("vllm")))
    agent.look(0.5)
    agent.store.amendments.away = True  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailableError):
        agent.look(1.5)
    assert agent.upkeep.maintained("vllm", START_NS + round(1.5 * HOUR_NS))
    agent.store.amendments.away = False  # type: ignore[attr-defined]
    agent.look(9)
    (row,) = agent.rows()
    assert row.since_ns == START_NS + HOUR_NS


def test_an_occurrence_that_passed_while_the_agent_was_down_is_written_at_its_next_start(
    tmp_path: Path,
) -> None:
    """Other agents, and its own slots that were missing, know of it."""
    agent = Agent(tmp_path, planned(announced("vllm")))
    agent.look(0.5)
    again = Agent(tmp_path, planned(announced("vllm")), agent.store)
    assert again.look(9) == []
    assert [row.since_ns for row in again.rows()] == [START_NS + HOUR_NS]


def test_a_command_is_obeyed_at_the_next_look_and_known_after_a_restart(tmp_path: Path) -> None:
    """Even where the database does not answer yet."""
    agent = Agent(tmp_path, planned())
    agent.look(1)
    agent.store.amendments.maintain([called("openai", 1, 3)])
    assert not agent.upkeep.maintained("openai", START_NS + 2 * HOUR_NS)
    assert agent.look(1.001) == ["openai"]
    assert agent.shown["openai"] == Upkept(until_ns=START_NS + 3 * HOUR_NS, reason="disk", author="ada")
    restarted = Agent(tmp_path, planned())
    assert restarted.upkeep.maintained("openai", START_NS + 2 * HOUR_NS)
    assert not restarted.upkeep.maintained("openai", START_NS + 3 * HOUR_NS)


def test_a_memory_that_cannot_be_read_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "maintenance.json").write_text('{"looked_ns": "soon"}')
    assert Agent(tmp_path, planned(announced("vllm"))).look(1.1) == ["vllm"]


def test_an_end_goes_over_the_plan_for_as_long_as_that_announces_it(tmp_path: Path) -> None:
    """Work of ten days that was done after one comes back on none of the others."""
    ten_days = announced("vllm", for_s=10 * 86400.0)
    agent = Agent(tmp_path, planned(ten_days))
    assert agent.look(2) == ["vllm"]
    (row,) = agent.rows()
    agent.store.amendments.end(
        Ending(key=row.key, ended_ns=START_NS + 24 * HOUR_NS, author="bob", reason="done")
    )
    assert agent.look(23) == ["vllm"]
    assert [agent.look(hours) for hours in (24, 100, 230)] == [[], [], []]


def test_a_plan_that_comes_while_the_database_is_asked_holds_from_then_on(tmp_path: Path) -> None:
    class Slow(MemoryStore):
        def maintenances(self, since_ns: int, until_ns: int) -> list[MaintenanceRow]:
            agent.upkeep.plan(planned(announced("vllm")))
            return super().maintenances(since_ns, until_ns)

    agent = Agent(tmp_path, planned(), Slow())
    assert agent.look(2) == ["vllm"]


def test_a_service_of_which_too_little_is_left_is_said_not_to_be_judged(tmp_path: Path) -> None:
    members = tuple(
        Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0)
        for name in ("vllm", "openai")
    )
    both = Service(name="nano", members=members, ratio=0.999, window_s=86400.0, at_least=2)
    agent = Agent(tmp_path, planned(announced("vllm"), services=(both,)))
    agent.look(0.5)
    assert list(agent.unjudged) == []
    agent.look(1.5)
    assert list(agent.unjudged) == [
        "service nano is not judged during maintenance: 1 of its 2 clouds is left, and it needs 2"
    ]


def notice(labels: Mapping[str, str], failing: str = "") -> Notice:
    return Notice(
        key="k",
        seq=1,
        state="firing",
        name="n",
        severity="page",
        subject="s",
        summary="s",
        detail="d",
        since_ns=0,
        fired_ns=0,
        labels=labels,
        facts={"failing": failing} if failing else {},
    )


def test_what_fired_before_is_kept_quiet_meanwhile(tmp_path: Path) -> None:
    """A target's own alert, and one of which nothing fails that is not in maintenance."""
    agent = Agent(tmp_path, planned(announced("vllm")))
    agent.look(1.5)
    assert agent.upkeep.silenced(notice({"target": "vllm"}))
    assert agent.upkeep.silenced(notice({"service": "nano"}, "vllm"))
    assert not agent.upkeep.silenced(notice({"target": "openai"}))
    assert not agent.upkeep.silenced(notice({"service": "nano"}, "vllm, openai"))
    assert not agent.upkeep.silenced(notice({"network": "internet"}))
    agent.look(3)
    assert not agent.upkeep.silenced(notice({"target": "vllm"}))


def test_of_several_the_one_that_ends_last_is_told() -> None:
    """By rows and by the plan."""
    quiet = Quiet([announced("vllm")], [called("vllm", 1, 2), called("vllm", 1, 5, "m2")])
    work = quiet.at("vllm", START_NS + round(1.5 * HOUR_NS))
    assert work is not None
    assert work.key == "m2"
    assert set(quiet.targets(START_NS + 4 * HOUR_NS)) == {"vllm"}
    assert quiet.targets(START_NS + 5 * HOUR_NS) == {}
