"""Status feed sections to feeds: whose word is asked beside what is measured."""

from collections.abc import Sequence

from agent.config.context import Context
from agent.config.findings import Path
from agent.config.model import StatusFeed
from agent.config.nearest import nearest
from agent.config.schema import Settings
from agent.config.schema_alerts import StatusFeedSection
from agent.config.ways import Ways
from probes.target import Target


def status_feeds(
    context: Context, settings: Settings, ways: Ways, targets: Sequence[Target]
) -> tuple[StatusFeed, ...]:
    """Return the feeds, and warn of those that no alert can be about."""
    found: list[StatusFeed] = []
    for at, section in enumerate(settings.alerts.status_feeds):
        path: Path = ("alerts", "status_feeds", at)
        feed = _feed(context, path, section, ways)
        if any((one.cloud, one.url) == (feed.cloud, feed.url) for one in found):
            context.findings.error(path, "stands there twice; keep one, with all its words in `match`")
        found.append(feed)
        _judge_cloud(context, path, feed, targets)
    return tuple(found)


def _feed(context: Context, path: Path, section: StatusFeedSection, ways: Ways) -> StatusFeed:
    url = context.setting((*path, "url"), section.url)
    parts = context.url((*path, "url"), url) if context.known(url) else None
    if parts is not None and parts.password is not None:
        context.findings.error(
            (*path, "url"), "holds a password, and a status feed is public; write it without"
        )
    return StatusFeed(
        cloud=section.cloud,
        url=url,
        kind=section.kind,
        match=section.match,
        path=ways.of(path, section.network),
    )


def _judge_cloud(context: Context, path: Path, feed: StatusFeed, targets: Sequence[Target]) -> None:
    clouds = sorted({target.cloud for target in targets})
    if targets and feed.cloud not in clouds:
        hint = nearest(feed.cloud, clouds) or f"; there are {', '.join(clouds)}"
        context.findings.warn(
            (*path, "cloud"), f"no target is of the cloud `{feed.cloud}`, so nothing is asked of it{hint}"
        )
