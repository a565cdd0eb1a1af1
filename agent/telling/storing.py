"""The follower that remembers: results, verdicts and plans, in idempotent micro-batches."""

import collections
from collections.abc import Callable, Iterable

from agent.config.model import Config
from agent.telling import revisions
from agent.telling.link import Link
from agent.telling.messages import heard
from agent.telling.settling import Settling
from probes.result import ProbeResult
from storage.base import Batch, Record, Store
from storage.readings import Stored
from storage.records import Drilled, Plan, Settled


class StoreFollower:
    """Stores at most 200 rows or one second's worth at once.

    The position that it gives back never passes a failure that is not settled yet: a new process sees it
    again and settles it. Rows that come twice by that are refused by their key; `stored` is told what became of each
    batch, and `configured` knows a plan's objectives by its hash. What services promise, which no hash names, it is
    told (`promise`).
    """

    limit = 200
    pause_s = 1.0

    def __init__(
        self,
        store: Store,
        link: Link,
        stored: Callable[[Stored], None],
        configured: Callable[[str], Config | None] = lambda _: None,
    ) -> None:
        self._store = store
        self._link = link
        self._stored = stored
        self._configured = configured
        self._settling = Settling()
        self._promised: collections.deque[tuple[Config, int]] = collections.deque()
        self._plans: list[Plan] = []
        self._results: list[ProbeResult] = []
        self._verdicts: list[Settled] = []
        self._drilled: list[Drilled] = []

    def promise(self, config: Config, at_ns: int) -> None:
        """Keep what services promise from an instant on, with what is kept next; from any thread."""
        self._promised.append((config, at_ns))

    def fold(self, batch: Batch) -> None:
        for seq, message in heard(batch.records):
            match message:
                case ProbeResult():
                    self._results.append(message)
                case Settled():
                    self._verdicts.append(message)
                case Plan():
                    self._plans.append(message)
                case Drilled():
                    self._drilled.append(message)
            if message is not None:
                finals = self._settling.fold(seq, message)
                self._verdicts += [final.verdict for final in finals if final.ours and final.verdict]

    def keep(self, position: int, *, last: bool) -> int | None:  # noqa: ARG002 - each time is like the last
        if self._promised or self._plans or self._results or self._verdicts or self._drilled:
            with self._link.used():
                self._write()
        oldest = self._settling.oldest_pending
        return position if oldest is None else min(position, oldest - 1)

    def _write(self) -> None:
        for plan in self._plans:
            self._store.plan(plan)
            if (config := self._configured(plan.config_hash)) is not None:
                self._store.revise(plan.vantage, revisions.rows(config), plan.valid_from_ns)
        while self._promised:
            config, at_ns = self._promised[0]
            self._store.revise(config.vantage, revisions.of_services(config), at_ns, services=True)
            self._promised.popleft()
        if self._results or self._verdicts:
            self._stored(self._store.store(self._results, self._verdicts))
        if self._drilled:
            self._store.drilled(self._drilled)
        self._drilled.clear()
        self._plans.clear()
        self._results.clear()
        self._verdicts.clear()


def tell_all(records: Iterable[Record], store: Store) -> None:
    """Store what a finished journal holds, at once: for one process that asks and tells."""
    follower = StoreFollower(store, Link(lambda _: None), lambda _: None)
    batch = Batch(tuple(records))
    follower.fold(batch)
    follower.keep(batch.records[-1].seq if batch.records else 0, last=True)
