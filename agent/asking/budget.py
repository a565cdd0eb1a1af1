"""What was spent in the UTC day, what its rest will take, and so which probes may still be asked: pure."""

import collections
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from agent.asking.schedule import Job, jobs
from agent.config.model import Allowance, Budget, Config
from agent.costs import Use, expected, unslowed
from probes.result import ANSWERED, ProbeResult

DAY_NS: Final = 86_400_000_000_000

WARNED: Final = 0.8
"""The share of a cap past which people are told."""

REMEMBERED: Final = 100
"""Attempts that a mean stands on: a model that begins to answer at length shows within a few hours."""

DAYS: Final = 2
"""Days that are kept: a clock that is set back over midnight finds the day before again."""

Unit = Literal["usd", "tokens"]
UNITS: Final[tuple[Unit, ...]] = ("usd", "tokens")

Scope = tuple[str, str]
"""What a cap is for: `("day", "")`, `("target", name)`, `("probe", name)`."""

WHOLE: Final[Scope] = ("day", "")


class Amount(NamedTuple):
    """Money and tokens; of what has no price, tokens alone."""

    usd: float = 0.0
    tokens: float = 0.0

    def plus(self, other: "Amount", times: float = 1.0) -> "Amount":
        """Return this and so many times the other.

        >>> Amount(1.0, 10.0).plus(Amount(0.5, 2.0), 2)
        Amount(usd=2.0, tokens=14.0)
        """
        return Amount(self.usd + other.usd * times, self.tokens + other.tokens * times)


NOTHING: Final = Amount()


class Notice(NamedTuple):
    """A cap of which so large a share is spent, told once a day."""

    scope: Scope
    unit: Unit
    share: float
    spent: float
    cap: float


@dataclasses.dataclass(slots=True)
class _Mean:
    """What an attempt takes: its estimate at first, then the mean of what attempts took."""

    estimate: Amount
    seen: int = 0
    value: Amount = NOTHING

    @property
    def expected(self) -> Amount:
        return self.value if self.seen else self.estimate

    def learn(self, took: Amount) -> None:
        self.seen = min(self.seen + 1, REMEMBERED)
        self.value = self.value.plus(took.plus(self.value, -1), 1 / self.seen)


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    """A job of the plan. `rank` 0 is never slowed; of the others the highest goes first."""

    job: Job
    rank: int
    mean: _Mean


class Held(NamedTuple):
    """What an attempt that is under way may take; given back when it ended."""

    scopes: tuple[Scope, ...]
    amount: Amount


