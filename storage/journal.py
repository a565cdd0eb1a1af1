"""The journal on disk: one writer appends, readers follow, neither ever waits for the other."""

import collections
import errno
import fcntl
import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from storage.base import Batch, Record
from storage.following import Follower
from storage.positions import highest_position, load_position, save_position
from storage.records import Kind
from storage.segments import (
    MAX_BODY,
    SEGMENT_BYTES,
    SERIES,
    Framed,
    Series,
    cut_torn_tail,
    frame,
    segment_firsts,
    segment_path,
)
from storage.upkeep import Footprint, Open, Upkeep

SEGMENT_S: Final = 600.0
_KINDS: Final = {kind.value: kind for kind in Kind}
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class JournalLockedError(Exception):
    """Another process writes this journal; the message is a sentence with the remedy."""


class Writer:
    """The one writer of `state_dir/journal`. Build it, `open` it, `append`, `close` it, all from one thread.

    `write` stands for `os.write`. The limits are `max_bytes` and `max_age_s` for all segments together; one
    segment takes an eighth of `max_bytes` at the most, so that the limit can be held by removing whole ones.
    """

    def __init__(
        self,
        state_dir: str | Path,
        *,
        max_bytes: int = 2 * 1024**3,
        max_age_s: float = 86400.0,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self.dropped: collections.Counter[str] = collections.Counter()
        self._state = Path(state_dir)
        self._folder = self._state / "journal"
        self._segment_bytes = min(SEGMENT_BYTES, max_bytes // 8)
        self._mono_ns = mono_ns
        self._write = write
        self._upkeep = Upkeep(
            self._folder, max_bytes=max_bytes, max_age_s=max_age_s, wall_ns=wall_ns, mono_ns=mono_ns
        )
        self._open: dict[Series, Open] = {}
        self._head: tuple[Kind, bytes] | None = None
        self._lock_fd: int | None = None
        self._next = 1

    def open(self) -> None:
        """Take the lock, cut what a dying process left half written, and find where the sequence goes on.

        Raises `JournalLockedError` where another process holds the lock.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock()
        ends = [cut_torn_tail(self._folder, series) for series in SERIES]
        torn = sum(torn for _, torn in ends)
        # A cut tail was one record: its number stays a gap, so that readers count it as lost.
        last = max(last for last, _ in ends) + torn
        self._next = max(last, highest_position(self._state / "readers")) + 1
        if torn:  # an empty segment of that name holds the gap, should this process end before it writes
            segment_path(self._folder, "rest", self._next).touch()
        self._upkeep.start()

    def set_head(self, kind: Kind, payload: bytes) -> None:
        """Set what stands first in every `rest` segment that is begun from now on."""
        self._head = (kind, payload)

    def append(self, kind: Kind, payload: bytes, *, good: bool = False) -> int:
        """Append by one write; see `storage.base.JournalWriter`."""
        series: Series = "good" if good else "rest"
        if len(kind) + 1 + len(payload) > MAX_BODY:
            return self._drop("too_large")
        try:
            segment = self._segment(series, len(payload))
            self._put(segment, frame(self._next, kind, payload))
        except OSError as error:
            return self._drop("disk_full" if error.errno in _FULL else "io_error")
        return self._advance()

    @property
    def footprint(self) -> Footprint:
        """Return the journal's size and reach as the upkeep saw them within the last second or so."""
        return self._upkeep.footprint

    def close(self) -> None:
        self._upkeep.stop()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _advance(self) -> int:
        self._next += 1
        return self._next - 1

    def _drop(self, reason: str) -> int:
        """Count a record that could not be kept; its number stays a gap, which readers count as lost."""
        self.dropped[reason] += 1
        return self._advance()

    def _lock(self) -> None:
        lock_fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock_fd)
            raise JournalLockedError(
                f"cannot write the journal in {self._folder}: another daemon uses this state folder; "
                "stop it, or give this one a state_dir of its own"
            ) from None
        self._lock_fd = lock_fd

    def _segment(self, series: Series, coming: int) -> Open:
        segment = self._open.get(series)
        if segment is not None:
            old = self._mono_ns() - segment.opened_mono_ns >= SEGMENT_S * 1e9
            if not old and segment.size + coming <= self._segment_bytes:
                return segment
        return self._begin(series)

    def _begin(self, series: Series) -> Open:
        path = segment_path(self._folder, series, self._next)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        segment = Open(series=series, path=path, fd=fd, size=0, opened_mono_ns=self._mono_ns())
        if series == "rest" and self._head is not None:
            try:
                self._put(segment, frame(self._next, *self._head))
            except OSError:  # tried again with the next record: no segment is without its head
                os.close(fd)
                path.unlink()
                raise
            self._advance()
        self._upkeep.retire(series)
        self._upkeep.adopt(segment)
        self._open[series] = segment
        return segment

    def _put(self, segment: Open, framed: bytes) -> None:
        """Write whole or not at all."""
        written = 0
        try:
            written = self._write(segment.fd, framed)
        finally:
            if 0 < written < len(framed):
                os.ftruncate(segment.fd, segment.size)
        if written < len(framed):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        segment.size += written
        segment.dirty = True


class Reader:
    """Follows `state_dir/journal` under a name; a name that is new begins with the oldest record there is.

    `position` overrides the committed one, for a reader that keeps its position in a file of its own.
    `damaged` counts the stretches of segments that could not be read.
    """

    def __init__(self, state_dir: str | Path, name: str, position: int | None = None) -> None:
        self._readers = Path(state_dir) / "readers"
        self._folder = Path(state_dir) / "journal"
        self._name = name
        self._position = position if position is not None else load_position(self._readers, name)
        self._good = Follower(self._folder, "good")
        self._rest = Follower(self._folder, "rest")

    @property
    def position(self) -> int:
        return self._position or 0

    @property
    def damaged(self) -> int:
        return self._good.damaged + self._rest.damaged

    def read(self, limit: int) -> Batch:
        """Return up to `limit` next records at once; see `storage.base.JournalReader`."""
        if self._position is None:
            self._position = self._oldest()
        records: list[Record] = []
        lost = 0
        while len(records) < limit and (framed := self._next()) is not None:
            lost += framed.seq - self.position - 1
            self._position = framed.seq
            if (kind := _KINDS.get(framed.kind)) is not None:  # a newer writer's kinds are passed over
                records.append(Record(framed.seq, kind, framed.payload))
        return Batch(tuple(records), lost)

    def commit(self, position: int) -> None:
        """Keep a position for the next start, by rename."""
        save_position(self._readers, self._name, position)

    def close(self) -> None:
        self._good.close()
        self._rest.close()

    def _oldest(self) -> int | None:
        firsts = [first for series in SERIES for first in segment_firsts(self._folder, series)]
        return min(firsts) - 1 if firsts else None

    def _next(self) -> Framed | None:
        """Return the record with the next sequence number over both series."""
        if not self._certain():
            self._look()
        nearest = min((f for f in (self._good, self._rest) if f.queue), key=_head_seq, default=None)
        return nearest.queue.popleft() if nearest is not None else None

    def _certain(self) -> bool:
        """Return whether the least of the queued numbers is the next of all, without another look at the disk."""
        good, rest = self._good, self._rest
        if good.queue and rest.queue:
            return True
        this, other = (good, rest) if good.queue else (rest, good)
        return bool(this.queue) and _head_seq(this) <= max(self.position + 1, other.clear_to)

    def _look(self) -> None:
        """Queue what is new.

        The writer writes in order: once a number has been seen in one series, all smaller ones lie in the
        other, if anywhere. So where the other seems at its end it is looked at once more, after the sighting.
        """
        good, rest = self._good, self._rest
        for follower in (good, rest):
            if not follower.queue:
                follower.poll(self.position)
        for this, other in ((good, rest), (rest, good)):
            if this.queue and not other.queue:
                seen = this.queue[-1].seq
                other.poll(self.position)
                if not other.queue:
                    other.clear_to = seen


def _head_seq(follower: Follower) -> int:
    return follower.queue[0].seq


def unlink_passed(state_dir: str | Path, position: int) -> int:
    """Remove the closed segments whose every record is at or before a position; return how many.

    The position is the least of the readers that still need the journal. The last segment of a series is
    the one being written and stays.
    """
    folder = Path(state_dir) / "journal"
    removed = 0
    for series in SERIES:
        firsts = segment_firsts(folder, series)
        for first, following in itertools.pairwise(firsts):
            if following - 1 <= position:
                segment_path(folder, series, first).unlink(missing_ok=True)
                removed += 1
    return removed
