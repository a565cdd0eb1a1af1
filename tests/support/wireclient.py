"""Asking over the wire as a probe does: marks, path and keeping in the request's extensions."""

import dataclasses
from typing import Any

import httpx

from probes.base import KEEP, MARKS, PATH, READS, WIRE, Read, Wire
from probes.target import Path
from probes.timing import SENT_BY, Marks
from probes.transport.wire import WireTransport


@dataclasses.dataclass
class Told:
    """One whole answer."""

    status: int
    headers: httpx.Headers
    chunks: list[bytes]
    reads: list[Read]
    wire: Wire
    marks: Marks

    @property
    def phases(self) -> list[str]:
        """Return the marks in order of time, but for the end of the call that sent: the answer may overtake it."""
        return [name for name, _ in self.marks.since(0) if name != SENT_BY]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)


def asking(
    url: str,
    *,
    method: str = "POST",
    path: Path | None = None,
    keep: str | None = None,
    marks: Marks | None = None,
    connect_s: float = 5.0,
    headers: dict[str, str] | None = None,
    content: bytes = b"{}",
) -> httpx.Request:
    """Return a request with the extensions that `probes.base` names."""
    extensions: dict[str, Any] = {"timeout": {"connect": connect_s}, PATH: path or Path(proxy="none")}
    extensions[MARKS] = marks or Marks()
    if keep is not None:
        extensions[KEEP] = keep
    return httpx.Request(method, url, headers=headers, content=content, extensions=extensions)


async def ask(transport: WireTransport, request: httpx.Request) -> Told:
    """Send a request and read its answer to the end."""
    response = await transport.handle_async_request(request)
    try:
        chunks = [chunk async for chunk in response.stream]  # type: ignore[union-attr]  # ours is asynchronous
    finally:
        await response.aclose()
    return Told(
        response.status_code,
        response.headers,
        chunks,
        response.extensions[READS],
        response.extensions[WIRE],
        request.extensions[MARKS],
    )
