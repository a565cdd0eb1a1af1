"""Statuspage's JSON: `summary.json` and `incidents.json`, as Atlassian's pages and those in their manner answer."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agent.feeds.incident import FeedError, Incident, instant, link, maps, names, text

_OVER: Final = frozenset({"resolved", "postmortem", "completed"})
_UNDER_WAY: Final = frozenset({"in_progress", "verifying"})
_WELL: Final = frozenset({"", "operational", "under_maintenance"})


def incidents(body: bytes) -> list[Incident]:
    """Return what the page tells of: incidents, maintenance that goes on, and parts that are ill with no incident."""
    try:
        page = json.loads(body)
    except (ValueError, RecursionError) as failure:
        raise FeedError("is no JSON: write the address of its api/v2/summary.json") from failure
    if not isinstance(page, Mapping) or not isinstance(page.get("incidents"), list):
        raise FeedError("holds no list of incidents: write the address of its api/v2/summary.json")
    told = [found for one in maps(page, "incidents") if (found := _incident(one)) is not None]
    under_way = [one for one in maps(page, "scheduled_maintenances") if one.get("status") in _UNDER_WAY]
    told += [found for one in under_way if (found := _incident(one)) is not None]
    named = {part for one in told if one.ended_ns is None for part in one.parts}
    return [*told, *_ill(page, named)]


def _incident(data: Mapping[str, Any]) -> Incident | None:
    said_ns = instant(data.get("created_at")) or instant(data.get("started_at"))
    if said_ns is None or not text(data.get("id")):
        return None
    began_ns = instant(data.get("scheduled_for")) or instant(data.get("started_at")) or said_ns
    updated_ns = instant(data.get("updated_at")) or said_ns
    ended_ns = instant(data.get("resolved_at"))
    if ended_ns is None and data.get("status") in _OVER:
        ended_ns = updated_ns
    affected = (names(update, "affected_components", "name") for update in maps(data, "incident_updates"))
    parts = dict.fromkeys([*names(data, "components", "name"), *(name for each in affected for name in each)])
    return Incident(
        id=text(data.get("id")),
        title=text(data.get("name")) or "an incident without a title",
        began_ns=began_ns,
        said_ns=said_ns,
        updated_ns=updated_ns,
        ended_ns=ended_ns,
        parts=tuple(parts),
        url=link(data.get("shortlink")),
    )


def _ill(page: Mapping[str, Any], named: set[str]) -> Iterator[Incident]:
    """Yield components that the page shows as ill, and tells no incident of."""
    for part in maps(page, "components"):
        status, name, at_ns = (
            text(part.get("status")),
            text(part.get("name")),
            instant(part.get("updated_at")),
        )
        if status in _WELL or not name or at_ns is None or name in named:
            continue
        yield Incident(
            id=f"component/{text(part.get('id')) or name}",
            title=f"{name}: {status.replace('_', ' ')}",
            began_ns=at_ns,
            said_ns=at_ns,
            updated_ns=at_ns,
            parts=(name,),
        )
