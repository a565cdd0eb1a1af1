"""Who pages changes while alerts are open: whoever was told hears that, and hears no more than that."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

from agent.config.model import Receiver, Route
from agent.slo.alerts import HOLD_NS
from agent.telling.delivering import Deliveries
from exporters.base import DeliveryError
from exporters.memory import MemoryNotifier
from probes.result import Outcome
from support.alerting import Told, estate
from support.told import SECOND_NS

HOLD_S = HOLD_NS / SECOND_NS
REST = Route(to=("mail",))


class Scene:
    """An agent of two clouds whose receivers are `pager` and `mail`; the deliveries share its clock."""

    def __init__(self) -> None:
        receivers = tuple(Receiver(name=name, kind="slack", url="${URL}") for name in ("pager", "mail"))
        pages = Route(when=(("severity", ("page",)),), to=("pager",))
        config = dataclasses.replace(
            estate("aws", "azure"), engine="agent", receivers=receivers, routes=(pages, REST)
        )
        self.agent = Told(config)
        self.notifiers = {"pager": MemoryNotifier(), "mail": MemoryNotifier()}
        self.telling = self._started()

    def _started(self) -> Deliveries:
        return Deliveries(
            self.agent.rows.outbox,
            lambda receiver: self.notifiers[receiver.name],
            notified=lambda _receiver, _state: None,
            wall_ns=lambda: self.agent.now_ns,
            uniform=lambda low, high: (low + high) / 2,
        )

    def settle(self, slot: int, outcome: Outcome, *targets: str) -> None:
        for target in targets or ("aws", "azure"):
            self.agent.settle(slot, target, outcome)

    async def look(self, seconds: float, **plan: object) -> None:
        """Look with a plan that is changed so, and tell what is due."""
        self.agent.config = dataclasses.replace(self.agent.config, **plan)  # type: ignore[arg-type]
        self.agent.beat(seconds)
        self.agent.look(seconds)
        await self.telling.look(self.agent.config)
        await self.telling.rest()

    async def restart(self) -> None:
        await self.telling.stop()
        self.agent = Told(self.agent.config, self.agent.rows, self.agent.standings)
        self.telling = self._started()

    def told(self, name: str, alert: str) -> list[tuple[int, str]]:
        notices = [one for message in self.notifiers[name].told for one in message]
        return [(one.seq, one.state) for one in notices if one.name == alert]


def play(scene: Callable[[Scene], Awaitable[None]]) -> Scene:
    async def go() -> Scene:
        found = Scene()
        try:
            await scene(found)
        finally:
            await found.telling.stop()
        return found

    return asyncio.run(go())


async def broken(scene: Scene) -> None:
    """Let both clouds be well, then fail, and tell of it."""
    scene.settle(0, Outcome.OK)
    await scene.look(1)
    scene.settle(1, Outcome.SERVER_ERROR)
    await scene.look(41)


def test_who_was_told_hears_an_end_that_says_who_judges_now() -> None:
    async def scene(one: Scene) -> None:
        await broken(one)
        for seconds in (50, 60, 70):
            await one.look(seconds, engine="prometheus")

    found = play(scene)
    assert found.told("pager", "ServiceDown") == [(1, "firing"), (2, "resolved")]
    assert [state for _, state in found.told("mail", "TargetDown")] == ["firing"] * 2 + ["resolved"] * 2
    (first,), (last,) = found.notifiers["pager"].told
    assert first.key == last.key
    assert last.summary == "Service nano is told of no more after 20s: Prometheus judges from now on"
    assert found.agent.notices, "it is recorded as ever"


def test_so_does_who_was_told_before_a_restart_and_nobody_twice() -> None:
    async def scene(one: Scene) -> None:
        await broken(one)
        one.agent.config = dataclasses.replace(one.agent.config, engine="prometheus")
        for seconds in (50, 60):
            await one.restart()
            await one.look(seconds)

    assert play(scene).told("pager", "ServiceDown") == [(1, "firing"), (2, "resolved")]


def test_what_ends_in_the_look_that_finds_prometheus_to_page_is_told_to_have_ended() -> None:
    async def scene(one: Scene) -> None:
        await broken(one)
        one.settle(2, Outcome.OK)
        await one.look(61)
        await one.look(61 + HOLD_S, engine="prometheus")
        assert not one.agent.notices

    assert play(scene).told("pager", "ServiceDown") == [(1, "firing"), (2, "resolved")]


def test_an_end_that_waits_when_prometheus_takes_over_is_told() -> None:
    async def scene(one: Scene) -> None:
        await broken(one)
        one.settle(2, Outcome.OK)
        await one.look(61)
        one.notifiers["pager"].failure = DeliveryError("down", permanent=False)
        await one.look(61 + HOLD_S)
        one.notifiers["pager"].failure = None
        await one.look(71 + HOLD_S, engine="prometheus")

    found = play(scene)
    assert found.told("pager", "ServiceDown") == [(1, "firing"), (2, "resolved")]
    assert found.notifiers["pager"].told[-1][0].summary.startswith("Service nano is well again")


def test_what_goes_on_is_told_once_when_the_agent_pages_again_and_its_end_too() -> None:
    async def scene(one: Scene) -> None:
        await broken(one)
        await one.look(50, engine="prometheus")
        for seconds in (60, 61):
            await one.look(seconds, engine="agent")
        await one.restart()
        await one.look(62)
        one.settle(2, Outcome.OK)
        await one.look(70)
        await one.look(70 + HOLD_S)

    found = play(scene)
    told = found.told("pager", "ServiceDown")
    assert told == [(1, "firing"), (2, "resolved"), (3, "firing"), (4, "resolved")]
    assert len({one.key for message in found.notifiers["pager"].told for one in message}) == 1


def test_what_is_over_when_the_agent_pages_again_is_told_no_second_time() -> None:
    """Also where a restart falls into it, and where it had been quiet: nobody is paged for what is over."""

    async def scene(one: Scene) -> None:
        await broken(one)
        await one.look(50, engine="prometheus")
        one.settle(2, Outcome.OK)
        await one.look(61)
        await one.look(62, engine="agent")
        await one.restart()
        await one.look(63)
        await one.look(61 + HOLD_S)
        assert not one.agent.notices

    assert play(scene).told("pager", "ServiceDown") == [(1, "firing"), (2, "resolved")]


def test_what_is_found_again_after_that_is_told() -> None:
    async def scene(one: Scene) -> None:
        await broken(one)
        await one.look(50, engine="prometheus")
        one.settle(2, Outcome.OK)
        await one.look(61)
        await one.look(62, engine="agent")
        one.settle(3, Outcome.SERVER_ERROR)
        await one.look(101)

    assert play(scene).told("pager", "ServiceDown") == [(1, "firing"), (2, "resolved"), (3, "firing")]


def test_what_rises_as_the_agent_pages_again_is_told_as_it_is() -> None:
    """A notice under the number of the end would be taken for one that was told."""

    async def scene(one: Scene) -> None:
        one.settle(0, Outcome.OK)
        await one.look(1)
        one.settle(1, Outcome.SERVER_ERROR, "aws")
        await one.look(41)
        await one.look(50, engine="prometheus")
        (target, other) = one.agent.config.targets
        critical = (dataclasses.replace(target, critical=True), other)
        await one.look(161, engine="agent", targets=critical)

    found = play(scene)
    assert found.told("mail", "TargetDown") == [(1, "firing"), (2, "resolved"), (3, "firing")]
    assert found.told("pager", "TargetDown") == [(3, "firing")]


def test_what_began_where_prometheus_pages_is_told_first_when_the_agent_does() -> None:
    async def scene(one: Scene) -> None:
        one.agent.config = dataclasses.replace(one.agent.config, engine="prometheus")
        await broken(one)
        assert one.notifiers["pager"].told == []
        await one.look(50, engine="agent")

    assert play(scene).told("pager", "ServiceDown") == [(1, "firing")]
