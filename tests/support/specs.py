"""Configurations and rule specs for tests of the generated rules."""

import dataclasses
from typing import Any

from agent.config.model import Config, ProbePlan
from agent.slo.objective import Objective
from agent.slo.service import Member, Service
from probes.target import Target, Workload

DAY_S = 86400.0


def a_config(
    *,
    names: tuple[str, ...] = ("openai",),
    objectives: tuple[Objective, ...] | None = None,
    every_s: float = 30.0,
    **target: Any,
) -> Config:
    """Return one chat probe of each target, judged by 99.9 % availability and 99 % TTFT under 2 s over 28 d."""
    pairs = tuple((name, "chat") for name in names)
    given: dict[str, Any] = {
        "provider": "openai",
        "cloud": "openai",
        "model": "nano",
        "model_id": "gpt-5-nano",
        "endpoint": "https://api.openai.example/v1",
        "group": "nano",
    }
    return Config(
        vantage="fra-1",
        state_dir="/var/lib/nephoscope",
        targets=tuple(Target(name=name, **(given | target)) for name in names),
        probes=(ProbePlan(workload=Workload(name="chat", every_s=every_s), targets=names),),
        objectives=(available(pairs), quick(pairs)) if objectives is None else objectives,
        runbook="https://runbooks.example/llm/{objective}",
    )


def served(
    *, critical: tuple[str, ...] = (), names: tuple[str, ...] = ("openai", "azure"), at_least: int = 1
) -> Config:
    """Return a plan whose service `nano` is served by openai and azure, of which one is enough, or as asked."""
    config = a_config(names=names)
    targets = tuple(
        dataclasses.replace(target, cloud=target.name, critical=target.name in critical)
        for target in config.targets
    )
    members = tuple(
        Member(target=target.name, probe="chat", cloud=target.cloud, region=None, every_s=30.0)
        for target in targets
    )
    service = Service(
        name="nano", members=members, ratio=0.999, window_s=28 * DAY_S, team="assist", at_least=at_least
    )
    return dataclasses.replace(config, targets=targets, services=(service,))


def available(pairs: tuple[tuple[str, str], ...] = (("openai", "chat"),), **changes: Any) -> Objective:
    objective = Objective(name="available", sli="availability", ratio=0.999, window_s=28 * DAY_S, pairs=pairs)
    return dataclasses.replace(objective, **changes)


def quick(pairs: tuple[tuple[str, str], ...] = (("openai", "chat"),), **changes: Any) -> Objective:
    objective = Objective(
        name="quick", sli="ttft", ratio=0.99, window_s=28 * DAY_S, pairs=pairs, threshold_s=2.0
    )
    return dataclasses.replace(objective, **changes)
