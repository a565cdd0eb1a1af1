"""Whatever happens: who was told that something fires hears of its end, once, and nobody hears what is not theirs."""

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from agent.config.model import Config, Receiver, Route
from agent.telling import delivering
from agent.telling.delivering import Deliveries
from agent.telling.routing import rows
from exporters.base import DeliveryError
from exporters.signals import Acknowledged, Notice
from storage.alert_readings import Told
from storage.base import Outbox, StoreUnavailableError
from storage.memory_outbox import MemoryOutbox
from storage.outbox import PostgresOutbox
from support.clock import FakeClock
from support.notices import a_notice
from support.told import configuration

EXAMPLES = itertools.count()
NAMES = "abc"
PAGES = (("severity", ("page",)),)
ROUTES: tuple[tuple[Route, ...], ...] = (
    (Route(when=PAGES, to=("a",)), Route(to=("b",), repeat_s=600.0)),
    (Route(when=PAGES, to=("b",)), Route(to=("a", "c"), group_by=("service",))),
    (Route(to=("c",)),),
    (),
)

Said = tuple[str, int, str]
"""Alert, number and state of a notice."""

Happening = tuple[Any, ...]

ALERTS = st.sampled_from(["k0", "k1"])
HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    st.tuples(st.just("fire"), ALERTS, st.sampled_from(["page", "ticket"])),
    st.tuples(st.sampled_from(["rise", "ack", "end"]), ALERTS),
    st.tuples(
        st.just("become"),
        st.sampled_from(NAMES),
        st.sampled_from(["well", "down", "refusing", "hanging", "taking without an answer"]),
    ),
    st.tuples(st.just("route"), st.integers(0, len(ROUTES) - 1)),
    st.tuples(st.sampled_from(["maintain", "restart", "kill"])),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 20.0, 70.0, 400.0, 20_000.0])),
)


