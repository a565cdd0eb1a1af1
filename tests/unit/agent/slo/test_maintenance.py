"""Occurrences of maintenance: wall time kept over changes of the clock, and what a rule may not say."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slo import recurring
from agent.slo.maintenance import (
    Maintenance,
    Span,
    covered,
    current,
    key_of,
    merged,
    occurrences,
    over_ns,
    stretch_s,
)

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR


def ns(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def announced(
    start: str, timezone: str = "UTC", rrule: str | None = None, for_s: float = 7200.0
) -> Maintenance:
    return Maintenance(
        targets=("vllm",),
        start=datetime.fromisoformat(start),
        timezone=timezone,
        for_s=for_s,
        reason="upgrades",
        rrule=rrule,
    )


def utc(span: Span) -> tuple[str, str]:
    since, until = (datetime.fromtimestamp(edge / 1e9, UTC).isoformat(timespec="minutes") for edge in span)
    return since.removesuffix("+00:00"), until.removesuffix("+00:00")


@pytest.mark.parametrize(
    ("zone", "start", "day_before", "day_of_change", "day_after"),
    [
        ("Europe/Berlin", "2026-03-28T02:30", "2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"),
        ("Europe/Berlin", "2026-10-24T02:30", "2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("America/New_York", "2026-03-07T02:30", "2026-03-07T07:30", "2026-03-08T07:30", "2026-03-09T06:30"),
        ("America/New_York", "2026-10-31T01:30", "2026-10-31T05:30", "2026-11-01T05:30", "2026-11-02T06:30"),
    ],
)
def test_wall_time_is_kept_when_the_clocks_change(
    zone: str, start: str, day_before: str, day_of_change: str, day_after: str
) -> None:
    """An hour that is leapt over is shifted by it, and of one that comes twice the first is meant."""
    one = announced(start, zone, "FREQ=DAILY;COUNT=3")
    assert [utc(span)[0] for span in occurrences(one, 0, ns("2027-01-01"))] == [
        day_before,
        day_of_change,
        day_after,
    ]


def test_it_lasts_as_long_as_it_says_whatever_the_clock_does() -> None:
    """Two hours over a leap end at half past four of the wall."""
    one = announced("2026-03-29T01:30", "Europe/Berlin")
    assert [utc(span) for span in occurrences(one, 0, ns("2027-01-01"))] == [
        ("2026-03-29T00:30", "2026-03-29T02:30")
    ]


@pytest.mark.parametrize(
    ("rule", "starts"),
    [
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=20261206T020000Z", ["11-29", "12-06"]),
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=20261206T015959Z", ["11-29"]),
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=20261206T020000", ["11-29", "12-06"]),
        ("RRULE:FREQ=WEEKLY;BYDAY=SU;COUNT=2", ["11-29", "12-06"]),
        ("freq=monthly;byday=-1su;count=2", ["11-29", "12-27"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", ["11-30", "12-31"]),
    ],
)
def test_a_rule_ends_with_its_until_or_its_count(rule: str, starts: list[str]) -> None:
    one = announced("2026-11-29T02:00", rrule=rule)
    found = [utc(span)[0] for span in occurrences(one, 0, ns("2030-01-01"))]
    assert found == [f"2026-{start}T02:00" for start in starts]
    assert over_ns(one) == ns(f"2026-{starts[-1]}T04:00")


def test_an_until_in_utc_is_judged_in_utc() -> None:
    """Three in the morning of Tokyo is six in the evening of the day before."""
    one = announced("2026-11-01T03:00", "Asia/Tokyo", "FREQ=DAILY;UNTIL=20261102T180000Z")
    assert [utc(span)[0] for span in occurrences(one, 0, ns("2030-01-01"))] == [
        "2026-10-31T18:00",
        "2026-11-01T18:00",
        "2026-11-02T18:00",
    ]


def test_what_overlaps_is_told_once_and_only_within_the_window() -> None:
    one = announced("2026-11-01T00:00", rrule="FREQ=DAILY;BYHOUR=0,1,6", for_s=7200.0)
    found = covered(one, ns("2026-11-01T00:30"), ns("2026-11-01T06:10"))
    assert [utc(span) for span in found] == [
        ("2026-11-01T00:30", "2026-11-01T03:00"),
        ("2026-11-01T06:00", "2026-11-01T06:10"),
    ]


def test_an_occurrence_that_began_before_the_window_is_whole() -> None:
    one = announced("2026-11-01T23:00")
    assert [utc(span) for span in occurrences(one, ns("2026-11-02T00:59"), ns("2026-11-03"))] == [
        ("2026-11-01T23:00", "2026-11-02T01:00")
    ]
    assert occurrences(one, ns("2026-11-02T01:00"), ns("2026-11-03")) == []


def test_the_end_does_not_belong_to_it() -> None:
    one = announced("2026-11-01T23:00")
    inside = [ns("2026-11-01T23:00"), ns("2026-11-02T01:00") - 1]
    outside = [ns("2026-11-01T23:00") - 1, ns("2026-11-02T01:00")]
    assert all(current(one, at_ns) is not None for at_ns in inside)
    assert all(current(one, at_ns) is None for at_ns in outside)


def test_an_occurrence_has_one_name_in_every_process() -> None:
    weekly = announced("2026-11-29T02:00", rrule="FREQ=WEEKLY")
    first, second = occurrences(weekly, 0, ns("2026-12-07"))
    assert key_of(weekly, first) == key_of(announced("2026-11-29T02:00", rrule="FREQ=WEEKLY"), first)
    assert (
        len({key_of(weekly, first), key_of(weekly, second), key_of(announced("2026-11-29T02:00"), first)})
        == 3
    )


@pytest.mark.parametrize(
    ("rule", "for_s", "days"),
    [
        ("FREQ=DAILY", 86400.0, 366),
        ("FREQ=DAILY", 86399.0, 86399 / 86400),
        ("FREQ=DAILY;COUNT=3", 86400.0, 3),
        ("FREQ=DAILY;COUNT=10000", 86400.0, 366),
        ("FREQ=WEEKLY;BYDAY=MO,TU", 86400.0 * 5, 6),
        (None, 86400.0 * 100, 100),
    ],
)
def test_how_long_maintenance_lasts_without_a_break_is_seen(
    rule: str | None, for_s: float, days: float
) -> None:
    assert stretch_s(announced("2026-11-02T02:00", rrule=rule, for_s=for_s)) == days * 86400


def test_a_rule_whose_occurrences_overlap_for_ever_is_seen() -> None:
    assert stretch_s(announced("2026-11-02T02:00", rrule="FREQ=WEEKLY;BYDAY=MO,TU", for_s=6 * 86400.0)) > 1e7


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("sundays", "is no recurrence rule; write KEY=VALUE"),
        ("BYDAY=SU", "says no FREQ"),
        ("FREQ=FORTNIGHTLY", "says no FREQ"),
        ("FREQ=HOURLY", "more than once a day"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3", "never comes: BYMONTH=2 has no BYMONTHDAY=30"),
        ("FREQ=YEARLY;BYMONTH=4,6;BYMONTHDAY=31,-31", "never comes: BYMONTH=4,6 has no BYMONTHDAY=31,-31"),
        ("DTSTART=20261129T020000Z;FREQ=DAILY", "DTSTART inside"),
        ("FREQ=DAILY;BYMINUTE=0,30", "BYMINUTE is not for maintenance"),
        ("FREQ=DAILY;BYEASTER=1", "BYEASTER is no part"),
        ("FREQ=DAILY;FREQ=DAILY", "says FREQ twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0 is not from 1"),
        ("FREQ=DAILY;COUNT=-1", "COUNT=-1 is not from 1"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR=24 is not from 0 to 23"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH=13 is not from 1 to 12"),
        ("FREQ=WEEKLY;BYDAY=SUN", "BYDAY=SUN names no days"),
        ("FREQ=WEEKLY;BYDAY=2SU", "write FREQ=MONTHLY"),
        ("FREQ=DAILY;UNTIL=20261231", "UNTIL=20261231 is no instant"),
        ("FREQ=DAILY;UNTIL=20261331T000000Z", "no day or time of a calendar"),
        ("FREQ=DAILY;UNTIL=20261231T000000Z;COUNT=3", "allows one"),
        ("FREQ=DAILY;WKST=XX", "is no recurrence rule"),
    ],
)
def test_a_rule_that_cannot_be_used_says_why(rule: str, told: str) -> None:
    with pytest.raises(recurring.BadRuleError, match=told):
        recurring.read(rule)


locals_ = st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2030-01-01")).map(
    lambda at: at.replace(second=0, microsecond=0)
)
zones = st.sampled_from(("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"))


@given(locals_, zones, st.integers(1, 9), st.integers(1, 30), st.integers(60, 5 * 86400))
def test_a_daily_rule_is_what_counting_days_gives(
    start: datetime, zone: str, interval: int, count: int, for_s: int
) -> None:
    """Against a naive reading: the wall time plus so many days, each turned into an instant by itself."""
    one = Maintenance(
        targets=(),
        start=start,
        timezone=zone,
        for_s=float(for_s),
        reason="x",
        rrule=f"FREQ=DAILY;INTERVAL={interval};COUNT={count}",
    )
    naive = [start + timedelta(days=interval * number) for number in range(count)]
    begins = [round(local.replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND for local in naive]
    found = occurrences(one, 0, ns("2040-01-01"))
    assert found == [Span(at_ns, at_ns + for_s * SECOND) for at_ns in begins]


@given(
    locals_,
    zones,
    st.sampled_from(
        (None, "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=DAILY;BYHOUR=2,3")
    ),
    st.integers(60, 10 * 86400),
    st.integers(-30, 400),
    st.integers(1, 40),
    st.integers(0, 40 * 24 * 60),
)
def test_any_window_is_cut_out_of_the_whole(
    start: datetime, zone: str, rule: str | None, for_s: int, offset: int, days: int, minute: int
) -> None:
    """What a window and a day tell agrees with what the whole tells of an instant; stretches are disjoint."""
    one = Maintenance(targets=(), start=start, timezone=zone, for_s=float(for_s), reason="x", rrule=rule)
    since_ns = recurring.instant(start, ZoneInfo("UTC")) + offset * DAY
    until_ns = since_ns + days * DAY
    found = covered(one, since_ns, until_ns)
    assert all(since_ns <= span.since_ns < span.until_ns <= until_ns for span in found)
    assert all(before.until_ns < after.since_ns for before, after in itertools.pairwise(found))
    at_ns = since_ns + minute * 60 * SECOND % (until_ns - since_ns)
    whole = occurrences(one, 0, until_ns + 20 * DAY)
    holds = any(span.since_ns <= at_ns < span.until_ns for span in whole)
    assert holds == any(span.since_ns <= at_ns < span.until_ns for span in found)
    assert holds == (current(one, at_ns) is not None)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=10), st.integers(0, 50))
def test_merging_changes_no_instant(edges: list[tuple[int, int]], at: int) -> None:
    spans = [Span(*edge) for edge in edges]
    assert any(one.since_ns <= at < one.until_ns for one in spans) == any(
        one.since_ns <= at < one.until_ns for one in merged(spans)
    )
