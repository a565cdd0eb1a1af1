"""Pages by the word of several vantages: agents that share a database, and each stand somewhere else."""

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from agent.config.model import Config, Paging, Receiver
from agent.slo.alerts import HOLD_NS, Finding
from agent.slo.service import Member, Service
from agent.telling.alerting import Alerting
from agent.telling.delivering import LEASE_NS
from agent.telling.others import PATIENCE_S, STALE_S, Heard, Others
from agent.telling.quorum import BELOW_NS, Quorum, Vote
from agent.telling.standings import Standings
from exporters.signals import Judged, Notice
from probes.result import Fault, Outcome
from storage.alert_readings import Told
from storage.base import StoreUnavailableError
from storage.memory import MemoryAlerts
from storage.memory_outbox import MemoryOutbox
from storage.memory_vantages import MemoryVantages
from storage.readings import StandingRow
from support.told import SECOND_NS, START_NS, beat, configuration, result

TARGETS = ("aws", "azure")
BELOW_S = BELOW_NS // SECOND_NS
HOLD_S = HOLD_NS // SECOND_NS


class Place:
    """One agent of an estate, and what its receiver would be told."""

    def __init__(self, estate: "Estate", vantage: str, at_least: int | None) -> None:
        self.vantage = vantage
        self.config = planned(vantage, at_least)
        self._estate = estate
        self.standings = Standings()
        self.standings.plan(self.config)
        self.notices: Sequence[Notice] = ()
        self.others = Others(estate.vantages, estate.alerts, estate.mono_ns, estate.outbox)
        self.start()

    def start(self) -> None:
        """Start the alerting as a new process does: with nothing but what is stored."""
        wall_ns: Callable[[], int] = lambda: START_NS + self._estate.mono_ns()  # noqa: E731
        self.alerting = Alerting(
            self.standings,
            self._estate.alerts,
            self._shown,
            wall_ns,
            others=self.others,
            outbox=self._estate.outbox,
        )

    def _shown(self, notices: Sequence[Notice]) -> None:
        self.notices = notices

    def settle(self, slot: int, outcome: Outcome, *targets: str) -> None:
        bad = outcome is not Outcome.OK
        for target in targets or TARGETS:
            attempt = result(slot, outcome, target=target, vantage=self.vantage)
            fault = Fault.NOT_OURS if bad else Fault.NONE
            self.standings.settle(Judged(result=attempt, fault=fault, confirmed=bad, answered=False))

    @property
    def shown(self) -> list[tuple[str, str]]:
        return [(one.name, one.severity) for one in self.notices if one.name != "TargetDown"]

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [
            (row.payload["name"], row.payload["severity"], row.payload["state"])
            for (vantage, _, _, _), kept in self._estate.outbox.kept.items()
            if vantage == self.vantage and (row := kept.row).payload["name"] != "TargetDown"
        ]


class Estate:
    """Several agents on one clock and one database; no receiver hears those that are `deaf`, nor answers `hanging` ones."""

    def __init__(self, *vantages: str, at_least: int | None = 2) -> None:
        self.at_ns = 0
        self.deaf: set[str] = set()
        self.hanging: set[str] = set()
        self.pages: list[tuple[str, str, int]] = []
        self.outbox = MemoryOutbox()
        self.alerts = MemoryAlerts(self.outbox)
        self.vantages = MemoryVantages(self.mono_ns)
        self.places = [Place(self, vantage, at_least) for vantage in vantages]
        self.settle(0, Outcome.OK)
        self.look(31)

    def mono_ns(self) -> int:
        return self.at_ns

    def settle(self, slot: int, outcome: Outcome, *vantages: str) -> None:
        for place in self.places:
            if not vantages or place.vantage in vantages:
                place.settle(slot, outcome)

    def look(self, seconds: float, *vantages: str) -> None:
        """Let agents hear each other and look, three times over."""
        self.at_ns = round(seconds * SECOND_NS)
        running = [place for place in self.places if not vantages or place.vantage in vantages]
        for _ in range(3):
            for place in [*running, *running]:  # all have spoken before the last one hears
                place.others.exchange()
            for place in running:
                place.alerting.look(place.config)
                self._deliver(place.vantage)

    def _deliver(self, vantage: str) -> None:
        """Tell what is due at a vantage, and keep which pages were taken: by whom, under which key and number."""
        now_ns = START_NS + self.at_ns
        for claim in self.outbox.claim(vantage, ["pager"], now_ns, now_ns + LEASE_NS, 50):
            if vantage in self.hanging:
                continue
            if vantage in self.deaf:
                failed = Told(
                    claim=claim, state="waiting", at_ns=now_ns, due_ns=now_ns + SECOND_NS, error="down"
                )
                self.outbox.settle([failed])
                continue
            self.outbox.settle([Told(claim=claim, state="told", at_ns=now_ns)])
            if claim.row.urgent and not claim.row.ends:
                self.pages.append((vantage, claim.row.alert, claim.row.seq))


