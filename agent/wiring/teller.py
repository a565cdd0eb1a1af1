"""The composition root of the teller: follows the journal, stores, counts, evaluates and serves."""

import argparse
import asyncio
import concurrent.futures
import functools
import gc
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from agent import log
from agent.config.model import Config, Otlp
from agent.config.plan_file import read_plan
from agent.config.secrets import Secrets
from agent.errors import ConfigError, NephoscopeError
from agent.telling.blackout import keep_telling
from agent.telling.chores import repeat
from agent.telling.follow import Follower, Stop, follow, insist
from agent.telling.heartbeat import Heart, keep_newest
from agent.telling.storing import StoreFollower
from agent.telling.tracing import TracesFollower
from agent.web.app import create_app
from agent.web.listening import listen
from agent.web.serve import WebServer
from agent.wiring.held import Held
from agent.wiring.teller_parts import JITTER, VERSION, Parts
from agent.wiring.teller_sides import Sides
from agent.wiring.teller_views import Shown
from exporters.otlp import open_sinks
from probes.base import SigningError
from storage import embedded
from storage.engine import DatabaseURLError
from storage.journal import Reader, unlink_passed
from storage.readings import Stored
from storage.results import PostgresStore

READ_ON_S = 5.0
"""How long the journal is read on at the end; what is left is read at the next start."""

SNAPSHOT_S = 0.5
CLOSE_S = 0.5
UNLINK_S = 10.0
THREADS = 16
"""Enough that calls which hang in a dead database leave threads for rendering and folding."""

CROWDED = 50_000
"""New containers at which garbage is looked for. An evaluation of 1,000 SLOs makes 100,000 that live until its end: to go
through them after each 700, as the interpreter does, took 40 % of its CPU."""

logger = structlog.get_logger("teller")


