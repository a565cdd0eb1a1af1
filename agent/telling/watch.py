"""The watch over objectives: history is asked, evaluated and shown, again and again."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from agent.config.model import Config
from agent.slo import windows
from agent.slo.evaluate import evaluate
from agent.slo.judge import throttled_class
from agent.slo.objective import Objective
from agent.telling.due import expected_slots, plans_by_pair
from agent.telling.link import Link
from exporters.base import StatusSink
from exporters.signals import SloStatus
from probes.target import Workload
from storage.base import History, StoreUnavailableError
from storage.readings import PlanRow, SliCounts, SliQuestion

EVERY_S = 10.0
SHARE = 5.0
"""An evaluation may take a fifth of the time at most: one that takes 4 s is made every 20 s."""

log = structlog.get_logger("telling")


class Watch:
    """Evaluates every SLO of a configuration; a failed evaluation leaves on show what was there."""

    def __init__(
        self, history: History, sinks: Sequence[StatusSink], link: Link, wall_ns: Callable[[], int]
    ) -> None:
        self._history = history
        self._sinks = sinks
        self._link = link
        self._wall_ns = wall_ns
        self.succeeded_ns: int | None = None

    def evaluate(self, config: Config) -> None:
        """Ask, evaluate and show; raises StoreUnavailableError where the database does not answer."""
        now_ns = self._wall_ns()
        with self._link.used():
            statuses = statuses_of(config, self._history, now_ns)
        for sink in self._sinks:
            sink.show(statuses)
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


def statuses_of(config: Config, history: History, now_ns: int) -> tuple[SloStatus, ...]:
    """Return the state of every (objective, target, probe) from what history holds up to an instant."""
    targets = {target.name: target for target in config.targets}
    workloads = config.workloads()
    looks = [
        (objective, target, probe, windows.counted(objective.window_s))
        for objective in config.objectives
        for target, probe in objective.pairs
    ]
    questions = [
        SliQuestion(
            target=target,
            probe=probe,
            vantage=config.vantage,
            sli=objective.sli,
            since_ns=now_ns - round(seconds * 1e9),
            until_ns=now_ns,
            threshold_s=objective.threshold_s,
            at_least_per_s=objective.at_least_per_s,
            throttled=throttled_class(objective, targets[target]),
        )
        for objective, target, probe, counted in looks
        for seconds in counted.values()
    ]
    if not questions:
        return ()
    answers = iter(history.counts(questions))
    since_ns = min(question.since_ns for question in questions)
    plans = plans_by_pair(history.plans(config.vantage, since_ns, now_ns))
    return tuple(
        _status(
            objective,
            workloads[target, probe],
            target,
            config.vantage,
            {window: next(answers) for window in counted},
            plans.get((target, probe), []),
            now_ns,
        )
        for objective, target, probe, counted in looks
    )


def _status(
    objective: Objective,
    workload: Workload,
    target: str,
    vantage: str,
    counts: dict[str, SliCounts],
    plans: list[PlanRow],
    now_ns: int,
) -> SloStatus:
    # A slot younger than its deadline may be under way still, so it is not missing yet.
    until_ns = now_ns - round(workload.timeout_s * 1e9)
    expected = {
        window: expected_slots(plans, now_ns - round(seconds * 1e9), until_ns)
        for window, seconds in windows.counted(objective.window_s).items()
    }
    return evaluate(
        objective,
        target,
        workload.name,
        vantage,
        workload.every_ns,
        counts,
        expected,
        now_ns,
        workload.first_token_s,
    )
