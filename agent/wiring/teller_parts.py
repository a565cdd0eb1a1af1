"""What the teller is made of, built and not started."""

import random
from importlib.metadata import version
from pathlib import Path

from agent.clock import SystemClock
from agent.feeds.reading import Fetching
from agent.telling.alerting import Alerting
from agent.telling.alive import Alive, Since
from agent.telling.blackout import Blackout
from agent.telling.counting import MetricsFollower
from agent.telling.link import Link
from agent.telling.opening import opened
from agent.telling.others import Others
from agent.telling.standings import Standings
from agent.telling.upkeep import Upkeep
from agent.telling.vendors import Vendors
from agent.telling.watch import Watch
from agent.wiring.held import Held
from exporters.board import Board
from exporters.metrics import Metrics
from probes.transport import contexts
from probes.transport.wire import WireTransport
from storage import engine
from storage.alerts import PostgresAlerts
from storage.amendments import PostgresAmendments
from storage.history import PostgresHistory
from storage.outbox import PostgresOutbox
from storage.vantages import PostgresVantages

VERSION = version("nephoscope")
JITTER = random.SystemRandom().uniform


class Parts:
    """What the followers and the side tasks of a teller share; `database_url` is the embedded server's, if any."""

    def __init__(self, held: Held, state: Path, database_url: str | None) -> None:
        config = held.config
        self.clock = SystemClock()
        self.alive = Alive()
        self.uncounted = Since(self.clock.mono_ns)
        self.metrics = Metrics(VERSION)
        self.board = Board(VERSION)
        self.link = Link(self._database, self.clock.mono_ns)
        self.engine = (
            engine.create(database_url)
            if database_url
            else engine.create(
                held.secrets.resolve_url(config.storage.url or ""),
                renew=held.database_url,
            )
        )
        self.standings = standings = Standings()
        self.upkeep = Upkeep(
            PostgresAmendments(self.engine),
            PostgresHistory(self.engine),
            state / "maintenance.json",
            self.clock.wall_ns,
            self.board.upkeep,
        )
        self.upkeep.plan(config)
        self.counter = MetricsFollower(
            self.metrics,
            self.board,
            standings,
            state / "readers" / "metrics.snapshot",
            configured=held.configured,
            switch=held.switch,
            beaten=self.alive.beaten,
            mono_ns=self.clock.mono_ns,
            maintained=self.upkeep.maintained,
        )
        sinks = (self.metrics, self.board)
        alerts = PostgresAlerts(self.engine)
        outbox = PostgresOutbox(self.engine)
        self.others = Others(PostgresVantages(self.engine), alerts, self.clock.mono_ns, outbox)
        # Feeds are read by the ways that probes take, over a transport of their own.
        self.vendors = Vendors(Fetching(WireTransport(), lambda: held.secrets), self.clock.wall_ns, JITTER)
        self.alerting = Alerting(
            standings,
            alerts,
            self.board.alerts,
            self.clock.wall_ns,
            self.upkeep.quiet,
            contexts.expiry,
            None if config.storage.embedded else self.others,
            self.vendors.spoken,
            lambda text: held.secrets.resolve(text),  # noqa: PLW0108 - those of now: a reload brings others
            self.clock.mono_ns,
            self.uncounted,
            outbox,
        )
        self.blackout = Blackout(
            state / "readers" / "blackout.json",
            lambda receiver: opened(receiver, lambda: held.secrets, self.clock.wall_ns),
            born_ns=standings.born_ns,
            notified=self.metrics.notified,
            wall_ns=self.clock.wall_ns,
            uniform=JITTER,
            firing=self.alerting.firing,
        )
        self.watch = Watch(
            PostgresHistory(self.engine), sinks, self.link, self.clock.wall_ns, self.alerting.counted
        )

    def _database(self, up: bool) -> None:  # noqa: FBT001 - as the link tells it
        at_ns = self.clock.wall_ns()
        self.metrics.database_up(up=up)
        self.board.database(up=up, at_ns=at_ns)
        self.blackout.database(up=up, at_ns=at_ns)
