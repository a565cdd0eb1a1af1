"""A made-up journal of a day, and what a Prometheus that scraped its counters would hold of it."""

import dataclasses
import heapq
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.config.model import Config
from agent.slo.standing import Standing
from agent.telling.counting import MetricsFollower
from agent.telling.seen import Pair
from agent.telling.standings import Standings
from exporters.board import Board
from exporters.metrics import Metrics
from probes.result import Fault, Outcome, ProbeResult
from storage.base import Batch, Record
from storage.records import Beat, Plan, Settled
from support import told

SECOND_NS = told.SECOND_NS
HOUR_S = 3600.0
BEAT_S = 10.0
SCRAPE_S = 30.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """So many hours from `begins_h` in which a slot fails with a chance, in a way, and its confirmations as well or not."""

    begins_h: float
    hours: float
    chance: float = 1.0
    outcome: Outcome = Outcome.OVERLOADED
    fault: Fault | None = Fault.NOT_OURS
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    confirmed: bool = False

    def holds(self, hour: float) -> bool:
        return self.begins_h <= hour < self.begins_h + self.hours


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A day of one target: what goes wrong in it; a `fault` of None is never settled by the asker."""

    target: str
    phases: tuple[Phase, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happened to all targets, and when the agent was away (hours since the beginning)."""

    config: Config
    stories: tuple[Story, ...]
    hours: float
    away_h: tuple[tuple[float, float], ...] = ()

    def is_away(self, hour: float) -> bool:
        return any(begins <= hour < ends for begins, ends in self.away_h)

    @property
    def plan(self) -> Plan:
        names = [story.target for story in self.stories]
        return told.plan(names, config_hash=self.config.hash, grace_ns=45 * SECOND_NS)

    def messages(self, seed: int) -> Iterator[tuple[int, Any]]:
        """Yield what the journal says and when (UTC nanoseconds), in the order in which it is said."""
        yield told.START_NS, self.plan
        yield from heapq.merge(self._beats(), *(self._slots(story, seed) for story in self.stories), key=_at)

    def _beats(self) -> Iterator[tuple[int, Beat]]:
        for count in range(1, int(self.hours * HOUR_S / BEAT_S)):
            hour = count * BEAT_S / HOUR_S
            if not self.is_away(hour):
                boot = str(sum(ends <= hour for _, ends in self.away_h))
                beat = told.beat(count * BEAT_S, boot, config_hash=self.config.hash)
                yield beat.at_ns, beat

    def _slots(self, story: Story, seed: int) -> Iterator[tuple[int, Any]]:
        """Yield the results of a target and their settlements: 13 s after a failure, which are behind its slot."""
        draw = random.Random(f"{seed} {story.target}")
        number = random.Random(story.target).getrandbits(96) << 32
        for slot in range(int(self.hours * HOUR_S * SECOND_NS / told.EVERY_NS)):
            hour = slot * told.EVERY_NS / SECOND_NS / HOUR_S
            phase = next(
                (one for one in story.phases if one.holds(hour) and draw.random() < one.chance), None
            )
            if self.is_away(hour):
                continue
            given: dict[str, Any] = {"target": story.target, "id": uuid.UUID(int=number + slot)}
            result = told.result(
                slot,
                Outcome.OK if phase is None else phase.outcome,
                **given | {"ttft_s": 0.4} | dict(phase.fields if phase else {}),
            )
            yield result.started_ns + SECOND_NS, result
            if phase is not None and phase.fault is not None and result.meaning.confirm:
                verdict = dataclasses.replace(
                    told.settled(slot, phase.fault, story.target),
                    confirmations_bad=3 if phase.confirmed else 0,
                )
                yield verdict.settled_ns, verdict


def _at(said: tuple[int, Any]) -> int:
    return said[0]


def scraped(
    day: Day, said: Sequence[tuple[int, Any]], folder: Path, wanted: Callable[[str], bool]
) -> Iterator[str]:
    """Yield the lines of OpenMetrics that a scrape every 30 s would have kept of some families.

    While the agent is away there is no page.
    """
    for at_ns, metrics, _ in _folded(day, said, folder):
        lines = metrics.render()[1].decode().splitlines()
        yield from (f"{line} {at_ns / 1e9:.3f}" for line in lines if wanted(line))


def stood(
    day: Day, said: Sequence[tuple[int, Any]], folder: Path
) -> Iterator[tuple[int, dict[Pair, Standing]]]:
    """Yield how every probe of a target stood at each of these scrapes."""
    yield from ((at_ns, standings.standings()) for at_ns, _, standings in _folded(day, said, folder))


def _folded(
    day: Day, said: Sequence[tuple[int, Any]], folder: Path
) -> Iterator[tuple[int, Metrics, Standings]]:
    """Yield what the teller's own follower has made of the records by each scrape."""
    metrics, standings = Metrics("replay"), Standings()
    follower = MetricsFollower(
        metrics,
        Board("replay"),
        standings,
        folder / "metrics.snapshot",
        configured={day.config.hash: day.config}.get,
        switch=lambda _: None,
        beaten=lambda _: None,
        mono_ns=lambda: 0,
    )
    follower.begin(day.config)
    waiting = iter(said)
    upcoming = next(waiting, None)
    seq = 0
    for scrape in range(1, int(day.hours * HOUR_S / SCRAPE_S)):
        at_ns = told.START_NS + round(scrape * SCRAPE_S * SECOND_NS)
        records: list[Record] = []
        while upcoming is not None and upcoming[0] <= at_ns:
            seq += 1
            records.append(told.record(seq, upcoming[1]))
            upcoming = next(waiting, None)
        follower.fold(Batch(tuple(records)))
        if not day.is_away(scrape * SCRAPE_S / HOUR_S):
            yield at_ns, metrics, standings


def stored(said: Sequence[tuple[int, Any]]) -> tuple[list[ProbeResult], list[Settled]]:
    """Return the results and the verdicts that the journal holds."""
    results = [message for _, message in said if isinstance(message, ProbeResult)]
    return results, [message for _, message in said if isinstance(message, Settled)]
