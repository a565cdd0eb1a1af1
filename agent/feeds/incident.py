"""What a vendor says of an incident, whatever feed it says so in; and what every parser of a feed shares. Pure."""

import dataclasses
import email.utils
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from exporters import told

MOST: Final = 500
"""Incidents of a feed that are looked at, the newest first in all that are known."""

TEXT: Final = 200
"""Characters of a title or a name that are kept."""

_TAG: Final = re.compile(r"<[^<>]*>")
_LATEST_S: Final = 253_402_300_799.0
"""The end of the year 9999."""


class FeedError(Exception):
    """A feed cannot be read, in a sentence with the remedy."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as its vendor tells of it.

    `began_ns` is when it began by the vendor's word, `said_ns` when the vendor published it; `ended_ns` is None while
    it goes on, and `until_ns` until when its word is good where its feed tells of no ends. `parts` names what is affected
    (components, products, services), `regions` where; none means that the vendor does not say.
    """

    id: str
    title: str
    began_ns: int
    said_ns: int
    updated_ns: int
    ended_ns: int | None = None
    until_ns: int | None = None
    parts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    url: str | None = None

    def fits(self, words: Iterable[str], regions: Collection[str]) -> bool:
        """Return whether it is about one of these words and one of these regions; none of them: about everything.

        >>> one = Incident(id="1", title="Errors", began_ns=0, said_ns=0, updated_ns=0, parts=("Chat API",), regions=("us-east1",))
        >>> one.fits(["chat"], ["us-east1"]), one.fits([], []), one.fits(["batch"], []), one.fits(["chat"], ["europe-west4"])
        (True, True, False, False)
        """
        wanted = [word.casefold() for word in words]
        known = " ".join((self.title, *self.parts)).casefold()
        if wanted and not any(word in known for word in wanted):
            return False
        named = {region.casefold() for region in self.regions}
        here = {region.casefold() for region in regions}
        return not named or not here or "global" in named or not named.isdisjoint(here)


# -- what parsers share: whatever a feed holds, a text, an instant or nothing comes out


def text(value: object, limit: int = TEXT) -> str:
    r"""Return a value as one line of plain text; nothing where it is no text.

    >>> text("<p>Errors\n with <b>chat</b> &amp; more</p>"), text(None), text("x" * 300, 5)
    ('Errors with chat &amp; more', '', 'xxxx…')
    """
    if not isinstance(value, str):
        return ""
    return told.cut(told.one_line(_TAG.sub(" ", value[: 50 * limit])), limit)


def link(value: object) -> str | None:
    """Return a value that is an address of the web.

    >>> link("https://stspg.io/x"), link("javascript:alert(1)"), link("https://a b")
    ('https://stspg.io/x', None, None)
    """
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return None
    return value if len(value) <= 500 and value.isprintable() and " " not in value else None


def instant(value: object) -> int | None:
    """Return an instant of RFC 3339 or of a mail's kind in UTC nanoseconds; None where it is neither.

    >>> instant("2026-11-28T12:03:00.5Z"), instant("Sat, 28 Nov 2026 04:03:00 PST"), instant("soon"), instant(7)
    (1795867380500000000, 1795867380000000000, None, None)
    """
    if not isinstance(value, str) or len(value) > 100:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        try:
            found = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError, TypeError, IndexError):
            return None
    try:
        seconds = found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    return round(seconds * 1e9) if 0 < seconds < _LATEST_S else None


def maps(value: object, key: str) -> list[Mapping[str, Any]]:
    """Return the maps of the list that a map holds under a key, so many at most; none where there is no such list."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return [one for one in found[:MOST] if isinstance(one, Mapping)] if isinstance(found, list) else []


def names(value: object, key: str, of: str) -> tuple[str, ...]:
    """Return what is named by `of` in each map of a list."""
    return tuple(dict.fromkeys(name for one in maps(value, key) if (name := text(one.get(of)))))
