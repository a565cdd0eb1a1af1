"""A resource of Azure on loopback: it checks each request as the service does, and answers with the service's framing."""

import contextlib
import dataclasses
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from support.clouds import able
from support.clouds.anthropic import Anthropic
from support.wireserver import Asked, Peer, WireServer, answer, chunk, head

STREAMS = Path(__file__).parents[2] / "streams"
DEPLOYMENT = "nano-prod"
KEY = "az-key-0123456789abcdef"

HEADERS: Mapping[str, str] = {
    "apim-request-id": "apim-1",
    "x-ms-region": "East US 2",
    "x-ms-deployment-name": DEPLOYMENT,
    "azureml-model-session": "d123-4567",
    "openai-processing-ms": "212",
    "x-ratelimit-limit-requests": "250",
    "x-ratelimit-remaining-requests": "249",
    "x-ratelimit-limit-tokens": "250000",
    "x-ratelimit-remaining-tokens": "249000",
    "x-ratelimit-reset-requests": "-1",
    "x-ratelimit-reset-tokens": "12",
}

_MESSAGES = "/anthropic/v1/messages"
_CALLS: Mapping[str, tuple[str, str | None]] = {
    # path: which API it is, and the version that it wants
    "/openai/v1/chat/completions": ("v1", None),
    "/openai/v1/models": ("v1", None),
    "/openai/models": ("dated", "2024-10-21"),
    f"/openai/deployments/{DEPLOYMENT}/chat/completions": ("dated", "2024-10-21"),
    "/models/chat/completions": ("inference", "2024-05-01-preview"),
    _MESSAGES: ("anthropic", None),
}


@dataclasses.dataclass
class Resource:
    """One resource with one deployment.

    `token` says whether a bearer token is taken; `fault` is a whole response that is given instead of an answer, `headers`
    come on top of the usual ones, `stream` names what is told of tests/streams whatever is asked, in place of what an able
    model says. `asked` are all requests as they came.
    """

    token: Callable[[str], bool] = lambda _token: False
    fault: bytes | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stream: str | None = None
    asked: list[Asked] = dataclasses.field(default_factory=list)
    url: str = ""

    @contextlib.asynccontextmanager
    async def serve(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Resource"]:
        async with WireServer(self._script, tls=tls) as server:
            self.url = server.url
            yield self

    async def _script(self, peer: Peer) -> None:
        while True:
            asked = await peer.request()
            self.asked.append(asked)
            await peer.send(self._identified(asked) or self.fault or self._answer(asked))

    def _identified(self, asked: Asked) -> bytes | None:
        """Return the refusal of a request that proves no identity."""
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        keyed = "x-api-key" if asked.target == _MESSAGES else "api-key"
        if asked.headers.get(keyed) == KEY or (scheme == "Bearer" and self.token(token)):
            return None
        if token:
            said = "Unauthorized. Access token is missing, invalid, audience is incorrect, or have expired."
            return refusal(401, "401", said)
        return refusal(
            401,
            "401",
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for "
            "an active subscription and use a correct regional API endpoint for your resource.",
        )

    def _answer(self, asked: Asked) -> bytes:
        parts = urlsplit(asked.target)
        api, version = _CALLS.get(parts.path, ("", None))
        if not api and "/deployments/" in parts.path:
            return _unknown()
        if not api or parse_qs(parts.query) != ({} if version is None else {"api-version": [version]}):
            return refusal(404, "404", "Resource not found")
        if parts.path.endswith("/models"):
            listed = {
                "object": "list",
                "data": [{"id": "gpt-5-nano", "object": "model", "created": 1, "owned_by": "o"}],
            }
            return _json(listed, self.headers)
        if api == "anthropic":
            return b"".join(Anthropic(path=_MESSAGES, model=DEPLOYMENT, fault=self.stream).answered(asked))
        return self._generated(api, json.loads(asked.body))

    def _generated(self, api: str, body: Mapping[str, Any]) -> bytes:
        if wrong := _wrong(api, body):
            return refusal(400, "BadRequest", wrong)
        if api != "dated" and body["model"] != DEPLOYMENT:
            return (
                _unknown()
                if api == "v1"
                else refusal(400, "unknown_model", f"Unknown model: {body['model']}")
            )
        if body.get("stream"):
            return _stream(self._recorded(api, body), self.headers)
        return _json(_whole(), self.headers)

    def _recorded(self, api: str, body: Mapping[str, Any]) -> bytes:
        usual = (
            "azure_inference" if api == "inference" else "azure_tool_calls" if "tools" in body else "azure"
        )
        stream = (STREAMS / f"{self.stream or usual}.sse").read_bytes()
        wanted = able.said(body)
        return stream if wanted is None or self.stream else able.retold(stream, wanted)


def refusal(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: object
) -> bytes:
    """Return an error as the service words it."""
    body = json.dumps({"error": {"code": code, "message": message, **more}}).encode()
    return answer(
        body, status=f"{status} Refused", headers={"Content-Type": "application/json", **(headers or {})}
    )


def _unknown() -> bytes:
    return refusal(
        404,
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
        "please wait a moment and try again.",
    )


def _wrong(api: str, body: Mapping[str, Any]) -> str | None:
    """Return what the service has against a body; it refuses what it does not know."""
    known = {"model", "messages", "stream", "tools", "tool_choice", "response_format"}
    known |= (
        {"max_tokens"}
        if api == "inference"
        else {"max_completion_tokens", "stream_options", "reasoning_effort"}
    )
    if foreign := body.keys() - known:
        return f"Unrecognized request argument supplied: {', '.join(sorted(foreign))}"
    (message,) = body["messages"]
    if message["role"] != "user" or not re.match(r"\[\w+\] ", message["content"]):
        return "The messages are not those of a probe."
    if body.get("stream") and api != "inference" and body.get("stream_options") != {"include_usage": True}:
        return "The stream is asked for without its usage."
    return None


def _whole() -> Mapping[str, Any]:
    return {
        "id": "chatcmpl-Az9",
        "object": "chat.completion",
        "model": "gpt-5-nano-2025-08-07",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "pong"}}
        ],
        "usage": {"prompt_tokens": 19, "completion_tokens": 2, "total_tokens": 21},
    }


def _json(body: object, headers: Mapping[str, str]) -> bytes:
    return answer(
        json.dumps(body).encode(), headers={**HEADERS, "Content-Type": "application/json", **headers}
    )


def _stream(body: bytes, headers: Mapping[str, str]) -> bytes:
    framed = {
        **HEADERS,
        "Content-Type": "text/event-stream; charset=utf-8",
        "Transfer-Encoding": "chunked",
        **headers,
    }
    return head(framed) + chunk(body) + chunk(b"")