def planned(vantage: str, at_least: int | None) -> Config:
    plan = configuration(*TARGETS, vantage=vantage)
    members = tuple(
        Member(target=name, probe="chat", cloud=name, region=None, every_s=30.0) for name in TARGETS
    )
    service = Service(name="nano", members=members, ratio=0.999, window_s=28 * 86400.0)
    return dataclasses.replace(
        plan,
        targets=tuple(
            dataclasses.replace(one, cloud=one.name, endpoint=f"https://{one.name}") for one in plan.targets
        ),
        services=(service,),
        paging=Paging(warm_up_s=0.0, quorum=at_least),
        receivers=(Receiver(name="pager", kind="pagerduty", routing_key="k"),),
        engine="agent",
    )


def test_what_all_vantages_find_is_told_by_the_first_of_them_alone() -> None:
    estate = Estate("lon-1", "fra-1", "nyc-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41)
    lon, fra, nyc = estate.places
    assert fra.told == [("ServiceDown", "page", "firing")]
    assert lon.told == nyc.told == []
    assert lon.shown == [("ServiceDown", "ticket")]
    assert "not told: fra-1 tells of it" in lon.notices[-1].detail
    rows = [row for row in estate.alerts.alive("lon-1") if row.name == "ServiceDown"]
    assert [row.facts["held"] for row in rows] == ["fra-1 tells of it"]
    assert fra.notices[-1].facts["vantages"] == "fra-1, lon-1, nyc-1"
    assert fra.notices[-1].detail.count("failing from 3 of 3 vantages") == 1


def test_a_minority_is_a_ticket_that_says_who_is_well_and_never_a_page() -> None:
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.settle(1, Outcome.SERVER_ERROR, "fra-1")
    estate.look(41)
    fra = estate.places[0]
    assert fra.told == []
    estate.look(42 + BELOW_S)
    assert fra.told == [("BelowQuorum", "ticket", "firing")]
    assert estate.places[1].told == []
    below = next(one for one in fra.notices if one.name == "BelowQuorum")
    assert below.summary.endswith(": 1 of 3 find it (fra-1), and 2 are needed")
    assert "well from lon-1 and nyc-1" in below.detail
    assert below.labels["service"] == "nano"


def test_a_minority_that_becomes_a_majority_pages_once_and_one_that_ends_ends() -> None:
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.settle(1, Outcome.SERVER_ERROR, "fra-1")
    estate.look(41)
    estate.look(42 + BELOW_S)
    estate.settle(3, Outcome.SERVER_ERROR, "lon-1")
    estate.look(111)
    fra, lon, _ = estate.places
    assert ("ServiceDown", "page", "firing") in fra.told
    assert lon.told == []
    estate.settle(4, Outcome.OK)
    estate.look(131)
    estate.look(132 + HOLD_S)
    assert sorted(fra.told) == [
        ("BelowQuorum", "ticket", "firing"),
        ("BelowQuorum", "ticket", "resolved"),
        ("ServiceDown", "page", "firing"),
        ("ServiceDown", "page", "resolved"),
    ]
    assert lon.told == []


def test_what_is_held_back_and_ends_is_told_nobody() -> None:
    estate = Estate("fra-1", "lon-1")
    estate.settle(1, Outcome.SERVER_ERROR, "fra-1")
    estate.look(41)
    estate.settle(2, Outcome.OK)
    estate.look(61)
    estate.look(62 + HOLD_S)
    assert estate.places[0].told == []
    assert estate.places[0].shown == []


def test_a_vantage_that_is_gone_is_counted_by_nobody() -> None:
    estate = Estate("fra-1", "lon-1")
    later = STALE_S + 60
    estate.settle(2, Outcome.SERVER_ERROR, "lon-1")
    estate.look(later, "lon-1")
    assert estate.places[1].told == [("ServiceDown", "page", "firing")]


def test_when_the_one_that_tells_is_gone_the_next_one_pages() -> None:
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41)
    estate.settle(4, Outcome.SERVER_ERROR, "lon-1", "nyc-1")
    estate.look(11 + STALE_S, "lon-1", "nyc-1")
    assert estate.places[1].told == []
    estate.look(72 + STALE_S, "lon-1", "nyc-1")
    assert estate.places[1].told == [("ServiceDown", "page", "firing")]
    assert estate.places[2].told == []


