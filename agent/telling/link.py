"""Whether the database answers: what every part that uses it says, told once per change."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import structlog

from storage.base import StoreUnavailableError

log = structlog.get_logger("telling")


class Link:
    """The last word on the database; `show(up)` is called at each use, the log speaks at each change."""

    def __init__(self, show: Callable[[bool], None]) -> None:
        self._show = show
        self._up: bool | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Stand around each use of the database; its failure passes through."""
        try:
            yield
        except StoreUnavailableError as failure:
            self._tell(up=False, why=str(failure))
            raise
        self._tell(up=True)

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
