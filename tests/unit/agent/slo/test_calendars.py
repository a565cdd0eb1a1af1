from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.slo.calendars import Calendar, Unit, containing

HOUR_NS = 3600 * 1_000_000_000
DAY_NS = 24 * HOUR_NS

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # clocks went forward at midnight
    "America/St_Johns",  # clocks went back at one past midnight, into the day before
    "America/Havana",  # clocks go back at one, to midnight
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Apia",  # left out a whole day
    "Africa/Cairo",
)
calendars = st.builds(Calendar, st.sampled_from(("week", "month", "quarter", "year")), st.sampled_from(ZONES))
instants = st.integers(0, 2_500_000_000 * 1_000_000_000)


def at(zone: str, *local: int) -> int:
    return round(datetime(*local, tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000_000  # type: ignore[arg-type, misc]


@given(calendars, instants)
@example(Calendar("month", "America/St_Johns"), at("America/St_Johns", 2009, 11, 1, 0, 0, 30))
@example(Calendar("week", "America/St_Johns"), at("UTC", 2006, 10, 29, 2, 45))
@example(Calendar("month", "Pacific/Apia"), at("UTC", 2011, 12, 30, 10))
@example(Calendar("week", "America/Sao_Paulo"), at("UTC", 2018, 11, 4, 3))
def test_windows_tile_time_without_hole_or_overlap(calendar: Calendar, at_ns: int) -> None:
    since_ns, until_ns = containing(calendar, at_ns)
    assert since_ns <= at_ns < until_ns
    assert containing(calendar, since_ns) == (since_ns, until_ns)
    assert containing(calendar, until_ns - 1) == (since_ns, until_ns)
    assert containing(calendar, until_ns)[0] == until_ns
    assert containing(calendar, since_ns - 1)[1] == since_ns


@given(calendars, instants)
def test_no_window_is_longer_than_the_longest(calendar: Calendar, at_ns: int) -> None:
    since_ns, until_ns = containing(calendar, at_ns)
    assert (until_ns - since_ns) / 1e9 <= calendar.longest_s
    assert (until_ns - since_ns) / 1e9 >= 0.9 * calendar.nominal_s


@pytest.mark.parametrize(
    ("unit", "local", "hours"),
    [
        ("month", (2026, 3, 31, 23, 59), 31 * 24 - 1),
        ("month", (2026, 10, 1), 31 * 24 + 1),
        ("month", (2028, 2, 29), 29 * 24),
        ("week", (2026, 3, 29, 12), 7 * 24 - 1),
        ("quarter", (2026, 2, 1), 90 * 24 - 1),
        ("quarter", (2026, 5, 1), 91 * 24),
        ("year", (2026, 7, 1), 365 * 24),
    ],
)
def test_a_window_lasts_as_long_as_clocks_in_berlin_make_it(
    unit: Unit, local: tuple[int, ...], hours: int
) -> None:
    since_ns, until_ns = containing(Calendar(unit, "Europe/Berlin"), at("Europe/Berlin", *local))
    assert until_ns - since_ns == hours * HOUR_NS


def test_a_month_begins_at_midnight_of_its_own_place() -> None:
    """On 31 October at 23:30 in London it is November in Berlin already."""
    instant = at("Europe/London", 2026, 10, 31, 23, 30)
    assert containing(Calendar("month", "Europe/Berlin"), instant)[0] == at("Europe/Berlin", 2026, 11, 1)
    assert containing(Calendar("month", "Europe/London"), instant)[0] == at("Europe/London", 2026, 10, 1)


def test_weeks_begin_on_monday() -> None:
    since_ns, _ = containing(Calendar("week"), at("UTC", 2026, 11, 29, 23))
    assert since_ns == at("UTC", 2026, 11, 23)
