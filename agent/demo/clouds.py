"""Simulated clouds on loopback, one a vendor: OpenAI's wire format with each vendor's own manners.

Run as `python -m agent.demo.clouds --port N --scenario NAME`; it ends when its standard input does.
"""

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agent.demo import scenario
from agent.demo.scenario import CLOUDS, Cloud
from probes import framing

ANSWER = ("p", "ong")
API_KEY = "demo"
"""What the demo's configuration sends; anything else is answered as a wrong key is."""


class Clouds:
    """The vendors' front doors: `/{cloud}/...` answers as that vendor would."""

    def __init__(self, name: scenario.Scenario, chance: random.Random) -> None:
        self._scenario = name
        self._chance = chance
        self._started = time.monotonic()

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{cloud}/{rest:path}", self.answer, methods=["GET", "POST"])])

    async def answer(self, request: Request) -> Response:
        cloud = CLOUDS.get(request.path_params["cloud"])
        if cloud is None:
            return _refusal(404, "not_found", "there is no such simulated cloud")
        if API_KEY not in request.headers.get("authorization", request.headers.get("api-key", API_KEY)):
            return _refusal(401, "invalid_api_key", "Incorrect API key provided")
        if scenario.fault(self._scenario, cloud.name, time.monotonic() - self._started) == "overloaded":
            return _refusal(
                503, "server_is_overloaded", "The engine is currently overloaded, please try again later"
            )
        if request.method == "GET":
            return JSONResponse({"object": "list", "data": [{"id": cloud.model, "object": "model"}]})
        return await self._chat(cloud, await request.json())

    async def _chat(self, cloud: Cloud, asked: Mapping[str, Any]) -> Response:
        usage = _usage(asked)
        if not asked.get("stream"):
            await asyncio.sleep(cloud.draw_ttft_s(self._chance) + cloud.token_s * len(ANSWER))
            message = {"role": "assistant", "content": "".join(ANSWER)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = _chunk(cloud, [choice]) | {"object": "chat.completion", "usage": usage}
            return JSONResponse(body, headers=_headers(cloud))
        return StreamingResponse(
            self._stream(cloud, usage), media_type="text/event-stream", headers=_headers(cloud)
        )

    async def _stream(self, cloud: Cloud, usage: Mapping[str, Any]) -> AsyncIterator[bytes]:
        for event in _opening(cloud):
            yield event
        await asyncio.sleep(cloud.draw_ttft_s(self._chance))
        for text in ANSWER:
            yield _event(_chunk(cloud, [{"index": 0, "delta": {"content": text}, "finish_reason": None}]))
            await asyncio.sleep(cloud.token_s)
        ending = _chunk(cloud, [{"index": 0, "delta": {}, "finish_reason": "stop"}])
        if cloud.provider == "mistral":
            yield _event(ending | {"usage": usage})
        else:
            yield _event(ending)
            yield _event(_chunk(cloud, []) | {"usage": usage})
        yield framing.write_event("[DONE]")


def _opening(cloud: Cloud) -> Iterator[bytes]:
    """Yield what a vendor sends before its first token."""
    match cloud.provider:
        case "azure":
            unfiltered = {"hate": {"filtered": False, "severity": "safe"}}
            results = [{"prompt_index": 0, "content_filter_results": unfiltered}]
            yield _event({"id": "", "model": "", "choices": [], "prompt_filter_results": results})
        case "deepseek":
            yield framing.write_comment("keep-alive")
            reasoning = {"role": "assistant", "content": None, "reasoning_content": ""}
            yield _event(_chunk(cloud, [{"index": 0, "delta": reasoning, "finish_reason": None}]))
            return
    role = {"role": "assistant", "content": ""}
    yield _event(_chunk(cloud, [{"index": 0, "delta": role, "finish_reason": None}]))


def _headers(cloud: Cloud) -> dict[str, str]:
    request_id = f"req_{uuid.uuid4().hex}"
    limits = {
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-tokens": "1999000",
    }
    match cloud.provider:
        case "openai":
            return limits | {
                "x-request-id": request_id,
                "openai-processing-ms": "120",
                "cf-ray": "8f0d1c2b3a495867-FRA",
            }
        case "azure":
            return limits | {
                "apim-request-id": request_id,
                "x-ms-region": "East US 2",
                "x-ms-deployment-name": cloud.model,
            }
        case _:
            return {"x-request-id": request_id}  # fmt: skip


def _chunk(cloud: Cloud, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-simulated",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": cloud.model,
        "system_fingerprint": "fp_simulated",
        "choices": choices,
    }


def _usage(asked: Mapping[str, Any]) -> dict[str, int]:
    words = sum(len(str(message.get("content", "")).split()) for message in asked.get("messages", ()))
    return {"prompt_tokens": words, "completion_tokens": len(ANSWER), "total_tokens": words + len(ANSWER)}


def _event(data: Mapping[str, Any]) -> bytes:
    return framing.write_event(json.dumps(data, separators=(",", ":")))


def _refusal(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse(
        {"error": {"message": message, "type": code, "param": None, "code": code}}, status_code=status
    )


async def _serve(port: int, name: scenario.Scenario) -> None:
    """Serve until standard input ends: the parent is gone or wants us gone."""
    clouds = Clouds(name, random.Random())  # noqa: S311 - simulated latencies, not secrets
    config = uvicorn.Config(clouds.app(), host="127.0.0.1", port=port, log_level="error", backlog=2048)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())  # noqa: SLF001 - `serve` would take the signals, which the parent owns
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--scenario", default="calm")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.scenario))


if __name__ == "__main__":
    main()
