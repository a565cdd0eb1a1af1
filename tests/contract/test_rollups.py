"""Counted hours say what rows say, whatever comes late and whoever is killed."""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text

from probes.result import EventClass, Fault, Outcome, ProbeResult
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.readings import SliQuestion
from storage.records import Settled
from storage.results import PostgresStore
from storage.rollups import PostgresRollups
from support.results import STARTED_NS, a_result

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
BEGIN = STARTED_NS - STARTED_NS % HOUR - 50 * HOUR
"""More than two days are counted in several steps."""

TARGETS = ("openai", "azure")
PLACES = ("fra", "nyc")

# Few hours and few instants in them: rows and edges meet often.
instants = st.builds(
    lambda hour, minute, offset: BEGIN + hour * HOUR + minute * MINUTE + offset,
    st.sampled_from((0, 1, 24, 25, 48, 49)),
    st.sampled_from((0, 1, 2, 58, 59)),
    st.sampled_from((0, 0, 1000, MINUTE - 1000)),
)
attempts = st.builds(
    lambda at, **changes: a_result(scheduled_ns=at - at % 1000, started_ns=at, **changes),
    instants,
    target=st.sampled_from(TARGETS),
    vantage=st.sampled_from(PLACES),
    attempt=st.sampled_from((0, 0, 0, 1)),
    outcome=st.sampled_from((Outcome.OK, Outcome.OK, Outcome.OVERLOADED, Outcome.THROTTLED, Outcome.CONFIG)),
    ttft_s=st.sampled_from((None, 0.25, 1.5, 1.500001)),
    quality_reasons=st.sampled_from(((), ("loop_lag",))),
)
faults = st.none() | st.sampled_from((Fault.OURS, Fault.NOT_OURS, Fault.UNDETERMINED))
batches = st.lists(st.tuples(attempts, faults), min_size=1, max_size=12)
minutes = st.builds(lambda at: at - at % MINUTE, instants)
steps = st.one_of(
    st.tuples(st.just("store"), batches),
    st.tuples(st.just("settle"), faults.filter(bool)),
    st.tuples(st.just("advance"), st.integers(0, 52).map(lambda hours: BEGIN + hours * HOUR)),
    st.tuples(st.just("killed"), st.integers(0, 12)),
    st.tuples(st.just("recount"), st.tuples(minutes, minutes)),
)
rules = st.sampled_from(
    (
        {"sli": "availability"},
        {"sli": "availability", "throttled": EventClass.BAD},
        {"sli": "ttft", "threshold_s": 1.5},
        {"sli": "ttft", "threshold_s": 0.25},
    )
)
questions = st.builds(
    lambda edges, rule, **known: SliQuestion(
        probe="chat", since_ns=min(edges), until_ns=max(edges), **rule, **known
    ),
    st.tuples(minutes | instants, minutes | instants),
    rules,
    target=st.sampled_from((*TARGETS, "nobody")),
    vantage=st.sampled_from(PLACES),
)
names = (f"run-{number}-" for number in itertools.count())


class Killed(Exception):  # noqa: N818 - nobody's error
    """A process is gone: its transaction ends with its connection."""


@contextlib.contextmanager
def killed_after(engine: Engine, statements: int) -> Iterator[None]:
    """Let so many more statements pass, then raise Killed in the place of each."""
    left = iter(range(statements))

    def count(*_: object) -> None:
        if next(left, None) is None:
            raise Killed

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)


class Scene:
    """One history in Postgres and in its twin, under names of its own."""

    def __init__(self, database: Engine) -> None:
        with database.begin() as connection:
            connection.execute(text("TRUNCATE sli_closed, sli_series, sli_hours, sli_minutes, sli_stale"))
        self.name = next(names)
        self.engine = database
        self.memory = MemoryStore()
        self.postgres = PostgresStore(database, now_ns=lambda: STARTED_NS)
        self.rollups = PostgresRollups(database)
        self.history = PostgresHistory(database)
        self.unsettled: list[ProbeResult] = []

    def store(self, told: list[tuple[ProbeResult, Fault | None]]) -> None:
        results = [dataclasses.replace(one, target=self.name + one.target) for one, _ in told]
        verdicts = [
            Settled(slot=result.key, fault=fault, settled_ns=STARTED_NS)
            for result, (_, fault) in zip(results, told, strict=True)
            if fault
        ]
        self.unsettled += [result for result, (_, fault) in zip(results, told, strict=True) if fault is None]
        self._keep(results, verdicts)

    def settle(self, fault: Fault) -> None:
        verdicts = [Settled(slot=one.key, fault=fault, settled_ns=STARTED_NS) for one in self.unsettled]
        self.unsettled.clear()
        self._keep([], verdicts)

    def _keep(self, results: list[ProbeResult], verdicts: list[Settled]) -> None:
        self.memory.store(results, verdicts)
        self.postgres.store(results, verdicts)

    def killed(self, asked: list[SliQuestion], statements: int) -> None:
        """Advance until so many statements were sent, then be gone."""
        with killed_after(self.engine, statements), contextlib.suppress(Killed):
            self.rollups.advance(self.here(asked), BEGIN + 52 * HOUR)

    def here(self, asked: list[SliQuestion]) -> list[SliQuestion]:
        return [dataclasses.replace(one, target=self.name + one.target) for one in asked]


# One database serves all examples, each under names of its own.
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=st.lists(steps, min_size=2, max_size=10), asked=st.lists(questions, min_size=1, max_size=8))
def test_counted_hours_say_what_rows_say(
    database: Engine, told: list[tuple[str, object]], asked: list[SliQuestion]
) -> None:
    """For any order of rows, verdicts, countings, restarts and kills, after each of them, at any edges."""
    scene = Scene(database)
    here = scene.here(asked)
    for step, what in told:
        match step, what:
            case "store", list():
                scene.store(what)
            case "settle", Fault():
                scene.settle(what)
            case "advance", int():
                scene.rollups = PostgresRollups(database)
                scene.rollups.advance(here, what)
            case "killed", int():
                scene.killed(asked, what)
            case "recount", (int() as one, int() as other):
                scene.rollups.recount(min(one, other), max(one, other))
        assert scene.history.counts(here) == scene.memory.counts(here)
    while scene.rollups.advance(here, BEGIN + 52 * HOUR):
        pass
    assert scene.history.counts(here) == scene.memory.counts(here)
