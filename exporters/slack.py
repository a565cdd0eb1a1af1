"""Slack by an incoming webhook: a message of blocks, whose URL is the secret."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from exporters import told
from exporters.base import DeliveryError, Options
from exporters.posting import Post
from exporters.signals import Notice

HEAD: Final = 150
TEXT: Final = 3000
BLOCKS: Final = 48
"""Slack takes 50; two are left for the title and for how many were left out."""


class Slack:
    """Has no deduplication key: what is repeated after a kill in the midst is a second message."""

    gathers = True
    refresh_s: float | None = None

    def __init__(self, options: Options) -> None:
        self._options = options
        self._post = Post(options)

    async def tell(self, notices: Sequence[Notice]) -> str:
        url = self._options.secrets.resolve_url(self._options.url)
        answer = await self._post.send(url, message(notices))
        if answer.text != "ok":
            raise DeliveryError(
                f"{self._options.name} answered HTTP {answer.status} without Slack's `ok`: something else answers "
                f"at its address ({answer.text or 'nothing said'}).",
                permanent=False,
            )
        return f"HTTP {answer.status}: ok"


def message(notices: Sequence[Notice]) -> dict[str, Any]:
    """Return a message; `text` is what a notification on a telephone shows."""
    title = told.title(notices)
    headed = len(notices) == 1 and len(title) <= HEAD
    blocks: list[dict[str, Any]] = []
    left = 0
    for notice in notices:
        more = list(_blocks(notice, headed=headed))
        if len(blocks) + len(more) > BLOCKS:
            left += 1
        else:
            blocks += more
    first = {"type": "header", "text": {"type": "plain_text", "text": told.cut(title, HEAD)}}
    last = [_context(f"and {left} more")] if left else []
    return {"text": escaped(title), "blocks": [first, *blocks, *last]}


def _blocks(notice: Notice, *, headed: bool) -> Iterator[dict[str, Any]]:
    """Yield what is told of a notice; `headed` says that its head stands above, whole."""
    lines = ["" if headed else f"*{escaped(told.head(notice))}*", escaped(told.one_line(notice.detail))]
    if said := "\n".join(filter(None, lines)):
        yield _section(said)
    yield _section("\n".join(f"*{escaped(key)}*: {escaped(value)}" for key, value in told.facts(notice)))
    if links := [f"<{escaped(address)}|{name}>" for name, address in told.links(notice)]:
        yield _context(" · ".join(links))


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": told.cut(text, TEXT)}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": told.cut(text, TEXT)}]}


def escaped(text: str) -> str:
    """Return a text in which nothing calls a channel or makes a link.

    >>> escaped("<!channel> & more")
    '&lt;!channel&gt; &amp; more'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
