"""A webhook of the site's own: the notice as JSON, signed so that the site knows whom it is from."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any, Final

from exporters import told
from exporters.base import Options
from exporters.posting import Post, one_by_one
from exporters.signals import Notice

TIMESTAMP: Final = "x-nephoscope-timestamp"
SIGNATURE: Final = "x-nephoscope-signature"
DELIVERY: Final = "idempotency-key"


class Webhook:
    """One notice a request. A repetition has the same `key` and `seq`, which the idempotency key joins."""

    gathers = False
    refresh_s: float | None = None

    def __init__(self, options: Options) -> None:
        self._options = options
        self._post = Post(options)

    async def tell(self, notices: Sequence[Notice]) -> str:
        return await one_by_one(self._tell, notices)

    async def _tell(self, notice: Notice) -> str:
        secrets = self._options.secrets
        body = json.dumps(facts(notice)).encode()
        timestamp = str(self._options.wall_ns() // 1_000_000_000)
        headers = {
            TIMESTAMP: timestamp,
            SIGNATURE: f"sha256={signature(secrets.resolve(self._options.secret), timestamp, body)}",
            DELIVERY: f"{hashlib.blake2b(notice.key.encode(), digest_size=16).hexdigest()}-{notice.seq}",
        }
        answer = await self._post.send(secrets.resolve_url(self._options.url), body, headers)
        return f"HTTP {answer.status}" + (f": {answer.text}" if answer.text else "")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return HMAC-SHA256 under the secret, in hex, of the timestamp as it is sent and the body behind it.

    >>> signature("key", "1800000000", b"{}")[:16]
    '063a09fe8b49b2d2'
    """
    return hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).hexdigest()


def facts(notice: Notice) -> dict[str, Any]:
    """Return a notice as outsiders read it: instants in RFC 3339, null for what is not there."""
    return {
        "key": notice.key,
        "seq": notice.seq,
        "state": notice.state,
        "name": notice.name,
        "severity": notice.severity,
        "subject": notice.subject,
        "summary": notice.summary,
        "detail": notice.detail,
        "since": told.exact(notice.since_ns),
        "fired_at": told.exact(notice.fired_ns),
        "ended_at": None if notice.ended_ns is None else told.exact(notice.ended_ns),
        "fault": notice.fault,
        "evidence": list(notice.evidence),
        "labels": dict(notice.labels),
        "facts": dict(notice.facts),
        "runbook": notice.runbook,
        "page": notice.page,
        "drill": notice.drill,
        "simulated": notice.simulated,
        "acknowledged": _acknowledged(notice),
    }


def _acknowledged(notice: Notice) -> dict[str, Any] | None:
    said = notice.acknowledged
    if said is None:
        return None
    until = None if said.until_ns is None else told.exact(said.until_ns)
    return {"by": said.by, "reason": said.reason, "at": told.exact(said.at_ns), "until": until}
