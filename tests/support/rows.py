"""Every way in which every provider of the catalogue is asked, so that what holds of all need not name them."""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from probes import catalog
from probes.base import Dialect, WireRequest
from probes.provider import DATED
from probes.target import Kind, Target, Workload

MODEL = "maker.the-model-1:0"
NONCE = "n0nce0123456789a"


LIKE_CHAT = frozenset({"throughput", "long-context"})
"""Kinds that differ from a chat in what is asked alone."""


class Way(NamedTuple):
    """One kind of question, put to a provider through one of its APIs."""

    provider: str
    api: str
    kind: Kind

    @property
    def dialect(self) -> Dialect:
        return catalog.dialect(self.target, self.kind)

    @property
    def target(self) -> Target:
        """Return a target that says all that any provider may need."""
        return Target(
            name="t",
            provider=self.provider,
            cloud="c",
            model="m",
            model_id=MODEL,
            endpoint="https://llm.example",
            group="m",
            region="us-east-1",
            api=self.api,
            api_version="2024-10-21" if self.api == DATED else None,
            project="the-project",
            compartment="ocid1.compartment.oc1..the-compartment",
        )

    @property
    def workload(self) -> Workload:
        return Workload(name="w", kind=self.kind)

    def request(self, **changes: object) -> WireRequest:
        """Return the request without identity; `changes` are those of the workload."""
        workload = dataclasses.replace(self.workload, **changes)  # type: ignore[arg-type]
        return self.dialect.request(catalog.url(self.target, self.kind), self.target, workload, NONCE)

    def __str__(self) -> str:
        return f"{self.provider}-{self.api}-{self.kind}"


def ways() -> list[Way]:
    """Return all of them, in the order of the catalogue."""
    return [
        Way(name, api, kind)
        for name, row in catalog.PROVIDERS.items()
        for api, spoken in row.apis.items()
        for kind in spoken.calls
    ]


def readers() -> Iterator[Way]:
    """Yield one way for all that are read by the same dialect in the same manner."""
    seen = set()
    for way in (way for way in ways() if way.kind not in LIKE_CHAT):
        read = repr(way.dialect), way.kind
        if read not in seen:
            seen.add(read)
            yield way
