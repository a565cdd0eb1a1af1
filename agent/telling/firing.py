"""What fires, kept in a file: a process that starts without a database has no rows to refresh it from."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agent.asking.remembered import Remembered
from agent.telling import routing
from exporters.alertmanager import HOLDS, REFRESH_S
from exporters.signals import Notice

AGAIN_NS: Final = 30 * 1_000_000_000
"""How often it is written that it fires still."""

FRESH_NS: Final = round(HOLDS * REFRESH_S) * 1_000_000_000
"""What was written longer ago receivers have let go of: it may be over since, and nobody is to be paged for it anew."""


class Firing:
    """Goes on from what the process before this one knew, until `known` says more than None."""

    def __init__(
        self, file: Path, known: Callable[[], Sequence[Notice] | None], wall_ns: Callable[[], int]
    ) -> None:
        self._file = Remembered(file, "firing", lost="what fires may be let go of while the database is away")
        self._known = known
        self._wall_ns = wall_ns
        self._now: Sequence[Notice] | None = None
        self._saved: tuple[int, Sequence[Notice]] = 0, ()

    def __call__(self) -> Sequence[Notice]:
        """Return what is known to fire."""
        return self._now or ()

    async def keep(self) -> None:
        """Take what fires now, and write it where that is news or a while ago."""
        if self._now is None:
            self._now = ()
            await asyncio.to_thread(self._file.load, self._restore)
        known = self._known()
        if known is not None:
            self._now = known
        now_ns, (at_ns, saved) = self._wall_ns(), self._saved
        if self._now == saved and (not saved or now_ns - at_ns < AGAIN_NS):
            return
        kept = {"at_ns": now_ns, "notices": [routing.packed(notice) for notice in self._now]}
        if await asyncio.to_thread(self._file.save, json.dumps(kept).encode()):
            self._saved = now_ns, self._now

    def _restore(self, kept: Mapping[str, Any]) -> None:
        found = [routing.unpacked(payload) for payload in kept["notices"]]
        self._saved = int(kept["at_ns"]), found
        self._now = found if self._wall_ns() - int(kept["at_ns"]) <= FRESH_NS else ()
