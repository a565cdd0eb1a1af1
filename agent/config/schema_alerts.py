"""Which keys say what pages, and who is told."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from agent.config.fields import (
    AlertFields,
    Count,
    Name,
    Plain,
    Plains,
    Referring,
    Referrings,
    Seconds,
    Span,
    Text,
    When,
    maps,
    one_of,
)
from agent.config.schema_base import Section
from agent.feeds import kinds as feeds
from exporters import receivers


class HeartbeatSection(Section):
    url: Referring
    every: Seconds = 60.0


class QuorumSection(Section):
    """How many vantages that share a database must find a trouble before it pages."""

    at_least: Count
    of: Annotated[Literal["vantage"], BeforeValidator(one_of("vantage"))] = "vantage"


class PageSection(Section):
    after: Seconds = 120.0
    warm_up: Span = 3600.0
    hold: Span = 600.0
    quorum: QuorumSection | None = None


class ReceiverSection(Section):
    """Who is told of alerts; which keys it needs is a matter of its kind."""

    elsewhere = {
        "type": "is called `kind` here",
        "webhook_url": "is called `url` here",
        "token": "is called `routing_key` with PagerDuty, and `api_key` with Jira Service Management",
        "password": "belongs into the URL: write smtp: smtps://user:${PASSWORD}@mail",
    }
    name: Name
    kind: Annotated[str, BeforeValidator(one_of(*receivers.KINDS))]
    urls: Referrings = ()
    url: Referring | None = None
    routing_key: Referring | None = None
    api_key: Referring | None = None
    secret: Referring | None = None
    smtp: Referring | None = None
    to: Plains = ()
    from_: Plain | None = Field(None, alias="from")
    ca: Text | None = None

    @classmethod
    def options(cls) -> frozenset[str]:
        """Return the keys that not every kind takes, as the file says them."""
        return cls.keys() - {"name", "kind"}

    def option(self, key: str) -> str | tuple[str, ...] | None:
        value: str | tuple[str, ...] | None = getattr(self, "from_" if key == "from" else key)
        return value


class RouteSection(Section):
    """Which alerts go to whom; the first route that takes an alert has it."""

    elsewhere = {
        "match": "is called `when` here",
        "receiver": "is called `to` here, and is a list",
        "receivers": "is called `to` here",
        "repeat_interval": "is called `repeat` here",
    }
    when: When = ()
    to: Plains
    group_by: AlertFields = ()
    repeat: Seconds | None = None


class StatusFeedSection(Section):
    """Where a vendor tells of its own incidents."""

    elsewhere = {"type": "is called `kind` here", "components": "is called `match` here"}
    cloud: Plain
    url: Text
    kind: Annotated[str, BeforeValidator(one_of(*feeds.KINDS))]
    match: Plains = ()
    network: Name = "internet"


class AlertsSection(Section):
    engine: Annotated[
        Literal["agent", "prometheus"] | None, BeforeValidator(one_of("agent", "prometheus"))
    ] = None
    page: PageSection = PageSection()
    receivers: Annotated[tuple[ReceiverSection, ...], BeforeValidator(maps)] = ()
    routes: Annotated[tuple[RouteSection, ...], BeforeValidator(maps)] = ()
    status_feeds: Annotated[tuple[StatusFeedSection, ...], BeforeValidator(maps)] = ()
    heartbeat: HeartbeatSection | None = None
    runbook: Text | None = None
