"""What botocore makes of AWS's streams, answers and requests, by the service models that it ships.

A question's `ask` is one of the functions below, and the rest of it their arguments; bytes are base64.
"""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.eventstream import EventStream
from botocore.exceptions import EventStreamError
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

SESSION = botocore.session.Session()


class Body:
    """A body that is read in pieces."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield from (self._data[at : at + 11] for at in range(0, len(self._data), 11))

    def close(self) -> None:
        """Do nothing."""


def operation(service: str, name: str) -> Any:
    return SESSION.get_service_model(service).operation_model(name)


def stream(service: str, name: str, body: str) -> dict[str, Any]:
    """Return the events of a stream as the service model has them, and the failure that ended it."""
    shape = operation(service, name).output_shape
    events = shape.members[shape.event_stream_name]
    parser = create_parser("rest-json")
    found = EventStream(Body(base64.b64decode(body)), events, parser._event_stream_parser, name)
    said, error = [], None
    try:
        said.extend(found)
    except EventStreamError as failure:
        error = failure.response["Error"]
    return {"events": said, "error": error}


def whole(service: str, name: str, status: int, headers: dict[str, str], body: str) -> dict[str, Any]:
    """Return what a whole answer or a refusal says."""
    response = {"status_code": status, "headers": headers, "body": base64.b64decode(body)}
    parsed: dict[str, Any] = create_parser("rest-json").parse(response, operation(service, name).output_shape)
    return parsed


def request(service: str, name: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return how a request looks whose parameters are these, and what is wrong with them."""
    shape = operation(service, name)
    wrong = ParamValidator().validate(params, shape.input_shape).generate_report()
    made = create_serializer("rest-json").serialize_to_request(params, shape)
    return {"wrong": wrong, "path": made["url_path"], "method": made["method"], "body": made["body"]}


def endpoint(service: str, region: str, fips: bool) -> str:  # noqa: FBT001 - by name in a question
    """Return where a service is in a region."""
    client = SESSION.create_client(
        service,
        region_name=region,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(use_fips_endpoint=fips),
    )
    url: str = client.meta.endpoint_url
    return url


def _listed(service: str) -> list[str]:
    partitions = SESSION.get_data("endpoints")["partitions"]
    return [name for one in partitions for name in one["services"].get(service, {}).get("endpoints", {})]


def validated(service: str, prefix: str) -> list[str]:
    """Return the regions of whose hosts with validated cryptography the list of endpoints knows."""
    return [name.removeprefix(prefix) for name in _listed(service) if name.startswith(prefix)]


def regions(service: str) -> list[str]:
    """Return the regions in which the list of endpoints has a service."""
    known = {region for one in SESSION.get_data("endpoints")["partitions"] for region in one["regions"]}
    return sorted(known.intersection(_listed(service)))


def shown(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    return str(value)


def answer(question: dict[str, Any]) -> Any:
    asked: dict[str, Callable[..., Any]] = {
        "stream": stream,
        "whole": whole,
        "request": request,
        "endpoint": endpoint,
    }
    asked |= {"validated": validated, "regions": regions}
    return asked[question.pop("ask")](**question)


if __name__ == "__main__":
    json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout, default=shown)
