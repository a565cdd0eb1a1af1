"""The upkeep of maintenance: what begins is written down, and what rows say of it is known to all who tell."""

import dataclasses
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog
from pydantic import TypeAdapter

from agent.config.model import Config
from agent.slo.maintenance import DAY_NS
from agent.slo.quiet import Quiet, Work, is_quiet
from agent.slo.service import Service
from agent.telling.chores import repeat
from agent.telling.link import Link
from exporters.pages import Upkept
from exporters.signals import Notice
from storage.base import Amendments, History
from storage.readings import MaintenanceRow

LOOK_S: Final = 5.0
"""How often rows are looked at: so soon a command is obeyed."""

BACK_NS: Final = 2 * DAY_NS
"""Results of so long ago may still come, from a journal that waited for its reader."""

AHEAD_NS: Final = 366 * DAY_NS
_KEPT_NS: Final = 60 * 1_000_000_000

log = structlog.get_logger("telling")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a restart has to know before the database answers: the rows, and up to when the plan was looked at."""

    looked_ns: int
    rows: tuple[MaintenanceRow, ...] = ()


_REMEMBERED: Final = TypeAdapter(Remembered)


class Upkeep:
    """Knows who is in maintenance; `quiet` and all that asks it may be called from any thread."""

    def __init__(
        self,
        amendments: Amendments,
        history: History,
        file: Path,
        wall_ns: Callable[[], int],
        shown: Callable[[Mapping[str, Upkept], Sequence[str]], None],
    ) -> None:
        self._amendments = amendments
        self._history = history
        self._file = file
        self._wall_ns = wall_ns
        self._shown = shown
        self._known = self._restored()
        self._kept_ns = 0
        self._lock = threading.Lock()
        self.config: Config | None = None
        self._quiet = Quiet((), self._known.rows)

    def plan(self, config: Config) -> None:
        """Take what a plan announces; it holds from now on."""
        with self._lock:
            self.config = config
            self._quiet = Quiet(config.maintenance, self._known.rows)

    def quiet(self) -> Quiet:
        return self._quiet

    def maintained(self, target: str, at_ns: int) -> bool:
        return self._quiet.at(target, at_ns) is not None

    def silenced(self, notice: Notice) -> bool:
        """Return whether an alert is of what is in maintenance, or of a service of which too little is left to judge."""
        out = self._quiet.targets(self._wall_ns())
        if not out:
            return False
        unjudged = {service.name for service, _ in self._unjudged(out)}
        failing = notice.facts.get("failing", "")
        return notice.labels.get("service") in unjudged or is_quiet(
            notice.labels, failing.split(", ") if failing else (), out
        )

    def look(self) -> None:
        """Write down what began, read what holds, and show it; raises StoreUnavailableError."""
        config, now_ns = self.config, self._wall_ns()
        if config is None:
            return
        longest_ns = max((one.length_ns for one in config.maintenance), default=0)
        since_ns = now_ns - BACK_NS - longest_ns
        begun = Quiet(config.maintenance, self._read(since_ns, now_ns)).begun(self._known.looked_ns, now_ns)
        if begun and self._amendments.maintain([_row(work, now_ns) for work in begun]):
            for work in begun:
                log.info("maintenance.began", target=work.target, key=work.key, reason=work.reason)
        self._know(Remembered(looked_ns=now_ns, rows=self._read(since_ns, now_ns)))
        with self._lock:
            newest = self.config or config  # another plan may have come while the database was asked
            self._quiet = Quiet(newest.maintenance, self._known.rows)

    def show(self) -> None:
        """Show who is in maintenance now, and which services are not judged for it."""
        out = self._quiet.targets(self._wall_ns())
        told = {
            name: Upkept(until_ns=work.until_ns, reason=work.reason, author=work.author)
            for name, work in out.items()
        }
        self._shown(told, [said for _, said in self._unjudged(out)])

    def _unjudged(self, out: Mapping[str, Work]) -> Iterator[tuple[Service, str]]:
        for service in self.config.services if self.config else ():
            left = service.without(out.keys())
            if not left.is_judged:
                yield service, _unjudged(service, left)

    def _read(self, since_ns: int, now_ns: int) -> tuple[MaintenanceRow, ...]:
        return tuple(self._history.maintenances(since_ns, now_ns + AHEAD_NS))

    # -- over a restart

    def _know(self, found: Remembered) -> None:
        changed = found.rows != self._known.rows
        self._known = found
        if not changed and found.looked_ns - self._kept_ns < _KEPT_NS:
            return
        new = self._file.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(_REMEMBERED.dump_json(found))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._file)
        except OSError as failure:
            log.warning("maintenance.unsaved", file=str(self._file), error=failure.strerror)
        self._kept_ns = found.looked_ns

    def _restored(self) -> Remembered:
        try:
            return _REMEMBERED.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as failure:
            log.warning("maintenance.unreadable", file=str(self._file), error=type(failure).__name__)
        return Remembered(looked_ns=self._wall_ns())


async def keep_quiet(upkeep: Upkeep, link: Link, done: Callable[[], None]) -> None:
    """Look every 5 s, for ever; with the database away what is known is shown on."""

    def tend() -> None:
        try:
            with link.used():
                upkeep.look()
        finally:
            upkeep.show()

    await repeat(tend, LOOK_S, done)


def _unjudged(service: Service, left: Service) -> str:
    """Return why a service is not judged, of which so much is left.

    >>> from agent.slo.service import Member
    >>> two = tuple(Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in "ab")
    >>> service = Service(name="nano", members=two, ratio=0.999, window_s=86400.0, at_least=2)
    >>> _unjudged(service, service.without({"b"}))
    'service nano is not judged during maintenance: 1 of its 2 clouds is left, and it needs 2'
    """
    are = "is" if left.units == 1 else "are"
    of = f"{left.units} of its {service.units} {service.of}s {are} left"
    return f"service {service.name} is not judged during maintenance: {of}, and it needs {service.at_least}"


def _row(work: Work, now_ns: int) -> MaintenanceRow:
    return MaintenanceRow(
        key=work.key,
        target=work.target,
        since_ns=work.since_ns,
        until_ns=work.until_ns,
        source="config",
        author=work.author,
        reason=work.reason,
        made_ns=now_ns,
    )
