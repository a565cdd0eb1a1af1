import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest

from agent.config.model import Config, ProbePlan
from agent.slo.burning import Window, Windows
from agent.slo.calendars import Calendar
from agent.slo.objective import Objective
from agent.slo.service import Member, Service
from agent.slo.slices import Slices
from agent.slo.spent import Spent
from agent.telling.due import expected_slots
from agent.telling.link import Link
from agent.telling.watch import COUNTED_S, EVERY_S, WAIT_S, Watch, keep_counted, keep_watch, statuses_of
from exporters.memory import MemorySink
from probes.result import EventClass, Outcome
from probes.target import Workload
from storage.base import StoreUnavailableError
from storage.memory import MemoryStore
from storage.readings import MaintenanceRow, PlanRow, SliCounts, SliQuestion
from support.clock import FakeClock
from support.told import EVERY_NS, SECOND_NS, START_NS, configuration, plan, result, settled

CONFIG = configuration()
HOUR_NS = 3600 * SECOND_NS
NOW_NS = START_NS + 2 * HOUR_NS


class TwoHours(MemoryStore):
    """A history that saw a good result for each slot of the last two hours, up to `until`."""

    def __init__(self, until_ns: int = NOW_NS) -> None:
        super().__init__()
        self.away = False
        self.questions: list[SliQuestion] = []
        self._until_ns = until_ns
        self.targets: tuple[str, ...] = ("openai",)
        self.rows: list[MaintenanceRow] = []

    def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]:
        if self.away:
            raise StoreUnavailableError("away")
        self.questions = list(questions)
        plans = self.plans("here", 0, NOW_NS)[:1]
        return [
            SliCounts(good=expected_slots(plans, one.since_ns, min(one.until_ns, self._until_ns)))
            for one in questions
        ]

    def plans(self, vantage: str, since_ns: int, until_ns: int) -> list[PlanRow]:  # noqa: ARG002 - it holds all the time
        return [
            PlanRow(
                config_hash=CONFIG.hash,
                vantage=vantage,
                target=target,
                probe="chat",
                every_ns=EVERY_NS,
                phase_ns=0,
                valid_from_ns=START_NS,
                valid_to_ns=None,
                reason="start",
            )
            for target in self.targets
        ]

    def maintenances(self, since_ns: int, until_ns: int) -> list[MaintenanceRow]:
        return [row for row in self.rows if row.since_ns < until_ns and row.over_ns > since_ns]


def test_every_objective_of_every_pair_is_asked_over_every_window() -> None:
    history = TwoHours()
    statuses = statuses_of(CONFIG, history, NOW_NS)
    assert [status.slo.id for status in statuses] == ["openai-chat-available", "openai-chat-quick"]
    assert len(history.questions) == 2 * 8
    assert {question.sli for question in history.questions} == {"availability", "ttft"}
    assert {question.threshold_s for question in history.questions} == {None, 2.0}
    assert {question.throttled for question in history.questions} == {EventClass.EXCLUDED}
    assert set(statuses[0].sli) == {"5m", "30m", "1h", "2h", "6h", "1d", "3d", "28d"}


def test_a_whole_history_covers_all_that_was_due() -> None:
    """What was due before the plan began is not missing: two hours are all there is of 28 days."""
    available, _ = statuses_of(CONFIG, TwoHours(), NOW_NS)
    assert available.coverage == 1.0
    assert available.state == "good"
    assert available.budget_remaining == 1.0


def test_slots_that_never_came_lower_the_coverage() -> None:
    available, _ = statuses_of(CONFIG, TwoHours(until_ns=START_NS + HOUR_NS), NOW_NS)
    assert available.coverage == pytest.approx(0.5, abs=0.01)
    assert available.state == "unknown"
    assert available.burn["5m"] is None


def test_a_slot_under_way_is_not_missing() -> None:
    """Up to its deadline of 30 s no result can be asked for."""
    available, _ = statuses_of(CONFIG, TwoHours(until_ns=NOW_NS - 30 * SECOND_NS), NOW_NS)
    assert available.coverage == 1.0


def test_expected_slots_follow_each_plan_within_its_validity() -> None:
    (row,) = TwoHours().plans("here", 0, 0)
    assert expected_slots([row], START_NS - HOUR_NS, START_NS + HOUR_NS) == 120
    assert expected_slots([], 0, NOW_NS) == 0


