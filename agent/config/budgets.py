"""The budget as the file has it, and whether the plan can keep within it."""

from collections.abc import Callable, Iterable, Iterator

from agent.config.context import Context
from agent.config.findings import Path
from agent.config.model import Allowance, Budget, Config
from agent.config.schema import AllowanceSection, Settings
from agent.costs import DailyCost, per_day, unslowed
from exporters import words

_REMEDY = "take fewer targets, a longer interval, a smaller max_tokens (answers are counted up to it) or a higher cap"

_UNITS: dict[str, Callable[[DailyCost], float]] = {
    "usd": lambda cost: cost.usd or 0.0,
    "tokens": lambda cost: cost.input_tokens + cost.output_tokens,
}


def budget(context: Context, settings: Settings) -> Budget | None:
    section = settings.budget
    if section is None:
        return None
    found = Budget(
        day=Allowance(usd=section.usd_per_day, tokens=section.tokens_per_day),
        target=_allowance(section.per.target),
        probe=_allowance(section.per.probe),
        shed=section.shed,
    )
    if not any(_limited(each) for each in (found.day, found.target, found.probe)):
        context.findings.error(
            ("budget",), "limits nothing; write usd_per_day or tokens_per_day, or take the section out"
        )
    return found


def judge(context: Context, config: Config) -> None:
    """Tell of a plan that its budget cannot hold, and of what the budget cannot see."""
    if config.budget is None:
        return
    costs, kept = per_day(config), unslowed(config)
    _judge_caps(context, config.budget, [cost for cost in costs if (cost.target, cost.probe) in kept])
    _judge_all(context, config.budget.day, costs)
    _unpriced(context, config.budget, costs)
    _shed(context, config, config.budget, kept)


def _allowance(section: AllowanceSection) -> Allowance:
    return Allowance(usd=section.usd, tokens=section.tokens)


def _limited(allowance: Allowance) -> bool:
    return allowance.usd is not None or allowance.tokens is not None


def _caps(budget: Budget) -> Iterator[tuple[Path, Callable[[DailyCost], str], str, float]]:
    """Yield each limit: its key, what it is for (by its part of the costs), the unit, the amount."""
    for unit in _UNITS:
        if (cap := getattr(budget.day, unit)) is not None:
            yield ("budget", f"{unit}_per_day"), lambda _: "the plan", unit, cap
        if (cap := getattr(budget.target, unit)) is not None:
            yield ("budget", "per", "target"), lambda cost: f"target {cost.target}", unit, cap
        if (cap := getattr(budget.probe, unit)) is not None:
            yield ("budget", "per", "probe"), lambda cost: f"probe {cost.probe}", unit, cap


def _judge_caps(context: Context, budget: Budget, costs: list[DailyCost]) -> None:
    """Refuse what the probes that are never slowed would pass on their own."""
    for path, part, unit, cap in _caps(budget):
        sums: dict[str, float] = {}
        for cost in costs:
            sums[part(cost)] = sums.get(part(cost), 0.0) + _UNITS[unit](cost)
        over = {name: amount for name, amount in sums.items() if amount > cap}
        if over:
            worst = max(over, key=lambda name: over[name])
            others = f", and {len(over) - 1} more likewise" if len(over) > 1 else ""
            context.findings.error(
                path,
                f"availability probes are never slowed, and those of {worst} are expected to take "
                f"{_shown(over[worst], unit)} a day, over the cap of {_shown(cap, unit)}{others}; {_REMEDY}",
            )


def _judge_all(context: Context, day: Allowance, costs: Iterable[DailyCost]) -> None:
    costs = list(costs)
    for unit, amount in _UNITS.items():
        cap, whole = getattr(day, unit), sum(amount(cost) for cost in costs)
        if cap is not None and whole > cap:
            context.findings.warn(
                ("budget", f"{unit}_per_day"),
                f"the whole plan is expected to take {_shown(whole, unit)} a day, over the cap of {_shown(cap, unit)}: "
                "probes that feed no availability objective will stop some time in the day",
            )


def _unpriced(context: Context, budget: Budget, costs: Iterable[DailyCost]) -> None:
    if all(each.usd is None for each in (budget.day, budget.target, budget.probe)):
        return
    names = list(dict.fromkeys(cost.target for cost in costs if cost.usd is None))
    if names:
        context.findings.warn(
            ("budget",),
            f"price unknown for {words.few(names)}, so no cap in USD holds there; "
            "write price: {input: ..., output: ...} for each, or cap tokens",
        )


def _shed(context: Context, config: Config, budget: Budget, kept: frozenset[tuple[str, str]]) -> None:
    for plan in config.probes:
        work = plan.workload
        if work.kind in budget.shed and any((name, work.name) in kept for name in plan.targets):
            context.findings.warn(
                ("budget", "shed"),
                f"probe {work.name} is of kind {work.kind} and feeds an availability objective, so it is never slowed",
            )


def _shown(amount: float, unit: str) -> str:
    """Return an amount for people.

    >>> _shown(41.236, "usd"), _shown(0.00123, "usd"), _shown(20e6, "tokens")
    ('41.24 USD', '0.00123 USD', '20000000 tokens')
    """
    if unit == "tokens":
        return f"{amount:.0f} tokens"
    return f"{amount:.2f} USD" if amount >= 1 else f"{amount:.3g} USD"
