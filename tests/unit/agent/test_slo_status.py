import contextlib
import dataclasses
import io
import json
from pathlib import Path

import pytest

from agent import cli, slo_status
from agent.config.model import Config
from agent.slo_status import Row, rows
from probes.result import EventClass
from storage.memory import MemoryStore
from support.clock import FakeClock
from support.weeks import NOW_NS, WEEK, configuration, fill, with_service

FILE = """
vantage: fra-1
state_dir: {state}
targets: [{{name: local, provider: vllm, model: tiny, endpoint: "http://127.0.0.1:1"}}]
"""


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.main(["slo", "status", *words], out, err), out.getvalue(), err.getvalue()


def told(config: Config, now_ns: int = NOW_NS) -> dict[str, Row]:
    store = MemoryStore()
    fill(store)
    return {row.slo: row for row in rows(config, store, now_ns)}


def test_every_slo_and_every_service_has_a_row() -> None:
    assert list(told(with_service("openai", "azure"))) == [
        *(f"{name}-chat-available" for name in ("openai", "azure", "vllm")),
        *(f"{name}-chat-quick" for name in ("openai", "azure", "vllm")),
        "nano-service",
    ]


def test_a_service_is_judged_by_the_events_of_all_its_members() -> None:
    """Openai failed 11 slots, over 1 %, and azure 1: together 12 of twice as many."""
    alone = told(with_service("openai"))["nano-service"]
    pooled = told(with_service("openai", "azure"))["nano-service"]
    assert (alone.state, pooled.state) == ("bad", "good")
    assert alone.sli["7d"] is not None
    assert pooled.sli["7d"] is not None
    assert 1 - pooled.sli["7d"] == pytest.approx((1 - alone.sli["7d"]) * 12 / 11 / 2, rel=0.01)
    assert (pooled.objective, pooled.service, pooled.target) == ("service", "nano", None)


def test_a_service_counts_a_throttled_answer_as_the_objective_does_that_watches_its_member() -> None:
    config = with_service("openai")
    available, quick = config.objectives
    counted = dataclasses.replace(
        config, objectives=(dataclasses.replace(available, throttled=EventClass.BAD), quick)
    )
    before, after = told(config)["nano-service"].sli["7d"], told(counted)["nano-service"].sli["7d"]
    assert before is not None
    assert after is not None
    assert after < before


def test_a_member_that_no_availability_objective_watches_leaves_its_service_without_a_row() -> None:
    config = dataclasses.replace(with_service("openai"), objectives=configuration().objectives[1:])
    assert "nano-service" not in told(config)


def test_a_spent_budget_lasts_no_longer_and_one_that_is_not_going_lasts() -> None:
    row = told(with_service("openai"))
    assert row["openai-chat-available"].budget_remaining is not None
    assert row["openai-chat-available"].budget_remaining < 0
    assert not row["openai-chat-available"].kept
    outage = told(with_service("azure"), WEEK.since_ns + 6 * 3600 * 10**9)["azure-chat-available"]
    assert outage.exhausted_in_s is None
    assert outage.kept


def test_what_is_hardly_known_is_held_against_nobody() -> None:
    """Vllm fell silent on Monday: its state is unknown, whatever the few slots said."""
    row = told(configuration())["vllm-chat-available"]
    assert row.state == "unknown"
    assert row.kept
    assert row.coverage is not None
    assert row.coverage < 0.8


def test_where_nothing_was_stored_it_says_so_and_exits_with_3(tmp_path: Path) -> None:
    """Neither a key nor a database is asked for."""
    file = tmp_path / "nephoscope.yaml"
    file.write_text(FILE.format(state=tmp_path / "state"))
    code, out, err = run("-c", str(file))
    assert (code, out) == (3, "")
    assert "nothing is stored from vantage fra-1" in err
    assert not (tmp_path / "state").exists()


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a configuration's path whose history is the made-up week."""
    store = MemoryStore()
    fill(store)
    monkeypatch.setattr(slo_status, "read", lambda *_, **__: _Loaded(with_service("openai", "azure")))
    monkeypatch.setattr(slo_status, "history_of", lambda _config: contextlib.nullcontext(store))
    monkeypatch.setattr(slo_status, "SystemClock", lambda: FakeClock(wall_ns=NOW_NS))
    return str(tmp_path)


@dataclasses.dataclass
class _Loaded:
    config: Config


def test_the_table_tells_what_is_left_and_the_exit_code_that_it_is_spent(stored: str) -> None:
    code, out, err = run("-c", stored)
    head, first, *_ = out.splitlines()
    assert (code, err) == (1, "")
    assert head.split("  ")[0] == "SLO"
    assert "BURN 1h" in head
    assert first.startswith("openai-chat-available")
    assert "spent" in first
    assert "99.9 % over 28d" in first
    assert out.splitlines()[-1].startswith("nano-service")


def test_json_is_one_object_a_line(stored: str) -> None:
    code, out, _ = run("-c", stored, "--json")
    first, *_, last = (json.loads(line) for line in out.splitlines())
    assert code == 1
    assert (first["target"], first["probe"], first["objective"]) == ("openai", "chat", "available")
    assert first["exhausted_in_s"] == 0.0
    assert (last["service"], last["window"], last["target"]) == ("nano", "7d", None)
