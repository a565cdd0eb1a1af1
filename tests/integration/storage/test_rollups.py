import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, event, text

from probes.result import EventClass, Fault, Outcome, ProbeResult
from storage import engine as engines
from storage import stale
from storage.amendments import PostgresAmendments
from storage.base import StoreUnavailableError
from storage.history import PostgresHistory
from storage.locks import Lock
from storage.memory import MemoryStore
from storage.readings import CorrectionRow, SliCounts, SliQuestion
from storage.records import Settled
from storage.results import PostgresStore
from storage.retention import maintain
from storage.rollups import UNASKED, PostgresRollups
from storage.rows import instant
from support.results import STARTED_NS, a_result

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOW = STARTED_NS - STARTED_NS % HOUR + 20 * MINUTE
BEGIN = NOW - 20 * MINUTE - 26 * HOUR
KINDS = (
    Outcome.OK,
    Outcome.OK,
    Outcome.OVERLOADED,
    Outcome.OK,
    Outcome.THROTTLED,
    Outcome.CONFIG,
    Outcome.OK,
)

ASKED = SliQuestion(
    target="openai", probe="chat", vantage="fra-1", sli="availability", since_ns=BEGIN, until_ns=NOW
)
QUICK = dataclasses.replace(ASKED, sli="ttft", threshold_s=1.0)


