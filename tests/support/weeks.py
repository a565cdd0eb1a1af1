"""A made-up week: an outage, our own absence, doubts and hostile words, as any store can hold it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from agent.config.model import Config, ProbePlan
from agent.slo.objective import Objective
from agent.slo.service import Member, Service
from agent.telling import weeks
from probes.result import EventClass, Fault, Outcome, ProbeResult
from probes.target import Target, Workload
from storage.base import Store
from storage.readings import CorrectionRow, MaintenanceRow
from storage.records import Plan, PlanEntry, Settled
from support.results import a_result

WEEK = weeks.named("2027-W01")
MINUTE_NS = 60 * 1_000_000_000
HOUR_NS = 60 * MINUTE_NS
EVERY_NS = 10 * MINUTE_NS
NOW_NS = WEEK.until_ns + 8 * HOUR_NS

HOSTILE = "<script>alert(1)</script>|`*"
OUTAGE = range(24 * 6 + 60, 24 * 6 + 72)
"""Slots of openai's outage: Tuesday, 10:00 to 12:00."""

TUESDAY_10H = WEEK.since_ns + 34 * HOUR_NS

ABSENT = range(48 * 6, 48 * 6 + 12)
"""Slots that nobody asked: Wednesday, 0:00 to 2:00."""

PAIRS = (("openai", "chat"), ("openai", "models"), ("azure", "chat"), ("vllm", "chat"))


def configuration(state_dir: str = "/nowhere") -> Config:
    """Return the plan that the week was probed by; `vllm` fell silent after Monday."""
    chat = Workload(name="chat", every_s=600.0)
    models = Workload(name="models", kind="models", every_s=600.0)
    chats = tuple((target, "chat") for target in ("openai", "azure", "vllm"))
    return Config(
        vantage="fra-1",
        state_dir=state_dir,
        targets=tuple(
            Target(
                name=name,
                provider="openai",
                cloud="openai",
                model="nano",
                model_id="nano",
                endpoint="https://api.invalid/v1",
                group="nano",
                simulated=name == "vllm",
            )
            for name in ("openai", "azure", "vllm")
        ),
        probes=(
            ProbePlan(workload=chat, targets=("openai", "azure", "vllm")),
            ProbePlan(workload=models, targets=("openai",)),
        ),
        objectives=(
            Objective(name="available", sli="availability", ratio=0.999, window_s=28 * 86400.0, pairs=chats),
            Objective(
                name="quick", sli="ttft", ratio=0.95, window_s=7 * 86400.0, pairs=chats, threshold_s=1.5
            ),
        ),
    )


def with_service(*targets: str, at_least: int = 1) -> Config:
    """Return the same with a service of these targets, 99 % over 7 days."""
    members = tuple(
        Member(target=name, probe="chat", cloud=name, region=None, every_s=600.0) for name in targets
    )
    service = Service(name="nano", members=members, ratio=0.99, window_s=7 * 86400.0, at_least=at_least)
    return dataclasses.replace(configuration(), services=(service,))


def plan() -> Plan:
    return Plan(
        config_hash=configuration().hash,
        vantage="fra-1",
        valid_from_ns=WEEK.since_ns - 24 * HOUR_NS,
        reason="start",
        entries=tuple(
            PlanEntry(target=target, probe=probe, every_ns=EVERY_NS, phase_ns=0) for target, probe in PAIRS
        ),
        grace_ns=45 * 1_000_000_000,
    )


def fill(store: Store) -> None:
    """Store the week, the day before it and a little of the week after."""
    store.plan(plan())
    told = list(results())
    store.store(told, [verdict for one in told if (verdict := settled(one))])


def maintenance(*targets: str, hours: float, since_ns: int = TUESDAY_10H) -> list[MaintenanceRow]:
    """Return announced work on these targets, from the begin of openai's outage on unless said otherwise."""
    return [
        MaintenanceRow(
            key="m1",
            target=target,
            since_ns=since_ns,
            until_ns=since_ns + round(hours * HOUR_NS),
            source="command",
            author="ada",
            reason="kernel | update",
            made_ns=since_ns,
        )
        for target in targets
    ]


def correction(target: str, kind: EventClass, *, hours: float, since_ns: int = TUESDAY_10H) -> CorrectionRow:
    """Return somebody's word on what a target's events count as, from the begin of openai's outage on."""
    return CorrectionRow(
        target=target,
        since_ns=since_ns,
        until_ns=since_ns + round(hours * HOUR_NS),
        kind=kind,
        author="ada",
        reason="our canary",
        made_ns=NOW_NS,
    )


def results() -> Iterator[ProbeResult]:
    for slot in range(-24 * 6, 7 * 24 * 6 + 6):
        for target, probe in PAIRS:
            if slot not in ABSENT and (target != "vllm" or slot < 24 * 6):
                yield from _slot(slot, target, probe)


def _slot(slot: int, target: str, probe: str) -> Iterator[ProbeResult]:
    if target == "openai" and slot in OUTAGE:
        if probe == "chat" and slot == OUTAGE[4]:
            yield result(slot, target, probe, Outcome.THROTTLED)
            return
        failed = result(slot, target, probe, Outcome.OVERLOADED, error_code="server_is_overloaded")
        yield failed
        yield dataclasses.replace(
            result(slot, target, probe, Outcome.OVERLOADED), attempt=1, scheduled_ns=failed.scheduled_ns
        )
    elif target == "azure" and slot == 300:
        yield result(slot, target, probe, Outcome.DNS, error_code=HOSTILE)
    elif target == "azure" and slot == 500:
        yield result(slot, target, probe, Outcome.SERVER_ERROR, error_code=HOSTILE)
    else:
        slow = target == "azure" and slot % 100 == 0
        doubts = ("loop_lag", "coalesced") if slot % 250 == 7 else ()
        ttft_s = None if probe == "models" else (2.0 if slow else 0.3 + slot % 10 / 100)
        yield result(slot, target, probe, ttft_s=ttft_s, quality_reasons=doubts, **_spent(target, probe))


def _spent(target: str, probe: str) -> dict[str, Any]:
    if probe == "models":
        return {}
    priced = {"cost_usd": 0.0001, "price_source": "list of 2026-12"} if target == "openai" else {}
    return {"input_tokens": 12, "output_tokens": 4} | priced


def result(slot: int, target: str, probe: str, outcome: Outcome = Outcome.OK, **fields: Any) -> ProbeResult:
    scheduled_ns = WEEK.since_ns + slot * EVERY_NS
    bare = dict.fromkeys(("ttft_s", "total_s", "cost_usd", "input_tokens", "output_tokens"))
    given = {"total_s": 0.5} if outcome is Outcome.OK else {}
    return a_result(
        target=target,
        probe=probe,
        kind=probe,
        scheduled_ns=scheduled_ns,
        started_ns=scheduled_ns,
        outcome=outcome,
        simulated=target == "vllm",
        **bare | given | fields,
    )


def settled(one: ProbeResult) -> Settled | None:
    if not one.meaning.confirm or one.attempt:
        return None
    fault = Fault.OURS if one.outcome is Outcome.DNS else Fault.NOT_OURS
    return Settled(slot=one.key, fault=fault, settled_ns=one.scheduled_ns + MINUTE_NS)
