"""The control endpoint: what ails which simulated cloud, to see and to switch, on loopback alone."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from agent.demo.scenario import CALM, FAULTS, SCENARIOS
from agent.demo.switchboard import Switchboard, UnknownNameError
from agent.demo.vendors import CLOUDS

Settle = Callable[[], Awaitable[None]]


class Control:
    """Switches a board; `settle` makes the network follow it, and has done so when the answer is given."""

    def __init__(self, board: Switchboard, settle: Settle) -> None:
        self._board = board
        self._settle = settle

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/control", self._show, methods=["GET"]),
                Route("/control", self._calm, methods=["DELETE"]),
                Route("/control/scenario/{scenario}", self._play, methods=["POST"]),
                Route("/control/{cloud}/{fault}", self._switch, methods=["POST"]),
                Route("/control/{cloud}", self._mend, methods=["DELETE"]),
            ],
            # Under a name of its own that leads here, a page in a browser could read the answers.
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
            exception_handlers={UnknownNameError: _unknown, 404: _nowhere, 405: _nowhere},
        )

    async def _show(self, request: Request) -> Response:
        return _told(request, state(self._board), overview(self._board, _base(request)))

    async def _play(self, request: Request) -> Response:
        self._board.play(request.path_params["scenario"])
        return await self._done(request, f"{self._board.scenario.name}: {self._board.scenario.tells}")

    async def _calm(self, request: Request) -> Response:
        self._board.play(CALM.name)
        return await self._done(request, f"{self._board.scenario.name}: {self._board.scenario.tells}")

    async def _switch(self, request: Request) -> Response:
        return await self._set(request, request.path_params["cloud"], request.path_params["fault"])

    async def _mend(self, request: Request) -> Response:
        return await self._set(request, request.path_params["cloud"], CALM.name)

    async def _set(self, request: Request, cloud: str, fault: str) -> Response:
        self._board.switch(cloud, fault)
        return await self._done(request, f"{cloud}: {FAULTS[fault].tells}")

    async def _done(self, request: Request, sentence: str) -> Response:
        try:
            await self._settle()
        except OSError as failure:
            sentence = f"the clouds cannot listen again ({failure.strerror}): end what took their port, and repeat this"
            return _told(request, {"error": sentence}, sentence, 503)
        return _told(request, state(self._board), sentence)


def state(board: Switchboard) -> dict[str, Any]:
    """Return what holds now and what may be switched, for programs."""
    return {
        "scenario": board.scenario.name,
        "coming": board.coming.name if board.coming else None,
        "network": "up" if board.network else "down",
        "clouds": {name: board.fault(name).name for name in CLOUDS},
        "faults": {fault.name: fault.tells for fault in FAULTS.values()},
        "scenarios": {scenario.name: scenario.tells for scenario in SCENARIOS.values()},
    }


def overview(board: Switchboard, base: str) -> str:
    """Return the same for people."""
    known = state(board)
    width = max(map(len, [*CLOUDS, *FAULTS, *SCENARIOS]))

    def rows(title: str, pairs: dict[str, str]) -> list[str]:
        return [title, *(f"  {name:<{width}}  {tells}" for name, tells in pairs.items()), ""]

    coming = f", {board.coming.name} is coming" if board.coming else ""
    lines = [
        f"scenario: {board.scenario.name}{coming}; network: {known['network']}",
        "",
        *rows("clouds", known["clouds"]),
        *rows("faults of a cloud", known["faults"]),
        *rows("scenarios", known["scenarios"]),
        f"curl -X POST   {base}/control/azure-eastus2/hang     # give a cloud a fault",
        f"curl -X DELETE {base}/control/azure-eastus2          # mend it",
        f"curl -X POST   {base}/control/scenario/outage        # play a scenario",
        f"curl -X DELETE {base}/control                        # calm everywhere, the network too",
    ]
    return "\n".join(lines)


async def _unknown(request: Request, error: Exception) -> Response:
    return _told(request, {"error": str(error)}, str(error), 404)


async def _nowhere(request: Request, _: Exception) -> Response:
    sentence = f"there is no {request.method} {request.url.path} here; GET /control says what there is"
    return _told(request, {"error": sentence}, sentence, 404)


def _told(request: Request, data: Any, text: str, status: int = 200) -> Response:
    """Answer in JSON who asks for it, and in plain text everybody else."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse(data, status)
    return PlainTextResponse(text + "\n", status)


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
