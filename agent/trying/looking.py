"""The transport of every probe, which remembers the certificate that each host showed, and one that goes there in silence."""

import ssl
from collections.abc import Callable
from typing import Any, Final, NoReturn

import httpx

from probes.base import MARKS, PATH
from probes.result import Outcome
from probes.timing import Marks
from probes.transport.certificates import Certificate, certificate
from probes.transport.dial import Dialer, Route
from probes.transport.errors import WireError
from probes.transport.sockets import Channel
from probes.transport.tls import Tls
from probes.transport.wire import WireTransport

Seen = dict[tuple[str, int], Certificate]
"""By host, in lower case, and port."""


class LookingTransport(WireTransport):
    """`seen` holds the certificates."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.seen: Seen = {}
        self._dialer = _LookingDialer(
            self._resolver, self._contexts, self._stamps, note=self.seen.__setitem__
        )


UNASKED: Final = "unasked"


class Unasked(WireError):  # noqa: N818 - named for what happened, as the transport's are
    """The way to the host is open, and nothing was asked there."""

    outcome = Outcome.DISCONNECTED
    reason = UNASKED


class SilentTransport(httpx.AsyncBaseTransport):
    """Goes the whole way of a request, TLS included, and sends nothing; all that is well ends in `Unasked`."""

    def __init__(self, wire: WireTransport) -> None:
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> NoReturn:
        asked = request.extensions
        wire = await self._wire.reach(request.url, asked[PATH], asked[MARKS], None)
        raise Unasked("nothing was asked", wire=wire)


class _LookingDialer(Dialer):
    def __init__(self, *parts: Any, note: Callable[[tuple[str, int], Certificate], None]) -> None:
        super().__init__(*parts)
        self._note = note

    async def _secure(
        self, route: Route, channel: Channel, context: ssl.SSLContext, marks: Marks, limit_s: float | None
    ) -> Tls:
        secured = await super()._secure(route, channel, context, marks, limit_s)
        der = secured.certificate
        shown = certificate(der) if der else None
        if shown is not None:
            self._note((route.host.lower(), route.port), shown)
        return secured
