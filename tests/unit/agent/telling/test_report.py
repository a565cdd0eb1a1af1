import dataclasses
from typing import Any

import pytest

from agent.config.model import Config
from agent.slo.calendars import Calendar
from agent.telling import revisions
from agent.telling.report import report_of
from exporters import report_markdown, report_sentences
from exporters.weeks import WeeklyReport
from probes.result import EventClass, Outcome
from storage.memory import MemoryStore
from storage.readings import Withdrawal
from support import weeks
from support.weeks import EVERY_NS, HOUR_NS, NOW_NS, TUESDAY_10H, WEEK

CONFIG = weeks.configuration()


def report(store: MemoryStore, now_ns: int = NOW_NS) -> WeeklyReport:
    found = report_of(CONFIG, store, WEEK, now_ns, "1")
    assert found is not None
    return found


def clean(slots: range) -> MemoryStore:
    store = MemoryStore()
    store.plan(weeks.plan())
    store.store([weeks.result(slot, "openai", "chat", ttft_s=0.3) for slot in slots], ())
    return store


def test_a_week_of_which_nothing_is_stored_has_no_report() -> None:
    """Rows of other weeks and plans alone make none."""
    assert report_of(CONFIG, clean(range(-5, 0)), WEEK, NOW_NS, "1") is None


def test_a_clean_week_is_kept_and_likely_met() -> None:
    slo = report(clean(range(1008))).slos[0]
    assert (slo.week.good, slo.week.bad, slo.week.missing) == (1008, 0, 0)
    assert (slo.week.state, slo.week.coverage, slo.week.budget) == ("good", 1.0, 1.0)
    assert (slo.week.low or 0) > 0.99
    assert slo.worst_hour is None


def test_under_80_percent_of_what_was_due_a_week_is_unknown() -> None:
    assert report(clean(range(807))).slos[0].week.state == "good"
    assert report(clean(range(806))).slos[0].week.state == "unknown"


def test_a_week_that_lasts_is_reported_so_far_and_nothing_to_come_is_missing() -> None:
    """Two days and a slot; the newest slot may be under way still."""
    now_ns = WEEK.since_ns + 48 * HOUR_NS + 1_000_000_000
    found = report(clean(range(288)), now_ns)
    slo = found.slos[0]
    assert (found.closed, found.until_ns) == (False, now_ns)
    assert (slo.week.expected, slo.week.missing) == (288, 0)
    assert [day.good for day in slo.days] == [144, 144, 0]
    assert [gap.slots for gap in found.gaps if ("openai", "chat") in gap.probes] == []


def test_the_worst_hour_is_measured_against_what_was_due() -> None:
    """One failure in an hour of which five slots are missing is one of six, not one of one."""
    store = clean(range(600))
    failed = weeks.result(606, "openai", "chat", Outcome.OVERLOADED)
    store.store([failed], [settled for one in [failed] if (settled := weeks.settled(one))])
    worst = report(store).slos[0].worst_hour
    assert worst is not None
    assert (worst.since_ns, worst.bad) == (WEEK.since_ns + 101 * HOUR_NS, 1)
    assert round(worst.burn, 6) == round(1 / 6 / 0.001, 6)


def test_the_rolling_window_ends_with_the_week() -> None:
    """What came before it counts there and not in the week; what came after it counts nowhere."""
    slo = report(clean(range(-100, 1050))).slos[0]
    assert (slo.week.good, slo.rolling.good) == (1008, 1108)
    assert slo.rolling.since_ns == WEEK.until_ns - 28 * 24 * HOUR_NS


def test_a_calendar_s_window_goes_from_its_first_instant_to_the_week_s_end() -> None:
    """The week ends on 11 January: ten days of 31 and two failures, of 4.464 that the month may have."""
    monthly = dataclasses.replace(
        CONFIG.objectives[0], window_s=30 * 86400.0, calendar=Calendar("month", "UTC")
    )
    store = clean(range(-6, 0))
    for slot in (0, 1):
        failed = weeks.result(slot, "openai", "chat", Outcome.OVERLOADED)
        store.store([failed], [settled for one in [failed] if (settled := weeks.settled(one))])
    store.store([weeks.result(slot, "openai", "chat") for slot in range(2, 1008)], ())
    found = report_of(dataclasses.replace(CONFIG, objectives=(monthly,)), store, WEEK, NOW_NS, "1")
    assert found is not None
    slo = found.slos[0]
    assert slo.window == "calendar month (UTC)"
    assert slo.rolling.since_ns == WEEK.since_ns - 3 * 24 * HOUR_NS
    assert (slo.rolling.good, slo.rolling.bad, slo.rolling.state) == (1012, 2, "good")
    assert slo.rolling.budget == pytest.approx(1 - 2 / 4.464)
    assert slo.week.state == "bad"
    assert slo.week.budget == pytest.approx(1 - 2 / 1.008)


