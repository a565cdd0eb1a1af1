"""The database away: every receiver is told once, over restarts, and once that it is back; on a clock set by hand."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.config.model import Paging, Receiver, Route
from agent.telling.blackout import Blackout
from exporters.base import DeliveryError
from exporters.memory import MemoryNotifier
from exporters.signals import Notice
from support.clock import FakeClock
from support.notices import a_notice
from support.told import configuration


class Dark:
    """Receivers `a` and `b`, of which a route leads to `a` alone, and a database that is away or not."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.config = dataclasses.replace(
            configuration("azure"),
            receivers=tuple(Receiver(name=name, kind="slack", url="${URL}") for name in ("a", "b")),
            routes=(Route(to=("a",)),),
            paging=Paging(warm_up_s=3600.0),
            engine="agent",
        )
        self.notifiers = {"a": MemoryNotifier(), "b": MemoryNotifier()}
        self.counted: Counter[tuple[str, str]] = Counter()
        self.born_ns = {"azure": self.clock.wall_ns() - 7200 * 10**9}
        self.firing: list[Notice] | None = []
        self.up = True
        self._folder = folder
        self.blackout = self.started()

    def started(self) -> Blackout:
        return Blackout(
            self._folder / "blackout.json",
            lambda receiver: self.notifiers[receiver.name],
            born_ns=lambda: self.born_ns,
            notified=lambda receiver, state: self.counted.update([(receiver, state)]),
            wall_ns=self.clock.wall_ns,
            uniform=lambda low, high: (low + high) / 2,
            firing=lambda: self.firing,
        )

    async def look(self, after_s: float = 0.0) -> None:
        """Let time pass, say how the database is, look, and wait for what was begun."""
        self.clock.advance(after_s)
        self.blackout.database(up=self.up, at_ns=self.clock.wall_ns())
        await self.blackout.look(self.config)
        await self.blackout._telling.rest()
        await self.blackout.look(self.config)

    async def restart(self) -> None:
        await self.blackout.stop()
        self.blackout = self.started()

    def told(self, name: str = "a") -> list[tuple[str, str]]:
        return [(one.state, one.severity) for message in self.notifiers[name].told for one in message]


def play(folder: Path, scene: Callable[[Dark], Awaitable[None]]) -> Dark:
    async def go() -> Dark:
        dark = Dark(folder)
        try:
            await scene(dark)
        finally:
            await dark.blackout.stop()
        return dark

    return asyncio.run(go())


