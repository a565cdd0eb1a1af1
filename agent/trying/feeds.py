"""Vendors' status feeds, each read once as while running."""

import asyncio

from agent.config.model import Config, StatusFeed
from agent.feeds.incident import FeedError
from agent.feeds.kinds import KINDS
from agent.feeds.reading import Fetching
from agent.trying.base import Trial
from probes.base import Secrets
from probes.transport.wire import WireTransport


async def feeds(config: Config, secrets: Secrets, transport: WireTransport) -> list[Trial]:
    """Read every feed once, and say what it tells now."""
    fetching = Fetching(transport, lambda: secrets)
    return list(await asyncio.gather(*(_feed(feed, fetching) for feed in config.status_feeds)))


async def _feed(feed: StatusFeed, fetching: Fetching) -> Trial:
    try:
        fetched = await fetching.fetch(feed.url, feed.path)
        found = [] if fetched is None else await asyncio.to_thread(KINDS[feed.kind], fetched.body)
    except FeedError as failure:
        return Trial(what="feed", name=feed.cloud, ok=False, says=f"{feed.url} {failure}")
    going = [one for one in found if one.ended_ns is None and one.fits(feed.match, ())]
    said = f"incidents that go on now: {len(going)}" + ("" if not feed.match else " with a word of `match`")
    facts = {"incidents": len(found), "going_on": [one.title for one in going]}
    return Trial(what="feed", name=feed.cloud, ok=True, says=f"read as {feed.kind}, {said}", facts=facts)
