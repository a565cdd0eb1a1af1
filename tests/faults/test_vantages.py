"""Two agents of one estate on one Postgres, with a vendor's feed and a receiver: what both see pages once."""

import json
from typing import Any

import pytest
from sqlalchemy import make_url

from support import vendor_feeds
from support.daemon import ask, daemon, good
from support.endpoint import endpoint
from support.notices import Receiver, receiver

CONFIG = """
vantage: VANTAGE
state_dir: {state}
export: {listen: "{listen}"}
storage: {DATABASE}
probes: [{name: chat, every: 5s, first_token: 1s, stall: 1s, timeout: 2s}]
objectives: [{name: available, sli: availability, percent: 99}]
targets: [{name: chat-a, provider: openai-compatible, endpoint: "ENDPOINT", model: tiny-1}ANOTHER]
alerts:
  page: {after: 10m, warm_up: 0s, quorum: {at_least: QUORUM, of: vantage}}
  receivers: [{name: hook, kind: webhook, url: "HOOK", secret: "${SIGN}"}]
  status_feeds: [{cloud: self-hosted, kind: statuspage, url: "FEED"}]
"""


ANOTHER = ', {name: chat-b, cloud: other, provider: openai-compatible, endpoint: "ENDPOINT", model: tiny-1}'
SIGN = {"SIGN": "signing-secret-0123"}


def configured(**parts: str) -> str:
    text = CONFIG
    for name, value in parts.items():
        text = text.replace(name.upper(), value)
    return text


def rows(url: str) -> list[tuple[Any, ...]]:
    sql = "select vantage, severity, facts from alerts where name = 'ServiceDown' order by vantage"
    return ask(url, sql)


def named(url: str) -> str:
    at = make_url(url)
    return f"host: {at.query['host']}, database: {at.database}, user: {at.username}"


def pages(hook: Receiver) -> list[dict[str, Any]]:
    return [one.json for one in list(hook.asked) if one.json["severity"] == "page"]


@pytest.mark.heavy
def test_what_two_vantages_see_is_one_page_with_the_vendors_word(empty_url: str) -> None:
    with (
        endpoint() as served,
        receiver() as hook,
        vendor_feeds.published(vendor_feeds.statuspage()) as feed,
    ):
        parts = {
            "another": "",
            "database": named(empty_url),
            "endpoint": served.base("503"),
            "hook": hook.url,
            "feed": feed,
            "quorum": "2",
        }
        with (
            daemon(configured(vantage="fra-1", **parts), env=SIGN) as fra,
            daemon(configured(vantage="lon-1", **parts), env=SIGN) as lon,
        ):
            fra.until(lambda: bool(pages(hook)), "a page", seconds=90)
            lon.until(
                lambda: "tells of it" in str(rows(empty_url)),
                "the other one leaves it to the first",
                seconds=90,
            )
        (page,) = pages(hook)
        assert page["name"] == "ServiceDown"
        assert "failing from 2 of 2 vantages" in page["evidence"]
        assert "self-hosted's status page says: Elevated error rates in chat" in page["detail"]
        assert json.loads(page["facts"]["vendor_lead_s"]) != 0
        assert sorted(severity for _, severity, _ in rows(empty_url)) == ["page", "ticket"]


@pytest.mark.heavy
def test_two_vantages_that_see_it_in_the_same_second_page_once(empty_url: str) -> None:
    """Two targets bear each other out at each, and slots fall due in the same instant: none waits for the other's word."""
    with endpoint() as served, receiver() as hook, vendor_feeds.published(vendor_feeds.statuspage()) as feed:
        parts = {
            "another": ANOTHER,
            "database": named(empty_url),
            "endpoint": served.base("ok"),
            "hook": hook.url,
            "feed": feed,
            "quorum": "1",
        }
        with (
            daemon(configured(vantage="fra-1", **parts), env=SIGN) as fra,
            daemon(configured(vantage="lon-1", **parts), env=SIGN) as lon,
        ):
            for running in (fra, lon):
                running.until(lambda running=running: good(running) >= 3, "three good results", 90)  # type: ignore[misc] # bound now
            served.failing = True
            fra.until(lambda: bool(pages(hook)), "a page", 90)
            lon.until(lambda: "tells of it" in str(rows(empty_url)), "the other one leaves it", 90)
        assert len(pages(hook)) == 1
        assert sorted(severity for _, severity, _ in rows(empty_url)) == ["page", "ticket"]