def test_without_objectives_nothing_is_asked() -> None:
    history = TwoHours()
    assert statuses_of(configuration(objectives=()), history, NOW_NS) == ()
    assert history.questions == []


def test_a_failed_evaluation_leaves_the_last_values_on_show() -> None:
    history, sink, seen = TwoHours(), MemorySink(), list[bool]()
    clock = FakeClock(wall_ns=NOW_NS)
    watch = Watch(history, [sink], Link(seen.append), clock.wall_ns)
    watch.evaluate(CONFIG)
    shown = sink.statuses
    assert watch.succeeded_ns == NOW_NS
    history.away = True
    clock.advance(10)
    with pytest.raises(StoreUnavailableError):
        watch.evaluate(CONFIG)
    assert sink.statuses is shown
    assert watch.succeeded_ns == NOW_NS
    assert seen == [True, False]


def test_a_probe_that_asks_some_more_slowly_is_evaluated_at_each_ones_own_interval() -> None:
    """`slow` has a deadline of ten minutes, so what it has not answered in these is not missing yet."""
    chat = Workload(name="chat")
    slow = dataclasses.replace(chat, every_s=60.0, timeout_s=600.0)
    pairs = (("openai", "chat"), ("slow", "chat"))
    quick = Objective(
        name="quick", sli="ttft", ratio=0.99, window_s=28 * 86400.0, pairs=pairs[:1], threshold_s=1.5
    )
    config = configuration(
        "openai",
        "slow",
        probes=(ProbePlan(workload=chat, targets=("openai",)), ProbePlan(workload=slow, targets=("slow",))),
        objectives=(quick, dataclasses.replace(quick, pairs=pairs[1:], threshold_s=6.0)),
    )
    history = TwoHours(until_ns=NOW_NS - 600 * SECOND_NS)
    history.targets = ("openai", "slow")
    fast, late = statuses_of(config, history, NOW_NS)
    assert [(one.slo.id, one.sli["1h"]) for one in (fast, late)] == [
        ("openai-chat-quick", 1.0),
        ("slow-chat-quick", 1.0),
    ]
    assert {(one.target, one.threshold_s) for one in history.questions} == {("openai", 1.5), ("slow", 6.0)}
    assert late.coverage == 1.0
    assert fast.coverage is not None
    assert fast.coverage < 1.0


def test_residency_is_asked_with_each_targets_own_regions() -> None:
    home = Objective(
        name="home",
        sli="residency",
        ratio=0.99,
        window_s=28 * 86400.0,
        pairs=(("openai", "chat"), ("slow", "chat")),
    )
    config = configuration("openai", "slow", objectives=(home,))
    targets = [dataclasses.replace(target, served_in=(f"{target.name}-1",)) for target in config.targets]
    history = TwoHours()
    statuses_of(dataclasses.replace(config, targets=tuple(targets)), history, NOW_NS)
    assert {(one.target, one.served_in) for one in history.questions} == {
        ("openai", ("openai-1",)),
        ("slow", ("slow-1",)),
    }


def maintained(seen: int, since_ns: int, until_ns: int) -> TwoHours:
    """Return a history of two hours of which one hour is a maintenance in which so many slots were seen."""

    class Maintained(TwoHours):
        def counts(self, questions: Sequence[SliQuestion]) -> list[SliCounts]:
            return [
                dataclasses.replace(one, good=one.good - 120, excluded=seen, maintained=seen)
                if question.since_ns <= since_ns
                else one
                for one, question in zip(super().counts(questions), questions, strict=True)
            ]

    history = Maintained()
    history.rows = [
        MaintenanceRow(
            key="m1",
            target="openai",
            since_ns=since_ns,
            until_ns=until_ns,
            source="config",
            author="ada",
            reason="upgrades",
            made_ns=since_ns,
        )
    ]
    return history


@pytest.mark.parametrize("seen", [0, 40, 120])
def test_a_slot_of_a_maintenance_that_nobody_asked_is_not_missing(seen: int) -> None:
    """Whether the agent was stopped too, half the time or not at all."""
    available, _ = statuses_of(CONFIG, maintained(seen, START_NS, START_NS + HOUR_NS), NOW_NS)
    assert available.coverage == 1.0
    assert available.state == "good"


