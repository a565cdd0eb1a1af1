"""What vendors say themselves: their status feeds, read beside everything else, each with its own failings."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from agent.config.model import StatusFeed
from agent.feeds.incident import FeedError, Incident
from agent.feeds.kinds import KINDS
from agent.feeds.reading import Fetched, Fetching

EVERY_S: Final = (54.0, 66.0)
"""Between two readings of a feed: agents that started together do not ask together."""

RECONCILE_S: Final = 1.0
GOOD_NS: Final = 600 * 1_000_000_000
"""What was read longer ago is no vendor's word any more."""

log = structlog.get_logger("telling")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What a feed said when it was read last."""

    feed: StatusFeed
    incidents: tuple[Incident, ...]
    read_ns: int


class Reading:
    """One feed: what it said, and since when we know that it said so."""

    def __init__(self, feed: StatusFeed, wall_ns: Callable[[], int]) -> None:
        self.feed = feed
        self.spoken: Spoken | None = None
        self._wall_ns = wall_ns
        self._known: Fetched | None = None
        self._said_ns: dict[str, int] = {}
        self._failing: str | None = None

    async def read(self, fetching: Fetching) -> None:
        """Read once; whatever goes wrong is told once, and ends nothing."""
        try:
            fetched = await fetching.fetch(self.feed.url, self.feed.path, self._known)
            if fetched is not None:
                parse = KINDS[self.feed.kind]
                incidents = await asyncio.to_thread(parse, fetched.body)
                self._take(incidents)
                self._known = fetched
        except FeedError as failure:
            self._fail(f"it {failure}")
        except Exception as failure:  # noqa: BLE001 - a vendor's page must not be able to end the telling
            self._fail(f"reading it is a defect ({type(failure).__name__}): report it")
        else:
            self._recover()

    def _take(self, incidents: Sequence[Incident]) -> None:
        """Take what was read; what was not there a reading ago was said since, whatever it says of its own time."""
        now_ns = self._wall_ns()
        before_ns = 0 if self.spoken is None else self.spoken.read_ns
        said = {
            one.id: self._said_ns.get(one.id, min(now_ns, max(one.said_ns, before_ns))) for one in incidents
        }
        self._said_ns = said
        dated = tuple(dataclasses.replace(one, said_ns=said[one.id]) for one in incidents)
        self.spoken = Spoken(feed=self.feed, incidents=dated, read_ns=now_ns)

    def _fail(self, reason: str) -> None:
        if reason != self._failing:
            log.warning("feed.unread", cloud=self.feed.cloud, url=self.feed.url, reason=reason)
        self._failing = reason

    def _recover(self) -> None:
        if self.spoken is not None:
            self.spoken = dataclasses.replace(self.spoken, read_ns=self._wall_ns())
        if self._failing is not None:
            log.info("feed.read", cloud=self.feed.cloud, url=self.feed.url)
        self._failing = None


class Vendors:
    """Reads the feeds of a plan for ever; `spoken` may be called from any thread."""

    def __init__(
        self, fetching: Fetching, wall_ns: Callable[[], int], uniform: Callable[[float, float], float]
    ) -> None:
        self._fetching = fetching
        self._wall_ns = wall_ns
        self._uniform = uniform
        self._readings: tuple[Reading, ...] = ()

    def spoken(self) -> list[Spoken]:
        """Return what each feed said that could be read lately."""
        now_ns = self._wall_ns()
        said = [reading.spoken for reading in self._readings]
        return [one for one in said if one is not None and now_ns - one.read_ns <= GOOD_NS]

    async def keep_reading(self, feeds: Callable[[], Sequence[StatusFeed]]) -> None:
        """Read each feed by a task of its own: one that hangs delays no other. At the end the way out is closed."""
        tasks: list[tuple[Reading, asyncio.Task[Any]]] = []
        try:
            while True:
                wanted = list(feeds())
                for _, task in (one for one in tasks if one[0].feed not in wanted):
                    task.cancel()
                tasks = [one for one in tasks if one[0].feed in wanted]
                known = [reading.feed for reading, _ in tasks]
                for feed in wanted:
                    if feed not in known:
                        reading = Reading(feed, self._wall_ns)
                        tasks.append((reading, asyncio.create_task(self._keep(reading))))
                self._readings = tuple(reading for reading, _ in tasks)
                for _, task in tasks:
                    if task.done():
                        task.result()  # one that fails must not fail in silence
                await asyncio.sleep(RECONCILE_S)
        finally:
            for _, task in tasks:
                task.cancel()
            await self._fetching.aclose()

    async def _keep(self, reading: Reading) -> None:
        while True:
            await reading.read(self._fetching)
            await asyncio.sleep(self._uniform(*EVERY_S))
