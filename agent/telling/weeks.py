"""ISO weeks in UTC: which one is meant, and where it begins and ends."""

import dataclasses
import re
from datetime import UTC, date, datetime, timedelta

from agent.errors import ConfigError

DAY_NS = 86_400 * 1_000_000_000
_NAME = re.compile(r"(\d{4})-W(\d{2})")


@dataclasses.dataclass(frozen=True, slots=True)
class Week:
    """[since, until) in UTC nanoseconds; `name` is ISO 8601's, such as 2026-W46."""

    name: str
    since_ns: int
    until_ns: int


def named(text: str) -> Week:
    """Return the week of a name, or raise ConfigError.

    >>> named("2026-W46").name, datetime.fromtimestamp(named("2026-W46").since_ns / 1e9, UTC).date().isoformat()
    ('2026-W46', '2026-11-09')
    """
    found = _NAME.fullmatch(text)
    if not found:
        raise ConfigError(f"--week {text}: write an ISO week as year and number, such as 2026-W46")
    try:
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError as error:
        raise ConfigError(
            f"--week {text}: there is no such week; a year has 52 or 53, the first one holds its first Thursday"
        ) from error
    return _week(monday)


def containing(at_ns: int) -> Week:
    """Return the week of an instant.

    >>> containing(1_800_000_000_000_000_000).name
    '2027-W02'
    """
    day = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).date()
    return _week(day - timedelta(days=day.weekday()))


def last_closed(now_ns: int) -> Week:
    """Return the last week that is over.

    >>> last_closed(1_800_000_000_000_000_000).name
    '2027-W01'
    """
    return containing(containing(now_ns).since_ns - 1)


def _week(monday: date) -> Week:
    year, number, _ = monday.isocalendar()
    since = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
    since_ns = round(since.timestamp()) * 1_000_000_000
    return Week(f"{year:04d}-W{number:02d}", since_ns, since_ns + 7 * DAY_NS)
