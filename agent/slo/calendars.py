"""Calendar windows: the week, month, quarter or year of a place that holds an instant."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Unit = Literal["week", "month", "quarter", "year"]

NOMINAL_DAYS: Final = {"week": 7, "month": 30, "quarter": 90, "year": 365}
"""What burn factors and rules for Prometheus take a unit for: both want one length for every one of them."""

_LONGEST_DAYS: Final = {"week": 7, "month": 31, "quarter": 92, "year": 366}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86400.0


@dataclasses.dataclass(frozen=True, slots=True)
class Calendar:
    """Windows that begin at midnight of an IANA zone: on Mondays, or on the first of a month, quarter or year."""

    unit: Unit
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"calendar {self.unit} ({self.zone})"

    @property
    def nominal_s(self) -> float:
        """Return the length that stands for all of them.

        >>> Calendar("month", "Europe/Berlin").nominal_s == 30 * 86400
        True
        """
        return NOMINAL_DAYS[self.unit] * _DAY_S

    @property
    def longest_s(self) -> float:
        """Return the length of the longest: an October of 31 days in which clocks go back has an hour more."""
        return _LONGEST_DAYS[self.unit] * _DAY_S + 3600.0


def containing(calendar: Calendar, at_ns: int) -> tuple[int, int]:
    """Return [since, until) of the window that holds an instant, all in UTC nanoseconds.

    In Berlin the March of 2026 lasts 31 days less the hour that its clocks skip, and October an hour more.

    >>> def hours(month):
    ...     at = round(datetime(2026, month, 15, tzinfo=UTC).timestamp()) * 10**9
    ...     since, until = containing(Calendar("month", "Europe/Berlin"), at)
    ...     return (until - since) // (3600 * 10**9)
    >>> hours(3) == 31 * 24 - 1, hours(10) == 31 * 24 + 1, hours(4) == 30 * 24
    (True, True, True)
    """
    zone = ZoneInfo(calendar.zone)
    local = datetime.fromtimestamp(at_ns // 1_000_000_000, zone).date()
    first = _first(calendar.unit, local)
    # Where clocks go back over midnight, a day's name comes twice: its window begins when it first does.
    while _midnight_ns(_next(calendar.unit, first), zone) <= at_ns:
        first = _next(calendar.unit, first)
    return _midnight_ns(first, zone), _midnight_ns(_next(calendar.unit, first), zone)


def _first(unit: Unit, day: date) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "year":
        return day.replace(month=1, day=1)
    return day.replace(month=day.month if unit == "month" else (day.month - 1) // 3 * 3 + 1, day=1)


def _next(unit: Unit, first: date) -> date:
    return _first(unit, first + timedelta(days=_LONGEST_DAYS[unit]))


def _midnight_ns(day: date, zone: ZoneInfo) -> int:
    """Return when a day begins: a midnight that clocks skip is the instant at which they do."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (midnight - _EPOCH) // timedelta(seconds=1) * 1_000_000_000
