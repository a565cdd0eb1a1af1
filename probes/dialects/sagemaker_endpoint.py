"""The state of an endpoint of SageMaker, the cheapest question: it proves name, TLS and identity, but no inference."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Final

from probes.answer import Answer
from probes.base import Reader, Reading, WireRequest
from probes.errors import ErrorObject
from probes.loose import string
from probes.result import StreamVerdict
from probes.streaming import BodyReader
from probes.target import Target, Workload

_SERVING: Final = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})
"""States in which an endpoint answers."""


@dataclasses.dataclass(frozen=True, slots=True)
class SageMakerEndpoint:
    """`DescribeEndpoint`, which the control plane answers."""

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:  # noqa: ARG002 - the protocol's
        return WireRequest(
            method="POST",
            url=url,
            headers={
                "content-type": "application/x-amz-json-1.1",
                "accept": "application/json",
                "x-amz-target": "SageMaker.DescribeEndpoint",
            },
            body=json.dumps({"EndpointName": target.model_id}).encode(),
            streamed=False,
        )

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:  # noqa: ARG002 - the protocol's
        return BodyReader(_described, headers, "description of an endpoint")


def _described(body: Any) -> Reading | None:
    status = string(body.get("EndpointStatus")) if isinstance(body, dict) else ""
    if not status:
        return None
    if status in _SERVING:
        return Reading(stream=StreamVerdict.COMPLETE)
    why = string(body.get("FailureReason")) or f"the endpoint is {status}"
    return Answer().errored(ErrorObject(type=status, message=why))
