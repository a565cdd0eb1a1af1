"""Budgets of a made-up week through a real Postgres."""

from sqlalchemy import Engine

from agent.slo_status import rows
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.results import PostgresStore
from support.weeks import NOW_NS, fill, with_service


def test_rows_tell_the_same_budgets_as_the_twin_in_memory(database: Engine) -> None:
    """Of SLOs and of a service, whose pool is asked about in the same breath."""
    config = with_service("openai", "azure")
    memory = MemoryStore()
    fill(memory)
    fill(PostgresStore(database, now_ns=lambda: NOW_NS))
    told = rows(config, PostgresHistory(database), NOW_NS)
    assert told == rows(config, memory, NOW_NS)
    assert [row.state for row in told] == ["bad", "good", "unknown", "good", "good", "unknown", "good"]
