"""The weekly report in Markdown (GitHub's tables)."""

from exporters import report_sentences, report_tables, words
from exporters.report_tables import Cell, Table
from exporters.weeks import WeeklyReport

_ESCAPED = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#~"})
_DRAWN = {"good": "#", "bad": "x", "unknown": "?"}


def render(report: WeeklyReport) -> str:
    parts = [
        f"# {report_sentences.title(report)}",
        _text(report_sentences.subtitle(report)),
        "\n".join(f"- **{name}:** {_text(said)}" for name, said in report_sentences.summary(report)),
        *(f"> {_text(remark)}" for remark in report_sentences.remarks(report)),
        *(_table(table) for table in report_tables.tables(report)),
    ]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [f"## {table.title}", "", _text(table.intro), ""]
    if not table.rows:
        return "\n".join([*lines, table.empty or "None."])
    lines.append(f"| {' | '.join(name for name, _ in table.columns)} |")
    lines.append(f"|{'|'.join('---:' if number else '---' for _, number in table.columns)}|")
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in table.rows]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    if cell.days:
        # One character a day, Monday first: # kept, x not kept, ? unknown.
        return f"`{''.join(_DRAWN[state] for state, _ in cell.days)}`"
    return _text(f"{cell.text} ({cell.small})" if cell.small else cell.text)


def _text(text: str) -> str:
    r"""Return a text as Markdown shows it: foreign words are neither markup nor the end of a cell.

    >>> print(_text("a|b <script> *x*"))
    a\|b \<script\> \*x\*
    """
    return words.one_line(text).translate(_ESCAPED)
