"""A feed over HTTP: asked whether it changed, by the ways that probes take, and believed no further than its limits."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Final

import httpx

from agent.feeds.incident import FeedError, link
from probes.base import PATH, Secrets, SigningError
from probes.target import Path
from probes.transport.errors import WireError

LIMIT_S: Final = 20.0
"""For a whole answer: a feed that hangs is asked again later."""

LIMIT_BYTES: Final = 8 * 1024**2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a feed held, and what to ask it by whether that changed."""

    body: bytes
    etag: str | None = None
    modified: str | None = None


class Fetching:
    """Fetches feeds; none is followed elsewhere. `secrets` returns those of now, which a proxy may want."""

    def __init__(self, transport: httpx.AsyncBaseTransport, secrets: Callable[[], Secrets]) -> None:
        self._transport = transport
        self._secrets = secrets

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def fetch(self, url: str, path: Path, known: Fetched | None = None) -> Fetched | None:
        """Return what a feed holds, None where that is what is known; raises `FeedError` for all that goes wrong."""
        try:
            way = dataclasses.replace(path, proxy=self._secrets().resolve_url(path.proxy))
            asked = httpx.Request("GET", url, headers=_headers(known), extensions={PATH: way})
            async with asyncio.timeout(LIMIT_S):
                return await self._go(asked)
        except TimeoutError:
            raise FeedError(f"did not answer within {LIMIT_S:g} s: it is asked again") from None
        except (WireError, SigningError) as failure:
            raise FeedError(f"was not reached: {self._secrets().redact(str(failure))}") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as failure:
            raise FeedError(f"was not reached ({type(failure).__name__}): check its address") from None

    async def _go(self, asked: httpx.Request) -> Fetched | None:
        answer = await self._transport.handle_async_request(asked)
        try:
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return None
            _judge(answer)
            return Fetched(
                body=await _body(answer),
                etag=answer.headers.get("etag"),
                modified=answer.headers.get("last-modified"),
            )
        finally:
            await answer.aclose()


def _headers(known: Fetched | None) -> dict[str, str]:
    headers = {"user-agent": "nephoscope", "accept-encoding": "identity", "accept": "*/*"}
    if known is not None and known.etag:
        headers["if-none-match"] = known.etag
    if known is not None and known.modified:
        headers["if-modified-since"] = known.modified
    return headers


def _judge(answer: httpx.Response) -> None:
    if answer.is_redirect:
        to = link(answer.headers.get("location"))
        raise FeedError(f"answers HTTP {answer.status_code}, a redirect: write {to or 'where it leads'}")
    if answer.status_code != httpx.codes.OK:
        raise FeedError(f"answers HTTP {answer.status_code}: check its address, or wait for the vendor")
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise FeedError("answers compressed, which was not asked for: something changes answers on the way")


async def _body(answer: httpx.Response) -> bytes:
    found = bytearray()
    async for piece in answer.aiter_raw():
        found += piece
        if len(found) > LIMIT_BYTES:
            raise FeedError(f"holds more than {LIMIT_BYTES >> 20} MiB: write a feed of less")
    return bytes(found)
