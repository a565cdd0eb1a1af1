import dataclasses
import logging
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from probes.result import MANUAL, Fault, Outcome, ProbeResult, StreamVerdict
from storage import engine as engines
from storage.base import StoreUnavailableError
from storage.embedded import Server
from storage.history import PostgresHistory
from storage.readings import SliCounts, SliQuestion, Stored
from storage.records import Settled
from storage.results import PostgresStore
from support.postgres import connect
from support.results import STARTED_NS, a_result

SECOND = 1_000_000_000
DAY = 86_400 * SECOND

FULL = a_result(
    attempt=1,
    region="eu-central-1",
    labels={"env": "prod", "team": "sre"},
    simulated=True,
    outcome=Outcome.TRUNCATED,
    peer="203.0.113.7:443",
    reused=True,
    error_code="upstream",
    error="the stream was cut",
    stream=StreamVerdict.TRUNCATED,
    response_id="resp-1",
    fingerprint="fp_1",
    service_tier="default",
    backend={"region": "eu", "deployment": "7"},
    provider_request_id="req-1",
    server_s=0.2,
    gateway_s=0.03,
    ratelimit={"remaining": 3.0, "limit": 10.0},
    retry_after_s=1.5,
    tls_expires_at=datetime(2027, 3, 1, 12, 0, 0, tzinfo=UTC),
    proxy_s=0.004,
    itl_s=0.02,
    gap_max_s=0.031,
    tokens_per_s=33.333333333,
    checked=True,
    reasoning_tokens=3,
    cached_tokens=0,
    price_source="genai-prices 2026-11-20",
    quality_reasons=("loop_lag", "coalesced"),
    stamp="kernel",
    stamp_uncertainty_s=0.000_02,
    loop_lag_s=0.002,
)
"""A failure of which everything was observed."""


@pytest.fixture
def store(database: Engine) -> PostgresStore:
    return PostgresStore(database, now_ns=lambda: STARTED_NS)


def numbered(count: int, **changes: Any) -> list[ProbeResult]:
    slots = range(STARTED_NS, STARTED_NS + count * SECOND, SECOND)
    return [a_result(scheduled_ns=slot, started_ns=slot, **changes) for slot in slots]


def scalar(database: Engine, statement: str) -> object:
    with database.connect() as connection:
        return connection.execute(text(statement)).scalar_one()


def test_every_field_is_observed_in_the_full_result() -> None:
    """The round trips below would prove nothing for a field left out."""
    fields = dataclasses.fields(FULL)
    assert [field.name for field in fields if getattr(FULL, field.name) in (None, (), {})] == []


def test_all_measured_figures_come_back_out_of_results(database: Engine, store: PostgresStore) -> None:
    """Texts from their dictionaries, labels from the revision; only the detail is kept elsewhere."""
    bare = a_result(
        scheduled_ns=STARTED_NS + SECOND,
        outcome=Outcome.DNS,
        **dict.fromkeys(("http_status", "stream", "ttft_s", "cost_usd", "reused", "response_model")),
    )
    by_hand = a_result(scheduled_ns=STARTED_NS + 3, started_ns=STARTED_NS + 3, attempt=MANUAL)
    store.store([FULL, bare, by_hand], ())
    without_detail: dict[str, Any] = {
        "error": None,
        "provider_request_id": None,
        "response_id": None,
        "gateway_s": None,
    } | {
        "ratelimit": {},
        "chunks": (),
        "marks": (),
    }
    kept = PostgresHistory(database).attempts("openai", 0, STARTED_NS + DAY)
    assert [row.result for row in kept] == [
        dataclasses.replace(result, **without_detail) for result in (FULL, by_hand, bare)
    ]


def test_failures_keep_everything_and_the_ring_too(database: Engine, store: PostgresStore) -> None:
    """Row and detail together are the whole message; a good scheduled attempt is in the ring alone."""
    good, by_hand = a_result(), a_result(scheduled_ns=STARTED_NS, attempt=MANUAL)
    store.store([FULL, good, by_hand], ())
    for table, kept in (("failures", [FULL, by_hand]), ("recent", [FULL, good, by_hand])):
        with database.connect() as connection:
            found = connection.execute(text(f"SELECT row || detail AS whole FROM {table}"))
            ids = {whole["id"] for (whole,) in found}
        assert ids == {str(result.id) for result in kept}
    (newest,) = PostgresHistory(database).latest("fra-1")
    assert newest.result == good


