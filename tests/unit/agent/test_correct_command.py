"""`nephoscope correct`: a word on the past, or a sentence on why not."""

import argparse
import json
from datetime import UTC, datetime

import pytest

from agent import correct_command
from agent.errors import ConfigError
from probes.result import EventClass
from storage.memory import MemoryStore
from support.told import configuration, result

CONFIG = configuration("vllm", "openai")
NOW_NS = round(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()) * 1_000_000_000


def words(**changes: object) -> argparse.Namespace:
    known = {
        "target": "vllm",
        "probe": None,
        "vantage": None,
        "since": "2026-11-28T10:00Z",
        "until": "2026-11-28T12:00+01:00",
        "as_": "excluded",
        "author": "ada",
        "reason": "the canary was wrong",
    }
    return argparse.Namespace(**known | changes)


def kept(store: MemoryStore, **changes: object) -> str:
    row = correct_command.worded(words(**changes), CONFIG, NOW_NS)
    return correct_command.kept(row, CONFIG, store.amendments)


def test_it_says_what_was_understood() -> None:
    store = MemoryStore()
    assert kept(store) == (
        "What was seen of vllm from 2026-11-28 10:00:00 to 2026-11-28 11:00:00 UTC counts as excluded, by ada: "
        "the canary was wrong."
    )
    (row,) = store.corrections(0, NOW_NS)
    assert (row.kind, row.author, row.made_ns) == (EventClass.EXCLUDED, "ada", NOW_NS)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"target": None}, "--target: is missing; write nephoscope correct --target NAME"),
        ({"as_": None}, "--as: is missing"),
        ({"reason": None}, "--reason: is missing; say why"),
        ({"reason": ""}, "--reason: is missing; say why"),
        ({"since": "yesterday"}, "--since yesterday: is no instant"),
        ({"since": "2026-11-28T10:00"}, "--since 2026-11-28T10:00: says no offset, and none is assumed"),
        ({"until": "2026-11-28T10:00Z"}, "--until 2026-11-28T10:00Z: is not after --since"),
        ({"until": "2026-11-28T13:00Z"}, "--until 2026-11-28T13:00Z: lies in the future"),
        ({"since": "2026-07-01T00:00Z"}, r"--since 2026-07-01T00:00Z: lies before what is kept \(120d"),
        ({"target": "vlm"}, r"--target vlm: is in no history; did you mean `vllm`\?"),
        ({"probe": "chatt"}, r"--probe chatt: is in no history; did you mean `chat`\?"),
        ({"vantage": "mars"}, "--vantage mars: is in no history; known are here"),
    ],
)
def test_what_is_refused_names_its_flag(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        kept(MemoryStore(), **changes)


def test_a_target_that_the_plan_does_not_name_any_more_can_be_corrected() -> None:
    """Its history is still there."""
    store = MemoryStore()
    store.store([result(target="azure")], ())
    assert "What was seen of azure chat" in kept(store, target="azure", probe="chat")


def test_an_overlap_is_refused_with_whose_it_is_and_what_to_do() -> None:
    store = MemoryStore()
    kept(store)
    with pytest.raises(
        ConfigError, match=r"correction 1 says already what vllm counts as .* by ada.*--withdraw 1"
    ):
        kept(store, since="2026-11-28T10:59Z", until="2026-11-28T11:30Z", as_="good")


def test_a_withdrawn_one_is_listed_as_such() -> None:
    store = MemoryStore()
    assert list(correct_command.listed(store, NOW_NS, as_json=False)) == ["Nothing was corrected."]
    kept(store)
    word = correct_command.withdrawal(words(withdraw=1, author="bob", reason="was right"), NOW_NS)
    assert correct_command.taken_back(word, store.amendments) == (
        "Correction 1 is withdrawn: what it was about counts as it did before."
    )
    (_, line) = correct_command.listed(store, NOW_NS, as_json=False)
    assert "excluded (withdrawn by bob)" in line
    (row,) = map(json.loads, correct_command.listed(store, NOW_NS, as_json=True))
    assert (row["kind"], row["withdrawn_by"]) == ("excluded", "bob")
    with pytest.raises(ConfigError, match="there is no correction 1 that holds"):
        correct_command.taken_back(word, store.amendments)
