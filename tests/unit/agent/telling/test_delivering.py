"""What is due is told, in order and by receiver, however the receivers behave; on a clock that is set by hand."""

import asyncio
import dataclasses
import itertools
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.config.model import Config, Receiver, Route
from agent.config.secrets import Secrets
from agent.telling import delivering
from agent.telling.delivering import Deliveries, deliveries
from agent.telling.opening import opened
from agent.telling.routing import rows
from exporters.alertmanager import REFRESH_S
from exporters.base import DeliveryError
from exporters.memory import MemoryNotifier
from exporters.signals import Notice
from storage.alert_readings import Claim, Told
from storage.base import StoreUnavailableError
from storage.memory_outbox import MemoryOutbox
from support.clock import FakeClock
from support.notices import a_notice, ended
from support.told import configuration

DAY_S = 86_400.0


class Estate:
    """Receivers `a` and `b`, an outbox, and their deliveries."""

    def __init__(self, *routes: Route, outbox: MemoryOutbox | None = None) -> None:
        self.clock = FakeClock()
        self.outbox = outbox if outbox is not None else MemoryOutbox()
        self.config: Config = dataclasses.replace(
            configuration("azure"),
            receivers=tuple(Receiver(name=name, kind="slack", url="${URL}") for name in ("a", "b")),
            routes=routes,
            engine="agent",
        )
        self.notifiers = {"a": MemoryNotifier(), "b": MemoryNotifier()}
        self.counted: Counter[tuple[str, str]] = Counter()
        self.quiet: Callable[[Notice], bool] = lambda _: False
        self.telling = self.started()

    def started(self) -> Deliveries:
        return Deliveries(
            self.outbox,
            lambda receiver: self.notifiers[receiver.name],
            notified=lambda receiver, state: self.counted.update([(receiver, state)]),
            wall_ns=self.clock.wall_ns,
            uniform=lambda low, high: (low + high) / 2,
            silenced=self._is_quiet,
        )

    def _is_quiet(self, notice: Notice) -> bool:
        return self.quiet(notice)

    def put(self, *notices: Notice) -> None:
        self.outbox.put(rows(self.config, notices, self.clock.wall_ns()))

    async def look(self, after_s: float = 0.0) -> None:
        """Let time pass, look once, and wait for what was begun."""
        self.clock.advance(after_s)
        await self.telling.look(self.config)
        await self.telling.rest()

    def told(self, name: str = "a") -> list[list[str]]:
        """Return the states of each message that a receiver was told."""
        return [[notice.state for notice in message] for message in self.notifiers[name].told]


def run(scene: Callable[[Estate], Awaitable[None]], *routes: Route) -> Estate:
    estate = Estate(*routes)

    async def go() -> None:
        try:
            await scene(estate)
        finally:
            await estate.telling.stop()

    asyncio.run(go())
    return estate


A = Route(to=("a",))


def test_each_receiver_is_told_once() -> None:
    async def scene(estate: Estate) -> None:
        estate.put(a_notice())
        await estate.look()
        await estate.look(1)

    estate = run(scene)
    assert estate.told("a") == estate.told("b") == [["firing"]]
    assert estate.counted == {("a", "sent"): 1, ("b", "sent"): 1}


def test_a_receiver_that_hangs_delays_no_other() -> None:
    """Not even while it hangs for minutes; what is due for it waits in the table."""

    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].hangs = True
        estate.put(a_notice(key="first"))
        await estate.telling.look(estate.config)
        await estate.telling._tasks["b"]
        estate.put(a_notice(key="second"))
        await estate.telling.look(estate.config)
        await estate.telling._tasks["b"]
        assert not estate.telling._tasks["a"].done()
        assert len(estate.notifiers["b"].told) == 2
        assert estate.notifiers["a"].tried == 1

    run(scene)


def test_a_receiver_that_hangs_is_given_up_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "TELL_S", 0.0)

    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].hangs = True
        estate.put(a_notice())
        await estate.look()
        estate.notifiers["a"].hangs = False
        await estate.look(2)

    estate = run(scene, A)
    assert estate.told() == [["firing"]]
    assert estate.counted["a", "failed"] == 1


def test_a_stop_lets_go_of_what_was_claimed() -> None:
    """The next process tells it at once, and does not wait for a lease to lapse."""

    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].hangs = True
        estate.put(a_notice(key="first"), a_notice(key="second"))
        await estate.telling.look(estate.config)
        await asyncio.sleep(0)
        await estate.telling.stop()
        estate.notifiers["a"].hangs = False
        estate.telling = estate.started()
        await estate.look()

    estate = run(scene, A)
    assert sorted(notice.key for (notice,) in estate.notifiers["a"].told) == ["first", "second"]


