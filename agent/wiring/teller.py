"""The composition root of the teller: follows the journal, stores, counts, evaluates and serves."""

import argparse
import asyncio
import concurrent.futures
import functools
import json
import os
import random
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog

from agent import log
from agent.clock import SystemClock
from agent.config.model import Config, Otlp
from agent.config.plan_file import read_plan
from agent.config.secrets import Secrets
from agent.errors import ConfigError, NephoscopeError
from agent.feeds.reading import Fetching
from agent.slo import impact
from agent.telling.alerting import Alerting, keep_looking
from agent.telling.alive import Alive
from agent.telling.blackout import Blackout, keep_telling
from agent.telling.chores import repeat
from agent.telling.counting import MetricsFollower
from agent.telling.delivering import deliveries
from agent.telling.follow import Follower, Stop, follow, insist
from agent.telling.heartbeat import Heart, keep_newest
from agent.telling.link import Link
from agent.telling.opening import opened
from agent.telling.others import Others, keep_exchanging
from agent.telling.standings import Standings
from agent.telling.storing import StoreFollower
from agent.telling.tracing import TracesFollower
from agent.telling.upkeep import Upkeep, keep_quiet
from agent.telling.vendors import Vendors
from agent.telling.watch import Watch, keep_counted, keep_watch
from agent.web.app import Views, create_app
from agent.web.listening import listen
from agent.web.serve import WebServer
from exporters import status
from exporters.board import Board
from exporters.metrics import Metrics
from exporters.otlp import open_sinks
from probes.base import SigningError
from probes.transport import contexts
from probes.transport.wire import WireTransport
from storage import embedded, engine, migrate, retention
from storage.alerts import PostgresAlerts
from storage.amendments import PostgresAmendments
from storage.engine import DatabaseURLError
from storage.history import PostgresHistory
from storage.journal import Reader, unlink_passed
from storage.outbox import PostgresOutbox
from storage.readings import Stored
from storage.results import PostgresStore
from storage.rollups import PostgresRollups
from storage.vantages import PostgresVantages

READ_ON_S = 5.0
"""How long the journal is read on at the end; what is left is read at the next start."""

SNAPSHOT_S = 0.5
CLOSE_S = 0.5
UPKEEP_S = 3600.0
UNLINK_S = 10.0
THREADS = 16
"""Enough that calls which hang in a dead database leave threads for rendering and folding."""

VERSION = version("nephoscope")
JITTER = random.SystemRandom().uniform

logger = structlog.get_logger("teller")


