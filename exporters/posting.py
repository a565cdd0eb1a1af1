"""JSON to a receiver over HTTP: the one edge at which what can go wrong there becomes a `DeliveryError`."""

import asyncio
import dataclasses
import email.utils
import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import certifi
import httpx

from exporters import told, unreached
from exporters.base import DeliveryError, Options
from exporters.signals import Notice

TIMEOUT_S: Final = 10.0
"""For a whole request: a receiver that hangs is tried again later."""

ANSWER_BYTES: Final = 65_536
SAID: Final = 200
"""Characters of a receiver's answer that are told."""

_WORTH_REPEATING: Final = frozenset({408, 425, 429})
"""Statuses of our own doing (4xx) that another try may cure."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back with a status of 2xx; `body` is None where it is no JSON."""

    status: int
    text: str
    body: Any = None


async def one_by_one(tell: Callable[[Notice], Awaitable[str]], notices: Sequence[Notice]) -> str:
    """Tell each notice by a request of its own; return what was answered, what is alike once."""
    return "; ".join(dict.fromkeys([await tell(notice) for notice in notices]))


async def closing(answer: str, ticket: Awaitable[object]) -> str:
    """Return what was answered to a page once the ticket that it was is closed.

    Where that is refused the page was taken all the same, and the ticket is closed by hand.
    """
    try:
        await ticket
    except DeliveryError as failure:
        if not failure.permanent:
            raise
        return f"{answer}; the ticket that it was stays open: {failure}"
    return answer


class Post:
    """Posts on behalf of one receiver, each time over a connection of its own: the address behind a name may change.

    Nothing is repeated here and no redirect is followed, for it would lead the secrets elsewhere.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._context: ssl.SSLContext | None = None
        for chatty in ("httpx", "httpcore"):
            # They log every URL that is asked, and here a URL may be the secret.
            logging.getLogger(chatty).setLevel(logging.CRITICAL)

    async def send(
        self, url: str, body: bytes | Mapping[str, Any] | list[Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Post and return the answer of 2xx; raises `DeliveryError` for all else, HTML at 2xx included."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            context = await self._trust(url)
            async with (
                asyncio.timeout(TIMEOUT_S),
                httpx.AsyncClient(verify=context, timeout=TIMEOUT_S) as client,
                client.stream(
                    "POST",
                    url,
                    content=content,
                    headers={
                        "content-type": "application/json",
                        "user-agent": "nephoscope",
                        **(headers or {}),
                    },
                ) as answer,
            ):
                said = await _read(answer)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, ValueError) as failure:
            raise self._unreached(failure) from None
        return self._judged(answer, said)

    async def _trust(self, url: str) -> ssl.SSLContext:
        """Return the context, made once: reading the machine's certificates takes tens of milliseconds."""
        if not url.startswith("https:"):
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
        if self._context is None:
            self._context = await asyncio.to_thread(trust, self._options.ca)
        return self._context

    def _unreached(self, failure: Exception) -> DeliveryError:
        if isinstance(failure, httpx.InvalidURL | httpx.UnsupportedProtocol | ValueError):
            return DeliveryError(
                f"{self._options.name} has a URL that cannot be called: write it as https://host/path.",
                permanent=True,
            )
        slow = isinstance(failure, TimeoutError | httpx.TimeoutException)
        return DeliveryError(
            f"{self._options.name} could not be told ({'took too long' if slow else unreached.why(failure)}): check its address, "
            "the way out of this machine and, for https, whom it trusts (`ca`).",
            permanent=False,
        )

    def _judged(self, answer: httpx.Response, said: str) -> Answer:
        status = answer.status_code
        excerpt = self._options.secrets.redact(told.cut(told.one_line(said), SAID))
        if answer.is_success:
            if said.lstrip()[:1] == "<":
                raise DeliveryError(
                    f"{self._options.name} answered HTTP {status} with HTML: something else answers at its address, "
                    "a proxy or a login page perhaps.",
                    permanent=False,
                )
            return Answer(status, excerpt, _json(said))
        if answer.is_redirect:
            raise DeliveryError(
                f"{self._options.name} answered HTTP {status}, a redirect, which is not followed: write the address "
                "that it leads to.",
                permanent=True,
            )
        tells = f": {excerpt}" if excerpt and said.lstrip()[:1] != "<" else ""
        raise DeliveryError(
            f"{self._options.name} answered HTTP {status}{tells}",
            permanent=400 <= status < 500 and status not in _WORTH_REPEATING,
            retry_after_s=retry_after(answer.headers.get("retry-after"), self._options.wall_ns() / 1e9),
        )


def trust(ca: str | None) -> ssl.SSLContext:
    """Return a client's context that trusts the usual authorities, and those of a file beside them."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    if ca is not None:
        context.load_verify_locations(cafile=ca)
    return context


def retry_after(text: str | None, now_s: float) -> float | None:
    """Return how long a receiver wants to be left alone: seconds, or until a date.

    >>> retry_after("120", 0.0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 20.0), retry_after("soon", 0.0)
    (120.0, 40.0, None)
    """
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


async def _read(answer: httpx.Response) -> str:
    found = bytearray()
    async for piece in answer.aiter_bytes():
        found += piece
        if len(found) > ANSWER_BYTES:
            break
    return bytes(found[:ANSWER_BYTES]).decode("utf-8", "replace")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
