"""What keeps the journal's files safe and small, off the event loop: syncing once a second, and the limits."""

import contextlib
import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from storage.segments import SERIES, Series, segment_firsts, segment_path

_log = logging.getLogger(__name__)

SYNC_EVERY_S = 1.0


@dataclasses.dataclass(slots=True, kw_only=True)
class Open:
    """A segment that is being written; only the upkeep closes its descriptor."""

    series: Series
    path: Path
    fd: int
    size: int
    opened_mono_ns: int
    dirty: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """A segment file as it lies on the disk; `age_s` is how long ago it was begun, or last written if inherited."""

    series: Series
    path: Path
    size: int
    age_s: float
    closed: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Footprint:
    """What the journal takes: bytes, and the instant (UTC nanoseconds) from which it reaches back."""

    bytes: int = 0
    oldest_ns: int | None = None


def excess(lying: Sequence[Lying], max_bytes: int, max_age_s: float) -> list[Lying]:
    """Return the segments to remove: those over age, then the oldest good, then the oldest rest, until it fits.

    Segments that are being written stay.
    """
    removable = [segment for segment in lying if segment.closed]
    going = [segment for segment in removable if segment.age_s > max_age_s]
    over = sum(segment.size for segment in lying) - sum(segment.size for segment in going) - max_bytes
    by_worth = sorted(removable, key=lambda segment: (SERIES.index(segment.series), -segment.age_s))
    for segment in by_worth:
        if over <= 0:
            break
        if segment not in going:
            going.append(segment)
            over -= segment.size
    return going


class Upkeep:
    """One thread beside one writer."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.footprint = Footprint()
        self.sync_failures = 0
        self._folder = folder
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns
        self._open: dict[Series, Open] = {}
        self._retired: list[Open] = []
        self._begun_mono_ns: dict[Path, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-upkeep", daemon=True)

    def start(self) -> None:
        self._inherit()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; sync and close what is open."""
        self._stop.set()
        self._thread.join()
        for series in list(self._open):
            self.retire(series)
        self.round()

    def adopt(self, segment: Open) -> None:
        self._begun_mono_ns[segment.path] = segment.opened_mono_ns
        self._open[segment.series] = segment

    def retire(self, series: Series) -> None:
        """Hand a segment over to be synced and closed."""
        if (segment := self._open.pop(series, None)) is not None:
            self._retired.append(segment)

    def round(self) -> None:
        """Sync what was written, close what was retired, hold the limits."""
        for segment in list(self._open.values()):
            if segment.dirty:
                segment.dirty = False  # before the sync: what is written meanwhile marks it anew
                self._sync(segment)
        while self._retired:
            segment = self._retired.pop()
            self._sync(segment)
            os.close(segment.fd)
        self._hold_limits()

    def _run(self) -> None:
        while not self._stop.wait(SYNC_EVERY_S):
            try:
                self.round()
            except OSError as error:
                _log.warning(
                    "journal_upkeep: %s could not be kept in order: %s", self._folder, error.strerror
                )

    def _sync(self, segment: Open) -> None:
        try:
            os.fdatasync(segment.fd)
        except OSError as error:
            self.sync_failures += 1
            _log.warning(
                "journal_sync: %s could not be synced to the disk (%s); check the disk under the state folder",
                segment.path,
                error.strerror,
            )

    def _inherit(self) -> None:
        """Date the segments of earlier processes on the monotonic clock, which no later clock step can age."""
        mono_ns, wall_ns = self._mono_ns(), self._wall_ns()
        for series in SERIES:
            for first in segment_firsts(self._folder, series):
                path = segment_path(self._folder, series, first)
                age_ns = max(0, wall_ns - path.stat().st_mtime_ns)
                self._begun_mono_ns[path] = mono_ns - age_ns
        self._hold_limits()

    def _hold_limits(self) -> None:
        lying = list(self._lying())
        going = excess(lying, self._max_bytes, self._max_age_s)
        for segment in going:
            segment.path.unlink(missing_ok=True)
        if going:
            _log.warning(
                "journal_limit: %d segments (%d bytes) removed from %s unread or not, the oldest good first; "
                "the database has been away too long for journal.max_size or journal.max_age",
                len(going),
                sum(segment.size for segment in going),
                self._folder,
            )
        self._measure([segment for segment in lying if segment not in going])

    def _lying(self) -> Iterable[Lying]:
        mono_ns = self._mono_ns()
        for series in SERIES:
            firsts = segment_firsts(self._folder, series)
            for first in firsts:
                path = segment_path(self._folder, series, first)
                with contextlib.suppress(FileNotFoundError):  # the teller removes what it has passed
                    yield Lying(
                        series=series,
                        path=path,
                        size=path.stat().st_size,
                        age_s=(mono_ns - self._begun_mono_ns.get(path, mono_ns)) / 1e9,
                        closed=first != firsts[-1],
                    )

    def _measure(self, lying: Sequence[Lying]) -> None:
        for path in [path for path in list(self._begun_mono_ns) if not path.exists()]:
            del self._begun_mono_ns[path]
        oldest_age_s = max((segment.age_s for segment in lying), default=None)
        self.footprint = Footprint(
            sum(segment.size for segment in lying),
            None if oldest_age_s is None else self._wall_ns() - round(oldest_age_s * 1e9),
        )