class Killable:
    """An outbox that learns nothing of what was told by a teller that is being killed."""

    def __init__(self, inner: Outbox) -> None:
        self._inner = inner
        self.killed = False

    def settle(self, told: Sequence[Told]) -> None:
        if self.killed:
            raise StoreUnavailableError("killed")
        self._inner.settle(told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Fickle:
    """A receiver in a mood; `took` is what it took, whether it said so or not, `asked` all that it was asked to take."""

    gathers = True

    def __init__(self, refresh_s: float | None) -> None:
        self.refresh_s = refresh_s
        self.mood = "well"
        self.took: list[Said] = []
        self.asked: list[Said] = []
        self.unclear: set[Said] = set()
        self.refused: set[str] = set()

    async def tell(self, notices: Sequence[Notice]) -> str:
        said = [(notice.key, notice.seq, notice.state) for notice in notices]
        self.asked += said
        if self.mood == "hanging":
            self.unclear.update(said)
            await asyncio.Event().wait()
        if self.mood == "down":
            raise DeliveryError("HTTP 503", permanent=False)
        if self.mood == "refusing":
            self.refused |= {notice.key for notice in notices if notice.severity == "page"}
            raise DeliveryError("HTTP 403", permanent=True)
        self.took += said
        if self.mood != "well":
            self.unclear.update(said)
            raise DeliveryError("took too long", permanent=False)
        return "taken"


class World:
    """One vantage, its receivers and its outbox."""

    def __init__(self, outbox: Outbox, vantage: str) -> None:
        self.clock = FakeClock()
        self.outbox = Killable(outbox)
        self.receivers = {name: Fickle(60.0 if name == "b" else None) for name in NAMES}
        self.config: Config = dataclasses.replace(
            configuration("azure", vantage=vantage),
            receivers=tuple(Receiver(name=name, kind="slack", url="${URL}") for name in NAMES),
            routes=ROUTES[0],
            engine="agent",
        )
        self.alive: dict[str, Notice] = {}
        self.fired = 0
        self.quiet = False
        self.kills = 0
        self.named: dict[tuple[str, int], set[str]] = {}
        self.telling = self.started()

    def started(self) -> Deliveries:
        return Deliveries(
            cast("Outbox", self.outbox),
            lambda receiver: self.receivers[receiver.name],
            notified=lambda *_: None,
            wall_ns=self.clock.wall_ns,
            uniform=lambda low, high: (low + high) / 2,
            silenced=lambda _: self.quiet,
        )

    async def happen(self, what: str, *details: Any) -> None:
        match what, details:
            case "fire", (key, severity) if key not in self.alive:
                self.fired += 1
                self.say(key, a_notice(key=f"{key}@{self.fired}", severity=severity, seq=0))
            case "rise", (key,) if key in self.alive:
                self.say(key, dataclasses.replace(self.alive[key], severity="page", acknowledged=None))
            case "ack", (key,) if key in self.alive:
                ack = Acknowledged(by="ada", reason="mine", at_ns=self.clock.wall_ns())
                self.say(key, dataclasses.replace(self.alive[key], acknowledged=ack))
            case "end", (key,) if key in self.alive:
                self.end(key)
            case "become", (name, mood):
                self.receivers[name].mood = mood
            case "route", (number,):
                self.config = dataclasses.replace(self.config, routes=ROUTES[number])
                self.put(*self.alive.values())
            case "maintain", ():
                self.quiet = not self.quiet
            case "restart" | "kill", ():
                await self.start_again(killed=what == "kill")
            case "wait", (seconds,):
                self.clock.advance(seconds)

    async def start_again(self, *, killed: bool) -> None:
        if killed:
            self.kills += 1
            self.outbox.killed = True
            await self.look()
            self.outbox.killed = False
        else:
            await self.telling.stop()
        self.telling = self.started()

    def say(self, key: str, notice: Notice) -> None:
        """Tell what comes of an alert, as the alerting does."""
        said = dataclasses.replace(notice, seq=notice.seq + 1)
        self.put(said)
        self.alive[key] = said

    def put(self, *notices: Notice) -> None:
        """Put notices for whom the routes name; some may have them already, as after a reload."""
        made = rows(self.config, notices, self.clock.wall_ns())
        for row in made:
            self.named.setdefault((row.alert, row.seq), set()).add(row.receiver)
        self.outbox.put(made)

    def end(self, key: str) -> None:
        over = dataclasses.replace(self.alive[key], state="resolved", ended_ns=self.clock.wall_ns())
        self.say(key, over)
        del self.alive[key]

    async def look(self) -> None:
        self.clock.advance(1)
        await self.telling.look(self.config)
        await self.telling.rest()

    async def calm_down(self) -> None:
        """Let everything end, everybody be well, and all be told that is left."""
        self.quiet = False
        for receiver in self.receivers.values():
            receiver.mood = "well"
        for key in list(self.alive):
            self.end(key)
        for _ in range(10):
            await self.look()
            self.clock.advance(100)

    def judge(self) -> None:
        refused = set().union(*(receiver.refused for receiver in self.receivers.values()))
        for name, receiver in self.receivers.items():
            for alert in {alert for alert, _, _ in receiver.took}:
                took = [one for one in receiver.took if one[0] == alert]
                ends = [one for one in took if one[2] == "resolved"]
                assert len(set(ends)) == 1, f"{name} heard of no end of {alert}, or of several: {took}"
                assert took[-1] in ends, f"{name} heard of {alert} after its end: {took}"
                once = len(ends) == 1 or ends[0] in receiver.unclear or self.kills
                assert once, f"{name} heard of the end of {alert} again: {took}"
            asked: set[str] = set()
            for alert, seq, _ in receiver.asked:
                theirs = name in self.named[alert, seq] or alert in asked | refused
                assert theirs, f"{name} was told of {alert} ({seq}), which is not for it"
                asked.add(alert)


async def _live(happenings: Sequence[Happening], outbox: Outbox, vantage: str) -> None:
    world = World(outbox, vantage)
    try:
        for happening in happenings:
            await world.happen(*happening)
            await world.look()
        await world.calm_down()
    finally:
        await world.telling.stop()
    world.judge()


@settings(max_examples=60, deadline=None)
@example([("fire", "k0", "ticket"), ("rise", "k0"), ("end", "k0")])
@example([("fire", "k0", "page"), ("route", 2), ("wait", 400.0), ("end", "k0")])
@example([("maintain",), ("fire", "k0", "ticket"), ("rise", "k0"), ("maintain",)])
@example([("fire", "k0", "page"), ("become", "a", "refusing"), ("end", "k0")])
@example([("become", "a", "refusing"), ("fire", "k0", "page"), ("wait", 400.0), ("restart",), ("end", "k0")])
@given(st.lists(HAPPENINGS, min_size=15, max_size=40))
def test_who_was_told_of_a_begin_is_told_of_its_end_once_and_nobody_else_is(
    happenings: list[Happening],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivering, "TELL_S", 0.0)
        asyncio.run(_live(happenings, MemoryOutbox(), "here"))


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=st.lists(HAPPENINGS, min_size=15, max_size=30))
def test_so_it_is_over_rows_in_postgres(happenings: list[Happening], database: Engine) -> None:
    """Each example is a vantage of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivering, "TELL_S", 0.0)
        asyncio.run(_live(happenings, PostgresOutbox(database), f"here-{next(EXAMPLES)}"))
