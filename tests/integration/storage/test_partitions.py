import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from probes.result import Fault, Outcome
from storage.history import PostgresHistory
from storage.partitions import partition_of
from storage.readings import SliCounts, SliQuestion
from storage.records import Settled
from storage.results import PostgresStore
from storage.retention import RING, maintain
from support.results import a_result

DAY = 86_400_000_000_000
NOON = round(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()) * 1_000_000_000


@dataclasses.dataclass(frozen=True)
class Keep:
    keep_results_s: float = 120 * 86400.0
    keep_failures_s: float = 7 * 365 * 86400.0


def partitions(database: Engine, table: str) -> dict[str, int]:
    """Return partition -> its rows."""
    with database.connect() as connection:
        names = connection.execute(
            text(
                "SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = to_regclass(:t)"
            ),
            {"t": table},
        ).scalars()
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in sorted(names)
        }


def store_at(database: Engine, now_ns: int, *scheduled: int, **changes: object) -> None:
    store = PostgresStore(database, now_ns=lambda: now_ns)
    store.store([a_result(scheduled_ns=at, started_ns=at, **changes) for at in scheduled], ())


def test_a_replay_lands_in_its_own_day(database: Engine) -> None:
    """What a database that was away gets a day late lies where a punctual row would."""
    store_at(database, NOON, NOON, NOON - DAY, NOON - 30 * DAY, outcome=Outcome.DNS)
    assert partitions(database, "results") == {
        "results_20261023": 1,
        "results_20261121": 1,
        "results_20261122": 1,
        "results_default": 0,
    }
    assert partitions(database, "failures") == {
        "failures_202610": 1,
        "failures_202611": 2,
        "failures_default": 0,
    }


def test_what_is_far_off_lies_in_the_default_partition_and_counts(database: Engine) -> None:
    """A clock that is years wrong makes no partitions, and its rows are still answered for."""
    far = [NOON - 3650 * DAY, NOON + 400 * DAY]
    store_at(database, NOON, *far)
    assert partitions(database, "results") == {"results_default": 2}
    question = SliQuestion(
        target="openai",
        probe="chat",
        vantage="fra-1",
        sli="availability",
        since_ns=far[0],
        until_ns=far[1] + 1,
    )
    assert PostgresHistory(database).counts([question]) == [SliCounts(good=2)]
    assert (
        maintain(database, Keep(keep_results_s=4000 * 86400.0), "fra-1", now_ns=lambda: NOON).default_rows
        == 2
    )


def test_rows_that_waited_in_default_move_to_their_day(database: Engine) -> None:
    """When the clock reaches their day, its partition is made around them."""
    store_at(database, NOON, NOON + 20 * DAY)
    store_at(database, NOON + 20 * DAY, NOON + 20 * DAY + 1_000_000)
    assert partitions(database, "results") == {"results_20261212": 2, "results_default": 0}


def test_a_round_of_upkeep_makes_a_week_ahead_once(database: Engine) -> None:
    """Today and seven days more, in months where the table has months; the next round finds them there."""
    made = maintain(database, Keep(), "fra-1", now_ns=lambda: NOON).made
    assert len([name for name in made if name.startswith("results_")]) == 8
    assert {"results_20261122", "results_20261129", "failures_202611", "verdicts_202611"} <= set(made)
    assert maintain(database, Keep(), "fra-1", now_ns=lambda: NOON).made == ()
    assert "failures_202612" in maintain(database, Keep(), "fra-1", now_ns=lambda: NOON + 2 * DAY).made


def test_what_is_past_its_time_is_dropped_and_nothing_else(database: Engine) -> None:
    """Results go by the day, failures and verdicts stay for years; DEFAULT is swept by the same edge."""
    store_at(database, NOON - 20 * DAY, NOON - 20 * DAY, outcome=Outcome.DNS)
    store_at(database, NOON - 9 * DAY, NOON - 9 * DAY, NOON - 9 * DAY - 3650 * DAY)
    PostgresStore(database, now_ns=lambda: NOON).store(
        (),
        [
            Settled(
                slot=a_result(scheduled_ns=NOON - 20 * DAY).key,
                fault=Fault.NOT_OURS,
                settled_ns=NOON - 20 * DAY,
            )
        ],
    )
    done = maintain(database, Keep(keep_results_s=10 * 86400.0), "fra-1", now_ns=lambda: NOON)
    assert done.dropped == ("results_20261102",)
    assert done.default_rows == 0
    assert partitions(database, "results")["results_20261113"] == 1
    assert sum(partitions(database, "failures").values()) == 1
    assert sum(partitions(database, "verdicts").values()) == 1
    last = maintain(database, Keep(10 * 86400.0, 40 * 86400.0), "fra-1", now_ns=lambda: NOON + 60 * DAY)
    assert {"results_20261113", "failures_202611", "verdicts_202611"} <= set(last.dropped)


def test_the_ring_keeps_the_last_of_each_target_and_of_each_probe(database: Engine) -> None:
    """A busy probe crowds out itself, not the rare one beside it."""
    second = 1_000_000_000
    store_at(database, NOON, *range(NOON, NOON + (RING + 30) * second, second))
    store_at(database, NOON, NOON - 3600 * second, probe="models")
    store_at(database, NOON, NOON, target="quiet")
    assert maintain(database, Keep(), "fra-1", now_ns=lambda: NOON).trimmed == 30
    newest = PostgresHistory(database).latest("fra-1", limit_per_probe=RING)
    kept = [(row.result.target, row.result.probe) for row in newest]
    assert kept.count(("openai", "chat")) == RING
    assert kept.count(("openai", "models")) == 1
    assert kept.count(("quiet", "chat")) == 1
    assert newest[0].result.scheduled_ns == NOON + (RING + 29) * second


@pytest.mark.parametrize("day", [datetime(2028, 2, 29, 23, 59, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)])
def test_partitions_follow_each_other_without_a_gap(day: datetime) -> None:
    """Leap days and turns of the year included."""
    for table in ("results", "failures"):
        one = partition_of(table, day)
        assert one.since <= day < one.until
        assert partition_of(table, one.until).since == one.until
        assert partition_of(table, one.since - timedelta(microseconds=1)).until == one.since
