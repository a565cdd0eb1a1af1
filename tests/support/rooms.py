"""A store and its history, of each implementation that a contract holds for."""

import dataclasses

import pytest

from storage.amendments import PostgresAmendments
from storage.base import Amendments, History, Store
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.results import PostgresStore
from support.results import STARTED_NS


@dataclasses.dataclass(frozen=True, slots=True)
class Room:
    store: Store
    history: History
    amendments: Amendments


def make_room(request: pytest.FixtureRequest) -> Room:
    """Return the room that the fixture's parameter names: `memory`, `postgres` or `system`."""
    if request.param == "memory":
        both = MemoryStore()
        return Room(both, both, both.amendments)
    engine = request.getfixturevalue({"postgres": "database", "system": "system_database"}[request.param])
    store = PostgresStore(engine, now_ns=lambda: STARTED_NS)
    return Room(store, PostgresHistory(engine), PostgresAmendments(engine))
