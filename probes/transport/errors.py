"""What can go wrong on the wire, each failing with its outcome and a sentence that holds the remedy."""
# ruff: noqa: N818 - these are named for what happened, as outcomes are

from typing import ClassVar

import httpx

from probes.base import Wire
from probes.result import Outcome


class WireError(httpx.TransportError):
    """A request that got no whole answer; `wire` tells of the connection as far as there was one."""

    outcome: ClassVar[Outcome]

    def __init__(self, message: str, *, wire: Wire | None = None) -> None:
        super().__init__(message)
        self.wire = wire


class Misconfigured(WireError):
    """The request or its path cannot work as it was written down."""

    outcome = Outcome.CONFIG


class Exhausted(WireError):
    """This machine had nothing left to connect with."""

    outcome = Outcome.AGENT_FAULT


class SourceMissing(WireError):
    """This machine does not bear the address that the path goes out from."""

    outcome = Outcome.AGENT_FAULT
    reason: ClassVar[str] = "source_address"


class ResolveFailed(WireError):
    """The host's name led to no address."""

    outcome = Outcome.DNS


class ConnectRefused(WireError):
    """No address took the connection."""

    outcome = Outcome.CONNECT_REFUSED


class ConnectTimeout(WireError):
    """No address took the connection, and at least one never answered."""

    outcome = Outcome.CONNECT_TIMEOUT


class ProxyRefused(ConnectRefused):
    """The proxy could not be reached, or would not lead to the host."""


class ProxyDenied(Misconfigured):
    """The proxy wants other credentials."""


class ClientRefused(Misconfigured):
    """The server does not take our client certificate, or wants one; `reason` says which, as in `TlsFailed`."""

    def __init__(self, message: str, *, reason: str, wire: Wire | None = None) -> None:
        super().__init__(message, wire=wire)
        self.reason = reason


class TlsFailed(WireError):
    """The handshake failed; `reason` says why in two or three words, such as `expired`."""

    outcome = Outcome.TLS

    def __init__(self, message: str, *, reason: str, wire: Wire | None = None) -> None:
        super().__init__(message, wire=wire)
        self.reason = reason


class Disconnected(WireError):
    """The connection ended before the whole response head had come."""

    outcome = Outcome.DISCONNECTED
    after_head: ClassVar[bool] = False


class Broken(Disconnected):
    """The connection ended after the head and before the body's framed end."""

    outcome = Outcome.TRUNCATED
    after_head = True


class Malformed(WireError):
    """What came is not HTTP/1.1; `status` is that of a head that began well, None where none did."""

    outcome = Outcome.MALFORMED

    def __init__(self, message: str, *, status: int | None = None, wire: Wire | None = None) -> None:
        super().__init__(message, wire=wire)
        self.status = status
