"""Whether a witness is reached by a way out: it is dialled as an endpoint would be, and asked nothing."""

import asyncio
import dataclasses
from typing import Final

import httpx

from probes.base import Secrets, SigningError, Tried
from probes.target import Path, Witness
from probes.timing import DNS_END, DNS_WAIT_START, Marks
from probes.transport.errors import ResolveFailed, WireError
from probes.transport.wire import WireTransport

LIMIT_S: Final = 5.0
"""Whatever is not reached within this time is not reached."""


class Reaching:
    """Tries witnesses over the transport that the probes use, so that both take one way."""

    def __init__(self, transport: WireTransport, secrets: Secrets) -> None:
        self._transport = transport
        self._secrets = secrets

    async def attempt(self, witness: Witness, path: Path) -> Tried:
        """Return what one try showed; whatever fails on the way is in it."""
        marks = Marks()
        try:
            way = dataclasses.replace(path, proxy=self._secrets.resolve_url(path.proxy))
            async with asyncio.timeout(LIMIT_S):
                says = await self._go(witness, way, marks)
        except TimeoutError:
            return Tried(reached=False, resolved=_resolved(marks), says=f"not reached within {LIMIT_S:g} s")
        except ResolveFailed as failure:
            return Tried(reached=False, resolved=False, says=str(failure))
        except (WireError, SigningError) as failure:
            says = self._secrets.redact(str(failure))
            return Tried(reached=False, resolved=_resolved(marks), says=says)
        return Tried(reached=True, resolved=_resolved(marks), says=says)

    async def _go(self, witness: Witness, path: Path, marks: Marks) -> str:
        if witness.kind == "dns":
            await self._transport.look_up(witness.host, path, marks, LIMIT_S)
            return "its name was resolved"
        if witness.kind == "tls":
            url = httpx.URL(scheme="https", host=witness.host, port=witness.port)
            wire = await self._transport.reach(url, path, marks, LIMIT_S)
        else:
            wire = await self._transport.connect(witness.host, witness.port, path, marks, LIMIT_S)
        return f"reached at {wire.peer}"


def _resolved(marks: Marks) -> bool | None:
    if DNS_WAIT_START not in marks.at:
        return None
    return DNS_END in marks.at
