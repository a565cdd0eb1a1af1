import asyncio

import httpx

from agent.web.app import Views, create_app


def ask(path: str, views: Views, **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(views))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(go())


def views(*reasons: str, caught_up: bool = True) -> Views:
    return Views(
        page=lambda accept: ("text/html", f"page for {accept}".encode()),
        metrics=lambda accept: (f"text/plain; for={accept}", b"page") if caught_up else None,
        unready=lambda: list(reasons),
    )


def test_metrics_are_rendered_in_the_format_that_the_scraper_accepts() -> None:
    answer = ask("/metrics", views(), accept="application/openmetrics-text")
    assert answer.status_code == 200
    assert answer.content == b"page"
    assert answer.headers["content-type"] == "text/plain; for=application/openmetrics-text"


def test_metrics_wait_until_the_journal_is_replayed() -> None:
    """Half-replayed counters would look like a reset to a scraper."""
    answer = ask("/metrics", views(caught_up=False))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


def test_readiness_gives_its_reasons() -> None:
    assert ask("/readyz", views()).json() == {"ready": True, "reasons": []}
    answer = ask("/readyz", views("the asker is silent"))
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": ["the asker is silent"]}


def test_health_is_that_the_process_answers() -> None:
    assert ask("/healthz", views("anything")).status_code == 200


def test_the_front_page_may_load_and_run_nothing() -> None:
    """What an endpoint said may stand on it."""
    answer = ask("/", views(), accept="text/html")
    assert (answer.status_code, answer.text) == (200, "page for text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_not_here_is_404_and_writing_is_405() -> None:
    assert ask("/nowhere", views()).status_code == 404

    async def post() -> int:
        transport = httpx.ASGITransport(create_app(views()))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.post("/metrics")).status_code

    assert asyncio.run(post()) == 405
