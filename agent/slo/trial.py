"""What an objective, an interval or a wait would have told of: failures drawn or recorded, through the engine, in figures."""

import dataclasses
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from agent.slo import plain
from agent.slo.alerts import Alert
from agent.slo.failing import Failing, Independent, Several, Silence, Spells
from agent.slo.findings import Ways
from agent.slo.service import Service
from agent.slo.simulation import Scene, run

MONTH_S: Final = 30 * 86400.0
EDGE_S: Final = 3600.0
"""No outage is drawn this close to the ends of a month."""

Outage = tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is drawn for a month; seconds, shares 0-1.

    Each member fails by itself for `rate` of the time, in spells of `spell_s` on average (None: each attempt for
    itself). With `outage_s`, once a month `fails` of the attempts at all members fail for so long. A failure takes
    `shows_s` to show: 0.1 s for a refusal, the deadline for a hang.
    """

    rate: float = 0.0
    spell_s: float | None = None
    outage_s: float | None = None
    fails: float = 1.0
    shows_s: float = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One span: the engine's alerts, plain multiwindow's pages by (target, probe), and the outages that were drawn.

    `outages` is None where nobody knows the truth, as of what was recorded.
    """

    alerts: Sequence[Alert]
    plain_s: Mapping[tuple[str, str], Sequence[float]]
    outages: Sequence[Outage] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one subject's alerts came to.

    `delays_s` are from the beginning of an outage to the first alert (of a service: the first page) about it;
    `missed` outages had none, and `needless` pages belong to none (None: nobody knows).
    """

    kind: Literal["service", "cloud", "target"]
    name: str
    pages: int
    tickets: int
    delays_s: tuple[float, ...]
    missed: int | None
    needless: int | None
    plain_pages: int
    plain_delays_s: tuple[float, ...]


def month(service: Service, trouble: Trouble, ways: Ways, seed: str) -> Run:
    """Return a month in which troubles are drawn; the same seed draws the same."""
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    outages: list[Outage] = []
    if trouble.outage_s is not None:
        begin_s = chance.uniform(EDGE_S, max(EDGE_S, MONTH_S - trouble.outage_s - EDGE_S))
        outages.append((begin_s, begin_s + trouble.outage_s))
    return replay(
        service,
        lambda: [_drawn(trouble, outages, f"{seed}/{nth}") for nth in range(len(service.members))],
        MONTH_S,
        ways,
        shows_s=trouble.shows_s,
        outages=outages,
    )


def replay(
    service: Service,
    failing: Callable[[], Sequence[Failing]],
    span_s: float,
    ways: Ways,
    *,
    shows_s: float = 0.1,
    outages: Sequence[Outage] | None = None,
    silent: Sequence[Silence] = (),
) -> Run:
    """Return what a span comes to; `failing` gives the members' failures anew each time it is asked."""
    scene = Scene(
        service=service, failing=failing(), span_s=span_s, shows_s=shows_s, ways=ways, silent=silent
    )
    alerts = run(scene)
    plain_s = {
        member.pair: [
            at_s + shows_s
            for at_s in plain.pages(
                list(fails.slots(0.0, member.every_s, span_s)),
                member.every_s,
                service.ratio,
                service.window_s,
            )
        ]
        for member, fails in zip(service.members, failing(), strict=True)
    }
    return Run(alerts=alerts, plain_s=plain_s, outages=outages)


def _drawn(trouble: Trouble, outages: Sequence[Outage], seed: str) -> Failing:
    """Return how one member fails: by itself, and in the outages of all."""
    alone, together = (random.Random(f"{seed}/{what}") for what in ("alone", "together"))  # noqa: S311 - as above
    found: list[Failing] = [Independent(trouble.fails, together, *outage) for outage in outages]
    if trouble.rate and trouble.spell_s is not None:
        found.append(Spells.drawn(trouble.rate, trouble.spell_s, MONTH_S, alone))
    elif trouble.rate:
        found.append(Independent(trouble.rate, alone))
    return Several(found)


# -- in figures


def heard(service: Service, runs: Sequence[Run]) -> Iterator[Heard]:
    """Yield what the service, its clouds and its targets were told of in all runs."""
    targets = {member.target: member.cloud for member in service.members}
    yield _heard(
        "service", service.name, runs, lambda name: name in {"ServiceDown", "ServiceBudgetBurn"}, set(targets)
    )
    for cloud in dict.fromkeys(targets.values()):
        yield _heard(
            "cloud", cloud, runs, _is_of_a_target, {name for name, where in targets.items() if where == cloud}
        )
    for target in targets:
        yield _heard("target", target, runs, _is_of_a_target, {target})


def _is_of_a_target(name: str) -> bool:
    return name in {"TargetDown", "BudgetBurn", "BudgetExhausted"}


def _heard(
    kind: Literal["service", "cloud", "target"],
    name: str,
    runs: Sequence[Run],
    counts: Callable[[str], bool],
    targets: set[str],
) -> Heard:
    pages = tickets = needless = missed = plain_pages = 0
    delays: list[float] = []
    plain_delays: list[float] = []
    for one in runs:
        about = [
            alert
            for alert in one.alerts
            if counts(alert.finding.name)
            and (kind == "service" or alert.finding.labels.get("target") in targets)
        ]
        paged = [alert for alert in about if alert.finding.severity == "page"]
        telling = [alert.fired_ns / 1e9 for alert in (paged if kind == "service" else about)]
        plain_s = sorted(
            at_s for (target, _), found in one.plain_s.items() if target in targets for at_s in found
        )
        pages, tickets = pages + len(paged), tickets + len(about) - len(paged)
        plain_pages += len(plain_s)
        if one.outages is None:
            delays += _waited(paged if kind == "service" else about)
            continue
        found = [_first(telling, outage) for outage in one.outages]
        delays += [delay for delay in found if delay is not None]
        missed += found.count(None)
        needless += sum(not _belongs(alert.fired_ns / 1e9, one.outages) for alert in paged)
        plain_delays += [delay for outage in one.outages if (delay := _first(plain_s, outage)) is not None]
    known = all(one.outages is not None for one in runs)
    return Heard(
        kind=kind,
        name=name,
        pages=pages,
        tickets=tickets,
        delays_s=tuple(sorted(delays)),
        missed=missed if known else None,
        needless=needless if known else None,
        plain_pages=plain_pages,
        plain_delays_s=tuple(sorted(plain_delays)),
    )


def _waited(alerts: Iterable[Alert]) -> list[float]:
    """Return how long failing was seen before it was told; a burn has no beginning that anybody could name."""
    return [
        (alert.fired_ns - alert.finding.since_ns) / 1e9
        for alert in alerts
        if alert.finding.name in {"ServiceDown", "TargetDown"}
    ]


def _first(at_s: Iterable[float], outage: Outage) -> float | None:
    return min((at - outage[0] for at in at_s if _belongs(at, [outage])), default=None)


def _belongs(at_s: float, outages: Iterable[Outage]) -> bool:
    """Return whether an alert is of an outage: it fires within it, or while an alert is held behind it."""
    return any(begin_s <= at_s < end_s + plain.HOLD_S for begin_s, end_s in outages)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the least value that so many are at or under; None where there is none.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([1.0, 2.0], 0.95), quantile([], 0.5)
    (2.0, 2.0, None)
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
