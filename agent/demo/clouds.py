"""The front doors of the simulated clouds: `/{cloud}/...` answers as that vendor would, faults included."""

import asyncio
import dataclasses
import json
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agent.demo import answers, manners
from agent.demo.answers import Answer
from agent.demo.latency import Timing
from agent.demo.manners import Chunk
from agent.demo.meter import Left, Meter
from agent.demo.scenario import Fault, Mishap
from agent.demo.switchboard import Switchboard
from agent.demo.vendors import CLOUDS, Cloud
from probes.framing import sse

API_KEY = "demo"
"""What the demo's configuration sends; anything else is answered as a wrong key is."""

_REFUSED: Mapping[Mishap | None, int] = {"overloaded": 503, "failing": 500, "throttled": 429}
"""The status that is answered at once."""

_ASIDE_TOKENS: Final = 64
"""What a vendor sets aside of the limit for a request that names no cap."""


class Clouds:
    """Answers for the simulated clouds, each with a chance of its own, so that a seed repeats its draws.

    `asked` is set once anybody asks one of them.
    """

    def __init__(
        self, board: Switchboard, seed: int | None = None, clouds: Iterable[Cloud] = tuple(CLOUDS.values())
    ) -> None:
        self._doors = {cloud.name: Door(cloud, board, seed) for cloud in clouds}
        self.asked = asyncio.Event()

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{cloud}/{rest:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        self.asked.set()
        door = self._doors.get(request.path_params["cloud"])
        if door is None:
            return JSONResponse(manners.refusal(None, 404), 404)
        return await door.answer(request)


@dataclasses.dataclass(frozen=True, slots=True)
class Course:
    """How one request goes: what goes wrong, how long it takes, who serves, and how far one that is cut comes."""

    mishap: Mishap | None
    timing: Timing
    rerouted: bool
    cut_at: float

    @classmethod
    def draw(cls, cloud: Cloud, fault: Fault, chance: random.Random) -> Self:
        mishap = fault.mishap(chance)
        timing = cloud.latency.draw(chance).slowed(fault.factor(chance))
        return cls(mishap, timing, fault.rerouted, chance.random())


class Door:
    """One cloud's front door."""

    def __init__(self, cloud: Cloud, board: Switchboard, seed: int | None) -> None:
        self._cloud = cloud
        self._board = board
        self._chance = random.Random(None if seed is None else f"{seed}/{cloud.name}")  # noqa: S311 - simulated latencies, not secrets
        self._meter = Meter(cloud.limits, time.monotonic()) if cloud.limits else None

    async def answer(self, request: Request) -> Response:
        cloud, fault = self._cloud, self._board.fault(self._cloud.name)
        if API_KEY not in request.headers.get("authorization", request.headers.get("api-key", API_KEY)):
            return JSONResponse(manners.refusal(cloud, 401), 401)
        asked = await request.json() if request.method == "POST" else {}
        left = self._take(asked)
        course = Course.draw(cloud, fault, self._chance)
        if left is not None and left.spent:
            course = dataclasses.replace(course, mishap="throttled")
        if course.mishap == "silent":
            return await _silence(request)
        if status := _REFUSED.get(course.mishap):
            return self._refuse(course, status, left)
        said = self._headers(course, left)
        if request.method == "GET":
            models = {"object": "list", "data": [{"id": cloud.model, "object": "model"}]}
            return JSONResponse(models, headers=said)
        return self._chat(asked, course, said)

    def _take(self, asked: Mapping[str, Any]) -> Left | None:
        if self._meter is None:
            return None
        aside = asked.get("max_completion_tokens") or asked.get("max_tokens") or _ASIDE_TOKENS
        return self._meter.take(int(aside) if asked else 0, time.monotonic())

    def _refuse(self, course: Course, status: int, left: Left | None) -> Response:
        if status == 429 and self._meter is not None:
            left = self._meter.nothing(time.monotonic())
        said = self._headers(course, left)
        if status == 429:
            said["retry-after"] = str(left.wait_s if left is not None else 20)
        return JSONResponse(manners.refusal(self._cloud, status), status, headers=said)

    def _headers(self, course: Course, left: Left | None) -> dict[str, str]:
        took_ms = 0 if course.mishap in _REFUSED else round(course.timing.ttft_s * 1000)
        return manners.headers(self._cloud, left, uuid.uuid4().hex, rerouted=course.rerouted, took_ms=took_ms)

    def _chat(self, asked: Mapping[str, Any], course: Course, said: Mapping[str, str]) -> Response:
        frame = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": self._cloud.model,
            "system_fingerprint": manners.fingerprint(self._cloud, rerouted=course.rerouted),
        }
        answer = answers.answer(asked)
        if asked.get("stream"):
            told, media_type = _stream(self._cloud, frame, answer, course), "text/event-stream"
        else:
            told, media_type = _body(frame, answer, course), "application/json"
        return Told(told, media_type=media_type, headers=said, whole=course.mishap != "cut")


class Told(StreamingResponse):
    """A streamed answer; one that is not whole leaves its last piece out, and the connection is cut."""

    def __init__(self, *args: Any, whole: bool, **more: Any) -> None:
        super().__init__(*args, **more)
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def pass_on(message: Any) -> None:
            if self._whole or message["type"] != "http.response.body" or message.get("more_body"):
                await send(message)

        await super().__call__(scope, receive, pass_on)


async def _stream(cloud: Cloud, frame: Chunk, answer: Answer, course: Course) -> AsyncIterator[bytes]:
    for piece in manners.opening(cloud, frame):
        yield piece if isinstance(piece, bytes) else _event(piece)
    tokens = answer.tokens
    if course.mishap == "cut":
        tokens = tokens[: max(1, int(len(tokens) * course.cut_at))]
    async for token in _paced(tokens, course.timing):
        yield _event(manners.with_delta(frame, {"content": token}))
    if course.mishap in {"cut", "unended"}:
        return
    for chunk in manners.ending(cloud, frame, answer.reason, answer.usage):
        yield _event(chunk)
    yield sse.write_event("[DONE]")


async def _body(frame: Chunk, answer: Answer, course: Course) -> AsyncIterator[bytes]:
    await asyncio.sleep(course.timing.total_s(len(answer.tokens)))
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "finish_reason": answer.reason}
    whole = frame | {"object": "chat.completion", "choices": [choice], "usage": answer.usage}
    body = json.dumps(whole).encode()
    yield body[: int(len(body) * course.cut_at)] if course.mishap == "cut" else body


async def _paced(tokens: tuple[str, ...], timing: Timing) -> AsyncIterator[str]:
    """Yield each token when it is due since the beginning: what one is late is not added to the next."""
    clock = asyncio.get_running_loop().time
    due = clock() + timing.ttft_s
    for token in tokens:
        if (wait_s := due - clock()) > 0:
            await asyncio.sleep(wait_s)
        yield token
        due += timing.token_s


async def _silence(request: Request) -> Response:
    """Return when the other side has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response()


def _event(data: Mapping[str, Any]) -> bytes:
    return sse.write_event(json.dumps(data, separators=(",", ":")))
