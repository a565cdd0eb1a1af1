"""The transport of every probe, which remembers the certificate that each host showed, refused ones too."""

import ssl
from collections.abc import Callable
from typing import Any

from probes.timing import Marks
from probes.transport.certificates import Certificate, certificate
from probes.transport.dial import Dialer, Route
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