def keys(estate: Estate, name: str) -> set[str]:
    """Return the keys under which receivers know a trouble, whichever vantage told them."""
    told = [kept.row.payload for kept in estate.outbox.kept.values()]
    return {one["key"] for one in told if one["name"] == name}


def test_who_takes_over_tells_under_the_key_of_the_first_and_whoever_comes_back_keeps_it() -> None:
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41, "fra-1")  # whose occurrence is another than theirs
    estate.look(42)
    (first,) = keys(estate, "ServiceDown")
    estate.settle(4, Outcome.SERVER_ERROR, "lon-1", "nyc-1")
    estate.look(11 + STALE_S, "lon-1", "nyc-1")
    estate.look(72 + STALE_S, "lon-1", "nyc-1")
    fra, lon, nyc = estate.places
    lon.start()  # who is routed to whom is looked at anew
    estate.look(75 + STALE_S, "lon-1", "nyc-1")
    assert lon.told == [("ServiceDown", "page", "firing")]
    assert keys(estate, "ServiceDown") == {first}
    estate.settle(6, Outcome.OK)
    estate.look(191)
    lon.start()
    estate.look(192 + HOLD_S)
    assert fra.told == lon.told == [("ServiceDown", "page", "firing"), ("ServiceDown", "page", "resolved")]
    assert nyc.told == []
    assert keys(estate, "ServiceDown") == {first}
    assert first.endswith(f"@{fra.told and _fired(estate, 'fra-1')}")


def test_who_took_over_and_starts_again_tells_nothing_under_a_key_of_its_own() -> None:
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41, "fra-1", "nyc-1")
    (first,) = keys(estate, "ServiceDown")
    estate.look(45)
    estate.settle(4, Outcome.SERVER_ERROR, "lon-1", "nyc-1")
    estate.look(11 + STALE_S, "lon-1", "nyc-1")
    estate.look(76 + STALE_S, "lon-1", "nyc-1")
    lon = estate.places[1]
    assert lon.told == [("ServiceDown", "page", "firing")]
    lon.start()
    estate.look(77 + STALE_S, "lon-1", "nyc-1")
    assert lon.told == [("ServiceDown", "page", "firing")]
    assert keys(estate, "ServiceDown") == {first}


def _fired(estate: Estate, vantage: str) -> int:
    (row,) = [one for one in estate.alerts.lately(vantage, 0, 9) if one.name == "ServiceDown"]
    return row.fired_ns


def test_who_took_over_and_is_left_alone_with_it_says_so_in_a_ticket() -> None:
    """The other one ends the incident that both tell of, so a page that goes on would be seen by nobody."""
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41, "fra-1")  # whose occurrence is another than theirs
    estate.look(42)
    estate.settle(4, Outcome.SERVER_ERROR, "lon-1", "nyc-1")
    estate.look(11 + STALE_S, "lon-1", "nyc-1")
    estate.look(72 + STALE_S, "lon-1", "nyc-1")
    estate.settle(6, Outcome.OK, "fra-1", "nyc-1")
    estate.settle(6, Outcome.SERVER_ERROR, "lon-1")
    estate.look(191)
    estate.look(192 + BELOW_S)
    assert estate.places[1].told == [("ServiceDown", "page", "firing"), ("BelowQuorum", "ticket", "firing")]
    assert len(keys(estate, "ServiceDown") | keys(estate, "BelowQuorum")) == 2


