"""The watch over objectives: history is asked, evaluated and shown, again and again."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import structlog

from agent.config.model import Config
from agent.slo import windows
from agent.slo.burning import Window, Windows
from agent.slo.evaluate import evaluate
from agent.slo.judge import throttled_class
from agent.slo.maintenance import Span
from agent.slo.objective import Objective
from agent.slo.quiet import spans_of
from agent.slo.spending import Counted
from agent.telling.due import expected_beside, plans_by_pair
from agent.telling.link import Link
from exporters.base import StatusSink
from exporters.signals import SloStatus
from probes.target import Workload
from storage.base import History, Rollups, StoreUnavailableError
from storage.readings import PlanRow, SliCounts, SliQuestion
from storage.rolling import CLOSING_NS, MINUTE_NS

Pair = tuple[str, str]

EVERY_S = 10.0
COUNTED_S = 30.0
"""How often is looked whether an hour is over, or was written into: until it is counted, rows are asked."""

SHARE = 5.0
"""An evaluation may take a fifth of the time at most: one that takes 4 s is made every 20 s."""

log = structlog.get_logger("telling")


class Watch:
    """Evaluates every SLO of a configuration; a failed evaluation leaves on show what was there."""

    def __init__(
        self,
        history: History,
        sinks: Sequence[StatusSink],
        link: Link,
        wall_ns: Callable[[], int],
        counted: Callable[
            [Config, Mapping[Pair, Windows], int, Sequence[Counted]], None
        ] = lambda _config, _series, _now_ns, _objectives: None,
    ) -> None:
        self._history = history
        self._sinks = sinks
        self._link = link
        self._wall_ns = wall_ns
        self._counted = counted
        self.succeeded_ns: int | None = None

    def evaluate(self, config: Config) -> None:
        """Ask, evaluate and show; raises StoreUnavailableError where the database does not answer."""
        now_ns = self._wall_ns()
        with self._link.used():
            looks = looks_of(config, self._history, now_ns)
        statuses = tuple(look.status(config.vantage, now_ns) for look in looks)
        for sink in self._sinks:
            sink.show(statuses)
        self._counted(config, series_of(looks), now_ns, [look.counted() for look in looks])
        self.succeeded_ns = now_ns


async def keep_watch(
    watch: Watch,
    configured: Callable[[], Config],
    succeeded: Callable[[int], None],
    mono_ns: Callable[[], int],
) -> None:
    """Evaluate every 10 s, or less often where that takes long; for ever."""
    while True:
        began_ns = mono_ns()
        try:
            await asyncio.to_thread(watch.evaluate, configured())
        except StoreUnavailableError:
            log.debug("evaluation.skipped", reason="the database is away")
        else:
            succeeded(watch.succeeded_ns or 0)
        took_s = (mono_ns() - began_ns) / 1e9
        await asyncio.sleep(max(EVERY_S, took_s * SHARE))


async def keep_counted(
    rollups: Rollups, configured: Callable[[], Config], wall_ns: Callable[[], int], mono_ns: Callable[[], int]
) -> None:
    """Count hours for the evaluations to come, beside them, half the time at most where much is left; for ever."""
    while True:
        began_ns = mono_ns()
        try:
            more = await asyncio.to_thread(_advance, rollups, configured(), wall_ns())
        except StoreUnavailableError:
            more = False
        await asyncio.sleep((mono_ns() - began_ns) / 1e9 if more else COUNTED_S)


def _advance(rollups: Rollups, config: Config, now_ns: int) -> bool:
    return rollups.advance(questions_of(config, now_ns), now_ns)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One SLO as history shows it: settled slots and due ones in each window."""

    objective: Objective
    target: str
    workload: Workload
    windows: Windows

    def status(self, vantage: str, now_ns: int) -> SloStatus:
        return evaluate(
            self.objective,
            self.target,
            self.workload.name,
            vantage,
            self.workload.every_ns,
            {name: window.counts for name, window in self.windows.items()},
            {name: window.expected for name, window in self.windows.items()},
            now_ns,
            self.workload.first_token_s,
        )

    def counted(self) -> Counted:
        return Counted(
            objective=self.objective,
            target=self.target,
            probe=self.workload.name,
            every_s=self.workload.every_s,
            windows=self.windows,
            first_token_s=self.workload.first_token_s,
        )


