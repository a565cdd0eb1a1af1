"""Alertmanager's API v2: every replica is told, again and again for as long as an alert fires."""

import asyncio
import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from exporters import told
from exporters.base import DeliveryError, Options
from exporters.posting import Post
from exporters.signals import Notice

REFRESH_S: Final = 60.0
HOLDS: Final = 4
"""An alert ends by itself after so many refreshes that did not come, as Prometheus has it: no dead agent pages on."""

_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")


class Alertmanager:
    """Told where one replica takes it: what another missed, the refresh brings within a minute.

    A replica that misses an end as well ends the alert by itself, four minutes after it was told of it last.
    """

    gathers = True
    refresh_s: float | None = REFRESH_S

    def __init__(self, options: Options) -> None:
        self._options = options
        self._post = Post(options)

    async def tell(self, notices: Sequence[Notice]) -> str:
        now_ns = self._options.wall_ns()
        alerts = [alert for notice in notices for alert in _alerts(notice, now_ns)]
        replies = await asyncio.gather(*(self._tell(url, alerts) for url in self._options.urls))
        missed = [reply for reply in replies if isinstance(reply, DeliveryError)]
        if len(missed) == len(replies):
            waits = [failure.retry_after_s for failure in missed if failure.retry_after_s is not None]
            raise DeliveryError(
                "; ".join(dict.fromkeys(map(str, missed))),
                permanent=all(failure.permanent for failure in missed),
                retry_after_s=min(waits, default=None),
            )
        taken = f"{len(replies) - len(missed)} of {len(replies)} replicas took it"
        return "; ".join([taken, *dict.fromkeys(map(str, missed))])

    async def _tell(self, url: str, alerts: list[dict[str, Any]]) -> str | DeliveryError:
        try:
            base = self._options.secrets.resolve_url(url).rstrip("/")
            return (await self._post.send(f"{base}/api/v2/alerts", alerts)).text
        except DeliveryError as failure:
            return failure


def _alerts(notice: Notice, now_ns: int) -> Iterator[dict[str, Any]]:
    """Yield the notice as an alert, and behind a page the end of the ticket that it was: labels name an alert."""
    holds_ns = round(HOLDS * REFRESH_S * 1e9)
    yield _alert(notice, notice.ended_ns or now_ns if notice.state == "resolved" else now_ns + holds_ns)
    if notice.severity == "page" and notice.seq > 1:
        yield _alert(dataclasses.replace(notice, severity="ticket"), notice.ended_ns or now_ns)


def _alert(notice: Notice, ends_ns: int) -> dict[str, Any]:
    alert: dict[str, Any] = {
        "labels": _labels(notice),
        "annotations": _annotations(notice),
        "startsAt": told.exact(notice.since_ns),
        "endsAt": told.exact(ends_ns),
    }
    return alert | ({"generatorURL": notice.page} if notice.page else {})


def _labels(notice: Notice) -> dict[str, str]:
    marks = {
        mark: "true" for mark, set_ in (("drill", notice.drill), ("simulated", notice.simulated)) if set_
    }
    labels = {
        **notice.labels,
        **marks,
        "alertname": notice.name,
        "severity": notice.severity,
        "subject": notice.subject,
    }
    return {_label(name): value for name, value in labels.items() if value}


def _label(name: str) -> str:
    """Return a name that a label may have.

    >>> _label("host.name"), _label("2nd")
    ('host_name', '_2nd')
    """
    name = _NAME.sub("_", name)
    return f"_{name}" if name[:1].isdigit() else name


def _annotations(notice: Notice) -> dict[str, str]:
    said = {
        "summary": told.summary(notice),
        "description": told.one_line(notice.detail),
        "fault": told.one_line(notice.fault or ""),
        "evidence": "; ".join(map(told.one_line, notice.evidence)),
        "runbook_url": notice.runbook or "",
        "id": notice.key,
        "acknowledged": told.acknowledged(notice.acknowledged) if notice.acknowledged else "",
        **{_label(key): told.one_line(value) for key, value in notice.facts.items()},
    }
    return {key: value for key, value in said.items() if value}
