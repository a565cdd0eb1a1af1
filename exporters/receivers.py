"""The kinds of receivers: which class tells them, and what it wants to know."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from exporters import jsm, pagerduty
from exporters.alertmanager import Alertmanager
from exporters.base import Notifier, Options
from exporters.email import Email
from exporters.slack import Slack
from exporters.teams import Teams
from exporters.webhook import Webhook


class Kind(NamedTuple):
    """`needs` are the options without which it cannot be opened, `takes` those that it may have besides.

    `usual` is where it is told unless `url` says otherwise; `secret_url`: whoever knows its URL may post there.
    """

    opened: Callable[[Options], Notifier]
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ("ca",)
    secret_url: bool = False
    usual: str | None = None


KINDS: Final[Mapping[str, Kind]] = {
    "alertmanager": Kind(Alertmanager, ("urls",)),
    "pagerduty": Kind(pagerduty.PagerDuty, ("routing_key",), ("url", "ca"), usual=pagerduty.URL),
    "slack": Kind(Slack, ("url",), secret_url=True),
    "teams": Kind(Teams, ("url",), secret_url=True),
    "email": Kind(Email, ("smtp", "to"), ("from", "ca")),
    "jsm": Kind(jsm.Jsm, ("api_key",), ("url", "ca"), usual=jsm.URL),
    "webhook": Kind(Webhook, ("url", "secret")),
}
"""A new kind is one row here, and a file."""