def statuses_of(config: Config, history: History, now_ns: int) -> tuple[SloStatus, ...]:
    """Return the state of every (objective, target, probe) from what history holds up to an instant."""
    return tuple(look.status(config.vantage, now_ns) for look in looks_of(config, history, now_ns))


def series_of(looks: Iterable[Look]) -> dict[Pair, Windows]:
    """Return the availability of each probe of a target, by window."""
    found: dict[Pair, Windows] = {}
    for look in looks:
        if look.objective.sli == "availability":
            found.setdefault((look.target, look.workload.name), look.windows)
    return found


def begin_ns(now_ns: int, length_s: float) -> int:
    """Return where a window begins that ends now: at a whole minute, as hours are counted by the minute.

    The shortest one begins on the nanosecond: so near to now rows are asked, and a minute more or less is a fifth.

    >>> begin_ns(150_000_000_001, 30.0), begin_ns(7290_000_000_001, 7200.0)
    (120000000001, 60000000000)
    """
    length_ns = round(length_s * 1e9)
    begin = now_ns - length_ns
    return begin if length_ns <= CLOSING_NS else begin // MINUTE_NS * MINUTE_NS


def questions_of(config: Config, now_ns: int) -> list[SliQuestion]:
    """Return what an evaluation asks: of every (objective, target, probe), window by window."""
    targets = {target.name: target for target in config.targets}
    return [
        SliQuestion(
            target=target,
            probe=probe,
            vantage=config.vantage,
            sli=objective.sli,
            since_ns=begin_ns(now_ns, seconds),
            until_ns=now_ns,
            threshold_s=objective.threshold_s,
            at_least_per_s=objective.at_least_per_s,
            served_in=targets[target].served_in,
            throttled=throttled_class(objective, targets[target]),
        )
        for objective in config.objectives
        for target, probe in objective.pairs
        for seconds in windows.counted(objective.window_s).values()
    ]


def looks_of(config: Config, history: History, now_ns: int) -> list[Look]:
    """Return what history holds of every (objective, target, probe) up to an instant."""
    questions = questions_of(config, now_ns)
    if not questions:
        return []
    answers = iter(history.counts(questions))
    since_ns = min(question.since_ns for question in questions)
    plans = plans_by_pair(history.plans(config.vantage, since_ns, now_ns))
    quiet = spans_of(history.maintenances(since_ns, now_ns))
    workloads = config.workloads()
    return [
        Look(
            objective=objective,
            target=target,
            workload=workloads[target, probe],
            windows=_windows(
                windows.counted(objective.window_s),
                answers,
                plans.get((target, probe), []),
                quiet.get(target, []),
                # A slot younger than its deadline may be under way still, so it is not missing yet.
                now_ns,
                now_ns - round(workloads[target, probe].timeout_s * 1e9),
            ),
        )
        for objective in config.objectives
        for target, probe in objective.pairs
    ]


def _windows(
    lengths_s: Mapping[str, float],
    answers: Iterator[SliCounts],
    plans: Sequence[PlanRow],
    quiet: Sequence[Span],
    now_ns: int,
    until_ns: int,
) -> Windows:
    """Take each window's answer in its turn, and set beside it how many slots were due."""
    return {
        name: Window(
            counts=(counts := next(answers)),
            expected=expected_beside(plans, begin_ns(now_ns, seconds), until_ns, quiet, counts.maintained),
        )
        for name, seconds in lengths_s.items()
    }