def test_throttling_makes_an_incident_where_an_objective_says_that_it_is_bad() -> None:
    store = clean(range(50))
    store.store([weeks.result(slot, "openai", "chat", Outcome.THROTTLED) for slot in range(50, 60)], ())
    assert report(store).incidents == ()
    strict = dataclasses.replace(CONFIG.objectives[0], throttled=EventClass.BAD)
    found = report_of(dataclasses.replace(CONFIG, objectives=(strict,)), store, WEEK, NOW_NS, "1")
    assert found is not None
    (incident,) = found.incidents
    assert (incident.slots, incident.duration_s) == (10, 9 * EVERY_NS / 1e9)


def test_an_outage_in_maintenance_is_no_incident_and_costs_no_budget() -> None:
    """The outage of the week was from 10 to 12 on Tuesday; its first half was announced."""
    store = MemoryStore()
    weeks.fill(store)
    before = report(store)
    store.amendments.maintain(weeks.maintenance("openai", "vllm", hours=1))
    after = report(store)
    slo, known = after.slos[0].week, before.slos[0].week
    assert (slo.bad, slo.excluded) == (known.bad - 5, known.excluded + 5)
    assert slo.missing == known.missing
    (outage,) = (one for one in after.incidents if one.target == "openai")
    assert (outage.start_ns, outage.end_ns) == (TUESDAY_10H + HOUR_NS, TUESDAY_10H + 2 * HOUR_NS)
    (told,) = after.maintenances
    assert (told.targets, told.author, told.reason) == (("openai", "vllm"), "ada", "kernel | update")


def test_our_own_absence_in_maintenance_is_seen_and_is_not_missing() -> None:
    """Nobody asked from 0 to 2 on Wednesday."""
    store = MemoryStore()
    weeks.fill(store)
    assert report(store).slos[0].week.missing == 12
    since_ns = WEEK.since_ns + 48 * HOUR_NS
    store.amendments.maintain(weeks.maintenance("openai", hours=1, since_ns=since_ns))
    found = report(store)
    assert (found.slos[0].week.missing, found.slos[0].week.coverage) == (6, 1002 / 1002 - 6 / 1002)
    assert sum(gap.slots for gap in found.gaps if ("openai", "chat") in gap.probes) > 6


def test_corrections_are_told_with_author_and_reason_those_taken_back_too() -> None:
    store = MemoryStore()
    weeks.fill(store)
    store.amendments.correct(weeks.correction("openai", EventClass.EXCLUDED, hours=2))
    found = report(store)
    assert found.slos[0].week.bad == 0
    assert [one.target for one in found.incidents if one.target == "openai"] == []
    text = report_markdown.render(found)
    assert "## Corrections" in text
    assert "our canary" in text
    store.amendments.withdraw(Withdrawal(correction_id=1, author="bob", reason="no", made_ns=NOW_NS))
    again = report(store)
    assert again.slos[0].week.bad == report_before().slos[0].week.bad
    assert "withdrawn by bob" in report_markdown.render(again)


def report_before() -> WeeklyReport:
    store = MemoryStore()
    weeks.fill(store)
    return report(store)


def test_a_week_without_either_says_nothing_of_them() -> None:
    text = report_markdown.render(report_before())
    assert "## Maintenance" not in text
    assert "## Corrections" not in text


def promised(ratio: float, **changes: Any) -> Config:
    available = dataclasses.replace(CONFIG.objectives[0], ratio=ratio, **changes)
    return dataclasses.replace(CONFIG, objectives=(available, CONFIG.objectives[1]))


def failing(store: MemoryStore, slots: range) -> None:
    results = [weeks.result(slot, "openai", "chat", Outcome.OVERLOADED) for slot in slots]
    store.store(results, [settled for one in results if (settled := weeks.settled(one))])


def test_a_week_is_judged_by_the_objective_that_held_when_it_ended() -> None:
    """Tightened an hour after the week's end, the objective was kept all the same."""
    store = clean(range(1000))
    failing(store, range(1000, 1008))
    store.revise("fra-1", revisions.rows(promised(0.99)), WEEK.since_ns - HOUR_NS)
    store.revise("fra-1", revisions.rows(CONFIG), WEEK.until_ns + HOUR_NS)
    slo = report(store).slos[0]
    assert (slo.objective_ratio, slo.week.state) == (0.99, "good")
    (held,) = slo.revisions
    assert (held.objective_ratio, held.since_ns) == (0.99, WEEK.since_ns - HOUR_NS)
    assert list(report_sentences.changes((slo,))) == []
    assert f"revision {held.digest}" in report_markdown.render(report(store))


