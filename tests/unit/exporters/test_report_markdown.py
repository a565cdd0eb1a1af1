import pytest

from agent.telling.report import report_of
from exporters import report_markdown, report_tables
from exporters.signals import WeeklyReport
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
    kept, broken, unknown = (said for _, said in report_tables.summary(report))
    assert kept == "2 of 6 objectives."
    assert broken.startswith("2: openai-chat-available (98.894 % of 99.9 %); azure-chat-available (99.899 %")
    assert "vllm-chat-available (only 14 % of what was due was judged)" in unknown
