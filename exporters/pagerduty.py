"""PagerDuty's Events API v2: an alert is triggered and resolved under one deduplication key, a page under its own."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from exporters import told
from exporters.base import DeliveryError, Options
from exporters.posting import Post, closing, one_by_one
from exporters.signals import Notice

URL: Final = "https://events.pagerduty.com/v2/enqueue"
KEY: Final = 255
SUMMARY: Final = 1024
SEVERITIES: Final = {"page": "critical", "ticket": "warning"}


class PagerDuty:
    """A repeated trigger of one key is written into the incident's log and pages nobody anew."""

    gathers = False
    refresh_s: float | None = None

    def __init__(self, options: Options) -> None:
        self._options = options
        self._post = Post(options)

    async def tell(self, notices: Sequence[Notice]) -> str:
        return await one_by_one(self._tell, notices)

    async def _tell(self, notice: Notice) -> str:
        key, ticket = told.keys(notice)
        answer = await self._send(_event(notice, dedup_key(key)))
        if ticket is None:
            return answer
        return await closing(answer, self._send({"event_action": "resolve", "dedup_key": dedup_key(ticket)}))

    async def _send(self, event: dict[str, Any]) -> str:
        secrets = self._options.secrets
        event = {"routing_key": secrets.resolve(self._options.routing_key), **event}
        answer = await self._post.send(secrets.resolve_url(self._options.url or URL), event)
        status = answer.body.get("status") if isinstance(answer.body, dict) else None
        if status != "success":
            raise DeliveryError(
                f"{self._options.name} answered HTTP {answer.status} without PagerDuty's `success`: "
                f"something else answers at its address ({answer.text or 'nothing said'}).",
                permanent=False,
            )
        return f"HTTP {answer.status}: {answer.body.get('message', status)}"


def dedup_key(key: str, limit: int = KEY) -> str:
    """Return the key, or what stands for one that is too long.

    >>> dedup_key("service-down/chat@1"), len(dedup_key("x" * 300))
    ('service-down/chat@1', 64)
    """
    return key if len(key) <= limit else hashlib.blake2b(key.encode(), digest_size=32).hexdigest()


def _action(notice: Notice) -> str:
    if notice.state == "resolved":
        return "resolve"
    return "acknowledge" if told.in_hands(notice) else "trigger"


def _event(notice: Notice, key: str) -> dict[str, Any]:
    event: dict[str, Any] = {"event_action": _action(notice), "dedup_key": key}
    if event["event_action"] != "trigger":
        return event
    return event | {
        "client": "nephoscope",
        **({"client_url": notice.page} if notice.page else {}),
        "links": [{"href": address, "text": name} for name, address in told.links(notice)],
        "payload": {
            "summary": told.cut(told.head(notice), SUMMARY),
            "source": notice.subject,
            "severity": SEVERITIES[notice.severity],
            "timestamp": told.exact(notice.since_ns),
            "class": notice.name,
            **({"group": notice.labels["service"]} if "service" in notice.labels else {}),
            "custom_details": {"detail": told.one_line(notice.detail), **dict(told.facts(notice))},
        },
    }