def test_every_receiver_is_told_once_past_all_routes_and_once_that_it_is_over(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.up = False
        await dark.look()
        await dark.look(119)
        assert dark.told() == []
        await dark.look(1)
        await dark.look(3600)
        assert dark.told("a") == dark.told("b") == [("firing", "page")]
        dark.up = True
        await dark.look(10)
        await dark.look(599)
        assert len(dark.told()) == 1, "it is held against flapping"
        await dark.look(1)
        await dark.look(60)

    dark = play(tmp_path, scene)
    assert dark.told("a") == dark.told("b") == [("firing", "page"), ("resolved", "page")]
    first, last = (message[0] for message in dark.notifiers["a"].told)
    assert first.key == last.key
    assert first.summary.startswith("Our own agent (here) has been blind since ")
    assert "the database does not answer" in first.detail
    assert last.summary == "Our own agent (here) sees again after 1h2m10s"
    assert dark.counted == {("a", "sent"): 2, ("b", "sent"): 2}


def test_what_fires_is_refreshed_meanwhile_where_silence_would_end_it_and_by_its_route(
    tmp_path: Path,
) -> None:
    """Alertmanager ends what it hears nothing of for four minutes; whoever was told once, was told."""

    async def scene(dark: Dark) -> None:
        dark.notifiers = {"a": MemoryNotifier(refresh_s=60.0), "b": MemoryNotifier(refresh_s=60.0)}
        dark.firing, dark.up = [a_notice()], False
        await dark.look()
        assert outages(dark, "a") == 0, "the rows were told from a moment ago"
        for minutes in range(2, 12):
            await dark.look(120 if minutes == 2 else 60)
            assert outages(dark, "a") == minutes - 1
        assert outages(dark, "b") == 0
        dark.up = True
        for _ in range(5):
            await dark.look(60)
        assert outages(dark, "a") == 10, "from here on the rows are told from again"

    play(tmp_path, scene)


def test_who_starts_without_a_database_goes_on_refreshing_what_fired(tmp_path: Path) -> None:
    """Until its rows say what fires; what receivers have let go of by then is not told anew."""

    async def scene(dark: Dark) -> None:
        dark.notifiers = {"a": MemoryNotifier(refresh_s=60.0), "b": MemoryNotifier()}
        dark.firing = [a_notice()]
        for _ in range(40):
            await dark.look(30)
        dark.firing, dark.up = None, False
        await dark.restart()
        await dark.look(10)
        await dark.look(120)
        assert outages(dark, "a") == 1
        await dark.restart()
        await dark.look(60)
        assert outages(dark, "a") == 2
        told = [one for message in dark.notifiers["a"].told for one in message if one.name != "AgentBlind"]
        assert told == [a_notice()] * 2
        dark.up, dark.firing = True, []
        await dark.look(60)
        dark.up, dark.firing = False, None
        await dark.restart()
        await dark.look(10)
        await dark.look(120)
        assert outages(dark, "a") == 2, "it had ended"

    play(tmp_path, scene)


def test_what_fired_before_a_long_absence_of_the_agent_itself_is_told_by_nobody(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.notifiers = {"a": MemoryNotifier(refresh_s=60.0), "b": MemoryNotifier()}
        dark.firing = [a_notice()]
        await dark.look()
        dark.firing, dark.up = None, False
        await dark.restart()
        await dark.look(241)
        await dark.look(120)
        assert dark.told("a") == [("firing", "page")]
        assert outages(dark, "a") == 0

    play(tmp_path, scene)


def test_what_fires_is_not_repeated_to_whom_it_was_told_once(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.firing, dark.up = [a_notice()], False
        await dark.look()
        await dark.look(600)
        assert outages(dark, "a") == 0

    play(tmp_path, scene)


def outages(dark: Dark, name: str) -> int:
    """Return how often a receiver was told of anything but the database."""
    said = [one for message in dark.notifiers[name].told for one in message]
    return sum(one.name != "AgentBlind" for one in said)


def test_a_short_absence_is_nothing(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        for _ in range(20):
            dark.up = not dark.up
            await dark.look(100)

    assert play(tmp_path, scene).told() == []


def test_a_new_estate_never_pages(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.born_ns, dark.up = {}, False
        await dark.look()
        await dark.look(120)

    assert play(tmp_path, scene).told() == [("firing", "ticket")]


def test_a_restart_repeats_nothing_and_goes_on_with_who_was_not_told(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.notifiers["b"].failure = DeliveryError("down", permanent=False)
        dark.up = False
        await dark.look()
        await dark.look(120)
        await dark.restart()
        dark.notifiers["b"].failure = None
        await dark.look(5)
        await dark.look(300)
        assert dark.told("a") == dark.told("b") == [("firing", "page")]
        await dark.restart()
        dark.up = True
        await dark.look(1)
        await dark.look(600)

    dark = play(tmp_path, scene)
    assert dark.told("a") == dark.told("b") == [("firing", "page"), ("resolved", "page")]
    assert len({one.key for told in dark.notifiers["a"].told for one in told}) == 1
    assert (tmp_path / "blackout.json").read_bytes() == b"{}"


def test_an_end_that_a_restart_fell_into_is_told_after_it(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.up = False
        await dark.look()
        await dark.look(120)
        dark.notifiers["b"].failure = DeliveryError("down", permanent=False)
        dark.up = True
        await dark.look(1)
        await dark.look(600)
        await dark.restart()
        dark.notifiers["b"].failure = None
        await dark.look(1)

    dark = play(tmp_path, scene)
    assert dark.told("a") == dark.told("b") == [("firing", "page"), ("resolved", "page")]


def test_who_wants_to_hear_of_it_again_does_after_a_restart_too(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.notifiers["a"].refresh_s = 60.0
        dark.up = False
        await dark.look()
        await dark.look(120)
        await dark.look(60)
        await dark.restart()
        await dark.look(1)

    dark = play(tmp_path, scene)
    assert dark.told("a") == [("firing", "page")] * 3
    assert dark.told("b") == [("firing", "page")]


def test_a_receiver_that_hangs_keeps_no_other_from_being_told(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.notifiers["a"].hangs = True
        dark.blackout.database(up=False, at_ns=dark.clock.wall_ns())
        dark.clock.advance(120)
        while not dark.told("b"):
            await dark.blackout.look(dark.config)
        assert dark.told("b") == [("firing", "page")]
        assert not dark.blackout._telling._tasks["a"].done()

    play(tmp_path, scene)


def test_where_prometheus_pages_nobody_is_told(tmp_path: Path) -> None:
    async def scene(dark: Dark) -> None:
        dark.config = dataclasses.replace(dark.config, engine="prometheus")
        dark.up = False
        await dark.look()
        await dark.look(300)

    assert play(tmp_path, scene).told() == []


@pytest.mark.parametrize("restarts", [False, True])
def test_who_was_told_hears_an_end_where_prometheus_pages_from_now_on(
    tmp_path: Path, *, restarts: bool
) -> None:
    """By a reload or a restart, with the database away still; a receiver that is down then hears of it later."""

    async def scene(dark: Dark) -> None:
        dark.up = False
        await dark.look()
        await dark.look(120)
        dark.config = dataclasses.replace(dark.config, engine="prometheus")
        dark.notifiers["b"].failure = DeliveryError("down", permanent=False)
        for _ in range(2):
            if restarts:
                await dark.restart()
            await dark.look(10)
        dark.notifiers["b"].failure = None
        if restarts:
            await dark.restart()
        await dark.look(100)
        assert dark.told("a") == dark.told("b") == [("firing", "page"), ("resolved", "page")]
        dark.config = dataclasses.replace(dark.config, engine="agent")
        await dark.look(120)

    dark = play(tmp_path, scene)
    firing, resolved, again = (message[0] for message in dark.notifiers["b"].told)
    assert (firing.key == resolved.key, again.state) == (True, "firing")
    assert "is told of no more after" in resolved.summary
    assert resolved.summary.endswith(": Prometheus judges from now on")
    assert len(dark.notifiers["a"].told) == 3


def test_a_restart_in_the_middle_of_it_is_no_end_however_short_alerts_are_held(tmp_path: Path) -> None:
    """A new process has yet to find out that the database is away, and waits no 2 minutes to believe it."""

    async def scene(dark: Dark) -> None:
        dark.config = dataclasses.replace(dark.config, paging=Paging(hold_s=5.0))
        dark.up = False
        await dark.look()
        await dark.look(120)
        await dark.restart()
        dark.clock.advance(20)
        await dark.blackout.look(dark.config)
        for _ in range(4):
            await dark.look(20)
        dark.up = True
        await dark.look(1)
        assert dark.told() == [("firing", "page")]
        await dark.look(5)

    dark = play(tmp_path, scene)
    assert dark.told("a") == dark.told("b") == [("firing", "page"), ("resolved", "page")]


@pytest.mark.parametrize("text", ["", "[", '{"vantage": 1}', '{"told": 3}'])
def test_an_unreadable_file_costs_no_more_than_a_repetition(tmp_path: Path, text: str) -> None:
    (tmp_path / "blackout.json").write_text(text)

    async def scene(dark: Dark) -> None:
        dark.up = False
        await dark.look()
        await dark.look(120)

    assert play(tmp_path, scene).told() == [("firing", "page")]
