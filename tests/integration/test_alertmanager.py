"""Alerts in the hands of two real Alertmanagers: they fire there, rise, and end."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from agent.clock import SystemClock
from agent.config.model import Receiver as Told
from agent.config.model import Route
from agent.config.secrets import Secrets
from agent.telling.delivering import Deliveries
from agent.telling.opening import opened
from agent.telling.routing import rows
from exporters import alertmanager
from exporters.signals import Notice
from storage.memory_outbox import MemoryOutbox
from support.alertmanager import Alertmanager, alertmanagers, needs_alertmanager, until
from support.notices import Receiver, a_notice, ended, receiver
from support.told import configuration

pytestmark = [pytest.mark.heavy, needs_alertmanager]


@pytest.fixture(scope="module")
def webhook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory, webhook: Receiver) -> Iterator[list[Alertmanager]]:
    with alertmanagers(tmp_path_factory.mktemp("am"), webhook.url) as running:
        yield running


def tell(replicas: list[Alertmanager], *notices: Notice) -> str:
    told = Told(name="am", kind="alertmanager", urls=tuple(one.url for one in replicas))
    notifier = opened(told, lambda: Secrets({}), SystemClock().wall_ns)
    return asyncio.run(notifier.tell(notices))


def now(**changes: Any) -> Notice:
    fired_ns = SystemClock().wall_ns() - 2_000_000_000
    return a_notice(fired_ns=fired_ns, since_ns=fired_ns, **changes)


def firing(one: Alertmanager, subject: str) -> list[str]:
    """Return the severities under which a subject fires there."""
    return [alert["labels"]["severity"] for alert in one.alerts() if alert["labels"]["subject"] == subject]


def heard(webhook: Receiver, subject: str) -> list[str]:
    """Return what the webhook was told of a subject, in order."""
    return [
        alert["status"]
        for asked in list(webhook.asked)
        for alert in asked.json["alerts"]
        if alert["labels"]["subject"] == subject
    ]


def test_a_firing_reaches_both_replicas_and_its_end_too(
    replicas: list[Alertmanager], webhook: Receiver
) -> None:
    """And whoever they tell hears of each."""
    notice = now(subject="both")
    assert tell(replicas, notice) == "2 of 2 replicas took it"
    for one in replicas:
        assert firing(one, "both") == ["page"]
    until(lambda: "firing" in heard(webhook, "both"), "a firing at the webhook")
    end = ended(notice, 1.5)
    assert tell(replicas, end) == "2 of 2 replicas took it"
    for one in replicas:
        assert firing(one, "both") == []
    until(lambda: "resolved" in heard(webhook, "both"), "an end at the webhook")


def test_what_is_told_again_stays_one_alert(replicas: list[Alertmanager], webhook: Receiver) -> None:
    notice = now(subject="again")
    for _ in range(3):
        tell(replicas, notice)
    assert [firing(one, "again") for one in replicas] == [["page"], ["page"]]


def test_a_ticket_that_rises_is_a_page_and_no_ticket_any_more(replicas: list[Alertmanager]) -> None:
    tell(replicas, now(subject="rises", severity="ticket"))
    assert firing(replicas[0], "rises") == ["ticket"]
    tell(replicas, now(subject="rises", seq=2))
    assert firing(replicas[0], "rises") == ["page"]


def test_what_is_not_refreshed_ends_by_itself(
    replicas: list[Alertmanager], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead agent pages nobody for ever."""
    monkeypatch.setattr(alertmanager, "REFRESH_S", 0.25)
    tell(replicas, now(subject="alone"))
    until(lambda: firing(replicas[0], "alone") == [], "an end without a word")


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def test_a_ticket_of_which_the_page_goes_to_another_receiver_rises_and_ends_there(
    replicas: list[Alertmanager], hook: Receiver
) -> None:
    """Pages to the pager and the rest to Alertmanager: nothing of it fires on when all is over."""
    pager = Told(name="pager", kind="webhook", url=hook.url, secret="a-loopback-secret")
    am = Told(name="am", kind="alertmanager", urls=tuple(one.url for one in replicas))
    pages = Route(when=(("severity", ("page",)),), to=("pager",))
    config = dataclasses.replace(
        configuration("azure"), receivers=(pager, am), routes=(pages, Route(to=("am",))), engine="agent"
    )
    outbox, wall_ns = MemoryOutbox(), SystemClock().wall_ns
    telling = Deliveries(
        outbox,
        lambda told: opened(told, lambda: Secrets({}), wall_ns),
        notified=lambda *_: None,
        wall_ns=wall_ns,
        uniform=lambda low, _: low,
    )

    async def say(notice: Notice) -> None:
        outbox.put(rows(config, [notice], wall_ns()))
        await telling.look(config)
        await telling.rest()

    async def scene() -> None:
        ticket = now(subject="elsewhere", severity="ticket")
        page = dataclasses.replace(ticket, severity="page", seq=2)
        for notice, severities in ((ticket, ["ticket"]), (page, ["page"]), (ended(page, 1.5), [])):
            await say(notice)
            assert [firing(one, "elsewhere") for one in replicas] == [severities, severities]
        await telling.stop()

    asyncio.run(scene())
    assert [(asked.json["seq"], asked.json["state"]) for asked in hook.asked] == [
        (2, "firing"),
        (3, "resolved"),
    ]
