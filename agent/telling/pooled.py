"""The objectives of services as history shows them: the availability of their members, pooled."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from agent.config.model import Config
from agent.slo.burning import Window
from agent.slo.objective import Objective
from agent.slo.service import Service
from agent.telling.watch import Look, looks_of
from storage.base import History
from storage.readings import SliCounts


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A service, and what all its members together saw: their slots as if one probe had asked them."""

    service: Service
    look: Look


def looks_and_pools(config: Config, history: History, now_ns: int) -> tuple[list[Look], list[Pool]]:
    """Return what history holds of every SLO and of every service whose availability somebody counts."""
    watchers = _watchers(config.objectives)
    asked = [
        (service, _asked(service, watchers[member.pair], member.pair))
        for service in config.services
        for member in service.members
        if member.pair in watchers
    ]
    # One question for all: whatever is asked about a pair, its rows are read once.
    objectives = (*config.objectives, *(objective for _, objective in asked))
    found = looks_of(dataclasses.replace(config, objectives=objectives), history, now_ns)
    own = len(found) - len(asked)
    members: dict[str, list[Look]] = {}
    for (service, _), look in zip(asked, found[own:], strict=True):
        members.setdefault(service.name, []).append(look)
    return found[:own], [
        Pool(service=service, look=_pooled(service, members[service.name]))
        for service in config.services
        if service.name in members
    ]


def _watchers(objectives: Iterable[Objective]) -> Mapping[tuple[str, str], Objective]:
    """Return (target, probe) -> the first objective on its availability, whose word holds on what counts."""
    found: dict[tuple[str, str], Objective] = {}
    for objective in objectives:
        if objective.sli == "availability":
            for pair in objective.pairs:
                found.setdefault(pair, objective)
    return found


def _asked(service: Service, watcher: Objective, pair: tuple[str, str]) -> Objective:
    return dataclasses.replace(
        watcher, name=service.name, ratio=service.ratio, window_s=service.window_s, pairs=(pair,)
    )


def _pooled(service: Service, looks: Sequence[Look]) -> Look:
    first = looks[0]
    workload = dataclasses.replace(
        first.workload,
        every_s=service.every_s,
        first_token_s=max(look.workload.first_token_s for look in looks),
    )
    windows = {name: _sum([look.windows[name] for look in looks]) for name in first.windows}
    return Look(objective=first.objective, target=service.name, workload=workload, windows=windows)


def _sum(windows: Sequence[Window]) -> Window:
    """Return what several series showed in one window together.

    >>> one = Window(counts=SliCounts(good=9, bad=1), expected=10)
    >>> _sum([one, one]) == Window(counts=SliCounts(good=18, bad=2), expected=20)
    True
    """
    counts = [window.counts for window in windows]
    return Window(
        counts=SliCounts(
            good=sum(one.good for one in counts),
            bad=sum(one.bad for one in counts),
            excluded=sum(one.excluded for one in counts),
            invalid=sum(one.invalid for one in counts),
        ),
        expected=sum(window.expected for window in windows),
    )