def slots(since_ns: int, until_ns: int, every_s: int, **changes: object) -> list[ProbeResult]:
    return [
        a_result(
            scheduled_ns=at,
            started_ns=at,
            **{"outcome": KINDS[at // SECOND % 7], "ttft_s": at // SECOND % 5 / 2} | changes,
        )
        for at in range(since_ns, until_ns, every_s * SECOND)
    ]


def settled(results: list[ProbeResult], fault: Fault = Fault.NOT_OURS) -> list[Settled]:
    return [
        Settled(slot=one.key, fault=fault, settled_ns=NOW)
        for one in results
        if one.outcome is Outcome.OVERLOADED
    ]


@pytest.fixture
def store(database: Engine) -> PostgresStore:
    """Return a store that holds a day of `openai`, nothing of it counted yet."""
    made = PostgresStore(database, now_ns=lambda: NOW)
    results = slots(BEGIN, NOW, 131)
    made.store(results, settled(results))
    return made


@pytest.fixture
def rollups(store: PostgresStore, database: Engine) -> PostgresRollups:
    return PostgresRollups(database)


@pytest.fixture
def history(database: Engine) -> PostgresHistory:
    return PostgresHistory(database)


def count_all(rollups: PostgresRollups) -> None:
    while rollups.advance([ASKED, QUICK], NOW):
        pass


def run(database: Engine, statement: str, **known: object) -> list[tuple[object, ...]]:
    with database.begin() as connection:
        done = connection.execute(text(statement), known)
        return [tuple(row) for row in done] if done.returns_rows else []


@contextlib.contextmanager
def before(database: Engine, statement: str, happens: Callable[[], object], nth: int = 1) -> Iterator[None]:
    """Let something happen right before the n-th time that a statement is sent."""
    times = itertools.count(1)

    def look(_connection: Connection, _cursor: object, sent: str, *_: object) -> None:
        if statement in sent and next(times) == nth:
            happens()

    event.listen(database, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(database, "before_cursor_execute", look)
    assert next(times) > nth


def test_any_minute_may_be_an_edge(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory
) -> None:
    """Windows that begin and end anywhere, within an hour and over many, say what rows say."""
    twin = MemoryStore()
    results = slots(BEGIN, NOW, 131)
    twin.store(results, settled(results))
    edges = [
        BEGIN + hours * HOUR + minutes * MINUTE for hours in (0, 1, 13, 25) for minutes in (0, 1, 17, 59)
    ]
    asked = [
        dataclasses.replace(rule, since_ns=since, until_ns=until)
        for rule in (ASKED, QUICK)
        for since in edges
        for until in (*edges, NOW, NOW + 1)
    ]
    count_all(rollups)
    assert history.counts(asked) == twin.counts(asked)


def test_slices_are_the_same_from_counted_hours_and_from_rows(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """Slices that divide an hour and such that do not, with an hour that is to be counted anew and a correction."""
    twin = MemoryStore()
    results = slots(BEGIN, NOW, 131)
    twin.store(results, settled(results))
    count_all(rollups)
    late = slots(BEGIN + 5 * HOUR + SECOND, BEGIN + 5 * HOUR + 9 * MINUTE, 131)
    for room in (store, twin):
        room.store(late, settled(late))
    word = CorrectionRow(
        target="openai",
        since_ns=BEGIN + 3 * HOUR + 90 * SECOND,
        until_ns=BEGIN + 8 * HOUR,
        kind=EventClass.EXCLUDED,
        author="ada",
        reason="a trial",
        made_ns=NOW,
    )
    for amendments in (PostgresAmendments(database), twin.amendments):
        amendments.correct(word)
    for slice_ns in (MINUTE, 7 * MINUTE, HOUR):
        since_ns, until_ns = (BEGIN // slice_ns - 3) * slice_ns, NOW // slice_ns * slice_ns
        asked = [
            dataclasses.replace(rule, since_ns=since_ns, until_ns=until_ns) for rule in (ASKED, QUICK, ASKED)
        ]
        assert history.slices(asked, slice_ns) == twin.slices(asked, slice_ns)


def test_slices_of_counted_hours_are_not_read_from_rows(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """Nor is anything asked for each of them: an hour has sixty, and a month 40,320."""
    asked = [dataclasses.replace(ASKED, until_ns=(NOW - 20 * MINUTE) // HOUR * HOUR)]
    known = history.slices(asked, MINUTE)
    count_all(rollups)
    run(database, "DELETE FROM results WHERE scheduled_at < :closed", closed=instant(NOW - 20 * MINUTE))
    assert history.slices(asked, MINUTE) == known
    assert any(one.bad for one in known[0])


def test_what_is_counted_is_not_read_again(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """Without the rows of closed hours the answers are the same: nobody reads them."""
    asked = [dataclasses.replace(ASKED, since_ns=BEGIN + 7 * MINUTE), QUICK]
    known = history.counts(asked)
    count_all(rollups)
    run(database, "DELETE FROM results WHERE scheduled_at < :closed", closed=instant(NOW - 20 * MINUTE))
    assert history.counts(asked) == known
    assert known[0].bad > 0


def test_the_open_hour_is_told_from_rows_as_they_come(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory
) -> None:
    count_all(rollups)
    (known,) = history.counts([ASKED])
    store.store(slots(NOW - SECOND, NOW, 1, outcome=Outcome.OK), ())
    assert history.counts([ASKED]) == [dataclasses.replace(known, good=known.good + 1)]


def test_a_late_row_counts_at_once_and_its_hour_is_counted_anew(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """Before and after: the mark sends the question to the rows, until the hour is right again."""
    count_all(rollups)
    (known,) = history.counts([ASKED])
    late = slots(BEGIN + HOUR + SECOND, BEGIN + HOUR + 2 * SECOND, 1, outcome=Outcome.OVERLOADED)
    store.store(late, ())
    assert history.counts([ASKED]) == [known]
    store.store((), settled(late))
    assert history.counts([ASKED]) == [dataclasses.replace(known, bad=known.bad + 1)]
    assert len(run(database, "SELECT * FROM sli_stale")) == 2
    assert not rollups.advance([ASKED, QUICK], NOW)
    assert run(database, "SELECT * FROM sli_stale") == []
    assert history.counts([ASKED]) == [dataclasses.replace(known, bad=known.bad + 1)]


def test_closing_waits_for_whoever_writes(
    store: PostgresStore, database: Engine, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that is not done yet has seen no closing, so its rows must be there before anybody counts."""
    monkeypatch.setattr(engines, "LOCK_TIMEOUT_S", 0.2)
    other = engines.create(migrated_url)
    with database.begin() as writer:
        stale.mark_written(writer, [(1, instant(BEGIN))])
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            PostgresRollups(other).advance([ASKED], NOW)
        assert run(database, "SELECT * FROM sli_closed") == []
    assert not PostgresRollups(other).advance([ASKED], NOW)
    assert len(run(database, "SELECT * FROM sli_closed")) == 1
    other.dispose()


def test_rows_that_are_committed_behind_the_counting_are_not_lost(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """They were written before the hour was closed, and nobody saw them when it was counted."""
    (known,) = history.counts([ASKED])
    assert known.good
    with database.begin() as writer:
        writer.execute(
            text(
                "UPDATE results SET outcome = 'ok' WHERE scheduled_at ="
                " (SELECT min(scheduled_at) FROM results WHERE outcome = 'overloaded')"
            )
        )
        count_all(rollups)
        stale.mark_written(writer, [(1, instant(BEGIN)), (1, instant(BEGIN + HOUR))])
    right = [dataclasses.replace(known, good=known.good + 1, bad=known.bad - 1)]
    assert history.counts([ASKED]) == right
    count_all(rollups)
    assert history.counts([ASKED]) == right


def test_a_mark_that_comes_while_its_hour_is_counted_stays(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """Only marks that were seen before the counting go with it."""
    count_all(rollups)
    (known,) = history.counts([ASKED])
    for second in (1, 2, 3):
        at = BEGIN + HOUR + second * SECOND
        store.store(slots(at, at + SECOND, 1, outcome=Outcome.OK), ())
    late = slots(BEGIN + HOUR + 4 * SECOND, BEGIN + HOUR + 5 * SECOND, 1, outcome=Outcome.OK)
    with before(database, "INSERT INTO sli_hours", lambda: store.store(late, ())):
        rollups.advance([ASKED, QUICK], NOW)
    right = [dataclasses.replace(known, good=known.good + 4)]
    assert history.counts([ASKED]) == right
    count_all(rollups)
    assert history.counts([ASKED]) == right
    assert run(database, "SELECT * FROM sli_stale") == []


def test_one_of_several_processes_counts(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """The others go on, and are answered from rows."""
    (known,) = history.counts([ASKED])
    with database.begin() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": Lock.ROLLUPS})
        assert not rollups.advance([ASKED], NOW)
        assert run(database, "SELECT * FROM sli_hours") == []
        assert history.counts([ASKED]) == [known]
    count_all(rollups)
    assert len(run(database, "SELECT * FROM sli_hours")) == 2 * 26
    assert history.counts([ASKED]) == [known]


def test_the_newest_hours_are_counted_first_and_a_restart_goes_on(
    store: PostgresStore, database: Engine, history: PostgresHistory
) -> None:
    """Each day of a pair is a transaction of its own, so a kill costs one of them."""
    (known,) = history.counts([ASKED])

    class GoneError(Exception):
        pass

    def gone() -> None:
        raise GoneError

    with pytest.raises(GoneError), before(database, "INSERT INTO sli_minutes", gone):
        PostgresRollups(database).advance([ASKED], NOW)
    assert run(database, "SELECT * FROM sli_hours") == []
    with pytest.raises(GoneError), before(database, "INSERT INTO sli_minutes", gone, nth=2):
        PostgresRollups(database).advance([ASKED], NOW)
    ((since, until),) = run(database, "SELECT since_at, until_at FROM sli_series")
    assert (since, until) == (instant(NOW - 20 * MINUTE - 24 * HOUR), instant(NOW - 20 * MINUTE))
    assert history.counts([ASKED]) == [known]
    PostgresRollups(database).advance([ASKED], NOW)
    assert run(database, "SELECT since_at FROM sli_series") == [(instant(BEGIN),)]
    assert history.counts([ASKED]) == [known]


def test_a_month_without_rows_is_counted_at_once(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """Of a day of rows within four weeks before and three days behind nothing is counted hour by hour."""
    month = dataclasses.replace(ASKED, since_ns=BEGIN - 28 * 24 * HOUR, until_ns=NOW + 72 * HOUR)
    (known,) = history.counts([month])
    counted: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *sent: counted.append(sent[2]))
    assert not rollups.advance([month], NOW)
    assert not rollups.advance([month], NOW + 72 * HOUR)
    # Two days, and the hour that was open; each side that is empty is one step more.
    assert sum("INSERT INTO sli_hours" in sent for sent in counted) == 3
    assert sum("UPDATE sli_series SET since_at" in sent for sent in counted) == 5
    assert run(database, "SELECT since_at, until_at FROM sli_series") == [
        (instant(BEGIN - 28 * 24 * HOUR), instant(NOW - 20 * MINUTE + 72 * HOUR))
    ]
    assert history.counts([month]) == [known]


def test_what_is_written_into_a_month_without_rows_is_counted_anew(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """A journal that is replayed brings them late."""
    month = dataclasses.replace(ASKED, since_ns=BEGIN - 28 * 24 * HOUR)
    assert not rollups.advance([month], NOW)
    (known,) = history.counts([month])
    late = slots(BEGIN - 48 * HOUR, BEGIN - 47 * HOUR, 60, outcome=Outcome.OK)
    store.store(late, ())
    right = [dataclasses.replace(known, good=known.good + len(late))]
    assert history.counts([month]) == right
    assert not rollups.advance([month], NOW)
    assert run(database, "SELECT * FROM sli_stale") == []
    assert history.counts([month]) == right


def test_hours_that_were_counted_wrongly_can_be_counted_anew(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """From rows, which are the truth."""
    count_all(rollups)
    known = history.counts([ASKED, QUICK])
    run(database, "UPDATE sli_hours SET good = good + 1")
    run(database, "UPDATE sli_minutes SET good = NULL")
    assert history.counts([ASKED, QUICK]) != known
    rollups.recount(BEGIN, NOW)
    assert history.counts([ASKED, QUICK]) == known


def test_a_correction_has_its_hours_counted_anew(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """What slots count as may change without a new row: whoever changes it says for whom and when."""
    count_all(rollups)
    (known,) = history.counts([ASKED])
    with database.begin() as connection:
        connection.execute(
            text("UPDATE verdicts SET fault = 'ours' WHERE scheduled_at < :until"),
            {"until": instant(BEGIN + 90 * MINUTE)},
        )
        stale.mark_stale(connection, [1], BEGIN + 10 * MINUTE, BEGIN + 90 * MINUTE)
    marked = run(database, "SELECT DISTINCT at FROM sli_stale ORDER BY at")
    assert marked == [(instant(BEGIN),), (instant(BEGIN + HOUR),)]
    (right,) = history.counts([ASKED])
    assert right.invalid > known.invalid
    assert right.bad == known.bad - (right.invalid - known.invalid)
    count_all(rollups)
    assert history.counts([ASKED]) == [right]


def test_only_closed_hours_are_marked(
    store: PostgresStore, rollups: PostgresRollups, database: Engine
) -> None:
    """What lies ahead is counted with what is known then."""
    count_all(rollups)
    with database.begin() as connection:
        stale.mark_stale(connection, [1], NOW, NOW + 1000 * HOUR)
        stale.mark_written(connection, [(1, instant(NOW))])
    assert run(database, "SELECT * FROM sli_stale") == []


def test_counts_of_a_release_that_counts_otherwise_are_not_believed(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """They are left to it until somebody writes into them; then they go, and it counts them itself."""
    (known,) = history.counts([ASKED])
    count_all(rollups)
    run(database, """UPDATE sli_series SET rule = replace(rule, '{"by":"', '{"by":"x')""")
    run(database, "UPDATE sli_hours SET good = 0")
    assert history.counts([ASKED]) == [known]
    store.store(slots(BEGIN + SECOND, BEGIN + 2 * SECOND, 1, outcome=Outcome.OK), ())
    count_all(rollups)
    assert history.counts([ASKED]) == [dataclasses.replace(known, good=known.good + 1)]
    assert len(run(database, "SELECT * FROM sli_series")) == 2


def test_nobody_known_is_asked_about(database: Engine, history: PostgresHistory) -> None:
    """A configuration may name what was never probed."""
    rollups = PostgresRollups(database)
    assert not rollups.advance([ASKED], NOW)
    assert not rollups.advance([], NOW)
    rollups.recount(BEGIN, NOW)
    assert history.counts([ASKED]) == [SliCounts()]
    assert history.counts([]) == []


@dataclasses.dataclass(frozen=True)
class Keep:
    keep_results_s: float = 86_400.0
    keep_failures_s: float = 86_400.0


def test_counted_hours_go_before_their_rows(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """What is counted can be counted anew at any time, and says what is left of the rows."""
    count_all(rollups)
    maintain(database, Keep(), "fra-1", now_ns=lambda: NOW)
    edge = instant(NOW - 20 * MINUTE - 23 * HOUR)
    assert run(database, "SELECT min(at) FROM sli_hours UNION SELECT since_at FROM sli_series") == [(edge,)]
    (known,) = history.counts([ASKED])
    run(database, "TRUNCATE sli_series")
    assert history.counts([ASKED]) == [known]


def test_what_nobody_asks_about_any_more_is_forgotten(
    store: PostgresStore, rollups: PostgresRollups, database: Engine
) -> None:
    """An objective that was taken out leaves nothing behind; one that is asked about stays."""
    count_all(rollups)
    week_ns = round(UNASKED.total_seconds() * 1e9)
    rollups.advance([ASKED], NOW + week_ns)
    maintain(database, Keep(30 * 86_400.0), "fra-1", now_ns=lambda: NOW + week_ns + MINUTE)
    assert len(run(database, "SELECT rule FROM sli_series")) == 1
    for table in ("sli_hours", "sli_minutes"):
        found = run(database, f"SELECT DISTINCT series_id FROM {table}")
        assert found == run(database, "SELECT id FROM sli_series")


def test_a_question_more_is_no_statement_more(
    store: PostgresStore, rollups: PostgresRollups, history: PostgresHistory, database: Engine
) -> None:
    """Objectives and windows share what is sent: series, marks, hours, minutes, and the rows of open hours."""
    count_all(rollups)
    windows = [
        dataclasses.replace(rule, since_ns=NOW - minutes * MINUTE)
        for rule in (ASKED, QUICK)
        for minutes in (5, 30, 61, 120, 360, 1440, 1500)
    ]
    history.counts(windows)
    sent = list[str]()

    def look(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(database, "before_cursor_execute", look)
    history.counts(windows)
    event.remove(database, "before_cursor_execute", look)
    assert len(sent) == 7  # and what is said of maintenance and corrections
