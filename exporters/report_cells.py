"""Of what the weekly report's tables are made, whichever format writes them."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """A text, what is said beside it in small, and the state that it tells, if any; `days` are drawn."""

    text: str
    small: str = ""
    state: str | None = None
    days: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """`columns` are names and whether they hold numbers; `empty` stands where there are no rows."""

    title: str
    intro: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
