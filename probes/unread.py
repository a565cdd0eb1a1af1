"""Readers of bodies that are no answer: those of a refusal, and those that are encoded though nobody asked for it."""

from collections.abc import Iterable

from probes.base import Reading, Unit
from probes.result import StreamVerdict

_REFUSAL_BYTES = 64 * 1024


class Refusal:
    """Keeps the beginning of a body that came after a status other than 2xx; nothing of an `encoded` one."""

    def __init__(self, *, encoded: bool = False) -> None:
        self.body = bytearray()
        self._limit = 0 if encoded else _REFUSAL_BYTES

    @property
    def done(self) -> bool:
        return len(self.body) >= self._limit

    def feed(self, data: bytes) -> Iterable[Unit]:
        self.body += data[: self._limit - len(self.body)]
        return ()

    def finish(self, *, closed: bool) -> Reading:
        return Reading(stream=StreamVerdict.COMPLETE if closed else StreamVerdict.TRUNCATED)


class Encoded:
    """Reads nothing of a body that comes in a coding such as gzip, and says so."""

    done = True

    def __init__(self, coding: str) -> None:
        self._coding = coding

    def feed(self, data: bytes) -> Iterable[Unit]:  # noqa: ARG002 - the protocol's
        return ()

    def finish(self, *, closed: bool) -> Reading:  # noqa: ARG002 - the protocol's
        sentence = (
            f"the answer is encoded (Content-Encoding: {self._coding}) although identity was asked for: "
            "look at the server, or at a proxy or gateway on the way"
        )
        return Reading(stream=StreamVerdict.TRUNCATED, malformed=True, sentence=sentence)
