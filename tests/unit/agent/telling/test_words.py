"""A vendor's word beside an alert: in its notice when it was there, in its row when it came later, never a page by itself."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from agent.config.model import Config, Paging, Receiver, StatusFeed
from agent.feeds.incident import Incident
from agent.slo.alerts import HOLD_NS
from agent.slo.service import Member, Service
from agent.telling.alerting import Alerting
from agent.telling.standings import Standings
from agent.telling.vendors import Spoken
from exporters.signals import Judged, Notice
from probes.result import Fault, Outcome
from storage.alert_readings import AlertRow, ChangeRow, NoticeRow
from storage.base import NOBODY
from storage.memory import MemoryAlerts
from storage.memory_outbox import MemoryOutbox
from support.told import SECOND_NS, START_NS, beat, configuration, result

FEED = StatusFeed(cloud="openai", url="https://status.example.com", kind="statuspage", match=("chat",))
MINUTE_NS = 60 * SECOND_NS
DOWN_NS = START_NS + 30 * SECOND_NS


def incident(name: str = "i1", **changes: Any) -> Incident:
    known: dict[str, Any] = {
        "id": name,
        "title": "Errors with chat",
        "began_ns": DOWN_NS - MINUTE_NS,
        "said_ns": DOWN_NS + 4 * MINUTE_NS,
        "updated_ns": DOWN_NS + 5 * MINUTE_NS,
        "url": "https://stspg.io/i1",
    }
    return Incident(**known | changes)


class Rows(MemoryAlerts):
    """Rows, and how often they were written."""

    def __init__(self) -> None:
        super().__init__(MemoryOutbox())
        self.saves = 0
        self.notices: list[NoticeRow] = []

    def save(
        self,
        rows: Sequence[AlertRow],
        notices: Sequence[NoticeRow] = (),
        changes: Sequence[ChangeRow] = (),
        sole: Mapping[str, Collection[str]] = NOBODY,
    ) -> None:
        super().save(rows, notices, changes, sole)
        self.saves += 1
        self.notices += notices


class Agent:
    """Alerting over one cloud, whose vendor says what the test has it say."""

    def __init__(self, feed: StatusFeed = FEED) -> None:
        self.feed = feed
        self.config = estate()
        self.standings = Standings()
        self.standings.plan(self.config)
        self.rows = Rows()
        self.now_ns = START_NS
        self.said: list[Incident] | None = []
        self.shown: Sequence[Notice] = ()
        self.start()

    def start(self) -> None:
        self.alerting = Alerting(
            self.standings, self.rows, self._show, lambda: self.now_ns, vendors=self._spoken
        )

    def _show(self, notices: Sequence[Notice]) -> None:
        self.shown = notices

    def _spoken(self) -> list[Spoken]:
        if self.said is None:
            return []
        return [Spoken(feed=self.feed, incidents=tuple(self.said), read_ns=self.now_ns)]

    def settle(self, slot: int, outcome: Outcome, fault: Fault = Fault.NOT_OURS) -> None:
        bad = outcome is not Outcome.OK
        for target in ("a", "b"):
            self.standings.settle(
                Judged(
                    result=result(slot, outcome, target=target, region="us-east1"),
                    fault=fault if bad else Fault.NONE,
                    confirmed=bad,
                    answered=False,
                )
            )

    def look(self, minutes: float) -> dict[str, Any]:
        """Look so many minutes after the failure began; return the facts of the page."""
        self.now_ns = DOWN_NS + round(minutes * MINUTE_NS)
        self.alerting.look(self.config)
        found = [row for row in self.rows.rows.values() if row.name == "ServiceDown"]
        return dict(found[-1].facts) if found else {}


def estate() -> Config:
    plan = configuration("a", "b", receivers=(Receiver(name="chat", kind="slack"),), engine="agent")
    members = tuple(
        Member(target=name, probe="chat", cloud="openai", region="us-east1", every_s=30.0) for name in "ab"
    )
    service = Service(name="nano", members=members, ratio=0.999, window_s=28 * 86400.0)
    return dataclasses.replace(
        plan,
        targets=tuple(dataclasses.replace(one, region="us-east1") for one in plan.targets),
        services=(service,),
        paging=Paging(warm_up_s=0.0),
    )


def down(feed: StatusFeed = FEED) -> Agent:
    agent = Agent(feed)
    agent.settle(0, Outcome.OK)
    agent.settle(1, Outcome.SERVER_ERROR)
    return agent


def test_a_vendor_alone_is_no_alert() -> None:
    agent = Agent()
    agent.said = [incident()]
    agent.settle(0, Outcome.OK)
    agent.look(6)
    assert list(agent.shown) == []
    assert agent.rows.rows == {}


def test_what_the_vendor_said_before_stands_in_the_notice_with_its_lead() -> None:
    agent = down()
    agent.said = [incident(said_ns=DOWN_NS - 2 * MINUTE_NS)]
    facts = agent.look(1)
    page = next(one for one in agent.shown if one.name == "ServiceDown")
    assert (
        "openai's status page says: Errors with chat (said at 07:58 UTC, 2m before it began here)"
        in page.detail
    )
    assert (facts["vendor_lead_s"], facts["vendor_said_ns"]) == (120.0, DOWN_NS - 2 * MINUTE_NS)
    assert facts["vendor_url"] == "https://stspg.io/i1"


def test_what_the_vendor_says_later_changes_the_row_and_tells_nobody() -> None:
    agent = down()
    facts = agent.look(1)
    assert facts["vendor"] == "openai's status page says nothing of it"
    assert "vendor_said_ns" not in facts
    told = len(agent.rows.notices)
    agent.said = [incident()]
    facts = agent.look(4.5)
    assert facts["vendor_lead_s"] == -240.0
    assert facts["vendor"].endswith("(said at 08:04 UTC, 4m after it began here)")
    saves = agent.rows.saves
    agent.look(4.6)
    agent.look(4.7)
    assert (agent.rows.saves, len(agent.rows.notices)) == (saves, told)
    assert told == 3  # two targets and their service


def test_what_was_said_stays_when_the_feed_is_silent_and_over_a_restart() -> None:
    agent = down()
    agent.said = [incident()]
    before = agent.look(4)
    agent.said = None
    assert agent.look(5) == before
    agent.start()
    agent.said = [incident(said_ns=DOWN_NS + 6 * MINUTE_NS, title="Errors with chat, mitigated")]
    after = agent.look(7)
    assert (after["vendor_lead_s"], after["vendor_said_ns"]) == (-240.0, before["vendor_said_ns"])
    assert "mitigated (said at 08:04 UTC" in after["vendor"]


def test_a_vendor_that_speaks_once_it_is_over_here_is_heard_until_the_alert_ends() -> None:
    agent = down()
    agent.look(1)
    agent.settle(4, Outcome.OK)
    agent.look(2)
    agent.said = [incident(said_ns=DOWN_NS + 8 * MINUTE_NS, ended_ns=DOWN_NS + 9 * MINUTE_NS)]
    assert agent.look(9)["vendor_lead_s"] == -480.0
    agent.said = []
    ended = agent.look(3 + HOLD_NS / MINUTE_NS)
    assert ended["vendor"].endswith(", over since 08:09 UTC")
    assert all(row.ended_ns is not None for row in agent.rows.rows.values())


def test_another_part_another_region_another_day_and_another_cloud_are_not_it() -> None:
    others = [
        incident("part", title="Errors with images"),
        incident("region", regions=("europe-west4",)),
        incident("before", ended_ns=DOWN_NS - 1),
        incident("old item", until_ns=DOWN_NS - 1),
    ]
    agent = down()
    agent.said = others
    assert "says nothing of it" in agent.look(1)["vendor"]
    elsewhere = down(dataclasses.replace(FEED, cloud="azure"))
    elsewhere.said = [incident()]
    assert "vendor" not in elsewhere.look(1)


def test_of_several_incidents_one_that_goes_on_and_is_the_nearest_is_told() -> None:
    agent = down()
    agent.said = [
        incident("far", title="chat: far", said_ns=DOWN_NS - 90 * MINUTE_NS),
        incident("over", title="chat: over", said_ns=DOWN_NS, ended_ns=DOWN_NS + MINUTE_NS),
        incident("near", title="chat: near"),
    ]
    assert "chat: near" in agent.look(5)["vendor"]


def test_our_own_network_is_no_matter_of_a_vendor() -> None:
    agent = Agent()
    agent.said = [incident()]
    agent.standings.beat(beat(0, witnesses={"internet": {"tcp:192.0.2.1:443": "down"}}))
    agent.settle(0, Outcome.OK)
    agent.settle(1, Outcome.CONNECT_TIMEOUT, Fault.OURS)
    agent.look(0.1)
    (row,) = agent.rows.rows.values()
    assert row.name == "NetworkDown"
    assert "vendor" not in row.facts
