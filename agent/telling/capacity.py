"""Capacity: the targets, or quotas that targets share, of whose answers too many are throttled."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from agent.config.model import Config
from agent.slo.alerts import Finding
from agent.slo.standing import patience_ns
from agent.telling.recent import SLOTS, Glimpse, Said
from agent.telling.seen import Pair
from agent.telling.sights import View
from exporters import words
from probes.result import Outcome

SHARE: Final = 0.2
LEAST: Final = 3
"""More than this share of the answers of 5 minutes (3 intervals, where that is longer), and so many at least."""


def persists(throttled: int, answers: int) -> bool:
    """Return whether so many throttled answers are more than a burst.

    >>> persists(3, 10), persists(2, 4), persists(3, 15)
    (True, False, False)
    """
    return throttled >= LEAST and throttled > SHARE * answers


def throttled(view: View) -> Iterator[Finding]:
    """Yield a ticket for each quota, or target without one, that is throttled again and again."""
    workloads = view.config.workloads()
    groups: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in workloads:
        target = view.targets.get(pair[0])
        if target is not None and pair in view.seen:
            groups["quota" if target.quota else "target", target.quota or target.name].append(pair)
    for (kind, name), pairs in groups.items():
        if not any(_refused(view.seen[pair].recent.slots) for pair in pairs):
            continue
        slots = [one for pair in pairs for one in _telling(view, pair, workloads[pair].every_s)]
        refused = _refused(slots)
        if persists(len(refused), len(slots)):
            yield _finding(view, kind, name, pairs, refused, len(slots))


def _refused(slots: Iterable[Glimpse]) -> list[Glimpse]:
    return [one for one in slots if one.outcome is Outcome.THROTTLED]


def _telling(view: View, pair: Pair, every_s: float) -> Iterator[Glimpse]:
    """Yield the slots of late, and since any maintenance, that say anything of the endpoint."""
    seen = view.seen[pair]
    since_ns = max(view.now_ns - patience_ns(every_s), (seen.standing.maintained_ns or -1) + 1)
    yield from (one for one in seen.recent.slots if one.scheduled_ns >= since_ns and _tells(one))


def rehearsal_s(config: Config, target: str) -> float | None:
    """Return how long a target must be throttled, all of it, until that is found; None where it never would be.

    Its quota is judged over all targets that share it: with a rate of d for its own answers and o for those of the
    others, t seconds bring t * d of them to the others' o * 300, and more than a fifth has to be reached within 300 s.
    """
    quotas = {one.name: (one.quota is None, one.quota or one.name) for one in config.targets}
    own = [one for (name, _), one in config.workloads().items() if name == target]
    rate = sum(1 / one.every_s for one in own)
    kept = sum(
        min(SLOTS, patience_ns(one.every_s) / 1e9 / one.every_s)
        for (name, _), one in config.workloads().items()
        if name != target and quotas[name] == quotas[target]
    )
    needed_s = SHARE / (1 - SHARE) * kept / rate
    longest_s = min(patience_ns(one.every_s) / 1e9 for one in own)
    return max(LEAST / rate, needed_s) if needed_s < longest_s else None


def _tells(glimpse: Glimpse) -> bool:
    return not glimpse.ours and glimpse.outcome is not Outcome.AGENT_FAULT


def _finding(
    view: View, kind: str, name: str, pairs: Sequence[Pair], refused: Sequence[Glimpse], answers: int
) -> Finding:
    targets = list(dict.fromkeys(target for target, _ in pairs))
    newest = max(pairs, key=lambda pair: view.seen[pair].standing.seen_ns or 0)
    said = view.seen[newest].recent.said
    return Finding(
        key=f"throttled/{kind}/{name}",
        name="Throttled",
        severity="ticket",
        subject=f"{kind} {name}",
        since_ns=min(one.scheduled_ns for one in refused),
        labels={kind: name},
        facts={
            "targets": targets,
            "fault": f"quota {name}" if kind == "quota" else f"quota of target {name}",
            "evidence": [
                f"{len(refused)} of the last {answers} answers were throttled ({len(refused) / answers:.0%})",
                *limits_told(said),
            ],
        },
    )


def limits_told(said: Said) -> Iterator[str]:
    """Yield what an endpoint says of its limits.

    >>> list(limits_told(Said({"remaining_requests": 0.0, "limit_requests": 60.0}, 20.0, None, None)))
    ['0 of 60 requests are left', 'it asks to be left alone for 20 s']
    """
    for unit in ("requests", "tokens"):
        left, limit = _limit(said.limits, f"remaining_{unit}"), _limit(said.limits, f"limit_{unit}")
        if left is not None:
            yield f"{left} of {limit} {unit} are left" if limit is not None else f"{left} {unit} are left"
    if said.retry_after_s:
        yield f"it asks to be left alone for {words.duration(said.retry_after_s)}"


def _limit(limits: Mapping[str, float], name: str) -> str | None:
    return words.count(round(limits[name])) if name in limits else None
