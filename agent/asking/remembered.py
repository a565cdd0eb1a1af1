"""A small file in the state folder that outlasts the process: read once, replaced whole."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger("asker")


class Remembered:
    """JSON values in a file; without one nothing is kept. What goes wrong is told as `NAME.unreadable`, `NAME.unsaved`."""

    def __init__(self, file: Path | None, name: str, lost: str) -> None:
        """`lost` says what an unreadable file costs."""
        self._file = file
        self._name = name
        self._lost = lost
        self._troubled = False

    @property
    def kept(self) -> bool:
        return self._file is not None

    def load(self, restore: Callable[[Any], None]) -> None:
        """Restore what a process before this one saved; an unreadable file is told and left behind."""
        if self._file is None:
            return
        try:
            restore(json.loads(self._file.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as failure:
            event = f"{self._name}.unreadable"
            log.warning(
                event,
                file=str(self._file),
                error=type(failure).__name__,
                consequence=self._lost,
            )

    def save(self, payload: bytes) -> bool:
        """Replace the file and return whether that went well, told once where it did not.

        The page cache outlives the process, so nothing waits for the disk.
        """
        assert self._file is not None  # noqa: S101 - there is no payload without one
        new = self._file.with_suffix(".new")
        try:
            with open(new, "wb", opener=_private) as file:
                file.write(payload)
            new.replace(self._file)
        except OSError as failure:
            if not self._troubled:
                event = f"{self._name}.unsaved"
                log.warning(event, file=str(self._file), error=failure.strerror)
            self._troubled = True
            return False
        self._troubled = False
        return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
