"""The list of models, the cheapest question: it proves name, TLS, identity and edge, but no inference."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from probes.base import Reader, Reading, WireRequest
from probes.result import StreamVerdict
from probes.streaming import BodyReader
from probes.target import Target, Workload


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelsList:
    """`GET .../models`, answered by `{"data": [...]}`; `holds` is what a vendor calls `data`.

    Who is asked for one model alone holds its name there, not a list. A `bare` list may stand for itself.
    `version` is the header for the API's version and its value where the target has no `api_version`.
    """

    holds: str = "data"
    bare: bool = False
    version: tuple[str, str] | None = None

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:  # noqa: ARG002 - the protocol's
        headers = {"accept": "application/json"}
        if self.version is not None:
            name, usual = self.version
            headers[name] = target.api_version or usual
        return WireRequest(method="GET", url=url, headers=headers, body=b"", streamed=False)

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:  # noqa: ARG002 - the protocol's
        return BodyReader(self._listed, headers, "list of models")

    def _listed(self, listing: Any) -> Reading | None:
        found = listing if self.bare and isinstance(listing, list) else None
        if isinstance(listing, dict):
            found = listing.get(self.holds)
        holds = isinstance(found, list | str)
        return Reading(stream=StreamVerdict.COMPLETE) if holds else None