def test_of_two_that_find_it_in_the_same_instant_one_pages() -> None:
    """Neither has heard of the other's page: the rows let one have it, and the other one leaves it to that."""
    estate = Estate("fra-1", "lon-1", at_least=1)
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.at_ns = 41 * SECOND_NS
    lon, fra = estate.places[1], estate.places[0]
    for place in (lon, fra, lon, fra):
        place.alerting.look(place.config)
    assert lon.told == [("ServiceDown", "page", "firing")]
    assert fra.told == []
    assert fra.shown == [("ServiceDown", "ticket")]
    assert "not told: lon-1 tells of it" in fra.notices[-1].detail


class Deaf(MemoryVantages):
    """A table that is not there."""

    def tell(self, rows: Sequence[StandingRow]) -> None:
        raise StoreUnavailableError(f"there is no table for {len(rows)} rows")


def test_a_new_process_pages_nobody_before_it_has_heard_the_others() -> None:
    estate = Estate("fra-1", "lon-1")
    fra = estate.places[0]
    fra.others = Others(Deaf(estate.mono_ns), estate.alerts, estate.mono_ns)
    fra.start()
    estate.settle(1, Outcome.SERVER_ERROR, "fra-1")
    estate.at_ns = 41 * SECOND_NS
    fra.alerting.look(fra.config)
    with pytest.raises(StoreUnavailableError):
        fra.others.exchange()
    estate.at_ns += round(STALE_S * SECOND_NS)
    fra.alerting.look(fra.config)
    assert fra.shown == [("ServiceDown", "ticket")]
    assert fra.told == []
    estate.at_ns += SECOND_NS
    fra.alerting.look(fra.config)
    assert fra.told == [("ServiceDown", "page", "firing")]  # nobody will answer: better one page too many


def test_a_database_that_was_away_makes_no_vantage_alone() -> None:
    estate = Estate("fra-1", "lon-1")
    fra = estate.places[0]
    estate.settle(9, Outcome.SERVER_ERROR, "fra-1")
    estate.at_ns = 280 * SECOND_NS  # nothing was heard for minutes
    fra.alerting.look(fra.config)
    assert fra.shown == [("ServiceDown", "ticket")]
    assert fra.told == []


def test_without_a_quorum_each_vantage_pages_for_itself() -> None:
    estate = Estate("fra-1", "lon-1", at_least=None)
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41)
    assert [place.told for place in estate.places] == [[("ServiceDown", "page", "firing")]] * 2


@pytest.mark.parametrize("at_least", [2, 3, 9])
def test_more_than_there_are_is_all_that_there_are(at_least: int) -> None:
    estate = Estate("fra-1", "lon-1", at_least=at_least)
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41)
    assert estate.places[0].told == [("ServiceDown", "page", "firing")]


def test_a_vantage_that_cannot_tell_is_not_asked() -> None:
    estate = Estate("fra-1", "lon-1", "nyc-1")
    quiet = estate.places[2]
    quiet.standings = Standings()
    quiet.standings.plan(quiet.config)
    quiet.start()
    estate.settle(1, Outcome.SERVER_ERROR, "fra-1")
    quiet.standings.plan(quiet.config)
    estate.look(41, "fra-1", "lon-1", "nyc-1")
    assert estate.places[0].notices[-1].facts["vantages_asked"] == "fra-1, lon-1"


def test_a_lone_member_that_fails_elsewhere_too_pages_at_once() -> None:
    for at_least in (None, 2):
        estate = Estate("fra-1", "lon-1", at_least=at_least)
        alone = [planned(place.vantage, at_least) for place in estate.places]
        for place, config in zip(estate.places, alone, strict=True):
            service = config.services[0]
            only = dataclasses.replace(service, members=service.members[:1])
            place.config = dataclasses.replace(config, services=(only,))
        estate.settle(1, Outcome.SERVER_ERROR, "fra-1")
        estate.look(41)
        assert estate.places[0].told == []
        estate.settle(2, Outcome.SERVER_ERROR)
        estate.look(71)
        assert estate.places[0].told == [("ServiceDown", "page", "firing")]


