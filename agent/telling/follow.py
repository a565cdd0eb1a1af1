"""How the journal is followed: one loop for every follower, which reads, folds, keeps and waits."""

import asyncio
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

import structlog

from storage.base import Batch, JournalReader, StoreUnavailableError

SHORTEST_BACKOFF_S = 1.0
LONGEST_BACKOFF_S = 30.0

T = TypeVar("T")

log = structlog.get_logger("telling")


class Follower(Protocol):
    """What is done with the records: folded once as they come, and kept as often as it takes.

    At most `limit` records come at once; after fewer, the follower rests for `pause_s`.
    """

    limit: int
    pause_s: float

    def fold(self, batch: Batch) -> None:
        """Take the next records, each once."""
        ...

    def keep(self, position: int, *, last: bool) -> int | None:
        """Make lasting what was folded up to this record; `last` is true at the process's end.

        Return the position from which a new process may go on without loss, or None to leave it as it is.
        Raises StoreUnavailableError to be asked again later.
        """
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Stop:
    """`asked`: read to the journal's end, then return. `hurried`: return after the batch at hand."""

    asked: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    hurried: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)


async def follow(
    follower: Follower,
    reader: JournalReader,
    stop: Stop,
    *,
    commit: Callable[[int], None],
    jitter: Callable[[float, float], float],
    caught_up: Callable[[], None] = lambda: None,
) -> None:
    """Read, fold and keep until told to stop.

    `commit` is given each position from which a new process may go on, `caught_up` is called whenever the
    journal's end was reached. Blocking work is done in threads, one batch at a time. `jitter(a, b)` is a random
    number between the two.
    """
    committed, troubled = reader.position, False
    while True:
        # Before the read: what was written between a read and a stop stands behind that read's end.
        asked = stop.asked.is_set()
        batch = await asyncio.to_thread(reader.read, follower.limit)
        if batch.records or batch.lost:
            await asyncio.to_thread(follower.fold, batch)
        at_end = len(batch.records) < follower.limit
        last = stop.hurried.is_set() or (at_end and asked)
        keep = functools.partial(follower.keep, reader.position, last=last)
        kept, position = await insist(keep, stop, jitter)
        if position is not None and position != committed:
            troubled = await asyncio.to_thread(_commit, commit, position, troubled=troubled)
            committed = committed if troubled else position
        if last or not kept:
            return
        if at_end:
            caught_up()
            await _rest(stop.asked, follower.pause_s)


def _commit(commit: Callable[[int], None], position: int, *, troubled: bool) -> bool:
    """Commit, and return whether there was trouble; a full disk only means that more is read again later."""
    try:
        commit(position)
    except OSError as failure:
        if not troubled:
            log.warning("position.unsaved", position=position, error=failure.strerror)
        return True
    return False


async def insist(
    work: Callable[[], T], stop: Stop, jitter: Callable[[float, float], float]
) -> tuple[bool, T | None]:
    """Do blocking work in a thread, again and again until the database takes it.

    Return (True, what it came to), or (False, None) where a stop was asked and the database is away.
    """
    delays_s = backoff(jitter)
    while True:
        try:
            return True, await asyncio.to_thread(work)
        except StoreUnavailableError:
            if stop.asked.is_set():
                return False, None
        await _rest(stop.asked, next(delays_s))


def backoff(jitter: Callable[[float, float], float]) -> Iterator[float]:
    """Yield waiting times in seconds, for ever: from 1 s, each at most three times the one before, up to 30 s.

    Decorrelated jitter: agents that lost one database together do not come back to it together.
    """
    delay_s = SHORTEST_BACKOFF_S
    while True:
        delay_s = min(LONGEST_BACKOFF_S, jitter(SHORTEST_BACKOFF_S, delay_s * 3))
        yield delay_s


async def _rest(asked: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until a stop is asked."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asked.wait()
