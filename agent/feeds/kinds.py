"""Which kinds of status feeds there are."""

from collections.abc import Callable, Mapping
from typing import Final

from agent.feeds import google, rss, statuspage
from agent.feeds.incident import Incident

Parser = Callable[[bytes], list[Incident]]
"""Bytes of a feed to its incidents; raises nothing but `FeedError`."""

KINDS: Final[Mapping[str, Parser]] = {
    "statuspage": statuspage.incidents,
    "google": google.incidents,
    "rss": rss.incidents,
}
