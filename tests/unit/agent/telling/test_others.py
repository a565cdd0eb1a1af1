"""What is made of the word of other vantages."""

import dataclasses
from typing import Any

from agent.telling.others import STALE_S, Heard, Others, asks, own_standings
from agent.telling.scene import Health, Sight
from agent.telling.verdict import Fault, Verdict
from probes.target import Target
from storage.memory import MemoryAlerts
from storage.memory_vantages import MemoryVantages
from storage.readings import StandingRow
from support.told import configuration

OPENAI = configuration("openai").targets[0]


def row(vantage: str, target: str = "openai", state: str = "good", asked: Target = OPENAI) -> StandingRow:
    return StandingRow(vantage=vantage, target=target, asks=asks(asked), state=state)


def test_the_same_name_is_the_same_target_and_else_what_asks_the_same() -> None:
    other = dataclasses.replace(OPENAI, endpoint="https://other.invalid")
    heard = Heard(
        standings=[
            row("fra-1", "called-otherwise", "bad"),
            row("lon-1", "openai", "good", other),
            row("lon-1", "called-otherwise", "bad"),
            row("nyc-1", "another", "bad", other),
        ]
    )
    assert heard.of(OPENAI) == {"fra-1": "bad", "lon-1": "good"}


def test_of_several_that_ask_the_same_at_one_vantage_the_worst_counts() -> None:
    states = ("good", "bad", "unknown")
    heard = Heard(standings=[row("fra-1", f"t-{state}", state) for state in states])
    assert heard.of(OPENAI) == {"fra-1": "bad"}


def test_a_word_of_a_later_release_is_unknown() -> None:
    assert Heard(standings=[row("fra-1", state="degraded")]).of(OPENAI) == {"fra-1": "unknown"}


def test_what_asks_the_same_is_named_without_its_address() -> None:
    assert asks(OPENAI) == asks(dataclasses.replace(OPENAI, name="x", endpoint=f"{OPENAI.endpoint}/"))
    changes: list[dict[str, Any]] = [
        {"endpoint": "https://b"},
        {"model_id": "b"},
        {"provider": "azure"},
        {"region": "b"},
    ]
    for change in changes:
        assert asks(OPENAI) != asks(dataclasses.replace(OPENAI, **change))
    assert "api.invalid" not in asks(OPENAI)


def test_what_fails_by_our_own_fault_is_unknown_to_others() -> None:
    def sight(name: str, health: Health) -> Sight:
        return Sight(target=name, cloud="aws", model="nano", network="internet", health=health)

    sights = [sight("a", "bad"), sight("b", "bad"), sight("c", "good")]
    ours = Verdict(fault=Fault.NETWORK, subject="internet", targets=("a",), evidence=())
    theirs = Verdict(fault=Fault.TARGET, subject="b", targets=("b",), evidence=())
    told = own_standings("here", sights, [ours, theirs], dict.fromkeys("abc", OPENAI))
    assert [(one.target, one.state) for one in told] == [("a", "unknown"), ("b", "bad"), ("c", "good")]


def test_another_agent_under_the_same_name_is_told_of_until_it_is_gone() -> None:
    """Each would tell of every alert, under a key of its own."""
    now_ns = [0]
    shared = MemoryVantages(lambda: now_ns[0])
    one, other, apart = (Others(shared, MemoryAlerts(), lambda: now_ns[0]) for _ in range(3))

    def exchange(*who: Others) -> None:
        now_ns[0] += 10_000_000_000
        for each in who:
            each.note(
                "there" if each is apart else "here",
                [row("there" if each is apart else "here")],
                urgent=False,
            )
            each.exchange()
            now_ns[0] += 3_000_000_000

    told = []
    for who in ([one, apart], [one, apart], [one, other], [one], [one]):
        exchange(*who)
        told.append(one.doubled)
    assert told == [False, False, False, True, False]
    assert [found.vantage for found in one.heard().standings] == ["there"]


def test_others_are_heard_sooner_where_a_page_waits_for_them() -> None:
    now_ns = [0]
    others = Others(MemoryVantages(lambda: now_ns[0]), MemoryAlerts(), lambda: now_ns[0])
    assert not others.due()
    others.note("here", [], urgent=False)
    assert others.due()
    others.exchange()
    now_ns[0] = 2_000_000_000
    assert not others.due()
    others.note("here", [], urgent=True)
    assert others.due()


def test_what_was_heard_grows_old_by_itself() -> None:
    now_ns = [0]
    vantages = MemoryVantages(lambda: now_ns[0])
    vantages.tell([row("lon-1", state="bad")])
    others = Others(vantages, MemoryAlerts(), lambda: now_ns[0])
    others.note("here", [], urgent=False)
    now_ns[0] = 20_000_000_000
    others.exchange()
    assert others.heard().of(OPENAI) == {"lon-1": "bad"}
    now_ns[0] = round((STALE_S + 1) * 1e9)
    heard = others.heard()
    assert (heard.of(OPENAI), heard.settled) == ({}, True)
    now_ns[0] += round(STALE_S * 1e9)
    assert not others.heard().settled