def test_a_failure_is_tried_again_ever_more_seldom_up_to_a_minute() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("HTTP 503", permanent=False)
        estate.put(a_notice())
        for _ in range(600):
            await estate.look(1)

    estate = run(scene, A)
    # At 1, 2, 4, 8, 16, 32 s and then each 60 s, give or take the second of a look.
    assert 14 <= estate.notifiers["a"].tried <= 16


def test_a_receiver_that_asks_to_be_left_alone_is() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("HTTP 429", permanent=False, retry_after_s=300)
        estate.put(a_notice())
        await estate.look()
        await estate.look(299)
        assert estate.notifiers["a"].tried == 1
        estate.notifiers["a"].failure = None
        await estate.look(1)

    assert run(scene, A).told() == [["firing"]]


def test_a_storm_against_a_dead_receiver_is_one_try() -> None:
    """The others of the storm wait as long as the one that was tried."""

    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("not reached", permanent=False)
        estate.put(*(a_notice(key=f"k{number}") for number in range(20)))
        await estate.look()
        assert estate.notifiers["a"].tried == 1
        estate.notifiers["a"].failure = None
        await estate.look(2)

    assert len(run(scene, A).told()) == 20


def test_what_is_refused_is_surfaced_once_and_tried_again_every_few_minutes() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("a answered HTTP 404", permanent=True)
        estate.put(a_notice(severity="ticket"))
        for _ in range(60):
            await estate.look(60)
        assert 10 <= estate.notifiers["a"].tried <= 12
        estate.notifiers["a"].failure = None
        await estate.look(300)

    with capture_logs() as said:
        estate = run(scene, A)
    assert estate.told() == [["firing"]]
    assert [line["error"] for line in said if line["event"] == "alert.refused"] == ["a answered HTTP 404"]


def test_an_end_that_is_refused_is_tried_again() -> None:
    """What was told before is on show there: it is tried as soon as after any other failure."""

    async def scene(estate: Estate) -> None:
        estate.put(a_notice())
        await estate.look()
        estate.notifiers["a"].failure = DeliveryError("a answered HTTP 403", permanent=True)
        estate.put(ended(a_notice()))
        await estate.look()
        estate.notifiers["a"].failure = None
        await estate.look(2)

    estate = run(scene, A)
    assert estate.told() == [["firing"], ["resolved"]]
    assert estate.counted["a", "refused"] == 1


def test_one_refused_refresh_ends_no_refreshing() -> None:
    """Else Alertmanager resolves what still fires."""

    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].refresh_s = REFRESH_S
        estate.put(a_notice())
        await estate.look()
        estate.notifiers["a"].failure = DeliveryError("a answered HTTP 404", permanent=True)
        await estate.look(60)
        estate.notifiers["a"].failure = None
        for _ in range(10):
            await estate.look(60)

    assert run(scene).told("a") == [["firing"]] * 11


def test_what_is_refused_holds_up_nothing_behind_it() -> None:
    """A receiver may dislike one notice alone."""

    async def scene(estate: Estate) -> None:
        class Picky(MemoryNotifier):
            async def tell(self, notices: Sequence[Notice]) -> str:
                if notices[0].key == "disliked":
                    raise DeliveryError("HTTP 400", permanent=True)
                return await super().tell(notices)

        estate.notifiers["a"] = Picky(gathers=False)
        estate.telling = estate.started()
        estate.put(a_notice(key="disliked"))
        await estate.look()
        estate.put(ended(a_notice(key="disliked")), a_notice(key="other", severity="ticket"))
        await estate.look(1)

    assert [notice.key for (notice,) in run(scene, A).notifiers["a"].told] == ["other"]


PAGES = Route(when=(("severity", ("page",)),), to=("a",))
REST = Route(to=("b",))


def test_a_page_that_is_refused_is_told_to_those_who_come_next() -> None:
    """They hear of all that comes of it, too; a ticket waits for its receiver to be mended."""

    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("a answered HTTP 401", permanent=True)
        estate.put(a_notice())
        await estate.look()
        await estate.look(1)
        estate.put(ended(a_notice()))
        await estate.look(1)

    estate = run(scene, PAGES, REST)
    assert estate.told("b") == [["firing"], ["resolved"]]
    assert estate.notifiers["b"].told[0][0].facts["refused_by"] == "a"


