"""Services: what a consumer buys, served by several targets, of which so many must be well."""

import dataclasses
from collections.abc import Collection, Iterable
from typing import Literal

Of = Literal["target", "cloud", "region"]
"""What is counted of the members that are well: each one, or the clouds or regions that have at least one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A probe of a target that serves the service; `every_s` is its interval in seconds."""

    target: str
    probe: str
    cloud: str
    region: str | None
    every_s: float

    @property
    def pair(self) -> tuple[str, str]:
        return self.target, self.probe

    def unit(self, of: Of) -> str:
        """Return what it counts as part of: a member without a region is a region of its own.

        >>> bare = Member(target="t", probe="chat", cloud="aws", region=None, every_s=30.0)
        >>> bare.unit("target"), bare.unit("cloud"), bare.unit("region")
        ('t', 'aws', 'aws/t')
        """
        if of == "target":
            return self.target
        return self.cloud if of == "cloud" else f"{self.cloud}/{self.region or self.target}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One logical model, or a named group: well with `at_least` so many units.

    `ratio` and `window_s` are its own objective: the share of its members' events that has to be good, pooled.
    """

    name: str
    members: tuple[Member, ...]
    ratio: float
    window_s: float
    at_least: int = 1
    of: Of = "cloud"
    team: str | None = None

    @property
    def units(self) -> int:
        return len({member.unit(self.of) for member in self.members})

    @property
    def is_judged(self) -> bool:
        """Return whether so many units are there that it could be well: of fewer nothing can be said."""
        return self.units >= self.at_least

    def without(self, targets: Collection[str]) -> "Service":
        """Return the service as if some targets were no members: in maintenance they are neither well nor failing.

        >>> two = [Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in "ab"]
        >>> service = Service(name="s", members=tuple(two), ratio=0.999, window_s=86400.0, at_least=2)
        >>> [(one.units, one.is_judged) for one in (service.without({"c"}), service.without({"b"}))]
        [(2, True), (1, False)]
        """
        members = tuple(member for member in self.members if member.target not in targets)
        return self if len(members) == len(self.members) else dataclasses.replace(self, members=members)

    @property
    def every_s(self) -> float:
        """Return the interval of its pooled events, in seconds: that of one probe divided among all members.

        >>> chat = [Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in "ab"]
        >>> Service(name="s", members=tuple(chat), ratio=0.999, window_s=86400.0).every_s
        15.0
        """
        return 1 / sum(1 / member.every_s for member in self.members)


def served_by(services: Iterable[Service]) -> dict[tuple[str, str], list[Service]]:
    """Return (target, probe) -> the services that it is a member of."""
    found: dict[tuple[str, str], list[Service]] = {}
    for service in services:
        for member in service.members:
            found.setdefault(member.pair, []).append(service)
    return found
