"""The watch over objectives: history is asked, evaluated and shown, again and again."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from agent.config.model import Config
from agent.slo import pools, spans
from agent.slo.burning import Window, Windows, pooled
from agent.slo.evaluate import evaluate
from agent.slo.pools import Slo
from agent.slo.quiet import spans_of
from agent.slo.spent import Counted, Spent
from agent.telling import tally
from agent.telling.due import plans_by_pair
from agent.telling.link import Link
from agent.telling.seen import Pair
from agent.telling.tally import Asked
from exporters.base import StatusSink
from exporters.signals import SloStatus
from storage.base import History, Rollups, StoreUnavailableError
from storage.readings import SliCounts, SliQuestion

EVERY_S = 10.0
COUNTED_S = 30.0
"""How often is looked whether an hour is over, or was written into: until it is counted, rows are asked."""

WAIT_S = 1.0
"""How often is looked whether history is whole again."""

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
            [Config, Mapping[Pair, Windows], int, Sequence[Spent]], None
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
            members = members_of(config, self._history, looks, now_ns)
        shown = [*looks, *services_of(config, members)]
        statuses = tuple(look.status(config.vantage, now_ns) for look in shown)
        for sink in self._sinks:
            sink.show(statuses)
        self._counted(config, series_of(members), now_ns, [look.spent() for look in looks])
        self.succeeded_ns = now_ns


async def keep_watch(
    watch: Watch,
    configured: Callable[[], Config],
    succeeded: Callable[[int], None],
    mono_ns: Callable[[], int],
    whole: Callable[[], bool],
) -> None:
    """Evaluate every 10 s, or less often where that takes long; for ever.

    Where history is not whole, for the database was away or we were, it waits: what is still to be stored would be
    counted as missing.
    """
    failed = False
    while True:
        if not whole():
            await asyncio.sleep(WAIT_S)
            continue
        began_ns = mono_ns()
        try:
            await asyncio.to_thread(watch.evaluate, configured())
        except StoreUnavailableError as failure:
            if not failed:
                log.warning("evaluation.failed", error=str(failure), consequence="budgets stand as they were")
            failed = True
        else:
            failed = False
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
    """One SLO as history shows it: what was settled and what was due in each window, and in each of its parts."""

    slo: Slo
    windows: Windows
    parts: Sequence[Windows] = ()

    def status(self, vantage: str, now_ns: int) -> SloStatus:
        return evaluate(
            self.slo.objective,
            self.slo.key,
            vantage,
            self.slo.every_ns,
            {name: window.counts for name, window in self.windows.items()},
            {name: window.expected for name, window in self.windows.items()},
            now_ns,
            self.slo.first_token_s,
        )

    @property
    def shows_availability(self) -> bool:
        """Return whether it shows the events of one probe of one target, on its availability."""
        objective = self.slo.objective
        return objective.sli == "availability" and objective.slices is None and not self.slo.key.pool

    def spent(self) -> Spent:
        """Return it as whoever looks for burning budgets wants it."""
        parts = tuple(
            Counted(
                objective=part.objective,
                target=part.target.name,
                probe=part.workload.name,
                every_s=part.workload.every_s,
                windows=windows,
                first_token_s=part.workload.first_token_s,
            )
            for part, windows in zip(self.slo.parts, self.parts, strict=True)
        )
        return Spent(key=self.slo.key, parts=parts, windows=self.windows, every_s=self.slo.every_ns / 1e9)


def statuses_of(config: Config, history: History, now_ns: int) -> tuple[SloStatus, ...]:
    """Return the state of every objective's SLOs from what history holds up to an instant."""
    return tuple(look.status(config.vantage, now_ns) for look in looks_of(config, history, now_ns))


Members = Mapping[tuple[Pair, str], Windows]
"""What members of services saw, by pair and the service's period."""


def members_of(config: Config, history: History, looks: Iterable[Look], now_ns: int) -> Members:
    """Return the availability of each member of a service, each asked once and what is known already not again."""
    known = {
        (look.slo.parts[0].pair, look.slo.objective.period, look.slo.objective.throttled): look.windows
        for look in looks
        if look.shows_availability
    }
    wanted = {
        (part.pair, part.objective.period): pools.single(part)
        for slo in config.service_slos()
        for part in slo.parts
    }
    found = {
        name: known[alike]
        for name, slo in wanted.items()
        if (alike := (*name, slo.objective.throttled)) in known
    }
    missing = {name: slo for name, slo in wanted.items() if name not in found}
    asked = _looked(config, history, list(missing.values()), now_ns)
    return found | dict(zip(missing, (look.windows for look in asked), strict=True))


def services_of(config: Config, members: Members) -> list[Look]:
    """Return the services' own SLOs: what all their members saw."""
    return [
        Look(slo=slo, windows=pooled([members[part.pair, slo.objective.period] for part in slo.parts]))
        for slo in config.service_slos()
    ]


def series_of(members: Members) -> dict[Pair, Windows]:
    """Return the availability of each member of a service, by window; of one of several services by the period of each."""
    found: dict[Pair, Windows] = {}
    for (pair, _), windows in members.items():
        found[pair] = {**found.get(pair, {}), **windows}
    return found


def questions_of(config: Config, now_ns: int) -> list[SliQuestion]:
    """Return what an evaluation asks of history."""
    members = [pools.single(part) for slo in config.service_slos() for part in slo.parts]
    asked = [
        Asked(slo=slo, spans=tuple(spans.counted(slo.objective, now_ns).values()))
        for slo in [*config.slos(), *members]
    ]
    return tally.questions(config.vantage, asked)


def looks_of(config: Config, history: History, now_ns: int) -> list[Look]:
    """Return what history holds of every objective's SLOs up to an instant."""
    return _looked(config, history, config.slos(), now_ns)


def _looked(config: Config, history: History, slos: Sequence[Slo], now_ns: int) -> list[Look]:
    asked = [(slo, spans.counted(slo.objective, now_ns)) for slo in slos]
    if not asked:
        return []
    counted = tally.counts(
        history, config.vantage, [Asked(slo=slo, spans=tuple(over.values())) for slo, over in asked]
    )
    since_ns = min(span[0] for _, over in asked for span in over.values())
    plans = plans_by_pair(history.plans(config.vantage, since_ns, now_ns))
    quiet = spans_of(history.maintenances(since_ns, now_ns))
    # A slot younger than its deadline may be under way still, so it is not missing yet.
    due_ns = {pair: now_ns - round(one.timeout_s * 1e9) for pair, one in config.workloads().items()}

    def windows(slo: Slo, over: Mapping[str, spans.Span], counts: Sequence[SliCounts]) -> Windows:
        return {
            name: Window(counts=seen, expected=tally.expected(slo, plans, span, due_ns, quiet, seen))
            for (name, span), seen in zip(over.items(), counts, strict=True)
        }

    looks = []
    for (slo, over), found in zip(asked, counted, strict=True):
        whole = windows(slo, over, found.whole)
        parts = [whole]
        if len(slo.parts) > 1:
            alone = zip(map(pools.single, slo.parts), found.parts, strict=True)
            parts = [windows(part, over, counts) for part, counts in alone]
        looks.append(Look(slo=slo, windows=whole, parts=parts))
    return looks
