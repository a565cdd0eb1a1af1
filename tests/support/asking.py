"""Small parts for tests of the asker: a journal that is a list, a plan of a few jobs, a probe with a script."""

import asyncio
import collections
import dataclasses
from collections.abc import Callable, Iterable

from agent.asking.schedule import Job
from agent.config.model import Config, Limits, ProbePlan
from probes.base import Slot
from probes.fake import FakeProbe
from probes.result import Outcome, ProbeResult
from probes.target import Target, Workload
from storage.records import Beat, Drilled, Kind, Plan, Settled, Skipped
from storage.upkeep import Footprint
from support.clock import FakeClock


class ListJournal:
    """Keeps what was appended, decoded; drops instead while `full`."""

    def __init__(self) -> None:
        self.results: list[ProbeResult] = []
        self.settled: list[Settled] = []
        self.skipped: list[Skipped] = []
        self.beats: list[Beat] = []
        self.plans: list[Plan] = []
        self.drilled: list[Drilled] = []
        self.good: list[bool] = []
        self.kinds: list[Kind] = []
        self.head: Plan | None = None
        self.full = False
        self.dropped: collections.Counter[str] = collections.Counter()
        self.footprint = Footprint(123, 456)

    def append(self, kind: Kind, payload: bytes, *, good: bool = False) -> int:
        if self.full:
            self.dropped["disk_full"] += 1
            return 0
        self.kinds.append(kind)
        match kind:
            case Kind.RESULT:
                self.results.append(ProbeResult.decode(payload))
                self.good.append(good)
            case Kind.SETTLED:
                self.settled.append(Settled.decode(payload))
            case Kind.SKIPPED:
                self.skipped.append(Skipped.decode(payload))
            case Kind.BEAT:
                self.beats.append(Beat.decode(payload))
            case Kind.PLAN:
                self.plans.append(Plan.decode(payload))
            case Kind.DRILL:
                self.drilled.append(Drilled.decode(payload))
        return len(self.kinds)

    def set_head(self, kind: Kind, payload: bytes) -> None:
        assert kind is Kind.PLAN
        self.head = Plan.decode(payload)


class SlowProbe(FakeProbe):
    """Takes `takes_s` (or what it says of a slot) for each answer."""

    def __init__(
        self,
        clock: FakeClock,
        outcomes: Iterable[Outcome] = (),
        takes_s: float | Callable[[Target, Slot], float] = 0.5,
    ) -> None:
        super().__init__(clock, outcomes, vantage="here")
        self.takes_s = takes_s
        self.at_once = 0
        self.most_at_once = 0

    async def ask(self, target: Target, workload: Workload, slot: Slot) -> ProbeResult:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        result = await super().ask(target, workload, slot)
        try:
            await asyncio.sleep(self.takes_s(target, slot) if callable(self.takes_s) else self.takes_s)
        finally:
            self.at_once -= 1
        return result


def a_target(name: str = "openai", group: str | None = None) -> Target:
    return Target(
        name=name,
        provider="openai",
        cloud="openai",
        model="nano",
        model_id="nano",
        endpoint="http://127.0.0.1:1",
        group=group or name,
    )


def a_job(name: str = "openai", **workload: object) -> Job:
    return Job(target=a_target(name), workload=Workload(name="chat", **workload))  # type: ignore[arg-type] # a test names any


def a_config(
    targets: Iterable[Target] = (), workload: Workload | None = None, *, in_flight: int = 500
) -> Config:
    known = tuple(targets) or (a_target(),)
    return Config(
        vantage="here",
        state_dir="unused",
        targets=known,
        probes=(
            ProbePlan(workload=workload or Workload(name="chat"), targets=tuple(one.name for one in known)),
        ),
        objectives=(),
        limits=Limits(in_flight=in_flight),
    )


def replaced(config: Config, **workload: object) -> Config:
    """Return the plan with its one workload changed."""
    probe = config.probes[0]
    changed = dataclasses.replace(probe.workload, **workload)  # type: ignore[arg-type] # as above
    return dataclasses.replace(config, probes=(dataclasses.replace(probe, workload=changed),))
