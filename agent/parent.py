"""The parent of the daemon: it owns signals, the embedded Postgres and the children, and restarts what fails."""

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import structlog

from agent.asking.patience import Patience
from agent.calibrating import place
from agent.child import FIRST_PAUSE_S, LONGEST_PAUSE_S, Child, ChildSpec
from agent.config.model import Config
from agent.config.plan_file import supersede, write_plan
from agent.errors import ConfigError, NephoscopeError
from agent.reload import Reloader, Source
from agent.terminal import Terminal
from agent.web.listening import listen
from storage import embedded
from storage.binaries import EmbeddedError

TELLER_STOP_S = 6.0
"""The teller reads to the journal's end or 5 s pass; one more second to write its snapshot."""

THRIFTY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(128 * 1024)}
"""How glibc is to give back what the teller's threads leave of pages and snapshots, megabytes each: by itself it kept 70 MB
that nobody used, of 195 for 500 targets."""

INSIST_S = 1.0
"""A second signal sooner than this is the first one told twice (make and its group), not impatience."""

log = structlog.get_logger("parent")


class Parent:
    """Runs the daemon: `extra` are further processes, such as the demo's clouds.

    They and the truth server of the calibration are started first and stopped last. `source` is where the plan
    came from; without one there is nothing to follow.
    """

    def __init__(
        self,
        config: Config,
        *,
        log_args: Sequence[str] = (),
        extra: Sequence[ChildSpec] = (),
        source: Source | None = None,
    ) -> None:
        self._config = config
        self._reloader = Reloader(source, self) if source is not None else None
        self._reload = {"taken": True, "at_ns": time.time_ns()}
        self._patience = Patience(config, time.monotonic_ns)
        self._terminal = Terminal()
        self._state = Path(config.state_dir)
        self._server = embedded.Server(self._state / "postgres") if config.storage.embedded else None
        arguments = ("--state-dir", str(self._state), *log_args)
        self._asker = Child(
            ChildSpec(
                name="asker",
                argv=("agent.wiring.asker", *arguments),
                first_line=lambda died_ns: {"plan": self._config.hash, "resume_ns": died_ns},
            )
        )
        self._teller = Child(
            ChildSpec(
                name="teller",
                argv=("agent.wiring.teller", *arguments),
                first_line=lambda _: self._told() | {"database_url": self._server and self._server.url},
                env=THRIFTY,
            )
        )
        truth = ChildSpec(
            name="calibration",
            argv=("agent.calibration", "--file", str(place.file(self._state))),
            first_line=lambda _: {},
        )
        self._extra = [Child(spec) for spec in (*extra, truth)]
        self._starting: asyncio.Future[None] | None = None
        self._stop = asyncio.Event()
        self._stopped_at = 0.0

    async def run(self, started: Callable[[], None] = lambda: None) -> int:
        """Run until SIGTERM or SIGINT; return 0 after a clean end.

        1. The asker starts first: it needs nothing but the plan, and never waits for a database.
        2. Then the embedded Postgres, watched and restarted like a child; then the teller.
        3. At a signal the asker drains, the teller reads to the journal's end, Postgres stops last.
        """
        # Before anything is asked: a listener that cannot be had ends the daemon in a sentence.
        listen(self._config.export.host, self._config.export.port).close()
        write_plan(self._state, self._config)
        self._listen_to_signals()
        tasks = [asyncio.create_task(child.keep_running()) for child in self._extra]
        tasks.append(asyncio.create_task(self._ask()))
        tasks.append(asyncio.create_task(self._store_and_tell(started)))
        tasks.append(asyncio.create_task(self._watch_folder()))
        if self._reloader is not None:
            tasks.append(asyncio.create_task(self._reloader.run()))
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        await self._wind_down(tasks)
        for task in tasks:
            if not task.cancelled() and (failure := task.exception()):
                raise failure
        return 0

    async def _ask(self) -> None:
        for child in self._extra:
            await child.heeds()
        await self._asker.keep_running()

    async def _store_and_tell(self, started: Callable[[], None]) -> None:
        watching = None
        if self._server is not None:
            await self._start_server(self._server)
            watching = asyncio.create_task(self._watch_server(self._server))
        started()
        try:
            await self._teller.keep_running()
        finally:
            if watching is not None:
                watching.cancel()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_hangup(self) -> None:
        """Reload, unless the terminal itself is gone."""
        if self._terminal.is_gone():
            self._on_signal()
        elif self._reloader is not None:
            self._reloader.ask()
        else:
            log.info("config.unwatched", reason="this plan came from no file that could be read again")

    def take(self, config: Config) -> None:
        """Go over to another plan: it is written down, then the asker is told, then (by `reloaded`) the teller.

        The asker says in the journal from when on it holds, and the teller switches where it reads that.
        """
        write_plan(self._state, config)
        if config.hash != self._config.hash:
            supersede(self._state, self._config.hash, now_s=time.time(), keep_s=2 * config.journal.max_age_s)
        self._config = config
        self._patience.switch(config)
        self._asker.tell({"plan": config.hash})

    def reloaded(self, *, taken: bool) -> None:
        """Let the teller show what became of the last reading."""
        self._reload = {"taken": taken, "at_ns": time.time_ns() if taken else self._reload["at_ns"]}
        self._teller.tell(self._told())

    def _told(self) -> dict[str, Any]:
        return {"plan": self._config.hash, "reload": self._reload}

    def _on_signal(self) -> None:
        now = time.monotonic()
        if not self._stop.is_set():
            self._stopped_at = now
        elif now - self._stopped_at > INSIST_S:
            log.warning("stop.forced")
            for child in (self._asker, self._teller, *self._extra):
                child.kill()
        self._stop.set()

    async def _wind_down(self, tasks: list[asyncio.Task[None]]) -> None:
        longest_s = self._patience.seconds
        log.info("stop.draining", longest_s=round(longest_s, 1))
        await self._asker.stop(longest_s + 2.0)
        await self._teller.stop(TELLER_STOP_S)
        for child in self._extra:
            await child.stop(1.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stop_server()
        log.info("stop.done")

    async def _start_server(self, server: embedded.Server) -> None:
        self._starting = asyncio.ensure_future(asyncio.to_thread(server.start))
        try:
            await asyncio.shield(self._starting)
        except EmbeddedError as failure:
            raise NephoscopeError(str(failure)) from failure

    async def _stop_server(self) -> None:
        """Stop the embedded server; one that still starts, or recovers, is stopped as soon as it can be."""
        if self._server is None:
            return
        await asyncio.to_thread(self._server.stop)
        while self._starting is not None and not self._starting.done():
            await asyncio.wait([self._starting], timeout=0.1)
            await asyncio.to_thread(self._server.stop)
        if self._starting is not None:
            self._starting.exception()  # stopped while it started, it has nothing more to say

    async def _watch_folder(self) -> None:
        """Raise once the state folder is gone or another: what is written goes nowhere, and nobody would know."""
        held = (self._state / "lock").stat()
        while True:
            await asyncio.sleep(FIRST_PAUSE_S)
            try:
                there = os.path.samestat(held, (self._state / "lock").stat())
            except OSError:
                there = False
            if not there:
                raise NephoscopeError(
                    f"The state folder {self._state} was removed under the running daemon, which ends because nothing "
                    "it measures would be kept: start it again, and keep cleaners away from that folder."
                )

    async def _watch_server(self, server: embedded.Server) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(FIRST_PAUSE_S)
            if await asyncio.to_thread(server.alive):
                pause_s = FIRST_PAUSE_S
                continue
            log.error("database.died", restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            try:
                await asyncio.to_thread(server.start)
            except EmbeddedError as failure:
                log.error("database.restart_failed", error=str(failure))  # noqa: TRY400 - the sentence says it all


@contextlib.contextmanager
def state_folder(folder: Path) -> Iterator[None]:
    """Hold the state folder for this daemon alone, or raise ConfigError saying who has it."""
    try:
        # Others may pass through (the embedded server runs as a user of its own) but not look.
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock: IO[str] = (folder / "lock").open("a+")
    except OSError as failure:
        raise ConfigError(
            f"The state folder {folder} cannot be used ({failure.strerror}): name another with `state_dir`."
        ) from failure
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ConfigError(
                f"Another nephoscope (process {lock.read().strip() or 'unknown'}) runs on the state folder {folder}: "
                "stop it, or give this one a `state_dir` of its own."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
