from agent.telling.alive import Alive
from support.told import SECOND_NS, START_NS, beat


def test_a_beat_within_ten_seconds_and_room_in_the_journal_make_us_ready() -> None:
    alive = Alive()
    alive.beaten(beat(0, journal_bytes=99))
    assert alive.unready(START_NS + 10 * SECOND_NS, journal_limit=100) == []
    assert len(alive.unready(START_NS + 11 * SECOND_NS, journal_limit=100)) == 1
    assert len(alive.unready(START_NS + 11 * SECOND_NS, journal_limit=99)) == 2


def test_the_database_alone_never_makes_us_unready() -> None:
    """No evaluation ever succeeded: the page must not vanish in the very outage that it tells of."""
    alive = Alive(beat_ns=START_NS)
    assert alive.evaluated_ns is None
    assert alive.unready(START_NS, journal_limit=1) == []
    assert alive.silence(START_NS) is not None
