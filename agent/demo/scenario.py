"""What can ail the simulated clouds, and which scenario brings what where: data alone."""

import dataclasses
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

Mishap = Literal["overloaded", "failing", "throttled", "silent", "cut", "unended"]
"""How a single request goes wrong: 503, 500, 429, no answer at all, cut after some tokens, ended without `[DONE]`."""

BEGINS_AFTER_S: Final = 25.0
"""A scenario begins late enough to see what good looks like."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A state of a cloud: the chance of each mishap, the range of factors on its time, and who serves."""

    name: str
    tells: str
    mishaps: Mapping[Mishap, float]
    slower: tuple[float, float] = (1.0, 1.0)
    rerouted: bool = False

    def mishap(self, chance: random.Random) -> Mishap | None:
        """Draw what goes wrong with one request, at most one thing."""
        drawn = chance.random()
        for mishap, share in self.mishaps.items():
            drawn -= share
            if drawn < 0:
                return mishap
        return None

    def factor(self, chance: random.Random) -> float:
        """Draw how many times as long one answer takes."""
        return chance.uniform(*self.slower)


_USUAL: Mapping[Mishap, float] = MappingProxyType({"failing": 0.002, "cut": 0.0005})
"""Nothing is perfect: some 5xx and truncations in the best of times."""

CALM: Final = Fault(
    name="calm", tells="as usual: 0.2 % of requests fail, 0.05 % are cut short", mishaps=_USUAL
)

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        CALM,
        Fault(name="outage", tells="every request is answered 503", mishaps={"overloaded": 1.0}),
        Fault(
            name="brownout",
            tells="3 to 6 times as slow, and 15 % of requests are answered 500 or 503",
            mishaps={"failing": 0.10, "overloaded": 0.05},
            slower=(3.0, 6.0),
        ),
        Fault(name="hang", tells="takes requests and answers nothing", mishaps={"silent": 1.0}),
        Fault(
            name="throttled",
            tells="every request is answered 429 with retry-after, the rate limit at zero",
            mishaps={"throttled": 1.0},
        ),
        Fault(
            name="truncation",
            tells="answers are cut after some tokens, or end without their end mark",
            mishaps={"cut": 0.5, "unended": 0.5},
        ),
        Fault(
            name="reroute",
            tells="all is answered well, by another region and build, with a later first token",
            mishaps=_USUAL,
            slower=(1.6, 2.0),
            rerouted=True,
        ),
    )
}
"""By the name that the control endpoint takes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Which cloud has which fault, and whether there is a way to any of them; elsewhere all is calm."""

    name: str
    tells: str
    faults: Mapping[str, str] = dataclasses.field(default_factory=dict)
    network: bool = True


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="calm", tells="every cloud is as usual"),
        Scenario(name="outage", tells="openai answers 503", faults={"openai": "outage"}),
        Scenario(
            name="brownout",
            tells="azure-eastus2 is 3 to 6 times as slow, and 15 % of its answers are 5xx",
            faults={"azure-eastus2": "brownout"},
        ),
        Scenario(
            name="hang",
            tells="aws-us-east-1 takes requests and answers nothing",
            faults={"aws-us-east-1": "hang"},
        ),
        Scenario(name="throttled", tells="openai answers 429 to everything", faults={"openai": "throttled"}),
        Scenario(
            name="truncation",
            tells="google-europe-west4 cuts its answers short",
            faults={"google-europe-west4": "truncation"},
        ),
        Scenario(
            name="reroute",
            tells="azure-eastus2 is served from another region, later but well",
            faults={"azure-eastus2": "reroute"},
        ),
        Scenario(
            name="own-network-down",
            tells="no cloud can be reached from here: every connection is refused",
            network=False,
        ),
    )
}