class Budgeting:
    """Decides by priority: a probe is asked if, beside it, everything more important fits into the day's rest.

    What was spent, what is under way, this probe, and what every probe of a lower rank will take until midnight
    must stay within each cap that holds for it. So the kinds of `shed` stop in their order, each at the spend
    that leaves enough for the ones after it, and availability probes (rank 0) are asked whatever happens.
    Instants are UTC nanoseconds.
    """

    def __init__(self, config: Config) -> None:
        self._budget: Budget | None = None
        self._known: dict[tuple[str, str], _Known] = {}
        self._means: dict[tuple[str, str], _Mean] = {}
        self._days: collections.OrderedDict[int, dict[Scope, Amount]] = collections.OrderedDict()
        self._held: collections.defaultdict[Scope, Amount] = collections.defaultdict(Amount)
        self._rates: dict[tuple[Scope, int], Amount] = {}
        self._noticed: set[tuple[int, Scope, Unit, float]] = set()
        self.switch(config)

    @property
    def budget(self) -> Budget | None:
        return self._budget

    def switch(self, config: Config) -> None:
        """Go over to another plan and its budget; what was spent today stays spent."""
        if config.budget != self._budget:
            self._noticed.clear()
        self._budget = config.budget
        kept = unslowed(config)
        self._known = {}
        for job in jobs(config):
            key = _key(job)
            rank = 0 if key in kept else _rank(job.workload.kind, config.budget)
            self._known[key] = _Known(job, rank, self._mean(job))
        self._means = {key: known.mean for key, known in self._known.items()}
        self._rates = {}
        for known in self._known.values():
            self._rate(known, known.mean.expected)

    def ask(self, job: Job, now_ns: int) -> Held | None:
        """Return what is held for an attempt that may be asked now, or None where the budget is against it."""
        known = self._known.get(_key(job))
        if known is None:  # of a plan that ended in this very turn of the loop
            return Held((), NOTHING)
        own = known.mean.expected
        if known.rank and not all(self._has_room(scope, known.rank, own, now_ns) for scope in _scopes(job)):
            return None
        held = Held(_scopes(job), own)
        for scope in held.scopes:
            self._held[scope] = self._held[scope].plus(own)
        return held

    def release(self, held: Held) -> None:
        """Give back what was held: the attempt ended, and what it took is told by `spend`."""
        for scope in held.scopes:
            self._held[scope] = self._held[scope].plus(held.amount, -1)

    def spend(self, job: Job, result: ProbeResult) -> list[Notice]:
        """Take what an attempt of any kind took: scheduled, confirmation or manual; return what to tell people.

        Where text was generated and the endpoint did not say how much, what was expected is taken for it.
        """
        known = self._known.get(_key(job))
        took = _took(result)
        if took is None:
            took = known.mean.expected if known and _generated(result) else NOTHING
        elif known:
            before = known.mean.expected
            known.mean.learn(took)
            self._rate(known, known.mean.expected.plus(before, -1))
        day = result.started_ns // DAY_NS
        spent = self._day(day)
        for scope in _scopes(job):
            spent[scope] = spent.get(scope, NOTHING).plus(took)
        return [notice for scope in _scopes(job) for notice in self._notices(day, scope)]

    def remaining(self, now_ns: int) -> dict[str, float]:
        """Return what is left of the day's caps by unit; negative where one is passed."""
        return {unit: cap - getattr(self._spent(WHOLE, now_ns), unit) for unit, cap in self._caps(WHOLE)}

    def used(self, now_ns: int) -> dict[str, dict[str, float]]:
        """Return the share of the caps that is spent, by what they are for and unit: of several, the fullest's."""
        shares: dict[str, dict[str, float]] = {}
        for scope, spent in ((WHOLE, NOTHING), *self._days.get(now_ns // DAY_NS, {}).items()):
            for unit, cap in self._caps(scope):
                share = getattr(spent, unit) / cap
                kind = shares.setdefault(scope[0], {})
                kind[unit] = max(share, kind.get(unit, 0.0))
        return shares

    # -- the arithmetic

    def _has_room(self, scope: Scope, rank: int, own: Amount, now_ns: int) -> bool:
        left_s = (DAY_NS - now_ns % DAY_NS) / 1e9
        committed = self._spent(scope, now_ns).plus(self._held[scope]).plus(own)
        for more_important in range(rank):
            committed = committed.plus(self._rates.get((scope, more_important), NOTHING), left_s)
        return all(getattr(committed, unit) <= cap for unit, cap in self._caps(scope))

    def _rate(self, known: _Known, more: Amount) -> None:
        for scope in _scopes(known.job):
            key = scope, known.rank
            self._rates[key] = self._rates.get(key, NOTHING).plus(more, 1 / known.job.workload.every_s)

    def _spent(self, scope: Scope, now_ns: int) -> Amount:
        return self._days.get(now_ns // DAY_NS, {}).get(scope, NOTHING)

    def _day(self, day: int) -> dict[Scope, Amount]:
        """Return a day's spending; the days used last are kept, however the clock was set."""
        spent = self._days.setdefault(day, {})
        self._days.move_to_end(day)
        while len(self._days) > DAYS:
            self._days.popitem(last=False)
        return spent

    def _caps(self, scope: Scope) -> Iterator[tuple[Unit, float]]:
        if self._budget is None:
            return
        allowance: Allowance = getattr(self._budget, scope[0])
        for unit in UNITS:
            cap = getattr(allowance, unit)
            if cap is not None:
                yield unit, cap

    def _notices(self, day: int, scope: Scope) -> Iterator[Notice]:
        spent = self._days[day][scope]
        for (unit, cap), share in itertools.product(self._caps(scope), (WARNED, 1.0)):
            told = day, scope, unit, share
            if getattr(spent, unit) >= share * cap and told not in self._noticed:
                self._noticed = {each for each in self._noticed if each[0] in self._days} | {told}
                yield Notice(scope, unit, share, getattr(spent, unit), cap)

    def _mean(self, job: Job) -> _Mean:
        """Return what is known of a job, unless the plan changed what one of its attempts may take."""
        estimate = _estimate(expected(job.target, job.workload))
        known = self._means.get(_key(job))
        return known if known is not None and known.estimate == estimate else _Mean(estimate)

    # -- over a restart

    def snapshot(self) -> dict[str, Any]:
        """Return what has to outlast this process, as plain JSON values."""
        return {
            "days": [
                [day, [[*scope, *spent] for scope, spent in scopes.items()]]
                for day, scopes in self._days.items()
            ],
            "means": [
                [*key, mean.seen, mean.value, mean.estimate] for key, mean in self._means.items() if mean.seen
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `snapshot` returned; ValueError, KeyError or TypeError where it is none."""
        days = collections.OrderedDict(
            (int(day), {(str(kind), str(name)): _amount(usd, tokens) for kind, name, usd, tokens in scopes})
            for day, scopes in state["days"]
        )
        means = {
            (str(target), str(probe)): _Mean(_amount(*estimate), int(seen), _amount(*value))
            for target, probe, seen, value, estimate in state["means"]
        }
        self._days = days
        for key, known in self._known.items():
            mean = means.get(key)
            if mean is not None and mean.estimate == known.mean.estimate:
                before = known.mean.expected
                known.mean.seen, known.mean.value = mean.seen, mean.value
                self._rate(known, mean.expected.plus(before, -1))


def _rank(kind: str, budget: Budget | None) -> int:
    """Return 1 for a kind that goes last, more for one that goes earlier.

    >>> budget = Budget(shed=("throughput", "tools"))
    >>> [_rank(kind, budget) for kind in ("chat-sync", "tools", "throughput")]
    [1, 2, 3]
    """
    shed = budget.shed if budget else ()
    return 1 + len(shed) - shed.index(kind) if kind in shed else 1


def _key(job: Job) -> tuple[str, str]:
    return job.target.name, job.workload.name


def _scopes(job: Job) -> tuple[Scope, ...]:
    return WHOLE, ("target", job.target.name), ("probe", job.workload.name)


def _estimate(use: Use) -> Amount:
    return Amount(use.usd or 0.0, use.tokens)


def _took(result: ProbeResult) -> Amount | None:
    """Return what an attempt says that it took, None where it says nothing."""
    if result.input_tokens is None and result.output_tokens is None:
        return None
    return Amount(result.cost_usd or 0.0, float((result.input_tokens or 0) + (result.output_tokens or 0)))


def _generated(result: ProbeResult) -> bool:
    return result.ttft_s is not None or result.outcome in ANSWERED


def _amount(usd: Any, tokens: Any) -> Amount:
    return Amount(float(usd), float(tokens))
