"""Bedrock and SageMaker on loopback: every request's signature is verified, and answered in real framing."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Self

from support.clouds import sigv4
from support.wireserver import Asked, Peer, WireServer, answer, chunk, head

EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is answered: whole, or in pieces where it is streamed."""

    body: bytes
    status: str = "200 OK"
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    streamed: bool = False


def streamed(body: bytes, content_type: str = EVENT_STREAM, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(body, headers={"content-type": content_type, **named}, streamed=True)


def whole(value: object, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps(value).encode(), headers={"content-type": "application/json", **named})


def refusal(status: str, name: str, message: str, **headers: str) -> Answer:
    """Return a refusal as AWS words it: its name in a header, behind which a URL may stand."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    errortype = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"} if name else {}
    return Answer(json.dumps({"message": message}).encode(), status, {**errortype, **named})


class Cloud:
    """Answers what `respond` says to whoever signs for `scope` with one of `keys`; `asked` is all that came.

    With an `api_key` that key behind `Bearer` is wanted instead.
    """

    def __init__(
        self,
        respond: Callable[[Asked], Answer],
        keys: Mapping[str, tuple[str, str | None]],
        scope: tuple[str, str],
        api_key: str | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self.wrong: list[str] = []
        self.expired: set[str | None] = set()
        """Session tokens that have ended, whatever their signature."""
        self._respond = respond
        self._keys = dict(keys)
        self._scope = scope
        self._api_key = api_key
        self._server = WireServer(self._serve)

    @property
    def url(self) -> str:
        return self._server.url

    def knows(self, access_key: str, secret_key: str, token: str | None = None) -> None:
        self._keys[access_key] = (secret_key, token)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._server.__aexit__(*raised)

    async def _serve(self, peer: Peer) -> None:
        asked = await peer.request()
        self.asked.append(asked)
        given = self._judged(asked)
        named = {"x-amzn-requestid": f"request-{len(self.asked)}", **given.headers, "connection": "close"}
        if not given.streamed:
            await peer.send(answer(given.body, status=given.status, headers=named))
            return
        await peer.send(head({**named, "transfer-encoding": "chunked"}, status=given.status))
        for at in range(0, len(given.body), 50):
            await peer.send(chunk(given.body[at : at + 50]))
        await peer.send(chunk(b""))

    def _judged(self, asked: Asked) -> Answer:
        if asked.headers.get("x-amz-security-token") in self.expired:
            expired = "The security token included in the request is expired"
            return refusal("403 Forbidden", "ExpiredTokenException", expired)
        if self._api_key is not None:
            held = asked.headers.get("authorization") == f"Bearer {self._api_key}"
            wrong = None if held else "Authentication failed: Please make sure your API Key is valid."
            name = "AccessDeniedException"
        else:
            wrong = sigv4.verify(
                asked.method, asked.target, asked.headers, asked.body, self._keys, self._scope
            )
            name = "InvalidSignatureException"
        if wrong is None:
            return self._respond(asked)
        self.wrong.append(wrong)
        return refusal("403 Forbidden", name, wrong)