class Teller:
    """Everything that the teller is made of; `run` starts it, and returns the exit code."""

    def __init__(
        self,
        config: Config,
        secrets: Secrets,
        state: Path,
        told: Mapping[str, Any],
        redact: Callable[[Secrets], None],
    ) -> None:
        self._config = config
        self._secrets = secrets
        self._redact = redact
        # What is counted and evaluated follows the journal: at first the plan that held when the last process
        # ended, then each plan as its record is read. Addresses and the database are those of the start, for
        # the parent takes no other; heartbeat and retention follow the parent's word.
        self._current = config
        self._reload = told.get("reload")
        self._heart_changed = asyncio.Event()
        self._state = state
        self._clock = SystemClock()
        self._stop = Stop()
        self._orphaned = False
        self._caught_up = False
        self._prepared = asyncio.Event()
        self._passed = {"store": 0, "metrics": 0}
        self._alive = Alive()
        self._metrics = Metrics(VERSION)
        self._board = Board(VERSION)
        self._link = Link(self._database)
        self._engine = (
            engine.create(told["database_url"])
            if told["database_url"]
            else engine.create(secrets.resolve_url(config.storage.url or ""), renew=self._database_url)
        )
        self._standings = standings = Standings()
        self._upkeep = Upkeep(
            PostgresAmendments(self._engine),
            PostgresHistory(self._engine),
            self._state / "maintenance.json",
            self._clock.wall_ns,
            self._board.upkeep,
        )
        self._upkeep.plan(config)
        self._counter = MetricsFollower(
            self._metrics,
            self._board,
            standings,
            self._state / "readers" / "metrics.snapshot",
            configured=self._configured,
            switch=self._switch,
            beaten=self._alive.beaten,
            mono_ns=self._clock.mono_ns,
            maintained=self._upkeep.maintained,
        )
        self._blackout = Blackout(
            self._state / "readers" / "blackout.json",
            lambda receiver: opened(receiver, lambda: self._secrets, self._clock.wall_ns),
            born_ns=standings.born_ns,
            notified=self._metrics.notified,
            wall_ns=self._clock.wall_ns,
            uniform=JITTER,
        )
        sinks = (self._metrics, self._board)
        alerts = PostgresAlerts(self._engine)
        self._others = Others(PostgresVantages(self._engine), alerts, self._clock.mono_ns)
        # Feeds are read by the ways that probes take, over a transport of their own.
        self._transport = WireTransport()
        self._vendors = Vendors(Fetching(self._transport, lambda: self._secrets), self._clock.wall_ns, JITTER)
        self._alerting = Alerting(
            standings,
            alerts,
            self._board.alerts,
            self._clock.wall_ns,
            self._upkeep.quiet,
            contexts.expiry,
            None if config.storage.embedded else self._others,
            self._vendors.spoken,
            lambda text: self._secrets.resolve(text),  # noqa: PLW0108 - those of now: a reload brings others
        )
        self._watch = Watch(
            PostgresHistory(self._engine), sinks, self._link, self._clock.wall_ns, self._alerting.counted
        )

    def _configured(self, config_hash: str) -> Config | None:
        try:
            return read_plan(self._state, config_hash)
        except NephoscopeError:
            return None

    def _database(self, up: bool) -> None:  # noqa: FBT001 - as the link tells it
        at_ns = self._clock.wall_ns()
        self._metrics.database_up(up=up)
        self._board.database(up=up, at_ns=at_ns)
        self._blackout.database(up=up, at_ns=at_ns)

    def _switch(self, config: Config) -> None:
        self._current = config

    def _database_url(self) -> str:
        """Return the named database's URL of now; empty where its secret cannot be read at this moment."""
        try:
            return self._secrets.resolve_url(self._config.storage.url or "")
        except SigningError as failure:
            logger.warning("database.secret_missing", reason=str(failure))
            return ""

    async def run(self, pipe: asyncio.StreamReader) -> int:
        """Run until SIGTERM or the parent's end, which is 0, or the death of a task, which is 1."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(THREADS, "teller"))
        loop.add_signal_handler(signal.SIGTERM, self._stop.asked.set)
        export = self._config.export
        web = WebServer(create_app(self._views()), listen(export.host, export.port))
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
        position = self._counter.begin(self._config)
        self._show_reload(self._reload or {"taken": True, "at_ns": self._clock.wall_ns()})
        commit = functools.partial(self._passed.__setitem__, "metrics")
        yield "metrics", self._follow(self._counter, Reader(self._state, "metrics", position), commit)
        yield "store", self._follow_to_store()
        if self._config.export.otlp is not None:
            yield "traces", self._follow_to_collector(self._config.export.otlp)

    def _follow(
        self, follower: Follower, reader: Reader, commit: Callable[[int], None]
    ) -> Coroutine[Any, Any, None]:
        caught_up = self._on_caught_up if follower is self._counter else lambda: None
        return follow(follower, reader, self._stop, commit=commit, jitter=JITTER, caught_up=caught_up)

    def _on_caught_up(self) -> None:
        self._caught_up = True

    async def _follow_to_store(self) -> None:
        """Follow once the schema is there; with the database away at a stop, all is left to the next start."""
        prepared, _ = await insist(self._prepare, self._stop, JITTER)
        if not prepared:
            return
        self._prepared.set()
        reader = Reader(self._state, "store")

        def commit(position: int) -> None:
            reader.commit(position)
            self._passed["store"] = position

        store = StoreFollower(PostgresStore(self._engine), self._link, self._on_stored, self._configured)
        await self._follow(store, reader, commit)

    def _on_stored(self, stored: Stored) -> None:
        self._metrics.duplicate(stored.duplicate)
        if stored.refused:
            self._metrics.dropped("refused", stored.refused)

    async def _follow_to_collector(self, otlp: Otlp) -> None:
        sinks = open_sinks(
            otlp.endpoint,
            otlp.protocol,
            vantage=self._config.vantage,
            version=VERSION,
            wall_ns=self._clock.wall_ns,
            lost=self._metrics.spans_dropped,
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
        yield "evaluation", self._evaluate()
        yield "rollups", self._count()
        yield "alerting", self._look()
        yield "deliveries", self._deliver()
        yield "blackout", keep_telling(self._blackout, lambda: self._config)
        yield "feeds", self._vendors.keep_reading(lambda: self._config.status_feeds)
        if not self._config.storage.embedded:  # which no other vantage shares
            yield "vantages", keep_exchanging(self._others, self._prepared)
        yield "upkeep", self._keep_up()
        yield "maintenance", self._keep_quiet()
        yield "heartbeat", keep_newest(self._heart, self._heart_changed)

    def _heart(self) -> Heart | None:
        if self._config.heartbeat is None:
            return None
        return Heart(
            self._config.heartbeat,
            self._alive,
            self._secrets,
            notified=self._metrics.notified,
            wall_ns=self._clock.wall_ns,
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
        config = await asyncio.to_thread(self._configured, config_hash)
        if config is None or config == self._config:
            return
        before, self._config = self._config, config
        if config.hash == self._current.hash:  # no record of the journal will tell of it
            self._current = config
            self._counter.reread()
        self._secrets = Secrets.of(config, os.environ)
        self._redact(self._secrets)
        self._upkeep.plan(config)
        if config.heartbeat != before.heartbeat:
            self._heart_changed.set()

    def _show_reload(self, told: Mapping[str, Any]) -> None:
        self._metrics.reloaded(told["at_ns"], taken=told["taken"])

    async def _evaluate(self) -> None:
        await self._prepared.wait()
        await keep_watch(self._watch, lambda: self._current, self._on_evaluated, self._clock.mono_ns)

    async def _count(self) -> None:
        await self._prepared.wait()
        clock = self._clock
        await keep_counted(PostgresRollups(self._engine), lambda: self._current, clock.wall_ns, clock.mono_ns)

    async def _look(self) -> None:
        await self._prepared.wait()
        await keep_looking(self._alerting, lambda: self._config)

    async def _deliver(self) -> None:
        await self._prepared.wait()
        await deliveries(
            PostgresOutbox(self._engine),
            lambda: self._config,
            lambda: self._secrets,
            notified=self._metrics.notified,
            wall_ns=self._clock.wall_ns,
            uniform=JITTER,
            silenced=self._upkeep.silenced,
        )

    async def _keep_quiet(self) -> None:
        await self._prepared.wait()
        done = functools.partial(self._metrics.task_succeeded, "maintenance")
        await keep_quiet(self._upkeep, self._link, lambda: done(self._clock.wall_ns()))

    def _on_evaluated(self, at_ns: int) -> None:
        self._alive.evaluated_ns = at_ns
        self._metrics.task_succeeded("evaluation", at_ns)

    async def _keep_up(self) -> None:
        await self._prepared.wait()
        await repeat(
            self._maintain, UPKEEP_S, lambda: self._metrics.task_succeeded("upkeep", self._clock.wall_ns())
        )

    def _unlink(self) -> None:
        unlink_passed(self._state, min(self._passed.values()))

    def _prepare(self) -> None:
        with self._link.used():
            if self._config.storage.migrate:
                migrate.upgrade(self._engine)
        self._maintain()

    def _maintain(self) -> None:
        with self._link.used():
            done = retention.maintain(self._engine, self._config.storage)
        self._metrics.default_partition_rows(done.default_rows)
        if done.made or done.dropped:
            logger.info("partitions.kept", made=len(done.made), dropped=len(done.dropped))

    # -- what is shown

    def _views(self) -> Views:
        return Views(
            page=self._page,
            metrics=lambda accept: self._rendered(accept) if self._caught_up else None,
            unready=self._unready,
        )

    def _rendered(self, accept: str) -> tuple[str, bytes]:
        standings, now_ns = self._standings.standings(), self._clock.wall_ns()
        self._metrics.services(impact.healthy(self._current.services, standings, now_ns))
        return self._metrics.render(accept)

    def _page(self, accept: str) -> tuple[str, bytes]:
        troubles = self._unready()
        if not self._caught_up:
            troubles.append("the journal is being replayed: what is shown may be of a while ago")
        return status.render(self._board.page(self._clock.wall_ns(), troubles), accept)

    def _unready(self) -> list[str]:
        return self._alive.unready(self._clock.wall_ns(), self._config.journal.max_bytes)

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
        if self._orphaned and self._config.storage.embedded:
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
    return await Teller(config, secrets, args.state_dir, told, redact).run(pipe)


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
