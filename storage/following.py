"""How one series of segments is read from file to file, live, past what is damaged."""

import collections
import os
from pathlib import Path
from typing import Final

from storage.segments import (
    MAX_BODY,
    SEGMENT_BYTES,
    Framed,
    Series,
    next_sound,
    segment_firsts,
    segment_path,
    sound_run,
)

_CHUNK: Final = 256 * 1024
_WHOLE: Final = SEGMENT_BYTES + 2 * MAX_BODY


class Follower:
    """Reads one series from segment to segment.

    `clear_to` is a sequence number up to which the series is known to hold nothing more.
    """

    def __init__(self, folder: Path, series: Series) -> None:
        self.queue: collections.deque[Framed] = collections.deque()
        self.clear_to = 0
        self.damaged = 0
        self._folder = folder
        self._series: Series = series
        self._fd: int | None = None
        self._first = 0
        self._offset = 0

    def poll(self, position: int) -> None:
        """Queue what lies behind a position and was written up to now, a chunk at a time."""
        # Listed before reading: where a newer segment stands already, nothing can be added to this one.
        firsts = segment_firsts(self._folder, self._series)
        if self._fd is None and not self._enter(firsts, position):
            return
        while not self.queue:
            if self._take(position, _CHUNK):
                continue
            newer = [first for first in firsts if first > self._first]
            skipped = self._skip_damage(position, closed=bool(newer))
            if not skipped and not (newer and self._enter(newer, position)):
                return

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _enter(self, firsts: list[int], position: int) -> bool:
        """Open the last segment that begins at the next number or before, else the first that still lies there."""
        before = [first for first in firsts if first <= position + 1]
        for first in before[-1:] + [first for first in firsts if first > position + 1]:
            try:
                fd = os.open(segment_path(self._folder, self._series, first), os.O_RDONLY)
            except FileNotFoundError:  # removed at the limits, or by the teller
                continue
            self.close()
            self._fd, self._first, self._offset = fd, first, 0
            return True
        return False

    def _pread(self, size: int) -> bytes:
        return os.pread(self._fd, size, self._offset) if self._fd is not None else b""

    def _take(self, position: int, size: int) -> bool:
        """Queue the sound records that lie whole in the next bytes; return whether there were any."""
        end = 0
        for framed in sound_run(self._pread(size)):
            end = framed.end
            if framed.seq > position:
                self.queue.append(framed)
        self._offset += end
        return end > 0

    def _skip_damage(self, position: int, *, closed: bool) -> bool:
        """Pass over what is not sound; return whether a record follows in this segment.

        In the segment being written, an unfinished record looks like damage: it is waited for, unless sound
        ones follow it.
        """
        left = self._pread(_WHOLE)
        if not left:
            return False
        found = next_sound(left, 0)
        if found == 0:  # sound, but larger than a chunk
            return self._take(position, _WHOLE)
        self.damaged += found is not None or closed
        self._offset += found or (len(left) if closed else 0)
        return found is not None
