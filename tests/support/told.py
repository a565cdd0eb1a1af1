"""Journal records made up for tests of the telling half."""

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from agent.config.model import Config, ProbePlan
from agent.slo.objective import Objective
from probes.result import DRILL, Fault, Outcome, ProbeResult, SlotKey
from probes.target import Target, Workload
from storage.base import Batch, Record, StoreUnavailableError
from storage.memory import MemoryStore
from storage.readings import RevisionRow, Stored
from storage.records import Beat, Drill, Drilled, Kind, Plan, PlanEntry, Settled, Skipped

START_NS = 1_800_000_000_000_000_000
EVERY_NS = 30_000_000_000
SECOND_NS = 1_000_000_000

KINDS: dict[type, Kind] = {
    ProbeResult: Kind.RESULT,
    Settled: Kind.SETTLED,
    Plan: Kind.PLAN,
    Skipped: Kind.SKIPPED,
    Beat: Kind.BEAT,
    Drilled: Kind.DRILL,
}


def result(slot: int = 0, outcome: Outcome = Outcome.OK, **fields: Any) -> ProbeResult:
    """Return an attempt at the n-th slot since START_NS that took one second."""
    given: dict[str, Any] = {
        "id": uuid.UUID(int=slot),
        "probe": "chat",
        "kind": "chat",
        "target": "openai",
        "provider": "openai",
        "cloud": "openai",
        "model": "nano",
        "vantage": "here",
        "scheduled_ns": START_NS + slot * EVERY_NS,
        "started_ns": START_NS + slot * EVERY_NS,
        "total_s": 1.0,
    }
    return ProbeResult(outcome=outcome, **(given | fields))


def settled(slot: int = 0, fault: Fault = Fault.NOT_OURS, target: str = "openai") -> Settled:
    key = SlotKey(target, "chat", "here", START_NS + slot * EVERY_NS)
    return Settled(slot=key, fault=fault, settled_ns=key.scheduled_ns + 20 * SECOND_NS, confirmations=3)


def beat(seconds: float, boot: str = "a", **fields: Any) -> Beat:
    """Return the beat so many seconds after START_NS."""
    at_ns = START_NS + round(seconds * SECOND_NS)
    given: dict[str, Any] = {"at_ns": at_ns, "boot": boot, "config_hash": "h", "vantage": "here"}
    return Beat(**(given | fields))


def plan(targets: Sequence[str] = ("openai",), every_ns: int = EVERY_NS, **fields: Any) -> Plan:
    given: dict[str, Any] = {
        "config_hash": "h",
        "vantage": "here",
        "valid_from_ns": START_NS,
        "reason": "start",
        "entries": tuple(
            PlanEntry(target=target, probe="chat", every_ns=every_ns, phase_ns=START_NS % every_ns)
            for target in targets
        ),
        "grace_ns": 40 * SECOND_NS,
    }
    return Plan(**(given | fields))


def record(seq: int, message: Any) -> Record:
    return Record(seq, KINDS[type(message)], message.encode())


def batch(*messages: Any, after: int = 0) -> Batch:
    return Batch(tuple(record(after + n, message) for n, message in enumerate(messages, 1)))


def drill(**fields: Any) -> Drill:
    """Return the order for a drill of ten minutes from START_NS on."""
    given: dict[str, Any] = {
        "id": "one",
        "target": "openai",
        "fault": "outage",
        "severity": "ticket",
        "author": "ada",
        "since_ns": START_NS,
        "until_ns": START_NS + 600 * SECOND_NS,
    }
    return Drill(**(given | fields))


def drilled(order: Drill, slot: int, outcome: Outcome = Outcome.OVERLOADED) -> list[Drilled]:
    """Return what a drill journals of a slot: its attempt, its confirmation, and its settlement."""
    failed = result(slot, outcome, target=order.target, attempt=DRILL)
    verdict = Settled(
        slot=failed.key,
        fault=Fault.NOT_OURS,
        confirmations=1,
        confirmations_bad=1,
        settled_ns=failed.scheduled_ns + 12 * SECOND_NS,
    )
    return [
        Drilled(drill=order, result=failed),
        Drilled(drill=order, result=dataclasses.replace(failed, attempt=DRILL - 1)),
        Drilled(drill=order, settled=verdict),
    ]


def moved(one: ProbeResult, seconds: float) -> ProbeResult:
    """Return the same attempt, started so much later."""
    return dataclasses.replace(one, started_ns=one.started_ns + round(seconds * SECOND_NS))


def configuration(*targets: str, state_dir: str = "/nowhere", **fields: Any) -> Config:
    """Return a plan: one chat probe of each target, an availability and a TTFT objective."""
    names = targets or ("openai",)
    pairs = tuple((name, "chat") for name in names)
    given: dict[str, Any] = {
        "vantage": "here",
        "state_dir": state_dir,
        "targets": tuple(
            Target(
                name=name,
                provider="openai",
                cloud="openai",
                model="nano",
                model_id="nano",
                endpoint="https://api.invalid/v1",
                group="nano",
            )
            for name in names
        ),
        "probes": (ProbePlan(workload=Workload(name="chat"), targets=names),),
        "objectives": (
            Objective(name="available", sli="availability", ratio=0.999, window_s=28 * 86400.0, pairs=pairs),
            Objective(
                name="quick", sli="ttft", ratio=0.99, window_s=28 * 86400.0, pairs=pairs, threshold_s=2.0
            ),
        ),
    }
    return Config(**(given | fields))


class FlakyStore(MemoryStore):
    """The in-memory store, away as often as it is told to be."""

    def __init__(self) -> None:
        super().__init__()
        self.away = 0

    def store(self, results: Sequence[ProbeResult], verdicts: Sequence[Settled]) -> Stored:
        self._answer()
        return super().store(results, verdicts)

    def plan(self, plan: Plan) -> None:
        self._answer()
        super().plan(plan)

    def revise(
        self, vantage: str, wanted: Sequence[RevisionRow], at_ns: int, *, services: bool = False
    ) -> None:
        self._answer()
        super().revise(vantage, wanted, at_ns, services=services)

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailableError("away")
