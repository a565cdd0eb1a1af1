"""RSS 2.0 and Atom, as AWS, Azure and many pages publish their incidents: one item an update, or one an incident."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from agent.feeds.incident import MOST, FeedError, Incident, instant, link, text

DEPTH: Final = 50
ELEMENTS: Final = 100_000
SPEAKS_NS: Final = 24 * 3600 * 1_000_000_000
"""For so long an item without an end is the vendor's word: not every feed tells of ends."""

_UPDATE: Final = re.compile(r"_\d{9,}$")
"""AWS numbers each update of a service's page: `...#bedrock-us-east-1_1795867380`."""

_REGION: Final = re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov)?-[a-z]+-\d\b")
_OVER: Final = re.compile(
    r"\[resolved\]|operating normally|^\W*(?:\w+ ?\d* ?,? ?[\d:]* ?[a-z]{2,4} )?(?:resolved|mitigated|completed)\b",
    re.IGNORECASE,
)


def incidents(body: bytes) -> list[Incident]:
    """Return the incidents of a feed; updates of one are joined, the first says when it began."""
    root = _parsed(body)
    items = [node for node in root.iter() if node.tag in {"item", "entry"}][:MOST]
    if root.tag not in {"rss", "feed", "RDF"}:
        raise FeedError("is neither RSS nor Atom: write the address of its feed, not of its page")
    updates: dict[str, list[Incident]] = {}
    for item in items:
        if (found := _item(item)) is not None:
            updates.setdefault(found.id, []).append(found)
    return [one for same in updates.values() for one in _joined(same)]


def _item(item: ET.Element) -> Incident | None:
    said_ns = instant(_told(item, "pubDate", "published", "updated", "date"))
    title = text(_told(item, "title"))
    known = text(_told(item, "guid", "id")) or text(_told(item, "link")) or title
    if said_ns is None or not known:
        return None
    body = text(_told(item, "description", "summary", "content"), 400)
    parts = [text(node.text or node.get("term")) for node in item if node.tag == "category"]
    updated_ns = max(said_ns, instant(_told(item, "updated")) or said_ns)
    over = _OVER.search(title) or _OVER.search(body)
    return Incident(
        id=_UPDATE.sub("", known),
        title=title or "an item without a title",
        began_ns=said_ns,
        said_ns=said_ns,
        updated_ns=updated_ns,
        ended_ns=updated_ns if over else None,
        parts=tuple(filter(None, [*parts, *_place(known)])),
        regions=tuple(dict.fromkeys(_REGION.findall(f"{known} {title} {body}".lower()))),
        url=link(_told(item, "link") or _address(item)),
    )


def _joined(updates: list[Incident]) -> Iterator[Incident]:
    """Yield the incidents that updates of one name tell of: each begins with the first after an end."""
    began: Incident | None = None
    last: Incident | None = None
    for update in sorted(updates, key=lambda one: one.said_ns):
        began, last = began or update, update
        if update.ended_ns is not None:
            yield _spanning(began, update)
            began = None
    if began is not None and last is not None:
        yield _spanning(began, last)


def _spanning(first: Incident, last: Incident) -> Incident:
    return Incident(
        id=f"{first.id}@{first.said_ns}",
        title=first.title,
        began_ns=first.began_ns,
        said_ns=first.said_ns,
        updated_ns=last.updated_ns,
        ended_ns=last.ended_ns,
        until_ns=last.updated_ns + SPEAKS_NS,
        parts=tuple(dict.fromkeys([*first.parts, *last.parts])),
        regions=tuple(dict.fromkeys([*first.regions, *last.regions])),
        url=first.url or last.url,
    )


def _place(known: str) -> Iterator[str]:
    """Yield the service that an item's name ends with, behind its `#`."""
    _, mark, place = _UPDATE.sub("", known).rpartition("#")
    if mark:
        yield place


def _told(item: ET.Element, *tags: str) -> str | None:
    found = (node.text for tag in tags for node in item if node.tag == tag and node.text)
    return next((told.strip() for told in found if told.strip()), None)


def _address(item: ET.Element) -> str | None:
    return next((node.get("href") for node in item if node.tag == "link" and node.get("href")), None)


# -- XML that may declare nothing


class _Refused(Exception):  # noqa: N818 - it never leaves this file
    """What no feed needs: a document type, or more than a feed would hold."""


def _parsed(body: bytes) -> ET.Element:
    """Return the tree, its names without their namespaces; no document type is taken, so no entity can be declared."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth, count = 0, 0

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > DEPTH or count > ELEMENTS:
            raise _Refused("is nested or filled as no feed is")
        builder.start(name.rpartition("}")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition("}")[2])

    def refuse(*_: object) -> None:
        raise _Refused("declares a document type, which a feed has no need of")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(body, True)  # noqa: FBT003 - positional alone
        return builder.close()
    except _Refused as refused:
        raise FeedError(f"{refused}: look at what answers there") from None
    except (expat.ExpatError, AssertionError, ValueError, LookupError) as failure:
        raise FeedError("is no XML: write the address of its feed, not of its page") from failure
