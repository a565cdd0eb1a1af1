"""What the journal carries besides results: settlements, plans, skips and beats, and their encoding."""

import dataclasses
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from probes.result import Fault, ProbeResult, SlotKey


class Kind(StrEnum):
    """The kinds of journal records."""

    RESULT = "result"
    SETTLED = "settled"
    PLAN = "plan"
    SKIPPED = "skipped"
    BEAT = "beat"
    DRILL = "drill"


class _Record:
    """JSON both ways: unknown keys, a newer writer's, are ignored; missing ones take their defaults."""

    __slots__ = ()

    def encode(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), separators=(",", ":")).encode()  # type: ignore[call-overload]

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        return cls(**cls._revive({key: value for key, value in json.loads(payload).items() if key in names}))

    @classmethod
    def _revive(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return raw


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settled(_Record):
    """A slot's bad outcome, settled: what confirmations and witnesses made of it.

    `confirmations` were asked after the failure, `confirmations_bad` of them failed as well.
    """

    slot: SlotKey
    fault: Fault
    confirmations: int = 0
    confirmations_bad: int = 0
    witness: str | None = None
    settled_ns: int

    @property
    def confirmed(self) -> bool:
        return self.confirmations > 0 and self.confirmations == self.confirmations_bad

    @property
    def answered(self) -> bool:
        return self.confirmations > self.confirmations_bad

    @classmethod
    def _revive(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return raw | {"slot": SlotKey(**raw["slot"]), "fault": Fault(raw["fault"])}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanEntry:
    """Which slots of one probe of one target are due: phase + k * every, both nanoseconds."""

    target: str
    probe: str
    every_ns: int
    phase_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan(_Record):
    """The plan that holds from an instant on.

    `snapshot` is true where it only repeats what holds already (the head of a journal segment);
    `grace_ns` is how long after its slot a result may still come: the longest deadline and settling.
    """

    config_hash: str
    vantage: str
    valid_from_ns: int
    reason: str
    entries: tuple[PlanEntry, ...]
    grace_ns: int
    snapshot: bool = False

    @classmethod
    def _revive(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return raw | {"entries": tuple(PlanEntry(**entry) for entry in raw["entries"])}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(_Record):
    """A due slot that has no result, and why.

    `in_flight` (the limit), `overlap`, `late` (by more than its interval), `budget` (spent), `shutdown`, `bug`
    (ours, logged).
    """

    slot: SlotKey
    reason: str

    @classmethod
    def _revive(cls, raw: dict[str, Any]) -> dict[str, Any]:
        return raw | {"slot": SlotKey(**raw["slot"])}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Beat(_Record):
    """The asker is alive: what it saw of itself since the beat before.

    `boot` names the process; a new one means that the asker was restarted. `lateness` and `loop_lag` map
    bucket upper edges in seconds (as text, `+Inf` last) to counts since the beat before, not cumulative
    over buckets; the sums are seconds. `dropped` counts records by reason since the asker started.
    `calibration` is the newest error of our own, seconds by whether over TLS (`no`, `yes`) and statistic
    (`p50`, `p99`); what was not observed is missing.
    `clock_offset_s` is what the kernel's time discipline still has to correct, None where it does not tell.
    `budget_left` is what is left of the day's budget by unit (`usd`, `tokens`), negative where it is passed;
    `budget_used` the share of the caps that is spent, by what they are for (`day`, `target`, `probe`: of several
    the fullest) and unit; what has no cap is missing.
    `witnesses` says how the witnesses of each network stand: `up`, `down`, `doubted` (not reached while
    targets of the network were), or `no_vote` (not reached within 24 h).
    """

    at_ns: int
    boot: str
    config_hash: str
    vantage: str
    lateness: Mapping[str, int] = dataclasses.field(default_factory=dict)
    lateness_sum_s: float = 0.0
    loop_lag: Mapping[str, int] = dataclasses.field(default_factory=dict)
    loop_lag_sum_s: float = 0.0
    in_flight: int = 0
    journal_bytes: int = 0
    journal_oldest_ns: int | None = None
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    draining: bool = False
    calibration: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    clock_offset_s: float | None = None
    budget_left: Mapping[str, float] = dataclasses.field(default_factory=dict)
    budget_used: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    witnesses: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """The order for a drill: which fault one target shows until an instant, and how the alerts of it are told."""

    id: str
    target: str
    fault: str
    severity: str
    author: str
    since_ns: int
    until_ns: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drilled(_Record):
    """One step of a drill: its begin, an attempt (under attempts of its own), or a slot's settlement.

    A kind of its own, so that whoever counts results never meets one. Each holds the order, so that none is needed
    for another to be understood.
    """

    drill: Drill
    result: ProbeResult | None = None
    settled: Settled | None = None

    def encode(self) -> bytes:
        said: dict[str, Any] = {"drill": dataclasses.asdict(self.drill)}
        for name in ("result", "settled"):
            if (part := getattr(self, name)) is not None:
                said[name] = json.loads(part.encode())
        return json.dumps(said, separators=(",", ":")).encode()

    @classmethod
    def _revive(cls, raw: dict[str, Any]) -> dict[str, Any]:
        known = {field.name for field in dataclasses.fields(Drill)}
        found: dict[str, Any] = {
            "drill": Drill(**{key: value for key, value in raw["drill"].items() if key in known})
        }
        if (result := raw.get("result")) is not None:
            found["result"] = ProbeResult.decode(json.dumps(result).encode())
        if (settled := raw.get("settled")) is not None:
            found["settled"] = Settled.decode(json.dumps(settled).encode())
        return found