def test_a_slot_of_other_targets_maintenance_is_missing_all_the_same() -> None:
    history = maintained(0, START_NS, START_NS + HOUR_NS)
    history.rows = [dataclasses.replace(history.rows[0], target="azure")]
    available, _ = statuses_of(CONFIG, history, NOW_NS)
    assert available.coverage == pytest.approx(0.5, abs=0.01)


def test_windows_begin_at_whole_minutes_but_for_the_shortest() -> None:
    """As hours are counted; what is due is counted over the same span."""
    history = TwoHours()
    now_ns = NOW_NS + 7 * SECOND_NS + 1
    statuses = statuses_of(CONFIG, history, now_ns)
    shortest, *others = (question.since_ns for question in history.questions[:8])
    assert now_ns - shortest == 300 * SECOND_NS
    assert {since_ns % (60 * SECOND_NS) for since_ns in others} == {0}
    assert {question.until_ns for question in history.questions} == {now_ns}
    assert statuses[0].coverage == 1.0


class OverError(Exception):
    """The test has seen enough."""


class Counting:
    """Rollups that have something to count three times, and are away once."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self._more = iter((True, StoreUnavailableError("away"), True, False))

    def advance(self, questions: Iterable[SliQuestion], now_ns: int) -> bool:
        self.asked.append((len(list(questions)), now_ns))
        match next(self._more):
            case bool() as more:
                return more
            case failure:
                raise failure

    def recount(self, since_ns: int, until_ns: int) -> None:
        raise NotImplementedError


def test_hours_are_counted_half_the_time_while_there_are_any_to_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long a pause as the work took; with nothing left, or the database away, it is looked again later."""
    clock, slept = FakeClock(wall_ns=NOW_NS), list[float]()
    rollups = Counting()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            raise OverError

    async def took_two_seconds(work: Callable[..., bool], *args: object) -> bool:
        clock.advance(2)
        return work(*args)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio, "to_thread", took_two_seconds)
    with pytest.raises(OverError):
        asyncio.run(keep_counted(rollups, lambda: CONFIG, clock.wall_ns, clock.mono_ns))
    assert slept == [2.0, COUNTED_S, 2.0, COUNTED_S]
    assert [asked for asked, _ in rollups.asked] == [2 * 8] * 4


