import asyncio
import errno
import itertools
from collections.abc import Callable

from structlog.testing import capture_logs

from agent.telling.follow import Stop, backoff, follow
from storage.base import Batch, StoreUnavailableError
from storage.memory import MemoryReader
from support.told import beat, record, result

RECORDS = [record(seq, result(seq)) for seq in range(1, 8)]


class Listener:
    """A follower that writes down what it is told, and fails to keep as often as it is told to."""

    limit = 3
    pause_s = 0.0

    def __init__(self, failures: int = 0, then: Callable[[], None] = lambda: None) -> None:
        self.batches: list[list[int]] = []
        self.kept: list[tuple[int, bool]] = []
        self._failures = failures
        self._then = then

    def fold(self, batch: Batch) -> None:
        self.batches.append([record.seq for record in batch.records])

    def keep(self, position: int, *, last: bool) -> int | None:
        if self._failures:
            self._failures -= 1
            self._then()
            raise StoreUnavailableError
        self.kept.append((position, last))
        return position


def run(follower: Listener, stop: Callable[[Stop], None], reader: MemoryReader | None = None) -> list[int]:
    """Follow until the end and return the positions that were committed."""
    committed: list[int] = []

    async def go() -> None:
        stopping = Stop()
        stop(stopping)
        await follow(
            follower,
            reader or MemoryReader(RECORDS),
            stopping,
            commit=committed.append,
            jitter=lambda *_: 0.0,
        )

    asyncio.run(go())
    return committed


def test_a_stop_lets_it_read_to_the_journals_end() -> None:
    listener = Listener()
    assert run(listener, lambda stop: stop.asked.set()) == [3, 6, 7]
    assert listener.batches == [[1, 2, 3], [4, 5, 6], [7]]
    assert listener.kept == [(3, False), (6, False), (7, True)]


def test_what_was_written_between_the_last_read_and_a_stop_is_read_too() -> None:
    """The asker ends before the teller is told to: its last records may come while a batch is folded."""
    records = RECORDS[:2]
    stop = Stop()

    class Busy(Listener):
        def fold(self, batch: Batch) -> None:
            super().fold(batch)
            if not stop.asked.is_set():
                records.append(RECORDS[2])
                stop.asked.set()

    async def go() -> None:
        await follow(listener, MemoryReader(records), stop, commit=lambda _: None, jitter=lambda *_: 0.0)

    listener = Busy()
    asyncio.run(go())
    assert listener.batches == [[1, 2], [3]]


def test_a_hurried_stop_keeps_the_batch_at_hand_and_returns() -> None:
    listener = Listener()

    def hurry(stop: Stop) -> None:
        stop.asked.set()
        stop.hurried.set()

    assert run(listener, hurry) == [3]
    assert listener.kept == [(3, True)]


def test_records_that_cannot_be_kept_are_folded_once_and_kept_later() -> None:
    """The database is away for a while: nothing is read on, nothing is lost, nothing comes twice."""

    async def go() -> None:
        stop = Stop()
        listener = Listener(failures=5)
        committed: list[int] = []
        await follow(
            listener,
            MemoryReader(RECORDS),
            stop,
            commit=committed.append,
            jitter=lambda *_: 0.0,
            caught_up=stop.asked.set,
        )
        assert committed[:3] == [3, 6, 7]
        assert listener.batches == [[1, 2, 3], [4, 5, 6], [7]]

    asyncio.run(go())


def test_a_stop_while_the_database_is_away_leaves_everything_to_the_journal() -> None:
    assert run(Listener(failures=99), lambda stop: stop.asked.set()) == []


def test_it_says_when_it_has_reached_the_journals_end() -> None:
    async def go() -> None:
        stop = Stop()
        listener = Listener()
        await follow(
            listener,
            MemoryReader(RECORDS),
            stop,
            commit=lambda _: None,
            jitter=lambda *_: 0.0,
            caught_up=stop.asked.set,
        )
        assert listener.kept[-1] == (7, True)
        assert [position for position, _ in listener.kept][:3] == [3, 6, 7]

    asyncio.run(go())


def test_lost_records_are_told_even_where_none_follow() -> None:
    class Gap(MemoryReader):
        def read(self, limit: int) -> Batch:
            read = super().read(limit)
            return Batch(read.records, lost=0 if read.records else 2)

    listener = Listener()
    run(listener, lambda stop: stop.asked.set(), Gap([]))
    assert listener.batches == [[]]


def test_waiting_grows_from_one_second_to_thirty() -> None:
    longest = list(itertools.islice(backoff(lambda _, most: most), 5))
    assert longest == [3.0, 9.0, 27.0, 30.0, 30.0]
    assert next(backoff(lambda least, _: least)) == 1.0


def test_an_idle_follower_is_asked_to_keep_all_the_same() -> None:
    """What is kept by time, such as a snapshot, is kept without new records too."""
    listener = Listener()
    run(listener, lambda stop: stop.asked.set(), MemoryReader([record(1, beat(0))], position=1))
    assert listener.kept == [(1, True)]


def test_a_position_that_stays_is_not_written_again() -> None:
    """An idle follower writes nothing to the disk."""

    async def go() -> None:
        stop, committed, ends = Stop(), list[int](), itertools.count()

        def caught_up() -> None:
            if next(ends) == 3:
                stop.asked.set()

        await follow(
            Listener(),
            MemoryReader(RECORDS),
            stop,
            commit=committed.append,
            jitter=lambda *_: 0.0,
            caught_up=caught_up,
        )
        assert committed == [3, 6, 7]

    asyncio.run(go())


def test_a_position_that_cannot_be_written_ends_nothing_and_is_said_once() -> None:
    """On a full disk more is read again at the next start, and no more than that."""

    async def go() -> None:
        stop, tried, listener = Stop(), list[int](), Listener()
        stop.asked.set()

        def full(position: int) -> None:
            tried.append(position)
            raise OSError(errno.ENOSPC, "No space left on device")

        with capture_logs() as said:
            await follow(listener, MemoryReader(RECORDS), stop, commit=full, jitter=lambda *_: 0.0)
        assert tried == [3, 6, 7]
        assert listener.batches == [[1, 2, 3], [4, 5, 6], [7]]
        assert [event["event"] for event in said] == ["position.unsaved"]

    asyncio.run(go())