def test_a_page_that_the_next_refuse_as_well_is_told_to_whoever_is_left() -> None:
    async def scene(estate: Estate) -> None:
        third = Receiver(name="c", kind="slack", url="${URL}")
        estate.notifiers["c"] = MemoryNotifier()
        estate.config = dataclasses.replace(estate.config, receivers=(*estate.config.receivers, third))
        for name in "ab":
            estate.notifiers[name].failure = DeliveryError("HTTP 401", permanent=True)
        estate.put(a_notice(), a_notice(key="ticket", severity="ticket"))
        for _ in range(3):
            await estate.look(1)
        (said,) = estate.notifiers["c"].told
        assert [(notice.key, notice.facts["refused_by"]) for notice in said] == [(a_notice().key, "a, b")]

    run(scene, PAGES, REST)


def test_who_refused_something_else_is_tried_with_a_page_that_is_refused_elsewhere() -> None:
    """Also after a restart, and though the page was refused before it."""

    async def scene(estate: Estate) -> None:
        class Picky(MemoryNotifier):
            async def tell(self, notices: Sequence[Notice]) -> str:
                if notices[0].severity == "ticket":
                    raise DeliveryError("HTTP 400", permanent=True)
                return await super().tell(notices)

        estate.notifiers["a"].failure = DeliveryError("HTTP 401", permanent=True)
        estate.notifiers["b"] = Picky()
        estate.telling = estate.started()
        estate.put(a_notice(key="ticket", severity="ticket"), a_notice())
        await estate.look()
        await estate.telling.stop()
        estate.telling = estate.started()
        await estate.look(1)

    assert run(scene, PAGES, REST).told("b") == [["firing"]]


def test_a_page_that_rose_and_is_refused_is_told_to_those_who_come_next() -> None:
    async def scene(estate: Estate) -> None:
        ticket = a_notice(severity="ticket")
        estate.put(ticket)
        await estate.look()
        estate.notifiers["a"].failure = DeliveryError("a answered HTTP 401", permanent=True)
        estate.put(dataclasses.replace(ticket, severity="page", seq=2))
        await estate.look(1)
        await estate.look(1)

    assert run(scene, A, REST).told("b") == [["firing"]]


def test_who_was_told_of_a_ticket_hears_of_its_rise_and_its_end_where_pages_go_elsewhere() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["b"].refresh_s = REFRESH_S
        ticket = a_notice(severity="ticket")
        page = dataclasses.replace(ticket, severity="page", seq=2)
        for notice in (ticket, page, ended(page)):
            estate.put(notice)
            await estate.look(10)
        for _ in range(10):
            await estate.look(60)

    estate = run(scene, PAGES, REST)
    assert estate.told("a") == [["firing"], ["resolved"]]
    assert estate.told("b") == [["firing"], ["firing"], ["resolved"]]
    assert [notice.severity for (notice,) in estate.notifiers["b"].told] == ["ticket", "page", "page"]


def test_who_was_told_hears_of_the_end_after_a_reload_of_routes() -> None:
    async def scene(estate: Estate) -> None:
        estate.put(a_notice())
        await estate.look()
        estate.config = dataclasses.replace(estate.config, routes=(REST,))
        estate.put(ended(a_notice()))
        await estate.look(1)

    assert run(scene, A).told("a") == [["firing"], ["resolved"]]


def test_what_still_fires_after_days_outlives_a_failed_refresh() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].refresh_s = REFRESH_S
        estate.put(a_notice())
        await estate.look()
        for _ in range(8 * 24):
            await estate.look(3600)
        estate.notifiers["a"].failure = DeliveryError("HTTP 503", permanent=False)
        await estate.look(60)
        await estate.look(60)
        estate.notifiers["a"].failure = None
        before = len(estate.told())
        for _ in range(10):
            await estate.look(61)
        assert len(estate.told()) == before + 10

    assert run(scene, A).counted["a", "dropped"] == 0


