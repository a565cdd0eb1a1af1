"""What is served over HTTP: health, readiness and the metrics page."""

import asyncio
import dataclasses
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

RENDERS = 2
"""Pages rendered at once: a scrape of 500 targets costs a second of a core, and scrapers are few."""

INDEX = """nephoscope

/metrics  what was measured, for Prometheus
/healthz  the process answers
/readyz   probes are being sent and their results kept; the reasons otherwise
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What the app shows.

    `metrics` renders for an Accept header (content type, page), or gives None while the journal is replayed;
    `unready` returns reasons, none when ready.
    """

    metrics: Callable[[str], tuple[str, bytes] | None]
    unready: Callable[[], list[str]]


def create_app(views: Views) -> Starlette:
    renders = asyncio.Semaphore(RENDERS)

    async def index(_: Request) -> Response:
        return PlainTextResponse(INDEX)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reasons = views.unready()
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def metrics(request: Request) -> Response:
        async with renders:
            page = await asyncio.to_thread(views.metrics, request.headers.get("accept", ""))
        if page is None:
            return PlainTextResponse(
                "The journal is being replayed: counters would fall. Try again in a few seconds.\n",
                503,
                headers={"retry-after": "5"},
            )
        content_type, body = page
        return Response(body, headers={"content-type": content_type})

    return Starlette(
        routes=[
            Route("/", index),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )
