"""Whether enough was seen: slots that were due and never came, told of each probe, or once of us where most are missing."""

from collections.abc import Iterable, Iterator

from agent.slo.alerts import Finding
from agent.slo.burning import Window
from agent.slo.evaluate import LEAST_COVERAGE, coverage
from agent.slo.spent import Counted
from exporters import words

LOOKED_AT = "1h"
LEAST = 3
"""So many missing slots are no accident."""


def uncovered(counted: Iterable[Counted], vantage: str, now_ns: int) -> Iterator[Finding]:
    """Yield a ticket for each probe that was seen too seldom in the last hour or the period; one about us for many.

    Slots that came and said nothing are seen: what they are has alerts of its own.
    """
    lacking: dict[tuple[str, str], str] = {}
    known: set[tuple[str, str]] = set()
    for one in counted:
        known.add((one.target, one.probe))
        for name in (LOOKED_AT, one.objective.period):
            if lacks(one.windows[name], one.settling):
                lacking.setdefault((one.target, one.probe), _told(one.windows[name], name))
    if len(lacking) > 1 and len(lacking) * 2 > len(known):
        yield Finding(
            key="coverage-lost",
            name="CoverageLost",
            severity="ticket",
            subject=f"agent {vantage}",
            since_ns=now_ns,
            facts={
                "fault": f"agent {vantage}",
                "evidence": [
                    f"{len(lacking)} of {len(known)} probes lack slots",
                    next(iter(lacking.values())),
                ],
                "targets": list(dict.fromkeys(target for target, _ in lacking)),
            },
        )
        return
    for (target, probe), said in lacking.items():
        yield Finding(
            key=f"coverage-lost/{target}/{probe}",
            name="CoverageLost",
            severity="ticket",
            subject=f"target {target}",
            since_ns=now_ns,
            labels={"target": target, "probe": probe},
            facts={"fault": f"agent {vantage}", "evidence": [said]},
        )


def lacks(window: Window, settling: int = 0) -> bool:
    """Return whether a window holds too few of its due slots, those aside that may be settling still.

    >>> from storage.readings import SliCounts
    >>> [lacks(Window(counts=SliCounts(good=good), expected=120)) for good in (96, 95, 0)]
    [False, True, True]
    >>> lacks(Window(counts=SliCounts(), expected=2)), lacks(Window(counts=SliCounts(good=2), expected=12), 10)
    (False, False)
    """
    seen = coverage(window.counts, window.expected)
    missing = window.expected - window.counts.observed
    return seen is not None and seen < LEAST_COVERAGE and missing >= max(LEAST, settling + 1)


def _told(window: Window, name: str) -> str:
    seen, due = window.counts.observed, window.expected
    return f"{words.count(seen)} of {words.count(due)} due slots were seen in {name} ({words.percent(seen / due, 0)})"