def test_what_a_long_maintenance_kept_quiet_is_told_after_it() -> None:
    """A reminder as well, and though the receiver fails then once."""

    async def scene(estate: Estate) -> None:
        estate.put(a_notice(key="before"))
        await estate.look()
        estate.quiet = lambda _: True
        estate.put(a_notice(key="within"))
        for _ in range(9 * 24):
            await estate.look(3600)
        estate.quiet = lambda _: False
        estate.notifiers["a"].failure = DeliveryError("HTTP 503", permanent=False)
        await estate.look(60)
        estate.notifiers["a"].failure = None
        await estate.look(60)

    estate = run(scene, dataclasses.replace(A, repeat_s=DAY_S))
    assert sorted(notice.key for (notice,) in estate.notifiers["a"].told) == ["before", "before", "within"]


def test_who_may_have_taken_what_a_stop_broke_off_hears_of_its_end() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].hangs = True
        estate.put(a_notice())
        await estate.telling.look(estate.config)
        await asyncio.sleep(0)
        assert estate.notifiers["a"].tried
        await estate.telling.stop()
        estate.notifiers["a"].hangs = False
        estate.telling = estate.started()
        estate.config = dataclasses.replace(estate.config, routes=(REST,))
        estate.put(ended(a_notice()))
        await estate.look(1)

    assert run(scene, A).told("a") == [["resolved"]]


def test_a_receiver_that_was_mended_hears_of_what_still_fires() -> None:
    """A reload brings another routing key, and the page is not lost."""

    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("HTTP 401", permanent=True)
        estate.put(a_notice())
        await estate.look()
        estate.notifiers["a"].failure = None
        mended = Receiver(name="a", kind="slack", url="${OTHER}")
        estate.config = dataclasses.replace(estate.config, receivers=(mended,))
        await estate.look(1)

    assert run(scene, A).told() == [["firing"]]


def test_a_kill_between_telling_and_remembering_it_repeats_the_same_notice() -> None:
    """The receiver sees the same key, and takes the second for the first."""

    class Killed(MemoryOutbox):
        def settle(self, _: Sequence[Told]) -> None:
            raise StoreUnavailableError("killed")

    async def scene() -> None:
        first = Estate(A, outbox=Killed())
        first.put(a_notice())
        await first.look()
        first.outbox.settle = MemoryOutbox.settle.__get__(first.outbox)  # type: ignore[method-assign]
        first.telling = first.started()
        await first.look(60)
        assert len(first.notifiers["a"].told) == 1
        await first.look(60)
        one, two = first.notifiers["a"].told
        assert one == two

    asyncio.run(scene())


def test_a_receiver_that_is_down_for_a_day_hears_of_what_goes_on_and_not_of_what_is_over() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("not reached", permanent=False)
        estate.put(a_notice(key="over"), a_notice(key="on"))
        await estate.look()
        estate.put(ended(a_notice(key="over")))
        for _ in range(25):
            await estate.look(3600)
        estate.notifiers["a"].failure = None
        await estate.look(60)

    estate = run(scene, A)
    assert [[notice.key for notice in message] for message in estate.notifiers["a"].told] == [["on"]]
    assert estate.counted["a", "dropped"] == 1


def test_what_began_and_ended_while_a_receiver_was_down_is_told_as_one_end() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = DeliveryError("not reached", permanent=False)
        estate.put(a_notice())
        await estate.look()
        estate.put(ended(a_notice()))
        estate.notifiers["a"].failure = None
        await estate.look(60)
        await estate.look(60)

    assert run(scene, A).told() == [["resolved"]]


def test_alerts_of_a_group_are_one_message_where_the_kind_makes_messages_of_several() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["b"] = MemoryNotifier(gathers=False)
        estate.telling = estate.started()
        estate.put(*(a_notice(key=f"k{number}") for number in range(3)))
        await estate.look()

    estate = run(scene, Route(to=("a", "b"), group_by=("service",)))
    assert [len(message) for message in estate.notifiers["a"].told] == [3]
    assert [len(message) for message in estate.notifiers["b"].told] == [1, 1, 1]


def test_a_reminder_comes_while_it_fires_and_none_after_its_end() -> None:
    async def scene(estate: Estate) -> None:
        estate.put(a_notice())
        await estate.look()
        await estate.look(3599)
        assert estate.told() == [["firing"]]
        await estate.look(1)
        assert estate.told() == [["firing"], ["firing"]]
        estate.put(ended(a_notice()))
        for _ in range(5):
            await estate.look(3600)

    estate = run(scene, dataclasses.replace(A, repeat_s=3600.0))
    assert estate.told() == [["firing"], ["firing"], ["resolved"]]


