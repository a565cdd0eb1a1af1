"""What vantages that share a store can rely on, whatever the store."""

import dataclasses
from collections.abc import Callable

import pytest
from sqlalchemy import text

from agent.telling.others import Others
from storage.alerts import PostgresAlerts
from storage.base import Alerts, Vantages
from storage.memory import MemoryAlerts
from storage.memory_vantages import MemoryVantages
from storage.readings import StandingRow
from storage.vantages import PostgresVantages
from support.told import configuration


@dataclasses.dataclass(frozen=True)
class Shared:
    """A store, and how its time goes on."""

    vantages: Vantages
    alerts: Alerts
    later: Callable[[int], None]


@pytest.fixture(params=["memory", "postgres", pytest.param("system", marks=pytest.mark.heavy)])
def shared(request: pytest.FixtureRequest) -> Shared:
    if request.param == "memory":
        clock = [0]

        def later(seconds: int) -> None:
            clock[0] += seconds * 1_000_000_000

        return Shared(MemoryVantages(lambda: clock[0]), MemoryAlerts(), later)
    engine = request.getfixturevalue({"postgres": "database", "system": "system_database"}[request.param])

    def earlier(seconds: int) -> None:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE standings SET told_at = told_at - INTERVAL '{seconds} s'"))

    return Shared(PostgresVantages(engine), PostgresAlerts(engine), earlier)


def row(vantage: str, target: str = "openai", state: str = "good") -> StandingRow:
    return StandingRow(vantage=vantage, target=target, asks="a1", state=state)


def said(rows: list[StandingRow]) -> list[tuple[str, str, str]]:
    return [(one.vantage, one.target, one.state) for one in rows]


def test_a_vantage_hears_all_others_and_not_itself(shared: Shared) -> None:
    shared.vantages.tell([row("fra-1"), row("fra-1", "azure", "bad")])
    shared.vantages.tell([row("lon-1", state="bad")])
    assert said(shared.vantages.heard("lon-1")) == [("fra-1", "azure", "bad"), ("fra-1", "openai", "good")]
    assert said(shared.vantages.heard("fra-1")) == [("lon-1", "openai", "bad")]
    assert len(shared.vantages.heard("nyc-1")) == 3
    assert shared.vantages.heard("lon-1")[0].asks == "a1"


def test_what_is_said_anew_takes_the_place_of_what_was_said(shared: Shared) -> None:
    shared.vantages.tell([row("fra-1")])
    shared.later(40)
    assert 40 <= shared.vantages.heard("lon-1")[0].age_s < 70
    shared.vantages.tell([row("fra-1", state="bad")])
    (heard,) = shared.vantages.heard("lon-1")
    assert heard.state == "bad"
    assert heard.age_s < 40


def test_nothing_said_changes_nothing(shared: Shared) -> None:
    shared.vantages.tell([row("fra-1")])
    shared.vantages.tell([])
    assert said(shared.vantages.heard("lon-1")) == [("fra-1", "openai", "good")]


def test_what_a_vantage_said_that_is_gone_does_not_stay_for_ever(shared: Shared) -> None:
    shared.vantages.tell([row("gone-1")])
    shared.later(86_500)
    shared.vantages.tell([row("fra-1")])
    old = [one for one in shared.vantages.heard("lon-1") if one.vantage == "gone-1"]
    assert all(one.age_s > 86_400 for one in old)


def test_two_agents_hear_each_other_through_what_they_share(shared: Shared) -> None:
    now_ns = [0]
    fra, lon = (Others(shared.vantages, shared.alerts, lambda: now_ns[0]) for _ in range(2))
    target = configuration("openai").targets[0]
    fra.note("fra-1", [row("fra-1", state="bad")], urgent=False)
    lon.note("lon-1", [row("lon-1", state="good")], urgent=False)
    for agent in (fra, lon, fra):
        agent.exchange()
    assert fra.heard().of(target) == {"lon-1": "good"}
    assert lon.heard().of(target) == {"fra-1": "bad"}
    assert not fra.due()
    now_ns[0] = 10_000_000_000
    assert fra.due()
    shared.later(70)
    fra.exchange()
    assert fra.heard().of(target) == {}  # lon-1 has said nothing for longer than a vantage is silent
