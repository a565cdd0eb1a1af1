"""Google Cloud's `incidents.json`: a list of what is and was, with products and locations."""

import json
from collections.abc import Mapping
from typing import Any, Final

from agent.feeds.incident import MOST, FeedError, Incident, instant, link, names, text

_PAGE: Final = "https://status.cloud.google.com/"
_UNNAMED: Final = "an incident without a description"


def incidents(body: bytes) -> list[Incident]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as failure:
        raise FeedError("is no JSON: write the address of its incidents.json") from failure
    if not isinstance(told, list):
        raise FeedError("holds no list of incidents: write the address of its incidents.json")
    maps = (one for one in told[:MOST] if isinstance(one, Mapping))
    return [found for one in maps if (found := _incident(one)) is not None]


def _incident(data: Mapping[str, Any]) -> Incident | None:
    began_ns = instant(data.get("begin")) or instant(data.get("created"))
    if began_ns is None or not text(data.get("id")):
        return None
    said_ns = instant(data.get("created")) or began_ns
    # What it names now counts while it goes on; once it is over, what it named before.
    regions = names(data, "currently_affected_locations", "id")
    return Incident(
        id=text(data.get("id")),
        title=text(data.get("external_desc")) or text(data.get("service_name")) or _UNNAMED,
        began_ns=began_ns,
        said_ns=said_ns,
        updated_ns=instant(data.get("modified")) or said_ns,
        ended_ns=instant(data.get("end")),
        parts=names(data, "affected_products", "title")
        or tuple(filter(None, [text(data.get("service_name"))])),
        regions=regions or names(data, "previously_affected_locations", "id"),
        url=link(f"{_PAGE}{data.get('uri')}") if isinstance(data.get("uri"), str) else None,
    )
