"""`nephoscope maintenance`: who is in it from now on, and what is refused."""

import argparse
import json

import pytest

from agent import maintenance_command
from agent.errors import ConfigError
from storage.memory import MemoryStore
from support.told import SECOND_NS, START_NS, configuration

CONFIG = configuration("vllm", "openai")
HOUR_NS = 3600 * SECOND_NS


def words(**changes: str | None) -> argparse.Namespace:
    known = {"targets": "vllm", "lasts": "2h", "reason": "kernel  update", "author": "ada"}
    return argparse.Namespace(**known | changes)


def listed(store: MemoryStore, now_ns: int = START_NS, **how: bool) -> list[str]:
    return list(maintenance_command.listed(CONFIG, store, now_ns, **{"as_json": False} | how))


def test_it_begins_now_and_has_one_id_for_all_its_targets() -> None:
    rows = maintenance_command.started(words(targets="all"), CONFIG, START_NS)
    assert [row.target for row in rows] == ["vllm", "openai"]
    assert len({row.key for row in rows}) == 1
    assert {(row.since_ns, row.until_ns) for row in rows} == {(START_NS, START_NS + 2 * HOUR_NS)}
    assert {(row.author, row.reason, row.source) for row in rows} == {("ada", "kernel update", "command")}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"targets": "vlm"}, r"--targets vlm: `vlm` selects no target; did you mean `vllm`\?"),
        ({"targets": " "}, "--targets: is empty"),
        ({"reason": None}, "--reason: is missing; say why"),
        ({"reason": "  "}, "--reason: is missing; say why"),
        ({"reason": "x" * 501}, "--reason: is 501 characters long"),
        ({"reason": "a\x1b[2Jb"}, "--reason: is empty or holds what cannot be seen"),
        ({"author": ""}, "--author: is empty"),
        ({"lasts": "2"}, "--for 2: `2` is not a duration"),
        ({"lasts": "0s"}, "--for 0s: is not between nothing and 31d"),
        ({"lasts": "32d"}, "--for 32d: is not between nothing and 31d"),
    ],
)
def test_what_is_refused_names_its_flag(changes: dict[str, str | None], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        maintenance_command.started(words(**changes), CONFIG, START_NS)


def test_the_author_is_by_default_who_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    (row,) = maintenance_command.started(words(author=None), CONFIG, START_NS)
    assert row.author == "grace"


def test_it_is_listed_until_it_is_stopped() -> None:
    store = MemoryStore()
    assert listed(store) == ["Nothing is in maintenance, and nothing is announced for the next 7 days."]
    rows = maintenance_command.started(words(targets="all"), CONFIG, START_NS)
    store.amendments.maintain(rows)
    (_, line) = listed(store)
    assert line.split()[:4] == [rows[0].key, "holds", "openai,", "vllm"]
    (row,) = map(json.loads, listed(store, as_json=True))
    assert (row["key"], row["targets"]) == (rows[0].key, ["openai", "vllm"])
    stop = argparse.Namespace(id=rows[0].key, reason=None)
    said = maintenance_command.stopped(stop, store.amendments, store, "bob", START_NS + HOUR_NS)
    assert (
        said
        == f"Maintenance {rows[0].key} of 2 targets (openai, vllm) is over; the next results count again."
    )
    assert listed(store, START_NS + HOUR_NS)[0].startswith("Nothing is in maintenance")
    with pytest.raises(ConfigError, match=f"there is no maintenance `{rows[0].key}` that lasts"):
        maintenance_command.stopped(stop, store.amendments, store, "bob", START_NS + HOUR_NS)


def test_the_end_of_one_maintenance_says_which_other_goes_on() -> None:
    store = MemoryStore()
    both, one = (
        maintenance_command.started(words(targets=targets), CONFIG, START_NS) for targets in ("all", "vllm")
    )
    store.amendments.maintain([*both, *one])
    stop = argparse.Namespace(id=both[0].key, reason=None)
    said = maintenance_command.stopped(stop, store.amendments, store, "bob", START_NS + 60_000_000_000)
    assert said == (
        f"Maintenance {both[0].key} of 2 targets (openai, vllm) is over; {one[0].key} goes on, with 1 target (vllm)."
    )
