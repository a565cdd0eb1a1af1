"""The budget of one SLO, be it of a probe, of a pool or of slices: whether it goes too fast, and whether it is gone."""

import dataclasses
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.slo import spans
from agent.slo.alerts import Finding, Severity
from agent.slo.budget import exhaustion, speed
from agent.slo.burning import burning
from agent.slo.conditions import Condition
from agent.slo.findings import Ways
from agent.slo.impact import Standings
from agent.slo.spent import Counted, Spent
from agent.slo.standing import Standing
from exporters import words
from exporters.signals import SloKey


def spending(
    spent: Iterable[Spent],
    critical: frozenset[str],
    standings: Standings,
    born_ns: Mapping[str, int],
    now_ns: int,
    ways: Ways,
) -> Iterator[Finding]:
    """Yield what is wrong with budgets: a ticket for each that burns or is gone; a burn of critical targets alone pages.

    An outage of a critical target pages by itself after a while, and until then its burn is no page either.
    """
    for one in spent:
        left = one.left(now_ns)
        is_critical = critical.issuperset(one.targets)
        if burn := _burn(one, standings, now_ns, ways, flapping=is_critical):
            cold = {part.pair for part in one.parts if not ways.is_warm(born_ns.get(part.target), now_ns)}
            told_soon = set() if burn.flaps else _fallen(one, standings, now_ns - ways.after_ns)
            pages = is_critical and burn.holds(one, cold | told_soon)
            yield _burning(one, burn, left, now_ns, burn.condition.window.severity if pages else "ticket")
        if left is not None and one.is_gone(now_ns):
            yield _exhausted(one, left, now_ns)


@dataclasses.dataclass(frozen=True, slots=True)
class _Burn:
    """The strongest condition that holds, and by whose failures; those of outages that are `over` are no part of it.

    `flaps` says that it holds by more than the last outage of each part.
    """

    condition: Condition
    failing: Sequence[Counted]
    over: Collection[tuple[str, str]]
    flaps: bool

    def holds(self, one: Spent, aside: Collection[tuple[str, str]]) -> bool:
        """Return whether it holds without the failures of some more parts."""
        seen = one.without({*self.over, *aside}, self.condition.window)
        return burning(self.condition, one.objective.ratio, [seen])


def _burn(one: Spent, standings: Standings, now_ns: int, ways: Ways, *, flapping: bool) -> _Burn | None:
    """Return the strongest burn, unless its failures are those of outages that are over.

    They were told as such; whoever is well again since less than the short window burns by them alone, but for what
    is down again and again, if that is to be told (`flapping`). Where what is down now explains the rest, its own
    alert speaks for it, and so it alone is named.
    """
    ratio = one.objective.ratio
    holding = [held for held in one.conditions(ways.credibility) if burning(held, ratio, [one.judged])]
    for held in sorted(holding, key=lambda held: (held.window.severity != "page", -held.factor)):
        over = {part.pair for part in one.parts if _is_over(one, part, held, standings, now_ns)}
        flaps = flapping and _flaps(one, held, standings, now_ns)
        if flaps:
            over = set()
        if not burning(held, ratio, [one.without(over, held.window)]):
            continue
        failing = [part for part in one.failing(held.window.short) if part.pair not in over]
        down = [part for part in failing if standings.get(part.pair, Standing()).state == "bad"]
        if down and not burning(held, ratio, [one.without(over | {part.pair for part in down}, held.window)]):
            failing = down
        return _Burn(held, failing, over, flaps)
    return None


def _flaps(one: Spent, held: Condition, standings: Standings, now_ns: int) -> bool:
    """Return whether the long window burns by more than the last outage of each part, which was told as such.

    The short window is taken as it is: it says that there is no end of it. Of slices nobody knows whose they are.
    """
    if one.objective.slices is not None:
        return False
    long, since_ns = held.window.long, now_ns - round(held.window.long_s * 1e9)
    theirs = 0
    for part in one.parts:
        bad, standing = part.windows[long].counts.bad, standings.get(part.pair, Standing())
        if standing.fell_ns is None:
            continue
        until_ns = now_ns if standing.state == "bad" else standing.since_ns
        slots = math.ceil((until_ns - max(standing.fell_ns, since_ns)) / (part.every_s * 1e9))
        theirs += min(bad, max(0, slots))
    before = {**one.judged, long: one.judged[long].mended(theirs)}
    return burning(held, one.objective.ratio, [before])


