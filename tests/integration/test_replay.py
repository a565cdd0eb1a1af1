"""What a replay reads of a made-up week, through a real Postgres: with maintenance and corrections as they are now."""

import pytest
from sqlalchemy import Engine

from agent.slo.failing import Recorded
from agent.slo.findings import Ways
from agent.slo.trial import replay
from agent.telling.recorded import Seen, recorded
from probes.result import EventClass
from storage.amendments import PostgresAmendments
from storage.base import Amendments, History
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.readings import Withdrawal
from storage.results import PostgresStore
from support import weeks
from support.weeks import HOUR_NS, NOW_NS, WEEK

CONFIG = weeks.with_service("openai", "azure")
(NANO,) = CONFIG.services


def seen(history: History) -> list[Seen]:
    return recorded(CONFIG, NANO, history, WEEK.since_ns, WEEK.until_ns)


def amend(amendments: Amendments) -> None:
    """Announce the first hour of openai's outage, say that its second was well, and that azure failed meanwhile."""
    amendments.maintain(weeks.maintenance("openai", hours=1))
    for target, kind in (("openai", EventClass.GOOD), ("azure", EventClass.BAD)):
        later_ns = weeks.TUESDAY_10H + HOUR_NS
        amendments.correct(weeks.correction(target, kind, hours=1, since_ns=later_ns))


@pytest.fixture
def stored(database: Engine) -> Engine:
    weeks.fill(PostgresStore(database, now_ns=lambda: NOW_NS))
    return database


def test_what_is_read_is_what_the_twin_in_memory_holds(stored: Engine) -> None:
    """Before and after maintenance and corrections, and once one of them is withdrawn."""
    memory, amendments = MemoryStore(), PostgresAmendments(stored)
    weeks.fill(memory)
    withdrawn = Withdrawal(correction_id=2, author="ada", reason="no", made_ns=NOW_NS)
    history = PostgresHistory(stored)
    assert seen(history) == seen(memory)
    for one in (amendments, memory.amendments):
        amend(one)
    assert seen(history) == seen(memory)
    for one in (amendments, memory.amendments):
        one.withdraw(withdrawn)
    openai, azure = found = seen(history)
    assert found == seen(memory)
    assert openai.failed == ()
    assert [round(at_s / 600) for at_s, _ in azure.failed] == [500]


def test_a_replay_tells_of_what_maintenance_and_corrections_leave(stored: Engine) -> None:
    """Openai's outage is nobody's any more; azure has one of an hour, beside the slot that failed by itself."""
    assert down(stored) == ["openai"]
    amend(PostgresAmendments(stored))
    assert down(stored) == ["azure"]


def down(stored: Engine) -> list[str]:
    """Return the targets whose outages a replay tells of."""
    found = seen(PostgresHistory(stored))
    run = replay(
        NANO,
        lambda: [Recorded(one.failed) for one in found],
        (WEEK.until_ns - WEEK.since_ns) / 1e9,
        Ways(warm_up_ns=0),
        silent=[one.silence for one in found],
    )
    return [alert.finding.subject for alert in run.alerts if alert.finding.name == "TargetDown"]