def test_a_poor_row_is_cleaned_and_kept(
    database: Engine, store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    """NUL, half a surrogate pair, NaN and absurd figures cost the field, not the row, and are said."""
    poor = a_result(
        error="a\0b",
        outcome=Outcome.SERVER_ERROR,
        finish_reason="\ud800stop",
        input_tokens=2**70,
        ttft_s=math.nan,
        fingerprint="x" * 100_000,
        chunks=(math.inf,),
    )
    with caplog.at_level(logging.WARNING):
        assert store.store([poor, *numbered(3)], ()) == Stored(new=4, duplicate=0)
    assert str(poor.id) in caplog.text
    assert "input_tokens" in caplog.text
    (newest, *_) = PostgresHistory(database).attempts("openai", 0, STARTED_NS)
    assert (newest.result.input_tokens, newest.result.finish_reason) == (None, "stop")


def test_a_row_that_the_database_refuses_blocks_no_other(
    database: Engine, store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the reason: the batch is halved until the row stands alone; all others are kept."""
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE results ADD CHECK (input_tokens <> 13)"))
    batch = numbered(9)
    batch[4] = dataclasses.replace(batch[4], input_tokens=13)
    failure = numbered(1, outcome=Outcome.DNS, target="other")[0]
    verdict = Settled(slot=failure.key, fault=Fault.OURS, settled_ns=STARTED_NS)
    impossible = a_result(scheduled_ns=-1)
    assert store.store([*batch, failure, impossible], [verdict]) == Stored(new=9, duplicate=0, refused=2)
    assert f"result {batch[4].id} cannot be kept" in caplog.text
    assert f"result {impossible.id} cannot be kept" in caplog.text
    assert scalar(database, "SELECT count(*) FROM recent") == 9
    assert scalar(database, "SELECT count(*) FROM verdicts") == 1


def test_names_are_kept_once(database: Engine, store: PostgresStore) -> None:
    """Rows hold ids of texts that repeat, and of the revision."""
    store.store(numbered(5, peer="203.0.113.7:443"), ())
    PostgresStore(database, now_ns=lambda: STARTED_NS).store(numbered(7, peer="203.0.113.7:443"), ())
    for table in ("targets", "probes", "vantages", "models", "peers", "revisions"):
        assert scalar(database, f"SELECT count(*) FROM {table}") == 1


def test_a_thousand_sessions_of_a_backend_are_one_backend(database: Engine, store: PostgresStore) -> None:
    """What names the answer and not who served it is no entry of a dictionary; the ring keeps it."""
    answers = [
        dataclasses.replace(answer, backend={"region": "East US 2", "session": f"d{at}-{at}"})
        for at, answer in enumerate(numbered(1000))
    ]
    assert store.store(answers, ()).new == 1000
    with database.connect() as connection:
        assert connection.execute(text("SELECT name FROM backends")).scalars().all() == [
            '{"region":"East US 2"}'
        ]
    kept = PostgresHistory(database).attempts("openai", 0, STARTED_NS + DAY)
    assert [row.result.backend for row in kept] == [{"region": "East US 2"}] * 1000
    assert [row.result for row in PostgresHistory(database).latest("fra-1", 100)] == answers[:-101:-1]


def test_a_backend_of_which_only_the_session_is_known_is_none(database: Engine, store: PostgresStore) -> None:
    store.store([a_result(backend={"session": "d1"})], ())
    assert scalar(database, "SELECT count(*) FROM backends") == 0
    assert scalar(database, "SELECT count(*) FROM results WHERE backend_id IS NULL") == 1


def test_writers_that_overlap_lose_nothing(migrated_url: str) -> None:
    """Four processes tell the same new targets and slots at once, each in an order of its own."""
    batch = [result for name in "abcdefgh" for result in numbered(25, target=name, peer=name)]
    barrier = threading.Barrier(4)

    def write(turn: int) -> Stored:
        engine = engines.create(migrated_url)
        try:
            writer = PostgresStore(engine, now_ns=lambda: STARTED_NS)
            barrier.wait()
            return writer.store(batch[turn * 50 :] + batch[: turn * 50], ())
        finally:
            engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(write, range(4)))
    assert sum(one.new for one in told) == len(batch)
    assert sum(one.duplicate for one in told) == 3 * len(batch)


def test_a_database_that_went_and_came_back_as_another_is_filled_anew(
    postgres: Server, database: Engine, store: PostgresStore
) -> None:
    """Remembered ids and partitions are forgotten with the connection: the next try looks them up."""
    store.store(numbered(1), ())
    history = PostgresHistory(database)
    question = SliQuestion(
        target="openai",
        probe="chat",
        vantage="fra-1",
        sli="availability",
        since_ns=STARTED_NS,
        until_ns=STARTED_NS + DAY,
    )
    assert history.counts([question]) == [SliCounts(good=1)]
    with connect(postgres.url) as root:
        root.execute(f"ALTER DATABASE {database.url.database} ALLOW_CONNECTIONS false")
        root.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (database.url.database,),
        )
        with pytest.raises(StoreUnavailableError, match="Storing results"):
            store.store(numbered(2), ())
        with pytest.raises(StoreUnavailableError, match="Counting events"):
            history.counts([question])
        root.execute(f"ALTER DATABASE {database.url.database} ALLOW_CONNECTIONS true")
    with database.begin() as connection:
        connection.execute(text("TRUNCATE results, recent, targets, revisions RESTART IDENTITY"))
        connection.execute(text("INSERT INTO targets (name) VALUES ('another')"))
    assert store.store(numbered(2), ()) == Stored(new=2, duplicate=0)
    assert history.counts([question]) == [SliCounts(good=2)]
    assert len(history.attempts("openai", 0, STARTED_NS + DAY)) == 2


def test_a_lock_that_is_held_makes_the_store_unavailable_not_stuck(
    migrated_url: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration by hand, or a vacuum in the way: it is tried again later."""
    monkeypatch.setattr(engines, "LOCK_TIMEOUT_S", 0.2)
    engine = engines.create(migrated_url)
    with connect(migrated_url) as other, other.transaction():
        other.execute("LOCK TABLE results")
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            PostgresStore(engine, now_ns=lambda: STARTED_NS).store(numbered(1), ())
    engine.dispose()
