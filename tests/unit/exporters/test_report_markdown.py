import dataclasses

import pytest

from agent.telling.report import report_of
from exporters import report_markdown, report_sentences
from exporters.weeks import Percentiles, WeeklyReport
from storage.memory import MemoryStore
from support import weeks
from support.weeks import NOW_NS, WEEK


@pytest.fixture(scope="module")
def report() -> WeeklyReport:
    store = MemoryStore()
    weeks.fill(store)
    found = report_of(weeks.configuration(), store, WEEK, NOW_NS, "1.2.3")
    assert found is not None
    return found


def test_every_row_has_as_many_cells_as_its_table_has_columns(report: WeeklyReport) -> None:
    """A hostile code with a bar in it makes no cell of its own."""
    for block in report_markdown.render(report).split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1, block


def test_what_endpoints_said_is_no_markup(report: WeeklyReport) -> None:
    assert "\\<script\\>alert(1)\\</script\\>\\|\\`\\*" in report_markdown.render(report)
    assert "<script>" not in report_markdown.render(report)


def test_the_head_says_what_was_kept_what_was_not_and_what_is_unknown(report: WeeklyReport) -> None:
    kept, broken, unknown = (said for _, said in report_sentences.summary(report))
    assert kept == "2 of 6 objectives."
    assert broken.startswith("2: openai-chat-available (98.894 % of 99.9 %); azure-chat-available (99.899 %")
    assert "vllm-chat-available (only 14 % of what was due was judged)" in unknown


def test_the_speed_of_long_answers_has_a_table_where_there_are_some(report: WeeklyReport) -> None:
    """A week of chats alone has none."""
    assert "## Throughput" not in report_markdown.render(report)
    took = Percentiles(samples=168, p50_s=10.5, p95_s=19.5, p99_s=20.25)
    swift = dataclasses.replace(report.latencies[0], kind="throughput", tokens_per_s=49.96, per_500=took)
    told = report_markdown.render(dataclasses.replace(report, latencies=(swift, *report.latencies[1:])))
    table = told.partition("## Throughput")[2].partition("## ")[0]
    (row,) = (line for line in table.splitlines() if line.startswith(f"| {swift.target}"))
    assert [cell.strip() for cell in row.split("|")[2:-1]] == ["50.0", "10.5 s (of 168)", "19.5 s", "20.2 s"]


@pytest.mark.parametrize(
    ("sli", "threshold_s", "said"),
    [
        ("ttfo", 1.5, "99.9 % first output within 1.5 s"),
        ("itl", 0.05, "99.9 % next token within 0.05 s"),
        ("correctness", None, "99.9 % right"),
        ("residency", None, "99.9 % served where it may be"),
    ],
)
def test_every_objective_is_told_in_words(
    report: WeeklyReport, sli: str, threshold_s: float | None, said: str
) -> None:
    slo = dataclasses.replace(report.slos[0], sli=sli, threshold_s=threshold_s)
    assert said in report_markdown.render(dataclasses.replace(report, slos=(slo,)))


def test_an_objective_on_speed_is_told_in_tokens_a_second(report: WeeklyReport) -> None:
    slo = dataclasses.replace(report.slos[0], sli="throughput", threshold_s=None, at_least_per_s=30.0)
    told = report_markdown.render(dataclasses.replace(report, slos=(slo,)))
    assert "99.9 % of answers at 30 tokens a second or more" in told


def test_it_is_said_how_intervals_are_made_and_that_failures_cluster(report: WeeklyReport) -> None:
    """Beside the figures, for whoever takes an interval at its word."""
    intro = report_markdown.render(report).partition("## Objectives")[2].partition("\n|")[0]
    assert "Wilson's 95 % interval" in intro
    assert "Jeffreys' posterior" in intro
    assert "as if slots failed independently of each other; failures cluster" in intro


@pytest.fixture(scope="module")
def served() -> WeeklyReport:
    store = MemoryStore()
    weeks.fill(store)
    config = weeks.with_service("openai", "azure", at_least=2)
    found = report_of(config, store, WEEK, NOW_NS, "1.2.3")
    assert found is not None
    return found


def test_services_come_first_in_the_head_and_in_the_tables(served: WeeklyReport) -> None:
    """What a consumer buys is asked about before what it is made of."""
    name, said = next(iter(report_sentences.summary(served)))
    assert (name, said) == ("Services", "1 of 1 kept; under their healthy minimum: nano for 2 h.")
    told = report_markdown.render(served)
    assert (
        told.index("## Services\n")
        < told.index("## Services under their minimum")
        < told.index("## Objectives")
    )
    assert "| nano (needs 2 of its 2 clouds) | 99 % available (over 7d) | 2 h (unknown for " in told
    assert "| nano (needs 2 of its 2 clouds) | 2027-01-05 10:00:00 | 2 h | openai |" in told


def test_a_service_that_broke_its_promise_and_one_of_which_nobody_knows_are_named(
    served: WeeklyReport,
) -> None:
    (kept,) = served.services
    broken, unknown = (
        dataclasses.replace(
            kept,
            slo=dataclasses.replace(
                kept.slo, week=dataclasses.replace(kept.slo.week, state=state, expected=10_000)
            ),
            shortfalls=(),
        )
        for state in ("bad", "unknown")
    )
    _, said = next(iter(report_sentences.summary(dataclasses.replace(served, services=(broken, unknown)))))
    assert (
        said
        == "0 of 2 kept; nano not (99.39 % of 99 %); nano unknown (only 19 % of what was due was judged)."
    )


def test_without_services_nothing_is_said_of_them(report: WeeklyReport) -> None:
    assert "Services" not in report_markdown.render(report)


def test_what_a_day_s_character_means_is_said_once(served: WeeklyReport) -> None:
    assert report_markdown.render(served).count("`#` where the objective was kept") == 1


def test_a_target_has_one_row_of_spend(report: WeeklyReport) -> None:
    """Attempts that spent nothing have no price, and stand with those that have one."""
    table = report_markdown.render(report).partition("## Spend")[2].partition("## ")[0]
    (row,) = (line for line in table.splitlines() if line.startswith("| openai "))
    assert row == "| openai | 2,015 | 11,808 | 3,936 | 0.10 USD | list of 2026-12 |"
