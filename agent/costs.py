"""What a plan's probes are expected to use and to cost in a day, before any of them was asked."""

import dataclasses
import math
from typing import Final

from agent.config.model import Config
from probes import tasks
from probes.target import Price, Target, Workload

DAY_S: Final = 86400.0

AVAILABILITY_KINDS: Final = frozenset({"chat", "models"})
"""Kinds of probes that no budget slows, whatever is spent: they tell whether an endpoint answers at all."""

EXPENSIVE_KINDS: Final = frozenset({"throughput", "long-context"})
"""Kinds that a person asks by name alone: one of them costs as much as some hundred chats."""

BYTES_PER_TOKEN: Final = 3
"""English has about four letters a token, other languages fewer: three estimates rather too much."""

FRAME_TOKENS: Final = 24
"""What stands around every prompt: our nonce of 16 hex digits (8-14 tokens) and the marks of a chat's turns."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DailyCost:
    """One probe of one target over a day; tokens and US dollars are the day's, confirmations left out.

    `usd` is None where no price is known, which is not the same as free.
    """

    target: str
    probe: str
    probes: float
    input_tokens: float
    output_tokens: float
    usd: float | None
    price_source: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one attempt uses, or is expected to; `usd` is None where no price is known."""

    input_tokens: float
    output_tokens: float
    usd: float | None

    @property
    def tokens(self) -> float:
        return self.input_tokens + self.output_tokens


def per_day(config: Config) -> tuple[DailyCost, ...]:
    """Return what each (target, probe) of a plan is expected to use in a day, in the plan's order."""
    targets = {target.name: target for target in config.targets}
    return tuple(_daily(targets[name], plan.workload) for plan in config.probes for name in plan.targets)


def unslowed(config: Config) -> frozenset[tuple[str, str]]:
    """Return the (target, probe)s that no budget slows: by kind, or because an availability objective watches them."""
    by_kind = {
        (name, plan.workload.name)
        for plan in config.probes
        if plan.workload.kind in AVAILABILITY_KINDS
        for name in plan.targets
    }
    watched = {
        pair for objective in config.objectives if objective.sli == "availability" for pair in objective.pairs
    }
    return frozenset(by_kind | watched)


def expected(target: Target, workload: Workload) -> Use:
    """Return what one attempt may use at most, as far as can be told without asking: an answer up to its cap.

    Fetching a list of models generates nothing, so it costs nothing; embeddings are paid by what is read.
    """
    if workload.kind == "models":
        return Use(input_tokens=0.0, output_tokens=0.0, usd=0.0)
    prompt = FRAME_TOKENS + math.ceil(tasks.size(workload) / BYTES_PER_TOKEN)
    answer = workload.max_tokens if workload.generates else 0
    return Use(
        input_tokens=float(prompt), output_tokens=float(answer), usd=_usd(target.price, prompt, answer)
    )


def _daily(target: Target, workload: Workload) -> DailyCost:
    each, probes = expected(target, workload), DAY_S / workload.every_s
    priced = target.price is not None and workload.kind != "models"
    return DailyCost(
        target=target.name,
        probe=workload.name,
        probes=probes,
        input_tokens=each.input_tokens * probes,
        output_tokens=each.output_tokens * probes,
        usd=None if each.usd is None else each.usd * probes,
        price_source=target.price.source if target.price and priced else None,
    )


def _usd(price: Price | None, input_tokens: float, output_tokens: float) -> float | None:
    """Return what tokens cost.

    >>> _usd(Price(input=0.05, output=0.4, source="list"), 1_000_000, 100_000)
    0.09
    """
    return None if price is None else (input_tokens * price.input + output_tokens * price.output) / 1e6
