"""Whether the database answers: what every part that uses it says, told once per change."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from storage.base import StoreUnavailableError

log = structlog.get_logger("telling")

SILENT_NS: Final = 45 * 1_000_000_000
"""A statement ends within 30 s and a lock is waited for 5 s: who hears nothing for longer asks a database that hangs."""


class Link:
    """The last word on the database; `show(up)` is called at each use, the log speaks at each change."""

    def __init__(self, show: Callable[[bool], None], mono_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._show = show
        self._mono_ns = mono_ns
        self._up: bool | None = None
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._begun: dict[int, int] = {}
        self._ended_ns = mono_ns()

    @contextlib.contextmanager
    def used(self, *, long: bool = False) -> Iterator[None]:
        """Stand around each use of the database; its failure passes through. A `long` one may take minutes."""
        try:
            with self._noted(long=long):
                yield
        except StoreUnavailableError as failure:
            self._tell(up=False, why=str(failure))
            raise
        self._tell(up=True)

    def look(self) -> None:
        """Say that the database is away where a use of it hangs, and no other one has come back meanwhile.

        A stopped server, or a machine that is gone without a word, fails nothing: it is asked and does not answer.
        """
        with self._lock:
            waiting = bool(self._begun)
            since_ns = max(self._ended_ns, min(self._begun.values(), default=0))
        if waiting and self._mono_ns() - since_ns >= SILENT_NS:
            self._tell(up=False, why="it is asked and does not answer")

    @contextlib.contextmanager
    def _noted(self, *, long: bool) -> Iterator[None]:
        with self._lock:
            number = next(self._numbers)
            if not long:
                self._begun[number] = self._mono_ns()
        try:
            yield
        finally:
            with self._lock:
                self._begun.pop(number, None)
                self._ended_ns = self._mono_ns()

    def _tell(self, *, up: bool, why: str | None = None) -> None:
        with self._lock:
            changed, self._up = up != self._up, up
            self._show(up)
        if changed and up:
            log.info("database.up")
        elif changed:
            log.warning(
                "database.down", error=why, consequence="the journal keeps everything until it is back"
            )