def test_nothing_is_evaluated_before_history_holds_what_the_journal_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database was away for twenty minutes: until they are stored they would count as missing."""
    clock, slept, evaluated = FakeClock(wall_ns=NOW_NS), list[float](), list[int]()
    watch = Watch(TwoHours(), [], Link(lambda _: None), clock.wall_ns)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise OverError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(OverError):
        asyncio.run(
            keep_watch(watch, lambda: CONFIG, evaluated.append, clock.mono_ns, lambda: len(slept) >= 2)
        )
    assert slept == [WAIT_S, WAIT_S, EVERY_S]
    assert evaluated == [NOW_NS]


def test_whoever_finds_what_is_wrong_is_given_each_objective_as_it_was_counted() -> None:
    given: list[Spent] = []
    clock = FakeClock(wall_ns=NOW_NS)
    watch = Watch(
        TwoHours(),
        [],
        Link(lambda _: None),
        clock.wall_ns,
        lambda _config, _series, _now_ns, objectives: given.extend(objectives),
    )
    watch.evaluate(CONFIG)
    assert [one.key.id for one in given] == ["openai-chat-available", "openai-chat-quick"]
    parts = [part for one in given for part in one.parts]
    assert {(one.every_s, one.first_token_s, one.settling) for one in parts} == {(30.0, 8.0, 1)}
    assert [one.windows for one in given] == [part.windows for part in parts]
    assert given[1].windows["1h"].counts.good == 120


def test_of_a_pool_and_of_slices_each_part_is_counted_beside_the_whole() -> None:
    config, history, given = configuration("openai", "azure"), TwoHours(), list[Spent]()
    history.targets = ("openai", "azure")
    pooled = dataclasses.replace(config.objectives[0], per=())
    sliced = dataclasses.replace(pooled, name="steady", slices=Slices(300.0, 0.95))
    watch = Watch(
        _Sliced(history), [], Link(lambda _: None), lambda: NOW_NS, lambda *told: given.extend(told[-1])
    )
    watch.evaluate(dataclasses.replace(config, objectives=(pooled, sliced)))
    events, slices = given
    assert (events.key.id, events.every_s, slices.key.id, slices.every_s) == (
        "all-available",
        15.0,
        "all-steady",
        300.0,
    )
    assert [part.windows["1h"].counts.good for part in events.parts] == [120, 120]
    assert events.windows["1h"] == Window(counts=SliCounts(good=240), expected=238)
    assert [part.windows["1h"].counts for part in slices.parts] == [SliCounts(good=108, bad=12)] * 2
    assert slices.windows["1h"].counts == SliCounts(bad=12)


class _Sliced:
    """The same history, of which each tenth event of a slice was bad."""

    def __init__(self, history: TwoHours) -> None:
        self._history = history

    def __getattr__(self, name: str) -> Any:
        return getattr(self._history, name)

    def slices(self, questions: Sequence[SliQuestion], slice_ns: int) -> list[list[SliCounts]]:
        lengths = [(one.until_ns - one.since_ns) // slice_ns for one in questions]
        return [[SliCounts(good=9, bad=1)] * length for length in lengths]


def test_a_calendar_s_period_is_counted_from_its_first_instant_and_burn_windows_roll() -> None:
    """START_NS is 08:00 UTC on 15 January 2027, and the month began 14 d 9 h before in Berlin."""
    month = dataclasses.replace(
        CONFIG.objectives[0], window_s=30 * 86400.0, calendar=Calendar("month", "Europe/Berlin")
    )
    history = TwoHours()
    (status,) = statuses_of(configuration(objectives=(month,)), history, NOW_NS)
    lengths = {(one.until_ns - one.since_ns) // SECOND_NS for one in history.questions}
    assert lengths == {300, 1800, 3600, 7200, 21600, 86400, 3 * 86400, 14 * 86400 + 11 * 3600}
    assert (status.period, status.state, status.budget_remaining) == ("month", "good", 1.0)
    assert set(status.sli) == {"5m", "30m", "1h", "2h", "6h", "1d", "3d", "month"}


def test_slices_are_judged_from_the_events_of_each() -> None:
    """Ten slots a slice: one failure spoils it at 95 %, and what is not over yet is in no window."""
    steady = dataclasses.replace(CONFIG.objectives[0], ratio=0.99, slices=Slices(300.0, 0.95))
    config = configuration(objectives=(steady,))
    store = MemoryStore()
    store.plan(plan(config_hash=config.hash))
    failed = {25, 26, 57, 239}  # slices 2 and 5; the last one's ends with the present
    store.store(
        [result(slot, Outcome.SERVER_ERROR if slot in failed else Outcome.OK) for slot in range(245)],
        [settled(slot) for slot in failed],
    )
    (status,) = statuses_of(config, store, NOW_NS + 150 * SECOND_NS)
    assert status.sli["2h"] == 21 / 24
    assert status.sli["5m"] == 0.0
    assert status.sli["1h"] == 11 / 12
    assert status.burn["1h"] == pytest.approx(1 / 12 / 0.01)
    assert status.budget_remaining == pytest.approx(1 - 3 / 80.64)
    assert status.coverage == 1.0


def told(*targets: str) -> MemoryStore:
    """Return two hours in which the first target failed every tenth slot and the others none."""
    store = MemoryStore()
    store.plan(plan(targets))
    failed = range(0, 240, 10)
    for target in targets:
        bad = failed if target == targets[0] else ()
        store.store(
            [
                result(slot, Outcome.SERVER_ERROR if slot in bad else Outcome.OK, target=target)
                for slot in range(240)
            ],
            [settled(slot, target=target) for slot in bad],
        )
    return store


def test_a_pool_s_counts_are_the_sums_over_its_pairs() -> None:
    plain = configuration("a", "b", "c")
    pooled = dataclasses.replace(plain.objectives[0], per=())
    (status,) = statuses_of(configuration("a", "b", "c", objectives=(pooled,)), told("a", "b", "c"), NOW_NS)
    assert status.slo.id == "all-available"
    assert (status.slo.target, status.slo.probe) == ("", "")
    assert status.sli["2h"] == pytest.approx(1 - 24 / 720)
    assert status.burn["2h"] == pytest.approx(24 / 720 / 0.001, rel=0.01)
    assert status.coverage == 1.0


def test_a_pool_s_slice_is_judged_by_the_events_of_all_its_pairs() -> None:
    """One failure in a slice of ten spoils it at 95 %, and one in thirty does not."""
    plain = configuration("a", "b", "c")
    slices = dataclasses.replace(plain.objectives[0], ratio=0.99, slices=Slices(300.0, 0.95))
    pooled = dataclasses.replace(slices, name="pooled", per=())
    config = configuration("a", "b", "c", objectives=(slices, pooled))
    a, *_, every = statuses_of(config, told("a", "b", "c"), NOW_NS)
    assert (a.sli["2h"], every.sli["2h"]) == (0.0, 1.0)


def service(*targets: str) -> Service:
    members = tuple(
        Member(target=target, probe="chat", cloud=target, region=None, every_s=30.0) for target in targets
    )
    return Service(name="nano", members=members, ratio=0.95, window_s=7 * 86400.0)


@pytest.mark.parametrize("changes", [{}, {"per": ()}, {"slices": Slices(300.0, 0.95), "ratio": 0.99}])
def test_a_service_is_evaluated_by_its_members_events_however_their_objectives_count(
    changes: dict[str, Any],
) -> None:
    plain = configuration("a", "b", "c")
    available = dataclasses.replace(plain.objectives[0], **changes)
    config = configuration("a", "b", "c", objectives=(available,), services=(service("a", "b"),))
    sink, series = MemorySink(), list[Mapping[tuple[str, str], Windows]]()
    watch = Watch(
        told("a", "b", "c"),
        [sink],
        Link(lambda _: None),
        lambda: NOW_NS,
        lambda _config, members, _now_ns, _objectives: series.append(members),
    )
    watch.evaluate(config)
    nano = sink.statuses[-1]
    assert (nano.slo.id, nano.objective_ratio, nano.period) == ("nano-service", 0.95, "7d")
    assert nano.sli["7d"] == pytest.approx(1 - 24 / 480)
    assert nano.budget_remaining == pytest.approx(0, abs=0.01)
    assert series[0]["a", "chat"]["2h"].counts == SliCounts(good=216, bad=24)
    assert series[0]["b", "chat"]["2h"].counts == SliCounts(good=240)


def members_seen(config: Config, store: MemoryStore) -> Mapping[tuple[str, str], Windows]:
    """Return what an evaluation tells whoever finds burning services."""
    series = list[Mapping[tuple[str, str], Windows]]()
    watch = Watch(
        store,
        [],
        Link(lambda _: None),
        lambda: NOW_NS,
        lambda _config, members, _now_ns, _objectives: series.append(members),
    )
    watch.evaluate(config)
    return series[0]


@pytest.mark.parametrize("first", [{"window_s": 28 * 86400.0}, {"window_s": 7 * 86400.0, "per": ()}])
def test_a_member_s_throttled_answers_count_for_its_service_as_its_first_objective_has_them(
    first: dict[str, Any],
) -> None:
    """Whichever other objective is counted over the service's own window."""
    plain = configuration("a").objectives[0]
    dear = dataclasses.replace(plain, name="dear", throttled=EventClass.BAD, **first)
    weekly = dataclasses.replace(plain, name="weekly", window_s=7 * 86400.0)
    config = configuration("a", objectives=(dear, weekly), services=(service("a"),))
    store = MemoryStore()
    store.plan(plan(("a",)))
    store.store([result(slot, Outcome.THROTTLED, target="a") for slot in range(220, 230)], [])
    windows = members_seen(config, store)["a", "chat"]
    assert {name: windows[name].counts for name in ("1h", "7d")} == dict.fromkeys(
        ("1h", "7d"), SliCounts(bad=10)
    )


def test_a_member_of_several_services_is_counted_over_the_period_of_each() -> None:
    month = dataclasses.replace(service("a", "b"), name="month", window_s=28 * 86400.0)
    config = configuration("a", "b", services=(service("a"), month))
    windows = members_seen(config, told("a", "b"))["a", "chat"]
    assert windows["7d"].counts == windows["28d"].counts == SliCounts(good=216, bad=24)
