"""The watch over objectives: history is asked, evaluated and shown, again and again."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from agent.config.model import Config
from agent.slo import spans
from agent.slo.burning import Window, Windows
from agent.slo.evaluate import evaluate
from agent.slo.judge import throttled_class
from agent.slo.objective import Objective
from agent.slo.spans import Span
from agent.telling.due import expected_slots, plans_by_pair
from agent.telling.link import Link
from exporters.base import StatusSink
from exporters.signals import SloKey, SloStatus
from probes.target import Workload
from storage.base import History, StoreUnavailableError
from storage.readings import PlanRow, SliCounts, SliQuestion

Pair = tuple[str, str]

EVERY_S = 10.0
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
        counted: Callable[[Config, Mapping[Pair, Windows], int], None] = lambda _config, _series, _now_ns: (
            None
        ),
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
        self._counted(config, series_of(looks), now_ns)
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
            SloKey(objective=self.objective.name, target=self.target, probe=self.workload.name),
            vantage,
            self.workload.every_ns,
            {name: window.counts for name, window in self.windows.items()},
            {name: window.expected for name, window in self.windows.items()},
            now_ns,
            self.workload.first_token_s,
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


def looks_of(config: Config, history: History, now_ns: int) -> list[Look]:
    """Return what history holds of every (objective, target, probe) up to an instant."""
    targets = {target.name: target for target in config.targets}
    workloads = config.workloads()
    asked = [
        (objective, target, probe, spans.counted(objective, now_ns))
        for objective in config.objectives
        for target, probe in objective.pairs
    ]
    questions = [
        SliQuestion(
            target=target,
            probe=probe,
            vantage=config.vantage,
            sli=objective.sli,
            since_ns=since_ns,
            until_ns=until_ns,
            threshold_s=objective.threshold_s,
            at_least_per_s=objective.at_least_per_s,
            throttled=throttled_class(objective, targets[target]),
        )
        for objective, target, probe, counted in asked
        for since_ns, until_ns in counted.values()
    ]
    if not questions:
        return []
    answers = iter(history.counts(questions))
    since_ns = min(question.since_ns for question in questions)
    plans = plans_by_pair(history.plans(config.vantage, since_ns, now_ns))
    return [
        Look(
            objective=objective,
            target=target,
            workload=workloads[target, probe],
            windows=_windows(
                {window: next(answers) for window in counted},
                counted,
                plans.get((target, probe), []),
                # A slot younger than its deadline may be under way still, so it is not missing yet.
                now_ns - round(workloads[target, probe].timeout_s * 1e9),
            ),
        )
        for objective, target, probe, counted in asked
    ]


def _windows(
    counts: Mapping[str, SliCounts],
    counted: Mapping[str, Span],
    plans: Sequence[PlanRow],
    due_ns: int,
) -> Windows:
    return {
        name: Window(counts=counts[name], expected=expected_slots(plans, since_ns, min(until_ns, due_ns)))
        for name, (since_ns, until_ns) in counted.items()
    }