class Teller:
    """A teller from its start to its end; `run` starts what it is made of, and returns the exit code."""

    def __init__(
        self,
        config: Config,
        secrets: Secrets,
        state: Path,
        told: Mapping[str, Any],
        redact: Callable[[Secrets], None],
    ) -> None:
        self._held = held = Held(config, secrets, state, redact)
        self._parts = Parts(held, state, told["database_url"])
        self._beside = Sides(self._parts, held)
        self._state = state
        self._reload = told.get("reload")
        self._heart_changed = asyncio.Event()
        self._stop = Stop()
        self._orphaned = False
        self._caught_up = False
        self._passed = {"store": 0, "metrics": 0}
        self._shown = Shown(self._parts, held, lambda: self._caught_up)

    async def run(self, pipe: asyncio.StreamReader) -> int:
        """Run until SIGTERM or the parent's end, which is 0, or the death of a task, which is 1."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(THREADS, "teller"))
        loop.add_signal_handler(signal.SIGTERM, self._stop.asked.set)
        export = self._held.config.export
        web = WebServer(create_app(self._shown.views()), listen(export.host, export.port))
        followers = [asyncio.create_task(work, name=name) for name, work in self._followers()]
        sides = [asyncio.create_task(work, name=name) for name, work in self._sides(web, pipe)]
        stopping = asyncio.create_task(self._stop.asked.wait(), name="stop")
        ended, _ = await asyncio.wait({stopping, *followers, *sides}, return_when=asyncio.FIRST_COMPLETED)
        code = 0 if stopping in ended else _died(ended)
        await self._wind_down(followers, sides)
        failed = {task for task in followers if task.done() and task.exception()} - ended
        return _died(failed) if failed else code

    # -- the followers

    def _followers(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        position = self._parts.counter.begin(self._held.config)
        self._show_reload(self._reload or {"taken": True, "at_ns": self._parts.clock.wall_ns()})
        commit = functools.partial(self._passed.__setitem__, "metrics")
        reader = Reader(self._state, "metrics", position)
        yield "metrics", self._follow(self._parts.counter, reader, commit, self._on_caught_up)
        yield "store", self._follow_to_store()
        if self._held.config.export.otlp is not None:
            yield "traces", self._follow_to_collector(self._held.config.export.otlp)

    def _follow(
        self,
        follower: Follower,
        reader: Reader,
        commit: Callable[[int], None],
        caught_up: Callable[[], None] = lambda: None,
    ) -> Coroutine[Any, Any, None]:
        return follow(follower, reader, self._stop, commit=commit, jitter=JITTER, caught_up=caught_up)

    def _on_caught_up(self) -> None:
        self._caught_up = True

    async def _follow_to_store(self) -> None:
        """Follow once the schema is there; with the database away at a stop, all is left to the next start."""
        prepared, _ = await insist(self._beside.prepare, self._stop, JITTER)
        if not prepared:
            return
        self._beside.prepared.set()
        reader = Reader(self._state, "store")

        def commit(position: int) -> None:
            reader.commit(position)
            self._passed["store"] = position

        store = StoreFollower(
            PostgresStore(self._parts.engine), self._parts.link, self._on_stored, self._held.configured
        )
        await self._follow(store, reader, commit, self._on_all_stored)

    def _on_all_stored(self) -> None:
        self._parts.alive.stored_ns = self._parts.clock.wall_ns()

    def _on_stored(self, stored: Stored) -> None:
        self._parts.metrics.duplicate(stored.duplicate)
        if stored.refused:
            self._parts.metrics.dropped("refused", stored.refused)

    async def _follow_to_collector(self, otlp: Otlp) -> None:
        sinks = open_sinks(
            otlp.endpoint,
            otlp.protocol,
            vantage=self._held.config.vantage,
            version=VERSION,
            wall_ns=self._parts.clock.wall_ns,
            lost=self._parts.metrics.spans_dropped,
        )
        reader = Reader(self._state, "traces")
        await self._follow(TracesFollower(sinks), reader, reader.commit)
        await asyncio.gather(*(asyncio.to_thread(sink.close, CLOSE_S) for sink in sinks))

    # -- what goes on beside

    def _sides(
        self, web: WebServer, pipe: asyncio.StreamReader
    ) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        yield "web", web.serve()
        yield "parent", self._listen_to_parent(pipe)
        yield "unlink", repeat(self._unlink, UNLINK_S, lambda: None)
        yield "blackout", keep_telling(self._parts.blackout, self._parts.link, lambda: self._held.config)
        yield "feeds", self._parts.vendors.keep_reading(lambda: self._held.config.status_feeds)
        yield from self._beside.tasks()
        yield "heartbeat", keep_newest(self._heart, self._heart_changed)

    def _heart(self) -> Heart | None:
        if self._held.config.heartbeat is None:
            return None
        return Heart(
            self._held.config.heartbeat,
            self._parts.alive,
            self._held.secrets,
            notified=self._parts.metrics.notified,
            wall_ns=self._parts.clock.wall_ns,
        )

    async def _listen_to_parent(self, pipe: asyncio.StreamReader) -> None:
        """A line says what became of the last reading of the files; the pipe's end is the parent's.

        What is judged of the plan that it names holds once the journal says so, the rest at once.
        """
        while line := await pipe.readline():
            told = json.loads(line)
            await self._reconfigure(told["plan"])
            self._show_reload(told["reload"])
        logger.warning("parent.gone", consequence="reading to the journal's end, then stopping")
        self._orphaned = True
        self._stop.asked.set()
        await asyncio.Event().wait()

    async def _reconfigure(self, config_hash: str) -> None:
        before = self._held.config
        if not await self._held.renew(config_hash):
            return
        if self._held.config.hash == self._held.current.hash:  # no record of the journal will tell of it
            self._parts.counter.reread()
        self._parts.upkeep.plan(self._held.config)
        if self._held.config.heartbeat != before.heartbeat:
            self._heart_changed.set()

    def _show_reload(self, told: Mapping[str, Any]) -> None:
        self._parts.metrics.reloaded(told["at_ns"], taken=told["taken"])

    def _unlink(self) -> None:
        unlink_passed(self._state, min(self._passed.values()))

    # -- the end

    async def _wind_down(self, followers: list[asyncio.Task[None]], sides: list[asyncio.Task[None]]) -> None:
        """Read to the journal's end or 5 s pass, keep what was read, and leave no server behind as an orphan."""
        self._stop.asked.set()
        for task in sides:
            task.cancel()
        _, late = await asyncio.wait(followers, timeout=READ_ON_S)
        if late:
            self._stop.hurried.set()
            await asyncio.wait(late, timeout=SNAPSHOT_S)
        if self._orphaned and self._held.config.storage.embedded:
            await asyncio.to_thread(_stop_postgres, self._state / "postgres")


def _died(ended: set[asyncio.Task[Any]]) -> int:
    """Say which task ended that never should, and return the exit code; the parent starts us anew."""
    for task in ended:
        failure = None if task.cancelled() else task.exception()
        logger.error(
            "task.died",
            task=task.get_name(),
            error=f"{type(failure).__name__}: {failure}" if failure else "it ended",
            exc_info=failure,
        )
    return 1


def _stop_postgres(folder: Path) -> None:
    embedded.Server(folder).stop()


async def _run(args: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    pipe = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin)
    first = await pipe.readline()
    if not first.strip():
        return 0
    told = json.loads(first)
    config = read_plan(args.state_dir, told["plan"])

    def redact(secrets: Secrets) -> None:
        log.configure(args.log_format, args.log_level, redact=secrets.redact)

    secrets = Secrets.of(config, os.environ)
    redact(secrets)
    teller = Teller(config, secrets, args.state_dir, told, redact)
    gc.collect()
    gc.freeze()  # what was imported and built so far is never looked through again
    gc.set_threshold(CROWDED)
    return await teller.run(pipe)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m agent.wiring.teller", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--log-format", choices=log.FORMATS, default="text")
    parser.add_argument("--log-level", choices=log.LEVELS, default="info")
    args = parser.parse_args(argv)
    log.configure(args.log_format, args.log_level)
    # Ctrl-C reaches the whole foreground group: the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return asyncio.Runner().run(_run(args))
    except (NephoscopeError, DatabaseURLError, SigningError) as failure:
        sys.stderr.write(f"{failure}\n")
        return failure.exit_code if isinstance(failure, NephoscopeError) else ConfigError.exit_code


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # A call that hangs in a dead database would hold the interpreter's end: all that must be kept is kept.
    os._exit(code)
