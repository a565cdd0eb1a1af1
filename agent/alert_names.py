"""Which alert a person means: the beginning of its id or key, as `alerts list` prints it."""

from collections.abc import Sequence
from typing import Final

from agent.errors import NephoscopeError
from storage.alert_readings import AlertRow
from storage.base import Alerts

NAMED_AT_MOST: Final = 5
AT_MOST: Final = 1000


def meant(rows: Alerts, vantage: str, text: str) -> AlertRow:
    """Return the alert that a text means, alive or past, of several occurrences of one the newest; or raise who it could be."""
    found = _found(rows, vantage, text, alive=False)
    if len(found) > 1:
        raise _several(text, found)
    return found[0]


def all_meant(rows: Alerts, vantage: str, text: str) -> list[AlertRow]:
    """Return the alert alive that a text means, or where it names a target those of each probe; or raise who it could be."""
    found = _found(rows, vantage, text, alive=True)
    if len({_about(row) for row in found}) > 1:
        raise _several(text, found)
    return found


def _found(rows: Alerts, vantage: str, text: str, *, alive: bool) -> list[AlertRow]:
    """Return the alert whose key or id a text is, else those below it, else each that begins so.

    Of several occurrences that is the newest: `target-down/aws` is about `aws`, and `target-down/aw` about `aws-2` too.
    """
    wanted = text.strip()
    found = rows.named(vantage, wanted, AT_MOST) if wanted else []
    if alive:
        found = [row for row in found if row.ended_ns is None]
    exact = [row for row in found if wanted in {row.id, row.key}]
    newest: dict[str, AlertRow] = {}
    below = [row for row in found if row.key.startswith(f"{wanted}/")]
    for row in exact or below or found:
        newest.setdefault(row.key, row)
    if not newest:
        raise NephoscopeError(_unknown(wanted, rows.alive(vantage), alive_only=alive))
    return list(newest.values())


def _about(row: AlertRow) -> tuple[object, ...]:
    """Return what is alike in alerts that differ in nothing but which probe of a target finds it."""
    if "target" not in row.labels or "probe" not in row.labels:
        return (row.key,)
    return row.name, *sorted((name, text) for name, text in row.labels.items() if name != "probe")


def _several(text: str, found: Sequence[AlertRow]) -> NephoscopeError:
    keys = [row.key for row in found]
    return NephoscopeError(f"`{text.strip()}` could be {_listed(keys)}; write more of the one that you mean")


def short(row: AlertRow, among: Sequence[AlertRow]) -> str:
    """Return what names an alert among others: its key, or its id where that has been an alert more than once."""
    return row.key if sum(other.key == row.key for other in among) < 2 else row.id


def _unknown(wanted: str, alive: Sequence[AlertRow], *, alive_only: bool) -> str:
    there = f"there are {_listed([row.key for row in alive])}" if alive else "nothing is wrong now"
    of = "alert that is alive" if alive_only else "alert"
    more = "" if alive_only else "; `nephoscope alerts list --all` has those of the last 7 days"
    return f"no {of} begins with `{wanted}`: {there}{more}"


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - NAMED_AT_MOST} more" if len(keys) > NAMED_AT_MOST else ""
    return ", ".join(keys[:NAMED_AT_MOST]) + more
