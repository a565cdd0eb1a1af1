"""Which keys say what is promised, of whom, and when nothing counts."""

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field

from agent.config.fields import (
    Count,
    Method,
    Name,
    Patterns,
    Period,
    Plain,
    Pool,
    Ratio,
    Seconds,
    Selector,
    Speed,
    Threshold,
    Window,
    one_of,
)
from agent.config.schema_base import Count429, Section
from agent.config.selecting import EVERYTHING
from probes.events import Sli


class ObjectiveSection(Section):
    later = frozenset({"override"})
    before = frozenset({"for", "except"})
    elsewhere = {
        "served_in": "belongs to the targets: write served_in: [REGION] in each of them",
        "threshold": "is called `under` here, and `at_least` for sli: throughput",
        "target": "is called `percent` here, or `targets` where you mean who is judged",
    }
    name: Name
    sli: Annotated[Sli, BeforeValidator(one_of(*get_args(Sli)))]
    percent: Ratio
    window: Period = 28 * 86400.0
    under: Threshold | None = None
    at_least: Speed | None = None
    method: Method = None
    probes: Patterns | None = None
    targets: Selector = EVERYTHING
    per: Pool = None
    count: Count429 = Count429()


class HealthyWhen(Section):
    """How much of a service must be well."""

    at_least: Count = 1
    of: Annotated[
        Literal["target", "cloud", "region"], BeforeValidator(one_of("target", "cloud", "region"))
    ] = "cloud"


class ServiceObjective(Section):
    percent: Ratio = 0.999
    window: Window = 28 * 86400.0


class ServiceSection(Section):
    """What a consumer buys: targets of which so many must be well."""

    before = frozenset({"for", "except"})
    elsewhere = {
        "targets": "is called `members` here",
        "at_least": "belongs under healthy_when: write healthy_when: {at_least: 2, of: cloud}",
        "percent": "belongs under objective: write objective: {percent: 99.95, window: 28d}",
    }
    name: Name
    members: Selector = EVERYTHING
    team: Name | None = None
    healthy_when: HealthyWhen = HealthyWhen()
    objective: ServiceObjective = ServiceObjective()


class MaintenanceSection(Section):
    """When what is seen of some targets counts neither way."""

    elsewhere = {
        "until": "is said by its length here: write for: 2h",
        "duration": "is called `for` here",
        "every": "is written as a rule: rrule: FREQ=WEEKLY;BYDAY=SU",
        "zone": "is called `timezone` here",
    }
    targets: Selector
    start: Plain
    timezone: Plain
    for_: Seconds = Field(alias="for")
    reason: Plain
    rrule: Plain | None = None
