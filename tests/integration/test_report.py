"""The weekly report of a made-up week, through a real Postgres: word for word, and true to what is counted."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from agent.telling.link import Link
from agent.telling.report import report_of
from agent.telling.series import page_plan, series_plan
from agent.telling.watch import Watch
from exporters import report_html, report_json, report_markdown
from exporters.board import Board
from exporters.metrics import Metrics
from exporters.weeks import WeeklyReport
from probes.result import EventClass, Fault, Outcome
from storage.amendments import PostgresAmendments
from storage.history import PostgresHistory
from storage.memory import MemoryStore
from storage.readings import SliQuestion
from storage.records import Settled
from storage.results import PostgresStore
from support import weeks
from support.pages import Read
from support.weeks import NOW_NS, WEEK

SERVED = weeks.with_service("openai", "azure", at_least=2)
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def report(database: Engine) -> WeeklyReport:
    weeks.fill(PostgresStore(database, now_ns=lambda: NOW_NS))
    found = report_of(SERVED, PostgresHistory(database), WEEK, NOW_NS, "1.2.3")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "render"), [("report.md", report_markdown.render), ("report.json", report_json.render)]
)
def test_the_report_is_the_golden_one(report: WeeklyReport, name: str, render: object) -> None:
    """`GOLDEN=write` writes it anew, for somebody to read before it is committed."""
    told = render(report)  # type: ignore[operator]  # a function of the table above
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / name).write_text(told)
    assert told == (GOLDEN / name).read_text()


def test_the_twin_in_memory_reports_the_same(report: WeeklyReport) -> None:
    """SQL holds no rule of its own."""
    memory = MemoryStore()
    weeks.fill(memory)
    assert report_of(SERVED, memory, WEEK, NOW_NS, "1.2.3") == report


def test_html_holds_what_the_json_holds(report: WeeklyReport) -> None:
    """Tables that a screen reader can follow, and a hostile code as text."""
    read = Read(report_html.render(report))
    read.assert_plain_and_accessible()
    services, under, objectives, incidents, latency, spend, gaps = read.tables
    told = json.loads(report_json.render(report))
    assert len(services) == 1 + len(told["services"])
    assert len(under) == 1 + sum(len(service["shortfalls"]) for service in told["services"])
    assert len(objectives) == 1 + len(told["slos"])
    assert len(incidents) == 1 + len(told["incidents"])
    assert len(latency) == 1 + len(told["latencies"])
    assert len(spend) == 2 + len({one["target"] for one in told["spends"]})
    assert len(gaps) == 1 + len(told["gaps"])
    assert f"code {weeks.HOSTILE}" in read.text
    drawn = [given["aria-label"] for tag, given in read.tags if tag == "svg"]
    assert len(drawn) == len(told["services"]) + len(told["slos"])
    assert drawn[1] is not None
    assert drawn[1].startswith("Mon 100 %, Tue 92.307 %")


@pytest.mark.parametrize("amended", [False, True])
def test_a_service_s_figures_are_those_of_gauges_and_of_the_page(database: Engine, *, amended: bool) -> None:
    """Of one instant, with maintenance and corrections as without."""
    weeks.fill(PostgresStore(database, now_ns=lambda: NOW_NS))
    if amended:
        amendments = PostgresAmendments(database)
        amendments.maintain(weeks.maintenance("openai", hours=1))
        amendments.correct(weeks.correction("azure", EventClass.BAD, hours=1))
    history, now_ns = PostgresHistory(database), WEEK.until_ns
    metrics, board = Metrics("1"), Board("1")
    metrics.plan(series_plan(SERVED))
    board.plan(page_plan(SERVED))
    Watch(history, [metrics, board], Link(lambda _: None), lambda: now_ns).evaluate(SERVED)
    report = report_of(SERVED, history, WEEK, now_ns, "1")
    assert report is not None
    (service,) = report.services
    told = service.slo.rolling
    gauges = {
        (sample.name, sample.labels.get("window")): sample.value
        for family in text_string_to_metric_families(metrics.render()[1].decode())
        for sample in family.samples
        if sample.labels.get("slo") == "nano-service"
    }
    assert gauges["nephoscope_slo_objective_ratio", None] == service.slo.objective_ratio
    assert gauges["nephoscope_sli_ratio", "7d"] == told.sli
    assert gauges["nephoscope_slo_error_budget_remaining_ratio", None] == told.budget
    assert gauges["nephoscope_slo_met_probability_ratio", None] == told.met_probability
    assert gauges["nephoscope_slo_coverage_ratio", None] == told.coverage
    (line,) = (one for one in board.page(now_ns).objectives if one.objective.name == "service nano")
    assert line.worst is not None
    assert (line.worst.sli, line.worst.budget, line.worst.coverage) == (told.sli, told.budget, told.coverage)
    assert (service.under_s, told.bad) == ((3600.0, 13) if amended else (7200.0, 12))


slots = st.lists(
    st.tuples(
        st.integers(-30, 7 * 144 + 5),
        st.sampled_from(weeks.PAIRS),
        st.sampled_from(
            (Outcome.OK, Outcome.OK, Outcome.OVERLOADED, Outcome.THROTTLED, Outcome.CONFIG, Outcome.STALLED)
        ),
        st.none() | st.sampled_from(list(Fault)),
        st.none() | st.sampled_from((0.2, 1.5, 1.6)),
    ),
    min_size=1,
    max_size=60,
    unique_by=lambda slot: slot[:2],
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=slots)
def test_a_report_counts_what_history_counts(
    told: list[tuple[int, tuple[str, str], Outcome, Fault | None, float | None]],
) -> None:
    """For any week: nothing is added, dropped, or filled in."""
    store, config = MemoryStore(), weeks.configuration()
    store.plan(weeks.plan())
    for slot, (target, probe), outcome, fault, ttft_s in told:
        result = weeks.result(slot, target, probe, outcome, ttft_s=ttft_s)
        verdicts = [Settled(slot=result.key, fault=fault, settled_ns=NOW_NS)] if fault else []
        store.store([result], verdicts)
    report = report_of(config, store, WEEK, NOW_NS, "1")
    inside = [slot for slot, *_ in told if 0 <= slot < 7 * 144]
    assert (report is None) == (not inside)
    for slo in report.slos if report else ():
        for share in (slo.week, slo.rolling, *slo.days):
            question = SliQuestion(
                target=slo.slo.target,
                probe=slo.slo.probe,
                vantage="fra-1",
                sli=slo.sli,  # type: ignore[arg-type]  # the same words
                since_ns=share.since_ns,
                until_ns=share.until_ns,
                threshold_s=slo.threshold_s,
            )
            (counts,) = store.counts([question])
            assert (counts.good, counts.bad) == (share.good, share.bad)
            assert (counts.excluded, counts.invalid) == (share.excluded, share.invalid)
            assert share.missing == share.expected - counts.observed
        assert sum(day.good for day in slo.days) == slo.week.good
        assert sum(day.missing for day in slo.days) == slo.week.missing
        assert slo.week.expected == 7 * 144
    if report:
        seen = len({slot[:2] for slot in told if 0 <= slot[0] < 7 * 144})
        assert sum(gap.slots for gap in report.gaps) == len(weeks.PAIRS) * 7 * 144 - seen
        assert sum(one.slots for one in report.latencies) == seen