def test_a_vantage_that_is_new_agrees_and_is_not_the_one_that_tells() -> None:
    estate = Estate("fra-1", "lon-1")
    fra, lon = estate.places
    fra.config = dataclasses.replace(fra.config, paging=Paging(warm_up_s=3600.0, quorum=2))
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41)
    assert fra.told == [("ServiceDown", "ticket", "firing")]
    assert lon.told == [("ServiceDown", "page", "firing")]


def test_where_the_one_that_is_to_tell_does_not_the_next_one_does() -> None:
    """Vantages that are configured apart: one waits for three, the other leaves it to the first."""
    estate = Estate("fra-1", "lon-1", "nyc-1")
    fra, lon, _ = estate.places
    fra.config = dataclasses.replace(fra.config, paging=Paging(warm_up_s=0.0, quorum=3))
    estate.settle(1, Outcome.SERVER_ERROR, "fra-1", "lon-1")
    estate.look(41)
    assert fra.told == lon.told == []
    estate.look(42 + BELOW_S)
    assert fra.told == [("BelowQuorum", "ticket", "firing")]
    assert lon.told == [("ServiceDown", "page", "firing")]


@pytest.mark.parametrize("name", ["TargetDown", "BudgetBurn", "ServiceDown", "ServiceBudgetBurn"])
def test_what_may_be_wrong_with_the_world_waits_for_the_vote(name: str) -> None:
    found = Finding(key="k", name=name, severity="page", subject="aws", since_ns=0, labels={"target": "aws"})
    aws = planned("fra-1", 2).target("aws")
    heard = Heard(standings=[row("lon-1"), row("nyc-1")])
    vote = Vote(vantage="fra-1", heard=heard, targets={"aws": aws}, members={}, alive={})
    [held] = Quorum().judged([found], 2, vote, 0)
    assert held.severity == "ticket"


def test_what_is_wrong_with_an_agent_is_no_matter_of_a_vote() -> None:
    found = Finding(key="agent-blind", name="AgentBlind", severity="page", subject="fra-1", since_ns=0)
    heard = Heard(standings=[row("lon-1"), row("nyc-1")])
    vote = Vote(vantage="fra-1", heard=heard, targets={}, members={}, alive={})
    assert Quorum().judged([found], 2, vote, 0) == [found]


def row(vantage: str) -> StandingRow:
    return StandingRow(vantage=vantage, target="aws", asks="a", state="good")


def test_a_vantage_whose_asker_died_is_not_asked_though_what_it_saw_last_was_well() -> None:
    estate = Estate("fra", "ams")
    fra, ams = estate.places
    for place in estate.places:
        place.standings.beat(beat(1))
    for slot in range(1, 4):
        fra.settle(slot, Outcome.SERVER_ERROR)
        fra.standings.beat(beat(slot * 30))
    estate.look(61)
    assert ("ServiceDown", "page") not in fra.shown
    estate.look(91)
    assert ("ServiceDown", "page") in fra.shown
    assert not ams.standings.is_asking(START_NS + 91 * SECOND_NS)


