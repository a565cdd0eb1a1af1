"""What is due when: the plan's jobs and their slots as pure arithmetic, and as a trigger for APScheduler."""

import dataclasses
import math
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.triggers.base import BaseTrigger

from agent.config.model import Config
from probes.slots import first_slot, phase_ns
from probes.target import Target, Workload
from storage.records import Plan, PlanEntry

SETTLING_S: Final = 15.0
"""After a failure: two pauses of 5 s before the last confirmation, and 5 s for the path witness."""

OVERLAP: Final = 10
"""Runs of one probe of one target at the same time, at the most."""

REACH: Final = 1000
"""Missed slots of one job that are accounted for one by one; a clock that jumps a year would bring a million."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One probe of one target."""

    target: Target
    workload: Workload

    @property
    def id(self) -> str:
        return f"{self.target.name}\0{self.workload.name}"

    @property
    def every_ns(self) -> int:
        return self.workload.every_ns

    @property
    def phase_ns(self) -> int:
        return phase_ns(self.workload.name, self.target.group, self.every_ns)

    @property
    def overlap(self) -> int:
        """Return how many runs may go on at once: as many as its timeout reaches over slots, and one more."""
        return min(OVERLAP, math.ceil(self.workload.timeout_s / self.workload.every_s) + 1)

    @property
    def settle_s(self) -> float:
        """Return how long after its failure a slot is settled at the latest: 23 s by default."""
        return self.workload.first_token_s + SETTLING_S

    def next_slot(self, after_ns: int, now_ns: int) -> int:
        """Return the first slot after an instant, `REACH` slots back at the most."""
        return first_slot(self.every_ns, self.phase_ns, max(after_ns + 1, now_ns - REACH * self.every_ns))


def jobs(config: Config) -> list[Job]:
    targets = {target.name: target for target in config.targets}
    return [
        Job(target=targets[name], workload=plan.workload) for plan in config.probes for name in plan.targets
    ]


def plan_record(config: Config, valid_from_ns: int, reason: str) -> Plan:
    planned = jobs(config)
    return Plan(
        config_hash=config.hash,
        vantage=config.vantage,
        valid_from_ns=valid_from_ns,
        reason=reason,
        entries=tuple(
            PlanEntry(
                target=job.target.name,
                probe=job.workload.name,
                every_ns=job.every_ns,
                phase_ns=job.phase_ns,
            )
            for job in planned
        ),
        grace_ns=round(max((job.workload.timeout_s + job.settle_s for job in planned), default=0.0) * 1e9),
    )


def instant(at_ns: int) -> datetime:
    """Return UTC nanoseconds as a datetime; slots are whole milliseconds, so that nothing is cut off.

    >>> nanoseconds(instant(1_700_000_000_123_000_000))
    1700000000123000000
    """
    return _EPOCH + timedelta(microseconds=at_ns // 1000)


def nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


class SlotTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler 3 is untyped
    """The slots of one job, as APScheduler asks for them."""

    __slots__ = ("_job",)

    def __init__(self, job: Job) -> None:
        self._job = job

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        now_ns = nanoseconds(now)
        after_ns = now_ns - 1 if previous_fire_time is None else nanoseconds(previous_fire_time)
        return instant(self._job.next_slot(after_ns, now_ns))