def _fallen(one: Spent, standings: Standings, since_ns: int) -> set[tuple[str, str]]:
    """Return the parts that are down since a later instant."""
    known = {part.pair: standings.get(part.pair, Standing()) for part in one.parts}
    return {pair for pair, each in known.items() if each.state == "bad" and each.since_ns > since_ns}


def _is_over(one: Spent, part: Counted, condition: Condition, standings: Standings, now_ns: int) -> bool:
    """Return whether a part was down, and is well again or not known any more since less than the short window reaches back."""
    standing = standings.get(part.pair, Standing())
    over_ns = standing.since_ns if standing.state == "good" else standing.judged_ns
    if standing.state == "bad" and not standing.stale(now_ns, part.every_s):
        return False
    was_down = standing.state == "bad" or (standing.state == "good" and standing.fell_ns is not None)
    if not was_down or over_ns is None:
        return False
    reach_ns = spans.reach_ns(condition.window.short_s, one.every_s if one.objective.slices else 0.0)
    return now_ns - over_ns < reach_ns


def _burning(one: Spent, burn: _Burn, left: float | None, now_ns: int, severity: Severity) -> Finding:
    condition, objective = burn.condition, one.objective
    rate, told = speed([one.judged], condition, objective.ratio, one.what)
    facts: dict[str, Any] = {
        "sli": objective.sli,
        "window": condition.window.name,
        "factor": condition.factor,
        "burn": told,
        "exhaustion": exhaustion(left, rate, objective.window_s),
    }
    if one.key.pool:
        long = condition.window.long
        facts |= {
            "burn": told + _by(one, long),
            "failing": list(dict.fromkeys(part.target for part in burn.failing)),
            "parts": [_part(part, long) for part in burn.failing],
            "targets": one.targets,
        }
    return Finding(
        key=f"budget-burn/{_name(one)}",
        name="BudgetBurn",
        severity=severity,
        subject=one.key.id,
        since_ns=now_ns - round(condition.window.short_s * 1e9),
        labels=_labels(one.key),
        facts=facts,
    )


def _part(part: Counted, window: str) -> dict[str, str | int]:
    counts = part.windows[window].counts
    return {
        "target": part.target,
        "probe": part.probe,
        "window": window,
        "bad": counts.bad,
        "valid": counts.valid,
    }


def _by(one: Spent, window: str) -> str:
    """Return whose events failed within a window, in words."""
    failing = one.failing(window)
    said = words.few([f"{part.target} {part.windows[window].counts.bad}" for part in failing])
    return f" ({'failures: ' if one.what else ''}{said})" if failing else ""


def _exhausted(one: Spent, left: float, now_ns: int) -> Finding:
    period = one.objective.period
    whole = one.windows[period].counts
    what = one.what and f" {one.what}"
    pool = {"targets": one.targets} if one.key.pool else {}
    return Finding(
        key=f"budget-exhausted/{_name(one)}",
        name="BudgetExhausted",
        severity="ticket",
        subject=one.key.id,
        since_ns=now_ns,
        labels=_labels(one.key),
        facts={
            "sli": one.objective.sli,
            "objective": f"{words.goal(one.objective.ratio)} over {period}",
            "budget_left": words.percent(left, 0),
            "spent": f"{words.count(whole.bad)} of {words.count(whole.valid)}{what} were bad in {period}"
            + (_by(one, period) if one.key.pool else ""),
            **pool,
        },
    )


def _name(one: Spent) -> str:
    """Return what an SLO is called in the keys of its alerts."""
    key = one.key
    return f"{key.pool}/{key.objective}" if key.pool else f"{key.target}/{key.probe}/{key.objective}"


def _labels(key: SloKey) -> Mapping[str, str]:
    whom = {"pool": key.pool} if key.pool else {"target": key.target, "probe": key.probe}
    return {**whom, "objective": key.objective}
