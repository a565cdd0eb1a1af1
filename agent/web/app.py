"""What is served over HTTP: the status page, health, readiness and metrics."""

import asyncio
import dataclasses
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

RENDERS = 2
"""Pages rendered at once: a scrape of 500 targets costs a second of a core, and scrapers are few."""

PAGE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "vary": "accept",
    "x-content-type-options": "nosniff",
}
"""The page loads nothing and runs nothing: whatever an endpoint said that it shows stays text."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What the app shows.

    `page` and `metrics` render for an Accept header (content type, page); `metrics` gives None while the
    journal is replayed; `unready` returns reasons, none when ready.
    """

    page: Callable[[str], tuple[str, bytes]]
    metrics: Callable[[str], tuple[str, bytes] | None]
    unready: Callable[[], list[str]]


def create_app(views: Views) -> Starlette:
    renders, pages = asyncio.Semaphore(RENDERS), asyncio.Semaphore(RENDERS)

    async def page(request: Request) -> Response:
        async with pages:
            content_type, body = await asyncio.to_thread(views.page, request.headers.get("accept", ""))
        return Response(body, headers=PAGE_HEADERS | {"content-type": content_type})

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reasons = views.unready()
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def metrics(request: Request) -> Response:
        async with renders:
            shown = await asyncio.to_thread(views.metrics, request.headers.get("accept", ""))
        if shown is None:
            return PlainTextResponse(
                "The journal is being replayed: counters would fall. Try again in a few seconds.\n",
                503,
                headers={"retry-after": "5"},
            )
        content_type, body = shown
        return Response(body, headers={"content-type": content_type})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ]
    )
