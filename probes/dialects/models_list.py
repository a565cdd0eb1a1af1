"""The list of models, the cheapest question: it proves name, TLS, identity and edge, but no inference."""

from collections.abc import Iterator, Mapping

from probes.base import Reader, Reading, Unit, WireRequest
from probes.loose import glimpse, parsed
from probes.outcome import error_object
from probes.result import StreamVerdict
from probes.target import Target, Workload


class ModelsList:
    """`GET .../models`, answered by `{"data": [...]}`."""

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:  # noqa: ARG002 - the protocol's
        return WireRequest(
            method="GET", url=url, headers={"accept": "application/json"}, body=b"", streamed=False
        )

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:  # noqa: ARG002 - the protocol's
        return _ListReader()


class _ListReader:
    done = False

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, data: bytes) -> Iterator[Unit]:
        self._body += data
        return iter(())

    def finish(self, *, closed: bool) -> Reading:
        if not closed:
            return Reading(stream=StreamVerdict.TRUNCATED)
        listing = parsed(bytes(self._body))
        if error := error_object(listing):
            return Reading(
                stream=StreamVerdict.ERRORED,
                error_type=error.type,
                error_code=error.code,
                error=error.message,
            )
        if isinstance(listing, dict) and isinstance(listing.get("data"), list):
            return Reading(stream=StreamVerdict.COMPLETE)
        wrong = f"the body is no list of models: {glimpse(self._body)}"
        return Reading(stream=StreamVerdict.TRUNCATED, malformed=True, error=wrong)