def test_what_no_receiver_hears_from_one_vantage_the_next_one_tells_after_a_while() -> None:
    """Under the same key, and once: when the first one's receiver is back, it has the page."""
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.deaf.add("fra-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41)
    estate.look(41 + PATIENCE_S - 1)
    assert estate.pages == []
    for seconds in range(3):
        estate.look(41 + PATIENCE_S + seconds)
    fra, lon, nyc = estate.places
    (first,) = (row.id for row in estate.alerts.alive("fra-1") if row.name == "ServiceDown")
    assert estate.pages == [("lon-1", first, 1)]
    assert (lon.shown, nyc.shown) == ([("ServiceDown", "page")], [("ServiceDown", "ticket")])
    assert "not told: lon-1 tells of it" in nyc.notices[-1].detail
    estate.deaf.clear()
    for seconds in range(60, 70):
        estate.look(seconds)
    assert len(estate.pages) == 1
    estate.settle(2, Outcome.OK)
    estate.look(71)
    estate.look(71 + HOLD_S)
    assert fra.told[-1] == lon.told[-1] == ("ServiceDown", "page", "resolved")
    assert nyc.told == []


def test_a_first_try_that_fails_is_no_second_page() -> None:
    estate = Estate("fra-1", "lon-1")
    estate.deaf.add("fra-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41)
    estate.deaf.clear()
    for seconds in (43, 41 + PATIENCE_S, 120):
        estate.look(seconds)
    assert [vantage for vantage, _, _ in estate.pages] == ["fra-1"]


def test_a_receiver_that_has_not_answered_yet_is_waited_for_as_long_as_a_vantage_is() -> None:
    """It may be slow, and take the page in the end."""
    estate = Estate("fra-1", "lon-1")
    estate.hanging.add("fra-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    for seconds in (41, 42 + PATIENCE_S, 40 + STALE_S):
        estate.look(seconds)
    assert estate.pages == []
    estate.look(41 + STALE_S)
    assert [vantage for vantage, _, _ in estate.pages] == ["lon-1"]


def test_when_the_next_one_is_not_heard_either_the_one_after_tells() -> None:
    estate = Estate("fra-1", "lon-1", "nyc-1")
    estate.deaf |= {"fra-1", "lon-1"}
    estate.settle(1, Outcome.SERVER_ERROR)
    for seconds in range(41, 41 + 2 * round(PATIENCE_S), 5):
        estate.look(seconds)
    assert estate.pages == []
    estate.look(41 + 2 * PATIENCE_S)
    assert [vantage for vantage, _, _ in estate.pages] == ["nyc-1"]


def test_a_vantage_that_tells_nobody_takes_no_page_over() -> None:
    """Prometheus pages there; who has nobody to tell leaves it to whoever has."""
    estate = Estate("fra-1", "lon-1")
    estate.deaf.add("fra-1")
    estate.places[1].config = dataclasses.replace(estate.places[1].config, engine="prometheus")
    estate.settle(1, Outcome.SERVER_ERROR)
    for seconds in (41, 42 + PATIENCE_S, 43 + PATIENCE_S):
        estate.look(seconds)
    assert estate.places[1].shown == [("ServiceDown", "ticket")]


def test_a_ticket_that_was_told_before_another_vantages_page_is_ended_under_its_own_key() -> None:
    """A vantage that was new as it began; by now it is not, and leaves the page to the other one."""
    estate = Estate("fra-1", "lon-1")
    fra, lon = estate.places
    fra.config = dataclasses.replace(fra.config, paging=Paging(warm_up_s=3600.0, quorum=2))
    estate.settle(1, Outcome.SERVER_ERROR)
    estate.look(41, "fra-1")
    estate.look(42)
    fra.config = dataclasses.replace(fra.config, paging=lon.config.paging)
    estate.look(45)
    estate.settle(2, Outcome.OK)
    estate.look(71)
    estate.look(71 + HOLD_S)
    kept = {key: one.row for key, one in estate.outbox.kept.items() if "service-down" in key[2]}
    assert len({alert for _, _, alert, _ in kept}) == 2
    for vantage in ("fra-1", "lon-1"):
        (begun,), (ended,) = (
            {alert for (told_by, _, alert, _), row in kept.items() if told_by == vantage and row.ends == ends}
            for ends in (False, True)
        )
        assert begun == ended


def test_who_takes_over_the_same_page_twice_is_heard_twice() -> None:
    """What was well here meanwhile, and told so under that key, goes on under the next number."""
    estate = Estate("fra-1", "lon-1")
    estate.deaf.add("fra-1")
    estate.settle(1, Outcome.SERVER_ERROR)
    for seconds in (41, 41 + PATIENCE_S):
        estate.look(seconds)
    estate.settle(2, Outcome.OK, "lon-1")
    estate.look(71)
    estate.look(71 + HOLD_S)
    slot = 3 + round(HOLD_S) // 30
    estate.settle(slot, Outcome.SERVER_ERROR, "lon-1")
    estate.look(slot * 30 + 11)
    (first,) = {row.id for row in estate.alerts.alive("fra-1") if row.name == "ServiceDown"}
    assert estate.pages == [("lon-1", first, 1), ("lon-1", first, 3)]
