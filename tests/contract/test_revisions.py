"""What remembering revisions of objectives promises, whoever remembers."""

import dataclasses
from collections.abc import Sequence

import pytest

from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.readings import RevisionRow
from storage.results import PostgresStore
from support.results import STARTED_NS

HERE = "fra-1"


class Kept:
    """A store and its history."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        if request.param == "memory":
            memory = MemoryStore()
            self.store: MemoryStore | PostgresStore = memory
            self.history: MemoryStore | PostgresHistory = memory
            return
        engine = request.getfixturevalue("database")
        self.store = PostgresStore(engine, now_ns=lambda: STARTED_NS)
        self.history = PostgresHistory(engine)

    def revise(self, at_ns: int, *rows: RevisionRow, services: bool = False) -> None:
        self.store.revise(HERE, rows, at_ns, services=services)

    def all(self) -> Sequence[RevisionRow]:
        return self.history.revisions(HERE, 0, 10**18)

    def held(self, since_ns: int = 0, until_ns: int = 10**18) -> Sequence[tuple[str, str, int, int | None]]:
        return [
            (row.target, row.digest, row.valid_from_ns, row.valid_to_ns)
            for row in self.history.revisions(HERE, since_ns, until_ns)
        ]


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> Kept:
    return Kept(request)


def row(digest: str, target: str = "openai", objective: str = "available") -> RevisionRow:
    return RevisionRow(
        vantage=HERE,
        objective=objective,
        target=target,
        probe="chat",
        digest=digest,
        rule={"ratio": 0.999, "slices": {"length_s": 300.0}},
        valid_from_ns=0,
        valid_to_ns=None,
    )


def test_a_revision_comes_back_as_it_was_kept_and_again_changes_nothing(kept: Kept) -> None:
    for at_ns in (1_000, 2_000, 1_000):
        kept.revise(at_ns, row("a"))
    found = kept.history.revisions(HERE, 0, 10**18)
    assert found == [dataclasses.replace(row("a"), valid_from_ns=1_000)]
    assert kept.history.revisions("elsewhere", 0, 10**18) == []


def test_a_change_closes_one_and_opens_another(kept: Kept) -> None:
    kept.revise(1_000, row("a"), row("a", "azure"))
    kept.revise(5_000, row("b"), row("a", "azure"))
    assert kept.held() == [
        ("azure", "a", 1_000, None),
        ("openai", "a", 1_000, 5_000),
        ("openai", "b", 5_000, None),
    ]
    assert kept.held(5_000) == [("azure", "a", 1_000, None), ("openai", "b", 5_000, None)]
    assert kept.held(0, 1_000) == []


def test_what_is_promised_no_longer_ends_and_may_come_back(kept: Kept) -> None:
    kept.revise(1_000, row("a"))
    kept.revise(2_000)
    kept.revise(4_000, row("a"))
    assert kept.held() == [("openai", "a", 1_000, 2_000), ("openai", "a", 4_000, None)]


def test_what_is_told_late_holds_until_the_next_change(kept: Kept) -> None:
    kept.revise(1_000, row("a"))
    kept.revise(5_000, row("c"))
    kept.revise(3_000, row("b"))
    assert kept.held() == [
        ("openai", "a", 1_000, 3_000),
        ("openai", "b", 3_000, 5_000),
        ("openai", "c", 5_000, None),
    ]


def test_what_services_promise_and_what_objectives_do_are_two_sets(kept: Kept) -> None:
    """Each is told of at instants of its own, and neither ends the other."""
    kept.revise(1_000, row("a"))
    kept.revise(2_000, row("s", objective="service/nano"), services=True)
    kept.revise(3_000, row("b"))
    kept.revise(4_000, services=True)
    assert [(one.objective, one.digest, one.valid_from_ns, one.valid_to_ns) for one in kept.all()] == [
        ("available", "a", 1_000, 3_000),
        ("available", "b", 3_000, None),
        ("service/nano", "s", 2_000, 4_000),
    ]
