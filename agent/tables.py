"""Plain text for people: aligned columns, cut where they get long, and numbers as they are read."""

from collections.abc import Iterator, Sequence
from typing import Final

LONG: Final = 60
"""Rows of a table that people read without looking for something; 24 targets with two probes each are shown whole."""


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as aligned lines.

    >>> list(columns([("A", "B"), ("long", "x")]))
    ['A     B', 'long  x']
    """
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, whole: bool, what: str) -> Iterator[str]:
    """Yield a table; unless it is wanted whole, a long one ends with how many rows are missing and how to see them.

    >>> list(table(["A"], [[str(n)] for n in range(99)], whole=False, what="targets"))[-1]
    '... and 39 more targets: --all shows them, and --json has everything'
    """
    shown = rows if whole else rows[:LONG]
    yield from columns([head, *shown])
    if len(shown) < len(rows):
        yield f"... and {len(rows) - len(shown):,} more {what}: --all shows them, and --json has everything"


def money(usd: float) -> str:
    """Return US dollars to the cent, or to two digits where that is less than a dime.

    >>> money(1234.5), money(0.0123), money(0)
    ('1,234.50', '0.012', '0.00')
    """
    return f"{usd:,.2f}" if usd >= 0.1 or not usd else f"{usd:.2g}"


def amount(number: float) -> str:
    """Return a count to three digits.

    >>> amount(2880), amount(86_400_000), amount(1_234_567)
    ('2,880', '86.4 million', '1.23 million')
    """
    return f"{number / 1e6:.3g} million" if number >= 1e6 else f"{round(number):,}"


def storage(size: int) -> str:
    """Return bytes in the unit in which disks are sold.

    >>> storage(705_600), storage(71_000_000_000)
    ('0.706 MB', '71 GB')
    """
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"
