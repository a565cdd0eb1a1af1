"""Microsoft Teams by the webhook of a workflow: an Adaptive Card, whose URL is the secret."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from exporters import told
from exporters.base import Options
from exporters.posting import Post
from exporters.signals import Notice

BYTES: Final = 27_000
"""Teams takes messages of 28 kB."""

_AROUND: Final = 4_000
"""For the title, the buttons and what a card wears around them."""

VALUE: Final = 600
_COLOURS: Final = {"page": "Attention", "ticket": "Warning"}


class Teams:
    """Has no deduplication key: what is repeated after a kill in the midst is a second message."""

    gathers = True
    refresh_s: float | None = None

    def __init__(self, options: Options) -> None:
        self._options = options
        self._post = Post(options)

    async def tell(self, notices: Sequence[Notice]) -> str:
        answer = await self._post.send(self._options.secrets.resolve_url(self._options.url), message(notices))
        return f"HTTP {answer.status}" + (f": {answer.text}" if answer.text else "")


def message(notices: Sequence[Notice]) -> dict[str, Any]:
    """Return a message with one card, of as many notices as fit into it."""
    parts = [list(_parts(notice)) for notice in notices]
    sizes = itertools.accumulate(len(json.dumps(part)) for part in parts)
    shown = max(1, sum(size < BYTES - _AROUND for size in sizes))
    title = _line(told.cut(told.title(notices), VALUE), weight="Bolder", size="Medium")
    body = [title] if len(notices) > 1 else []
    body += [line for part in parts[:shown] for line in part]
    if shown < len(notices):
        body.append(_line(f"and {len(notices) - shown} more"))
    links = dict.fromkeys(link for notice in notices[:shown] for link in told.links(notice))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        # Teams shows six buttons of a card.
        "actions": [
            {"type": "Action.OpenUrl", "title": name, "url": address} for name, address in [*links][:6]
        ],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _parts(notice: Notice) -> Iterator[dict[str, Any]]:
    colour = "Good" if notice.state == "resolved" else _COLOURS[notice.severity]
    yield _line(told.cut(told.head(notice), VALUE), weight="Bolder", color=colour, separator=True)
    if notice.detail:
        yield _line(told.cut(told.one_line(notice.detail), VALUE))
    for key, value in told.facts(notice):
        yield _line(f"{key}: {told.cut(value, VALUE)}", size="Small")


def _line(text: str, *, separator: bool = False, **look: str) -> dict[str, Any]:
    # Runs are plain: in a TextBlock what an endpoint said would be read as Markdown.
    run = {"type": "TextRun", "text": text, **look}
    return {"type": "RichTextBlock", "inlines": [run], **({"separator": True} if separator else {})}
