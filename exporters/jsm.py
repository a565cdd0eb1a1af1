"""Jira Service Management's alerts, and Opsgenie's, whose API they took over: created and closed by alias, a page by its own."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from exporters import told
from exporters.base import DeliveryError, Options
from exporters.pagerduty import dedup_key
from exporters.posting import Post, closing, one_by_one
from exporters.signals import Notice

URL: Final = "https://api.atlassian.com/jsm/ops/integration/v2/alerts"
"""Opsgenie's own, `https://api.opsgenie.com/v2/alerts`, takes the same until it ends in April 2027."""

ALIAS: Final = 512
MESSAGE: Final = 130
DESCRIPTION: Final = 15_000
PRIORITIES: Final = {"page": "P1", "ticket": "P3"}


class Jsm:
    """An alias that is open already is counted up and makes no second alert."""

    gathers = False
    refresh_s: float | None = None

    def __init__(self, options: Options) -> None:
        self._options = options
        self._post = Post(options)

    async def tell(self, notices: Sequence[Notice]) -> str:
        return await one_by_one(self._tell, notices)

    async def _tell(self, notice: Notice) -> str:
        key, ticket = told.keys(notice)
        answer = await self._ask(*_request(notice, dedup_key(key, ALIAS)))
        if ticket is None:
            return answer
        note = {"note": told.head(notice)}
        return await closing(answer, self._ask(_at(dedup_key(ticket, ALIAS), "close"), note))

    async def _ask(self, path: str, body: dict[str, Any]) -> str:
        secrets = self._options.secrets
        url = secrets.resolve_url(self._options.url or URL).rstrip("/") + path
        headers = {"authorization": f"GenieKey {secrets.resolve(self._options.api_key)}"}
        answer = await self._post.send(url, {"source": "nephoscope", **body}, headers)
        if not isinstance(answer.body, dict) or "requestId" not in answer.body:
            raise DeliveryError(
                f"{self._options.name} answered HTTP {answer.status} without the id of a request: something else "
                f"answers at its address ({answer.text or 'nothing said'}).",
                permanent=False,
            )
        return f"HTTP {answer.status}: {answer.body.get('result', 'taken')}"


def _request(notice: Notice, alias: str) -> tuple[str, dict[str, Any]]:
    """Return the path of a request under that of alerts, and its body."""
    if notice.state == "resolved":
        return _at(alias, "close"), {"note": told.head(notice)}
    if told.in_hands(notice):
        return _at(alias, "acknowledge"), {"note": "\n".join([told.head(notice), *_said(notice)])}
    return "", _created(notice, alias)


def _at(alias: str, what: str) -> str:
    return f"/{quote(alias, safe='')}/{what}?identifierType=alias"


def _said(notice: Notice) -> list[str]:
    return [told.acknowledged(notice.acknowledged)] if notice.acknowledged else []


def _created(notice: Notice, alias: str) -> dict[str, Any]:
    return {
        "message": told.cut(told.head(notice), MESSAGE),
        "alias": alias,
        "description": told.cut("\n".join(told.text(notice)), DESCRIPTION),
        "priority": PRIORITIES[notice.severity],
        "entity": notice.subject,
        "tags": [
            notice.name,
            notice.severity,
            *(["trial" if notice.trial else "drill"] if notice.drill else []),
        ],
        "details": dict([*told.facts(notice), *told.links(notice)]),
    }
