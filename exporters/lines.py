"""What the status page says of each target and objective, made of what was seen of their probes."""

import collections
import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from exporters import words
from exporters.pages import (
    STATES,
    Failure,
    Measured,
    Median,
    ObjectiveLine,
    PagePlan,
    Served,
    TargetLine,
    WatchedProbe,
)
from exporters.signals import SloStatus, State, TargetInfo

SAMPLES = 60
"""Trusted first tokens remembered of each probe of a target: half an hour at one in 30 s."""

FRESH_NS = 3600 * 1_000_000_000
"""A first token older than this says nothing of now."""

SETTLE_S = 5.0
"""Room for lateness and for the journal's way, so that a healthy probe is never called silent."""


@dataclasses.dataclass(slots=True)
class Seen:
    """What is remembered of one probe of one target; `ttft` are (instant, seconds), the newest last."""

    last_ns: int | None = None
    state: State | None = None
    since_ns: int | None = None
    failure: Failure | None = None
    served: Served | None = None
    ttft: collections.deque[tuple[int, float]] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=SAMPLES)
    )

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values; `dataclasses.asdict` would take ten times as long over 500 targets."""
        return {
            "last_ns": self.last_ns,
            "state": self.state,
            "since_ns": self.since_ns,
            "failure": None if self.failure is None else dataclasses.asdict(self.failure),
            "served": None if self.served is None else dataclasses.asdict(self.served),
            "ttft": list(self.ttft),
        }

    @classmethod
    def revived(cls, plain: Mapping[str, Any]) -> Self:
        failure = None if plain["failure"] is None else Failure(**plain["failure"])
        served = None if plain["served"] is None else Served(**plain["served"])
        ttft = collections.deque(((at_ns, seconds) for at_ns, seconds in plain["ttft"]), maxlen=SAMPLES)
        return cls(plain["last_ns"], plain["state"], plain["since_ns"], failure, served, ttft)


def target_lines(
    plan: PagePlan,
    seen: Mapping[tuple[str, str], Seen],
    statuses: Iterable[SloStatus],
    now_ns: int,
) -> list[TargetLine]:
    """Return one line a target, in the order of the plan."""
    probes: dict[str, list[WatchedProbe]] = collections.defaultdict(list)
    for probe in plan.probes:
        probes[probe.target].append(probe)
    measured: dict[str, list[Measured]] = collections.defaultdict(list)
    for one in _measured(plan, statuses):
        measured[one.slo.target].append(one)
    return [
        _line(
            info,
            [(probe, seen.get((probe.target, probe.probe), Seen())) for probe in probes[info.target]],
            measured[info.target],
            now_ns,
        )
        for info in plan.targets
    ]


def objective_lines(plan: PagePlan, statuses: Sequence[SloStatus]) -> tuple[ObjectiveLine, ...]:
    """Return one line an objective, in the order of the plan."""
    measured = _measured(plan, statuses)
    states = {status.slo: status.state for status in statuses}
    lines = []
    for objective in plan.objectives:
        theirs = [one for one in measured if one.objective is objective]
        found = collections.Counter(states[one.slo] for one in theirs)
        lines.append(
            ObjectiveLine(
                objective=objective,
                good=found["good"],
                bad=found["bad"],
                unknown=found["unknown"],
                worst=_tightest(theirs),
            )
        )
    return tuple(lines)


def silent_s(probe: WatchedProbe) -> float:
    """Return how long a probe may say nothing: one slot may be lost, the next one may take its whole deadline."""
    return 2 * probe.every_s + probe.timeout_s + SETTLE_S


def _line(
    info: TargetInfo, probes: Sequence[tuple[WatchedProbe, Seen]], measured: Sequence[Measured], now_ns: int
) -> TargetLine:
    shown = [(*_state(probe, seen, now_ns), probe.probe, seen.since_ns) for probe, seen in probes]
    nobody: tuple[State, str | None, str | None, int | None] = ("unknown", "no probe asks it", None, None)
    state, why, worst, since_ns = min(shown, key=lambda one: STATES.index(one[0]), default=nobody)
    failures = [seen.failure for _, seen in probes if seen.failure]
    servers = [seen.served for _, seen in probes if seen.served]
    return TargetLine(
        info=info,
        state=state,
        probe=worst if len(probes) > 1 else None,
        since_ns=None if why else since_ns,
        why=why,
        ttft=tuple(_medians(probes, now_ns)),
        availability=_tightest([one for one in measured if one.objective.sli == "availability"]),
        tightest=_tightest(measured),
        last_ns=max((seen.last_ns for _, seen in probes if seen.last_ns is not None), default=None),
        failure=max(failures, key=lambda failure: failure.at_ns, default=None),
        served=max(servers, key=lambda served: served.since_ns, default=None),
    )


def _state(probe: WatchedProbe, seen: Seen, now_ns: int) -> tuple[State, str | None]:
    """Return what a probe shows; what is old is not shown as if it were now."""
    if seen.last_ns is None or seen.state is None:
        return "unknown", "no result yet" if seen.last_ns is None else "its first failure is being confirmed"
    silence_s = (now_ns - seen.last_ns) / 1e9
    if silence_s > silent_s(probe):
        return "unknown", f"no result for {words.duration(int(silence_s))}"
    return seen.state, None


def _medians(probes: Iterable[tuple[WatchedProbe, Seen]], now_ns: int) -> Iterable[Median]:
    for probe, seen in probes:
        fresh = [seconds for at_ns, seconds in seen.ttft if now_ns - at_ns <= FRESH_NS]
        if fresh:
            yield Median(probe=probe.probe, seconds=statistics.median(fresh), samples=len(fresh))


def _measured(plan: PagePlan, statuses: Iterable[SloStatus]) -> list[Measured]:
    objectives = {slo: objective for objective in plan.objectives for slo in objective.slos}
    return [
        Measured(
            slo=status.slo,
            objective=objective,
            sli=status.sli.get(status.period),
            budget=status.budget_remaining,
            coverage=status.coverage,
            known=status.state != "unknown",
        )
        for status in statuses
        if (objective := objectives.get(status.slo.id))
    ]


def _tightest(measured: Sequence[Measured]) -> Measured | None:
    """Return the SLO with the least budget left; one of which nothing is known only where there is no other."""
    return min(
        measured,
        key=lambda one: (one.budget is None, one.budget if one.budget is not None else 0),
        default=None,
    )
