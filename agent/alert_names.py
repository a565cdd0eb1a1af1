"""Which alert a person means: the beginning of its id or key, as `alerts list` prints it."""

from collections.abc import Sequence
from typing import Final

from agent.errors import NephoscopeError
from exporters import words
from storage.alert_readings import AlertRow
from storage.base import Alerts

AT_MOST: Final = 1000


def meant(rows: Alerts, vantage: str, text: str, *, alive: bool) -> AlertRow:
    """Return the alert that a text means, of several occurrences of one the newest; or raise who it could be."""
    wanted = text.strip()
    found = rows.named(vantage, wanted, AT_MOST) if wanted else []
    if alive:
        found = [row for row in found if row.ended_ns is None]
    exact = [row for row in found if wanted in {row.id, row.key}]
    keys = list(dict.fromkeys(row.key for row in exact or found))
    if not keys:
        raise NephoscopeError(_unknown(wanted, rows.alive(vantage), alive_only=alive))
    if len(keys) > 1:
        raise NephoscopeError(f"`{wanted}` could be {words.few(keys)}; write more of the one that you mean")
    return (exact or found)[0]


def short(row: AlertRow, among: Sequence[AlertRow]) -> str:
    """Return what names an alert among others: its key, or its id where that has been an alert more than once."""
    return row.key if sum(other.key == row.key for other in among) < 2 else row.id


def _unknown(wanted: str, alive: Sequence[AlertRow], *, alive_only: bool) -> str:
    there = f"there are {words.few([row.key for row in alive])}" if alive else "nothing is wrong now"
    of = "alert that is alive" if alive_only else "alert"
    more = "" if alive_only else "; `nephoscope alerts list --all` has those of the last 7 days"
    return f"no {of} begins with `{wanted}`: {there}{more}"