def test_a_change_inside_the_week_is_told_and_the_week_judged_by_what_held_at_its_end() -> None:
    store = clean(range(1000))
    failing(store, range(1000, 1008))
    store.revise("fra-1", revisions.rows(promised(0.99, window_s=7 * 86400.0)), WEEK.since_ns - HOUR_NS)
    store.revise("fra-1", revisions.rows(CONFIG), WEEK.since_ns + 48 * HOUR_NS)
    found = report(store)
    slo = found.slos[0]
    assert (slo.objective_ratio, slo.week.state) == (0.999, "bad")
    first, last = (one.digest for one in slo.revisions)
    assert list(report_sentences.changes(found.slos)) == [
        (
            f"Objective available of openai and 2 more changed at 2027-01-06 00:00:00 UTC from 99 % over 7d ({first}) to 99.9 % "
            f"over 28d ({last}): the week is judged by what held at its end."
        )
    ]


def test_without_a_stored_revision_a_week_is_judged_by_the_objective_of_now() -> None:
    assert report(clean(range(1008))).slos[0].revisions == ()


def test_whom_an_objective_is_about_is_no_part_of_its_revision() -> None:
    fewer = dataclasses.replace(CONFIG.objectives[0], pairs=CONFIG.objectives[0].pairs[:1])
    digests = {row.digest for row in revisions.rows(CONFIG) if row.objective == "available"}
    (alone,) = revisions.rows(dataclasses.replace(CONFIG, objectives=(fewer,)))
    assert digests == {alone.digest}


def served(at_least: int, ratio: float = 0.99) -> Config:
    config = weeks.with_service("openai", "azure", at_least=at_least)
    (service,) = config.services
    return dataclasses.replace(config, services=(dataclasses.replace(service, ratio=ratio),))


def reported(config: Config, store: MemoryStore) -> WeeklyReport:
    found = report_of(config, store, WEEK, NOW_NS, "1")
    assert found is not None
    return found


def test_a_service_is_told_with_its_own_objective_over_all_its_members() -> None:
    store = MemoryStore()
    weeks.fill(store)
    (service,) = reported(served(2), store).services
    assert (service.at_least, service.units, service.members) == (2, 2, ("openai", "azure"))
    slo = service.slo
    assert (slo.slo.id, slo.objective_ratio, slo.window) == ("nano-service", 0.99, "7d")
    assert (slo.week.good, slo.week.bad, slo.week.expected) == (1978, 12, 2 * 1008)
    (shortfall,) = service.shortfalls
    assert (shortfall.start_ns, shortfall.duration_s) == (TUESDAY_10H, 7200.0)
    assert shortfall.failing == ("openai",)
    (relaxed,) = reported(served(1), store).services
    assert (relaxed.under_s, relaxed.shortfalls) == (0.0, ())


def test_maintenance_and_corrections_are_in_a_service_s_figures() -> None:
    """Announced work on one of two that are needed is judged by nothing; what was well after all was under nothing."""
    store = MemoryStore()
    weeks.fill(store)
    store.amendments.maintain(weeks.maintenance("openai", hours=1))
    (service,) = reported(served(2), store).services
    assert (service.under_s, service.unjudged_s, service.slo.week.bad) == (3600.0, 3600.0, 7)
    store.amendments.correct(weeks.correction("openai", EventClass.GOOD, hours=2))
    (service,) = reported(served(2), store).services
    assert (service.under_s, service.slo.week.bad) == (0.0, 1)


def test_a_service_is_judged_by_what_it_promised_when_the_week_ended() -> None:
    """It needed two and promised 99.9 %; what it promises since is another matter."""
    store = MemoryStore()
    weeks.fill(store)
    for at_ns, config in (
        (WEEK.since_ns - HOUR_NS, served(1)),
        (WEEK.since_ns + 48 * HOUR_NS, served(2, ratio=0.999)),
        (WEEK.until_ns + HOUR_NS, served(1)),
    ):
        store.revise("fra-1", revisions.of_services(config), at_ns, services=True)
    found = reported(served(1), store)
    (service,) = found.services
    assert (service.at_least, service.under_s) == (2, 7200.0)
    assert (service.slo.objective_ratio, service.slo.week.state) == (0.999, "bad")
    first, last = (one.digest for one in service.slo.revisions)
    assert list(report_sentences.changes([service.slo])) == [
        (
            f"Service nano changed at 2027-01-06 00:00:00 UTC from 99 % over 7d, needs 1 cloud ({first}) to 99.9 % over 7d, "
            f"needs 2 clouds ({last}): the week is judged by what held at its end."
        )
    ]
    assert f"revision {last}" in report_markdown.render(found)


def test_a_service_s_revision_says_how_many_it_needs_and_of_what() -> None:
    digests = {row.digest for config in (served(1), served(2)) for row in revisions.of_services(config)}
    assert len(digests) == 2
    (first, _) = revisions.of_services(served(2))
    assert (first.objective, first.rule["at_least"], first.rule["of"]) == ("service/nano", 2, "cloud")
