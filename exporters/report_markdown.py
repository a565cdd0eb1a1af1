"""The weekly report in Markdown (GitHub's tables)."""

from exporters import report_sentences, report_tables, words
from exporters.report_cells import Cell, Table
from exporters.weeks import WeeklyReport

_ESCAPED = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#~"})
_DRAWN = {"good": "#", "bad": "x", "unknown": "?"}
_LEGEND = " A character a day, Monday first: `#` where the objective was kept, `x` where not, `?` where that is unknown."


def render(report: WeeklyReport) -> str:
    tables = list(report_tables.tables(report))
    drawn = next((table for table in tables if _has_days(table)), None)
    parts = [
        f"# {report_sentences.title(report)}",
        _text(report_sentences.subtitle(report)),
        "\n".join(f"- **{name}:** {_text(said)}" for name, said in report_sentences.summary(report)),
        *(f"> {_text(remark)}" for remark in report_sentences.remarks(report)),
        *(_table(table, _LEGEND if table is drawn else "") for table in tables),
    ]
    return "\n\n".join(parts) + "\n"


def _has_days(table: Table) -> bool:
    return any(cell.days for row in table.rows for cell in row)


def _table(table: Table, legend: str = "") -> str:
    lines = [f"## {table.title}", "", f"{_text(table.intro)}{legend}", ""]
    if not table.rows:
        return "\n".join([*lines, table.empty or "None."])
    lines.append(f"| {' | '.join(name for name, _ in table.columns)} |")
    lines.append(f"|{'|'.join('---:' if number else '---' for _, number in table.columns)}|")
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in table.rows]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    if cell.days:
        return f"`{''.join(_DRAWN[state] for state, _ in cell.days)}`"
    return _text(f"{cell.text} ({cell.small})" if cell.small else cell.text)


def _text(text: str) -> str:
    r"""Return a text as Markdown shows it: foreign words are neither markup nor the end of a cell.

    >>> print(_text("a|b <script> *x*"))
    a\|b \<script\> \*x\*
    """
    return words.one_line(text).translate(_ESCAPED)