def test_alertmanager_is_refreshed_each_minute_until_the_end() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].refresh_s = REFRESH_S
        estate.put(a_notice())
        for _ in range(10):
            await estate.look(30)
        assert len(estate.told()) == 5
        estate.put(ended(a_notice()))
        for _ in range(10):
            await estate.look(30)

    assert run(scene, A).told() == [["firing"]] * 5 + [["resolved"]]


def test_a_maintenance_keeps_what_begins_quiet_until_it_is_over() -> None:
    async def scene(estate: Estate) -> None:
        estate.quiet = lambda _: True
        estate.put(a_notice(key="on"), a_notice(key="over"))
        await estate.look()
        estate.put(ended(a_notice(key="over")))
        await estate.look(60)
        assert estate.told() == []
        estate.quiet = lambda _: False
        await estate.look(60)

    estate = run(scene, A)
    assert [[notice.key for notice in message] for message in estate.notifiers["a"].told] == [["on"]]
    assert estate.counted["a", "silenced"] == 1


def test_a_maintenance_hides_no_end_of_what_was_told_before() -> None:
    async def scene(estate: Estate) -> None:
        estate.put(a_notice())
        await estate.look()
        estate.quiet = lambda _: True
        estate.put(ended(a_notice()))
        await estate.look(1)

    assert run(scene, A).told() == [["firing"], ["resolved"]]


def test_a_defect_of_one_notifier_ends_nothing() -> None:
    async def scene(estate: Estate) -> None:
        estate.notifiers["a"].failure = KeyError("oops")  # type: ignore[assignment]
        estate.put(a_notice())
        await estate.look()

    estate = run(scene)
    assert estate.told("b") == [["firing"]]
    assert estate.counted["a", "refused"] == 1


def test_a_notice_that_cannot_be_read_is_refused_and_ends_nothing() -> None:
    """One row must not stop the teller again and again."""

    async def scene(estate: Estate) -> None:
        estate.put(a_notice(key="bad"), a_notice(key="good"))
        kept = estate.outbox.kept[estate.config.vantage, "a", "bad", 1]
        kept.row = dataclasses.replace(kept.row, payload={"key": 1})
        await estate.look()

    estate = run(scene, A)
    assert estate.told() == [["firing"]]
    assert estate.counted == {("a", "sent"): 1, ("a", "refused"): 1}


def test_no_message_is_begun_late_in_a_lease() -> None:
    """Else it would end after the lease, and be told twice."""

    async def scene(estate: Estate) -> None:
        class Slow(MemoryNotifier):
            async def tell(self, notices: Sequence[Notice]) -> str:
                estate.clock.advance(25)
                return await super().tell(notices)

        estate.notifiers["a"] = Slow(gathers=False)
        estate.telling = estate.started()
        estate.put(*(a_notice(key=f"k{number}") for number in range(5)))
        await estate.look()
        assert len(estate.told()) == 2
        for _ in range(2):
            await estate.look(1)

    assert len(run(scene, A).told()) == 5


def test_nothing_is_told_where_prometheus_pages() -> None:
    """Alertmanager then ends by itself what is not refreshed any more."""

    async def scene(estate: Estate) -> None:
        estate.put(a_notice())
        estate.config = dataclasses.replace(estate.config, engine="prometheus")
        await estate.look()

    assert run(scene).told() == []


def test_with_the_database_away_it_looks_again_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "LOOK_S", 0.0)
    estate, looks, enough = Estate(), itertools.count(1), threading.Event()

    class Away(MemoryOutbox):
        def claim(self, *_: Any, **__: Any) -> list[Claim]:
            if next(looks) == 3:
                enough.set()
            raise StoreUnavailableError("away")

    async def scene() -> None:
        work = asyncio.create_task(
            deliveries(
                Away(),
                lambda: estate.config,
                lambda: Secrets({}),
                notified=lambda *_: None,
                wall_ns=estate.clock.wall_ns,
                uniform=lambda low, _: low,
            )
        )
        await asyncio.to_thread(enough.wait)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    with capture_logs() as said:
        asyncio.run(scene())
    assert [line["event"] for line in said] == ["alerts.undelivered"]


def test_a_reference_that_stands_for_nothing_now_is_tried_again() -> None:
    """A mounted Secret may come later."""
    receiver = Receiver(name="a", kind="slack", url="${NOT_THERE}")
    notifier = opened(receiver, lambda: Secrets({}), FakeClock().wall_ns)
    with pytest.raises(DeliveryError, match="NOT_THERE") as raised:
        asyncio.run(notifier.tell([a_notice()]))
    assert not raised.value.permanent
